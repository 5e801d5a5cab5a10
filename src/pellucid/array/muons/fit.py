# SPDX-License-Identifier: BSD-3-Clause
"""Muon rings by maximum likelihood: geometry, width of the ring and efficiency at once, with covariance."""

import math
from dataclasses import dataclass, fields
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from pellucid.array.muons.camera import MuonOptics
from pellucid.array.muons.light import expected_light
from pellucid.array.muons.likelihood import best_ring
from pellucid.array.muons.rings import find_ring
from pellucid.errors import CorruptedInput
from pellucid.jit import kernel

__all__ = ["PARAMETERS", "MuonRings", "RingStatus", "fit_rings"]

type F8 = npt.NDArray[np.float64]

PARAMETERS = ("center_x", "center_y", "radius", "width", "impact_x", "impact_y", "efficiency")

_SIZE = len(PARAMETERS)
_BAND = 0.4
"""Part of the radius around the ring whose pixels are fitted."""

_POINTS = 120
"""Points around a circle at which camera and light are looked for."""

_LEAST_WIDTH = 0.005
"""deg; narrower rings are no narrower for a pixel."""


class RingStatus(IntFlag):
    """What is the matter with a ring; 0 is nothing."""

    GOOD = 0
    NO_RING = 1
    """There is no circle in the cleaned image, or too little of one."""
    NOT_CONVERGED = 2
    """The likelihood still rose after the last iteration."""
    AT_LIMIT = 4
    """The ring's width or efficiency is at the end of its range."""
    CUT = 8
    """A part of the ring lies outside the camera."""


