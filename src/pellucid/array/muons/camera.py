# SPDX-License-Identifier: BSD-3-Clause
"""What of a telescope matters for its muon rings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError

__all__ = ["MuonOptics"]

type F8 = npt.NDArray[np.float64]

_ALPHA = 1.0 / 137.035999
"""Fine-structure constant."""

_STEPS = 64


@dataclass(frozen=True, eq=False)
class MuonOptics:
    """A telescope.

    Attributes
    ----------
    x, y : ndarray of float64, shape (n_pixels,)
        Directions of the pixels, in deg.
    pixel_width : float
        Across flats, in deg.
    pixel_area : float
        In deg^2.
    mirror_radius, hole_radius : float
        Of a circle of the mirror's area, and of what is missing or shadowed in its middle, in m.
    wavelengths : tuple of float
        Band in which efficiency is defined, in nm.
    noise : float
        Of a pixel without light, in p.e.
    spe_width : float
        Relative width of the charge of one photo-electron.
    extinction : tuple of ndarray of float64, shape (n,), optional
        Wavelengths (nm) and extinction of the air at the ground (1 / m); none where not given.
    """

    x: F8
    y: F8
    pixel_width: float
    pixel_area: float
    mirror_radius: float
    hole_radius: float = 0.0
    wavelengths: tuple[float, float] = (300.0, 600.0)
    noise: float = 1.1
    spe_width: float = 0.5
    extinction: tuple[F8, F8] | None = None

    def __post_init__(self) -> None:
        low, high = self.wavelengths
        if not (self.mirror_radius > self.hole_radius >= 0.0 and 0.0 < low < high and self.noise > 0.0):
            raise ConfigurationError(
                "The optics of the telescope are impossible.",
                expected="mirror larger than its hole, a band of wavelengths, noise above 0",
                got=f"{self.mirror_radius} m, {self.hole_radius} m, {low} to {high} nm, {self.noise} p.e.",
                code="bad-optics",
            )

    @property
    def photons_per_metre(self) -> float:
        """alpha (1 / lambda_1 - 1 / lambda_2), in 1 / m: light per chord and azimuth without the angle."""
        low, high = self.wavelengths
        return _ALPHA * (1e9 / low - 1e9 / high)

    def passing(self, radius: float) -> F8:
        """Return the share of a ring's light that the air lets through, for chords of 0 to 2 mirror radii.

        Light of a chord D comes from the last D / tan(theta) of the muon's path; each wavelength, weighted
        with lambda^-2, keeps (1 - exp(-a L)) / (a L) of it.

        Parameters
        ----------
        radius : float
            Of the ring, in deg.

        Returns
        -------
        ndarray of float64, shape (64,)
            No unit; ones without extinction.
        """
        if self.extinction is None:
            return np.ones(_STEPS)
        wavelength, extinction = self.extinction
        low, high = self.wavelengths
        grid = np.linspace(low, high, 61)
        path = np.linspace(0.0, 2.0 * self.mirror_radius, _STEPS) / np.tan(np.radians(radius))
        depth = np.interp(grid, wavelength, extinction) * np.maximum(path, 1e-3)[:, None]
        return np.asarray((-np.expm1(-depth) / depth * grid**-2).sum(axis=1) / (grid**-2).sum())
