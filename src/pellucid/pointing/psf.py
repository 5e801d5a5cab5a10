# SPDX-License-Identifier: BSD-3-Clause
"""Image of a star in a mirror with coma: lopsided along the radius, sharper across it."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError

__all__ = ["ComaPsf"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ComaPsf:
    """Asymmetric Laplace distribution along the radius, Laplace distribution along the polar angle.

    With r the distance from the camera's centre: asymmetry K = 1 - c_0 tanh(c_1 r) - c_2 r, radial scale
    S_r = b_0 + b_1 r + b_2 r^2 + b_3 r^3 and polar scale S_phi = a_1 exp(-a_2 r) + a_3 / (a_3 + r), in rad;
    density exp(-K (x - L) / S) / (S (K + 1 / K)) outside the nominal radius L, exp((x - L) / (K S)) inside.
    The constants are an instrument's own, from ray tracing or from stars: there are no defaults.

    Attributes
    ----------
    asymmetry : tuple of float
        c_0 (no unit), c_1 and c_2 (1 / m).
    radial : tuple of float
        b_0 to b_3, in m, none, 1 / m, 1 / m^2.
    polar : tuple of float
        a_1 (rad), a_2 (1 / m), a_3 (m).
    """

    asymmetry: tuple[float, float, float]
    radial: tuple[float, float, float, float]
    polar: tuple[float, float, float]

    def _scales(self, r: F8) -> tuple[F8, F8, F8]:
        c0, c1, c2 = self.asymmetry
        k = 1.0 - c0 * np.tanh(c1 * r) - c2 * r
        s = np.asarray(np.polynomial.polynomial.polyval(r, self.radial), np.float64)
        a1, a2, a3 = self.polar
        polar = a1 * np.exp(-a2 * r) + a3 / (a3 + r)
        if (k <= 0.0).any() or (s <= 0.0).any():
            raise ConfigurationError(
                "The coma model does not hold so far from the centre of the camera.",
                expected="asymmetry and scales above 0",
                got=f"{float(np.max(r)):.3g} m from the centre",
                mend="use it within the camera, or fit its constants anew",
                code="beyond-model",
            )
        return k, s, polar

    def shift(self, radius: u.Quantity) -> u.Quantity:
        """Return how much farther out the centroid of a star is than its nominal place.

        Mean of the radial distribution: S (1 - K^2) / K (Kozubowski and Podgorski 2000, eq. 2.2).

        Parameters
        ----------
        radius : Quantity, any shape
            Of the nominal place, in a unit of length.

        Returns
        -------
        Quantity
            Of the same shape, in m.
        """
        k, s, _ = self._scales(np.asarray(radius.to_value(u.m), np.float64))
        return s * (1.0 - k**2) / k * u.m

    def density(self, x: u.Quantity, y: u.Quantity, x0: u.Quantity, y0: u.Quantity) -> u.Quantity:
        """Return the density of light of a star.

        Parameters
        ----------
        x, y : Quantity, shape (n,)
            Where, in a unit of length.
        x0, y0 : Quantity, no shape
            Nominal place of the star, off the centre.

        Returns
        -------
        Quantity, shape (n,)
            In 1 / m^2; its integral is 1.
        """
        xs, ys, xc, yc = (np.asarray(v.to_value(u.m), np.float64) for v in (x, y, x0, y0))
        r, place = np.hypot(xs, ys), np.hypot(xc, yc)
        k, s, polar = self._scales(place)
        away = r - place
        radial = np.exp(-np.where(away >= 0.0, k, -1.0 / k) * away / s) / (s * (k + 1.0 / k))
        turn = np.angle(np.exp(1j * (np.arctan2(ys, xs) - np.arctan2(yc, xc))))
        across = np.exp(-np.abs(turn) / polar) / (2.0 * polar * (1.0 - np.exp(-np.pi / polar)))
        return radial * across / np.maximum(r, 1e-9) / u.m**2
