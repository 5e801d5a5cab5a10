# SPDX-License-Identifier: BSD-3-Clause
"""Images of muon rings with truth: photo-electrons drawn pixel by pixel, then their charges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.muons.camera import MuonOptics
from pellucid.array.muons.light import expected_light

__all__ = ["MuonRun", "hexagonal_camera", "simulate_muons"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MuonRun:
    """Simulated rings.

    Attributes
    ----------
    truth : ndarray of float64, shape (n, 7)
        Centre x, y (deg), radius (deg), width (deg), impact x, y (m), efficiency (no unit).
    images : ndarray of float64, shape (n, n_pixels)
        Charges, in p.e.
    cleaned : ndarray of bool, shape (n, n_pixels)
        Pixels above 10 p.e., and above 5 p.e. beside them.
    """

    truth: F8
    images: F8
    cleaned: npt.NDArray[np.bool_]


def hexagonal_camera(rings: int = 24, width: float = 0.1) -> tuple[F8, F8, float]:
    """Return pixels of a hexagonal camera: x, y of shape (n_pixels,) in deg, and a pixel area in deg^2."""
    axis = np.arange(-rings, rings + 1)
    a, b = (v.ravel() for v in np.meshgrid(axis, axis))
    kept = np.abs(a + b) <= rings
    x = width * (a + 0.5 * b)[kept]
    y = width * (np.sqrt(0.75) * b)[kept]
    return x, y, float(np.sqrt(0.75) * width**2)


def simulate_muons(
    optics: MuonOptics,
    random: np.random.Generator,
    n: int,
    efficiency: float = 0.2,
    largest_impact: float = 0.8,
) -> MuonRun:
    """Draw rings of muons that hit the mirror.

    Parameters
    ----------
    optics : MuonOptics
        The telescope.
    random : Generator
        Source of random numbers.
    n : int
        Rings.
    efficiency : float
        Of all of them; no unit.
    largest_impact : float
        Over the radius of the mirror; no unit.
    """
    impact = optics.mirror_radius * largest_impact * np.sqrt(random.random(n))
    angle = random.uniform(0.0, 2.0 * np.pi, n)
    truth = np.column_stack(
        [
            random.uniform(-0.5, 0.5, n),
            random.uniform(-0.5, 0.5, n),
            random.uniform(0.95, 1.25, n),
            random.uniform(0.03, 0.06, n),
            impact * np.cos(angle),
            impact * np.sin(angle),
            np.full(n, efficiency),
        ]
    )
    images = np.array([_image(optics, random, vector) for vector in truth])
    distance = np.hypot(optics.x[:, None] - optics.x, optics.y[:, None] - optics.y)
    beside = (distance < 1.1 * optics.pixel_width) & (distance > 0.0)
    bright = images > 10.0
    cleaned = bright | ((images > 5.0) & (bright.astype(np.float32) @ beside.astype(np.float32) > 0.5))
    return MuonRun(truth, images, cleaned)


def _image(optics: MuonOptics, random: np.random.Generator, vector: F8) -> F8:
    light = np.empty(optics.x.size)
    expected_light(
        vector, optics.x, optics.y, optics.pixel_width, optics.pixel_area, optics.mirror_radius,
        optics.hole_radius, optics.photons_per_metre, optics.passing(vector[2]), light,
    )  # fmt: skip
    electrons = random.poisson(light)
    noise = np.sqrt(optics.noise**2 + electrons * optics.spe_width**2)
    return np.asarray(electrons + noise * random.normal(size=light.size))