@dataclass(frozen=True, eq=False)
class MuonRings:
    """Fitted rings.

    Attributes
    ----------
    value : ndarray of float64, shape (n, 7)
        In the order of `PARAMETERS`: centre (deg), radius (deg), width (deg), impact (m), efficiency (no
        unit); NaN where `status` has NO_RING.
    covariance : ndarray of float64, shape (n, 7, 7)
        In the same order and units.
    chi2 : ndarray of float64, shape (n,)
        Sum of squared residuals over their variances; no unit.
    degrees : ndarray of int64, shape (n,)
        Pixels fitted less parameters; no unit.
    size : ndarray of float64, shape (n,)
        Charge of the cleaned pixels, in p.e.
    completeness, containment : ndarray of float64, shape (n,)
        Share of the circle with light, and share of the circle inside the camera; no unit.
    status : ndarray of uint8, shape (n,)
        Codes of `RingStatus`.
    """

    value: F8
    covariance: F8
    chi2: F8
    degrees: npt.NDArray[np.int64]
    size: F8
    completeness: F8
    containment: F8
    status: npt.NDArray[np.uint8]

    def only(self, rows: npt.NDArray[np.bool_]) -> "MuonRings":
        """Return some of the rings, by a mask of shape (n,)."""
        return MuonRings(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def of(self, name: str) -> F8:
        """Return a parameter by name, shape (n,), in its unit."""
        return self.value[:, PARAMETERS.index(name)]

    def error(self, name: str) -> F8:
        """Return its standard error, shape (n,), in its unit."""
        k = PARAMETERS.index(name)
        return np.asarray(np.sqrt(self.covariance[:, k, k]))

    @property
    def impact(self) -> F8:
        """Distance of the muon from the middle of the mirror, shape (n,), in m."""
        return np.hypot(self.of("impact_x"), self.of("impact_y"))


def fit_rings(
    images: F8,
    cleaned: npt.NDArray[np.bool_],
    optics: MuonOptics,
    *,
    completeness: float = 0.0,
    iterations: int = 60,
) -> MuonRings:
    """Fit a ring to each image.

    Charges are taken as normal with variance s^2 + N (1 + s_1^2), N the expected light (Chalme-Calvet et al.
    2014, arXiv:1403.4550, eq. 5); Fisher scoring with Levenberg's damping.

    Parameters
    ----------
    images : ndarray of float64, shape (n, n_pixels)
        Charges by an unbiased extractor, in p.e.; NaN for pixels that are not to be used.
    cleaned : ndarray of bool, shape (n, n_pixels)
        Pixels that survived the cleaning (10 and 5 p.e. are usual).
    optics : MuonOptics
        The telescope.
    completeness : float
        Share of the first circle that must have light for the image to be a ring at all; no unit. Among
        showers it spares the fit of what is none.
    iterations : int
        After which a ring is left as not converged.

    Raises
    ------
    CorruptedInput
        The images have other pixels than the camera (``other-camera``).
    """
    if images.shape[1] != optics.x.size or cleaned.shape != images.shape:
        raise CorruptedInput(
            "The images are not those of this camera.",
            expected=f"{optics.x.size} pixels, a mask for each",
            got=f"images {images.shape}, masks {cleaned.shape}",
            mend="give images of one camera with its own optics",
            code="other-camera",
        )
    n = len(images)
    value, covariance = np.full((n, _SIZE), np.nan), np.full((n, _SIZE, _SIZE), np.nan)
    chi2, size = np.full(n, np.nan), np.zeros(n)
    degrees, status = np.zeros(n, np.int64), np.zeros(n, np.uint8)
    parts = np.full((2, n), np.nan)
    for ring in range(n):  # events, of which each is a fit
        image = images[ring]
        mask = cleaned[ring] & np.isfinite(image)
        size[ring] = image[mask].sum()
        found = find_ring(optics.x, optics.y, np.nan_to_num(image), mask)
        near = 0.75 * optics.pixel_width
        if not 0.1 < found[2] < 3.0 or (
            completeness > 0.0 and _shares(np.array(found), optics.x, optics.y, mask, near)[0] < completeness
        ):
            status[ring] = RingStatus.NO_RING
            continue
        away = np.abs(np.hypot(optics.x - found[0], optics.y - found[1]) - found[2])
        used = np.isfinite(image) & (away < _BAND * found[2])
        problem = _problem(optics, image, used, found[2])
        start = _start(optics, image, mask & used, found)
        fitted, covariance[ring], chi, ok = best_ring(start, *problem, iterations)
        value[ring], chi2[ring] = fitted, chi
        degrees[ring] = used.sum() - _SIZE
        parts[:, ring] = _shares(fitted, optics.x, optics.y, mask, near)
        status[ring] = _told(ok, fitted, parts[1, ring])
    return MuonRings(value, covariance, chi2, degrees, size, parts[0], parts[1], status)


def _problem(
    optics: MuonOptics, image: F8, used: npt.NDArray[np.bool_], radius: float
) -> tuple[F8, F8, F8, F8, F8]:
    constants = np.array(
        [
            optics.pixel_width,
            optics.pixel_area,
            optics.mirror_radius,
            optics.hole_radius,
            optics.photons_per_metre,
            optics.noise**2,
            1.0 + optics.spe_width**2,
        ]
    )
    return optics.x[used], optics.y[used], image[used], constants, optics.passing(radius)


def _start(
    optics: MuonOptics, image: F8, near: npt.NDArray[np.bool_], ring: tuple[float, float, float]
) -> F8:
    """Begin with an impact away from the bright side: light goes with the chord, R (1 + rho cos phi)."""
    cx, cy, radius = ring
    dx, dy, q = optics.x[near] - cx, optics.y[near] - cy, image[near]
    r = np.maximum(np.hypot(dx, dy), 1e-9)
    total = max(float(q.sum()), 1e-9)
    along = np.array([(q * dx / r).sum(), (q * dy / r).sum()]) * 2.0 / total
    ix, iy = -optics.mirror_radius * along * min(1.0, 0.8 / max(float(np.hypot(*along)), 1e-9))
    vector = np.array([cx, cy, radius, 0.04, ix, iy, 1.0])
    light = np.empty(near.sum())
    expected_light(
        vector, optics.x[near], optics.y[near], optics.pixel_width, optics.pixel_area, optics.mirror_radius,
        optics.hole_radius, optics.photons_per_metre, optics.passing(radius), light,
    )  # fmt: skip
    vector[6] = np.clip(total / max(float(light.sum()), 1e-9), 1e-3, 0.9)
    return vector


def _told(converged: bool, vector: F8, contained: float) -> int:
    status = 0 if converged else int(RingStatus.NOT_CONVERGED)
    if vector[3] <= 1.01 * _LEAST_WIDTH or not 1e-3 < vector[6] < 2.0:
        status |= RingStatus.AT_LIMIT
    if contained < 1.0:
        status |= RingStatus.CUT
    return status


@kernel
def _shares(vector: F8, x: F8, y: F8, lit: npt.NDArray[np.bool_], step: float) -> tuple[float, float]:
    """Shares of the circle with lit pixels beside it, and inside the camera."""
    bright, inside = 0, 0
    for k in range(_POINTS):
        angle = 2.0 * math.pi * k / _POINTS
        px = vector[0] + vector[2] * math.cos(angle)
        py = vector[1] + vector[2] * math.sin(angle)
        is_inside, is_bright = False, False
        for p in range(x.size):
            distance = (x[p] - px) ** 2 + (y[p] - py) ** 2
            if distance < step**2:
                is_inside = True
            if lit[p] and distance < 4.0 * step**2:
                is_bright = True
        inside += is_inside
        bright += is_bright
    return bright / _POINTS, inside / _POINTS
