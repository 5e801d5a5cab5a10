# SPDX-License-Identifier: BSD-3-Clause
"""Light of a muon in a pixel: chord of the mirror, width of the ring, share of the pixel."""

import math

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["chord", "expected_light", "shadow"]

type F8 = npt.NDArray[np.float64]

_SQRT2 = math.sqrt(2.0)
_RADIAN = math.pi / 180.0
_FAR = 3.6
"""Widths times the root of two beyond which a pixel has less than 2e-7 of the light."""


@kernel
def _stretched(
    px: float, py: float, ux: float, uy: float, squeeze: float, tx: float, ty: float
) -> tuple[float, float, float, float]:
    """Return a point and a direction where the ellipse that an inclined circle is seen as is a circle."""
    stretch = 1.0 / squeeze - 1.0
    along, turn = px * tx + py * ty, ux * tx + uy * ty
    return (
        px + stretch * along * tx,
        py + stretch * along * ty,
        ux + stretch * turn * tx,
        uy + stretch * turn * ty,
    )


@kernel
def chord(
    px: float, py: float, ux: float, uy: float, radius: float, squeeze: float, tx: float, ty: float
) -> float:
    """Return the length of a ray inside a circle that is seen at an angle.

    The ray starts at the muon's impact and runs to where its light falls; inside the mirror that is the way
    to the edge, outside it the whole chord (Vacanti et al. 1994, Astropart. Phys. 2, 1, eq. 8 to 10). A
    circle whose axis is inclined to the muon is an ellipse, ``squeeze`` (its cosine) times narrower along
    (tx, ty).

    Parameters
    ----------
    px, py : float
        Impact, in the unit of the radius.
    ux, uy : float
        Direction of the ray, a unit vector.
    radius : float
        Of the circle.
    squeeze : float
        Cosine of the inclination.
    tx, ty : float
        Direction of the inclination, a unit vector.

    Returns
    -------
    float
        In the unit of the radius.
    """
    qx, qy, vx, vy = _stretched(px, py, ux, uy, squeeze, tx, ty)
    a = vx * vx + vy * vy
    b = qx * vx + qy * vy
    c = qx * qx + qy * qy - radius * radius
    root = b * b - a * c
    if root <= 0.0:
        return 0.0
    root = math.sqrt(root)
    return max(0.0, (-b + root) / a - max(0.0, (-b - root) / a))


@kernel
def _segment(b: float, radius: float) -> float:
    """Integral of 2 sqrt(R^2 - b^2) from 0, for b kept inside the circle."""
    b = min(max(b, -radius), radius)
    return b * math.sqrt(radius * radius - b * b) + radius * radius * math.asin(b / radius)


@kernel
def shadow(
    px: float,
    py: float,
    ux: float,
    uy: float,
    half: float,
    radius: float,
    squeeze: float,
    tx: float,
    ty: float,
) -> float:
    """Return the mean length inside a circle of the rays to a pixel, which is some angle wide.

    As `chord`, but averaged over the rays' distances b from the middle of the circle: 2 sqrt(R^2 - b^2) has
    the integral b sqrt(R^2 - b^2) + R^2 asin(b / R). A small circle seen from a single ray would appear and
    vanish with an infinite slope, from which no error of the impact can be had.

    Parameters
    ----------
    px, py, ux, uy, radius, squeeze, tx, ty : float
        As for `chord`; the ray in the middle of the pixel.
    half : float
        Half of the angle under which the pixel is seen from the middle of the ring, in rad.

    Returns
    -------
    float
        In the unit of the radius.
    """
    qx, qy, vx, vy = _stretched(px, py, ux, uy, squeeze, tx, ty)
    inside = qx * qx + qy * qy < radius * radius
    if not inside and qx * vx + qy * vy >= 0.0:
        return 0.0
    norm = math.sqrt(vx * vx + vy * vy)
    beside, ahead = (qx * vy - qy * vx) / norm, -(qx * vx + qy * vy) / norm
    spread = max(abs(ahead) * half, 1e-6 * radius)
    if abs(beside) - spread >= radius:
        return 0.0
    mean = (_segment(beside + spread, radius) - _segment(beside - spread, radius)) / (2.0 * spread)
    length = ahead + 0.5 * mean if inside else mean
    return max(0.0, length) / norm


@kernel
def expected_light(
    vector: F8,
    x: F8,
    y: F8,
    width: float,
    area: float,
    mirror: float,
    hole: float,
    photons: float,
    passing: F8,
    out: F8,
) -> None:
    """Fill in the photo-electrons that a muon leaves in every pixel.

    N = eps alpha (1/l_1 - 1/l_2) sin(2 theta) / 2 D(phi) (w / theta) G (A / w^2), with D the chord, w the
    width and A the area of the pixel, G the part of a Gaussian of the ring's width that falls on it
    radially (Chalme-Calvet et al. 2014, arXiv:1403.4550, eq. 3 and 4).

    Parameters
    ----------
    vector : ndarray of float64, shape (7,)
        Centre x, y (deg), radius (deg), width (deg), impact x, y (m), efficiency (no unit).
    x, y : ndarray of float64, shape (n_pixels,)
        Directions of the pixels, in deg.
    width, area : float
        Of a pixel, in deg and deg^2.
    mirror, hole : float
        Radii, in m.
    photons : float
        Photons per metre and radian, in 1 / m.
    passing : ndarray of float64, shape (n,)
        Share of light that the air lets through, for chords from 0 to two mirror radii; no unit.
    out : ndarray of float64, shape (n_pixels,)
        Filled, in p.e.
    """
    cx, cy, radius, spread, ix, iy, efficiency = vector
    theta = radius * _RADIAN
    inclination = math.hypot(cx, cy)
    squeeze, tx, ty = math.cos(inclination * _RADIAN), 1.0, 0.0
    if inclination > 1e-9:
        tx, ty = cx / inclination, cy / inclination
    factor = efficiency * photons * 0.5 * math.sin(2.0 * theta) * area / (width * radius)
    for p in range(x.size):
        dx, dy = x[p] - cx, y[p] - cy
        r = math.hypot(dx, dy)
        near = (r - 0.5 * width - radius) / (spread * _SQRT2)
        far = (r + 0.5 * width - radius) / (spread * _SQRT2)
        if near > _FAR or far < -_FAR or r == 0.0:
            out[p] = 0.0
            continue
        ux, uy = dx / r, dy / r
        length = chord(ix, iy, ux, uy, mirror, squeeze, tx, ty)
        if hole > 0.0:
            length -= shadow(ix, iy, ux, uy, 0.5 * width / r, hole, squeeze, tx, ty)
        place = length / (2.0 * mirror) * (passing.size - 1)
        low = min(int(place), passing.size - 2)
        air = passing[low] + (place - low) * (passing[low + 1] - passing[low])
        out[p] = factor * length * air * 0.5 * (math.erf(far) - math.erf(near))
