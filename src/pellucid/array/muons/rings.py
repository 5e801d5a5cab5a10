# SPDX-License-Identifier: BSD-3-Clause
"""Circles through images: where a ring is, before its light is looked at."""

import numpy as np
import numpy.typing as npt

__all__ = ["circle", "find_ring"]

type F8 = npt.NDArray[np.float64]

_NEAR = 0.4
"""Part of the radius within which pixels belong to the ring."""


def circle(x: F8, y: F8, weight: F8) -> tuple[float, float, float]:
    """Fit a circle by Taubin's method, weighted.

    The smallest root of Taubin's characteristic equation (Taubin 1991, IEEE Trans. PAMI 13, 1115; in the
    form of Chernov 2010, Circular and Linear Regression, section 5.10), found by Newton's method from 0.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Points, in one unit.
    weight : ndarray of float64, shape (n,)
        Not below 0; no unit.

    Returns
    -------
    tuple of float
        Centre x, y and radius, in the unit of the points; NaN where there is no circle.
    """
    total = weight.sum()
    if not total > 0.0 or (weight > 0.0).sum() < 3:
        return np.nan, np.nan, np.nan
    w = weight / total
    mx, my = (w * x).sum(), (w * y).sum()
    u, v = x - mx, y - my
    z = u**2 + v**2
    uu, vv, uv = (w * u * u).sum(), (w * v * v).sum(), (w * u * v).sum()
    uz, vz, zz = (w * u * z).sum(), (w * v * z).sum(), (w * z * z).sum()
    mz = uu + vv
    cov = uu * vv - uv * uv
    var = zz - mz * mz
    a3, a2 = 4.0 * mz, -3.0 * mz * mz - zz
    a1 = var * mz + 4.0 * cov * mz - uz * uz - vz * vz
    a0 = uz * (uz * vv - vz * uv) + vz * (vz * uu - uz * uv) - var * cov
    root = 0.0
    for _ in range(30):
        value = a0 + root * (a1 + root * (a2 + root * a3))
        slope = a1 + root * (2.0 * a2 + 3.0 * a3 * root)
        if slope == 0.0 or not np.isfinite(value):
            break
        step = value / slope
        root -= step
        if abs(step) <= 1e-14 * max(1.0, abs(root)):
            break
    det = root * root - root * mz + cov
    if det == 0.0 or not np.isfinite(det):
        return np.nan, np.nan, np.nan
    cx = (uz * (vv - root) - vz * uv) / det / 2.0
    cy = (vz * (uu - root) - uz * uv) / det / 2.0
    return float(cx + mx), float(cy + my), float(np.sqrt(cx * cx + cy * cy + mz))


def find_ring(
    x: F8, y: F8, image: F8, cleaned: npt.NDArray[np.bool_], passes: int = 3
) -> tuple[float, float, float]:
    """Fit a circle to a cleaned image, then to what is near it.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n_pixels,)
        Directions of the pixels, in deg.
    image : ndarray of float64, shape (n_pixels,)
        Charges, in p.e.
    cleaned : ndarray of bool, shape (n_pixels,)
        Pixels that survived the cleaning.
    passes : int
        How often pixels farther than 0.4 radii from the circle are dropped.

    Returns
    -------
    tuple of float
        Centre x, y and radius, in deg; NaN where there is no ring.
    """
    used = cleaned & (image > 0.0)
    ring = circle(x[used], y[used], image[used])
    for _ in range(passes):
        if not np.isfinite(ring[2]):
            break
        away = np.abs(np.hypot(x - ring[0], y - ring[1]) - ring[2])
        near = used & (away < _NEAR * ring[2])
        ring = circle(x[near], y[near], image[near])
    return ring
