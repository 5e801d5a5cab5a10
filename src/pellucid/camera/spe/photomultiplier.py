# SPDX-License-Identifier: BSD-3-Clause
"""Photomultipliers: a Gaussian for electrons that hit the first dynode well, a half Gaussian for the rest."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import dawsn

from pellucid.camera.spe.shape import Exponent, ShapeParameter

__all__ = ["Photomultiplier", "Widths"]

type F8 = npt.NDArray[np.float64]

_STEP = 1e-6
"""Of the central differences through `Widths.of`; their error is 1e-10 of the shape."""


@dataclass(frozen=True, eq=False)
class Widths:
    """The two components, in units of the high one's mean.

    Attributes
    ----------
    low_fraction : ndarray of float64, any shape
        Share p' of the half Gaussian; no unit.
    low, high : ndarray of float64, same shape
        Widths of both, per mean of the high one; no unit.
    """

    low_fraction: F8
    low: F8
    high: F8

    @classmethod
    def of(cls, proportion: F8, resolution: F8, interpolation: F8) -> "Widths":
        """Return the components that have a resolution R, for any p and n between 0 and 1.

        Caroff et al. 2019 (SPIE 11119, 111191W, eq. 4 to 7), re-derived from the two moments of
        f(q) = p' 2 N(q; 0, s_l) [q >= 0] + (1 - p') N(q; mu, s_h): p' = p min(1, p_max) with
        p_max = pi R^2 / ((pi - 2) (R^2 + 1)), s_h a fraction n between the bounds that leave s_l real
        and not negative, and s_l the root of the quadratic (m_2 - m_1^2) = R^2 m_1^2.

        Parameters
        ----------
        proportion, resolution, interpolation : ndarray of float64, one shape
            p, R and n; no unit.
        """
        square = resolution**2 + 1.0
        p = proportion * np.minimum(1.0, np.pi * resolution**2 / ((np.pi - 2.0) * square))
        a = 2.0 * p**2 / np.pi - p / square
        b = 2.0 * np.sqrt(2.0 / np.pi) * p * (1.0 - p)
        d = 8.0 * (1.0 - p) ** 2 * p**2 / np.pi - 4.0 * a * ((1.0 - p) ** 2 - (1.0 - p) / square)
        e = 4.0 * a * (1.0 - p) / square
        least = np.sqrt(np.maximum(0.0, (b**2 - d) / e))
        most = np.sqrt(np.maximum(0.0, -d / e))
        high = least + interpolation * (most - least)
        c = (1.0 - p) ** 2 - (1.0 - p) * (high**2 + 1.0) / square
        low = (-b + np.sqrt(np.maximum(0.0, b**2 - 4.0 * a * c))) / (2.0 * a)
        return cls(p, np.maximum(low, 0.0), high)

    @property
    def mean(self) -> F8:
        """Mean of both together, per mean of the high one; shape of the attributes, no unit."""
        return np.asarray(1.0 - self.low_fraction + self.low_fraction * self.low * np.sqrt(2.0 / np.pi))


@dataclass(frozen=True)
class Photomultiplier:
    """Shape of Caroff et al. 2019 with p (`proportion`), R (`resolution`) and n (`interpolation`).

    The gain is the mean of the whole shape; the excess noise factor is F^2 = 1 + R^2.
    """

    parameters: tuple[ShapeParameter, ...] = (
        ShapeParameter("proportion", 0.42, 0.02, 0.98),
        # above 0.75 the quadratic in s_l changes its sign for large p
        ShapeParameter("resolution", 0.5, 0.2, 0.75),
        ShapeParameter("interpolation", 0.813, 0.02, 0.98),
    )

    def exponent(self, frequency: F8, gain: F8, theta: F8) -> Exponent:
        """Return h = phi_1 - 1, with phi_1 the characteristic function of one photo-electron.

        A half Gaussian of width s has exp(-z^2) + 2 i D(z) / sqrt(pi), z = s w / sqrt(2), D Dawson's
        integral (Abramowitz and Stegun 1964, 7.1.16).

        Parameters
        ----------
        frequency : ndarray of float64, shape (n_frequencies,)
            Angular, per unit of charge.
        gain : ndarray of float64, shape (n_spectra,)
            In units of charge.
        theta : ndarray of float64, shape (n_spectra, 3)
            p, R, n; no unit.
        """
        widths = Widths.of(*theta.T)
        fraction, low, high = (x[:, None] for x in (widths.low_fraction, widths.low, widths.high))
        scale = gain / widths.mean
        u = frequency * scale[:, None]
        z = low * u / np.sqrt(2.0)
        half = np.exp(-(z**2)) + 2j / np.sqrt(np.pi) * dawsn(z)
        half_slope = -2.0 * z * half + 2j / np.sqrt(np.pi)
        whole = np.exp(1j * u - 0.5 * (high * u) ** 2)
        value = fraction * half + (1.0 - fraction) * whole - 1.0
        by_u = fraction * low / np.sqrt(2.0) * half_slope + (1.0 - fraction) * (1j - high**2 * u) * whole
        by_low = fraction * half_slope * u / np.sqrt(2.0)
        by_high = -(1.0 - fraction) * high * u**2 * whole
        slopes = np.empty((3, *value.shape), np.complex128)
        for k, (d_fraction, d_low, d_high, d_mean) in enumerate(_jacobian(theta)):
            slopes[k] = d_fraction[:, None] * (half - whole) + d_low[:, None] * by_low
            slopes[k] += d_high[:, None] * by_high - (d_mean / widths.mean)[:, None] * u * by_u
        return Exponent(value, by_u * frequency / widths.mean[:, None], slopes)

    def moments(self, gain: F8, theta: F8) -> tuple[F8, F8]:
        """Return the gain itself and (R gain)^2.

        Parameters
        ----------
        gain : ndarray of float64, shape (n_spectra,)
            In units of charge.
        theta : ndarray of float64, shape (n_spectra, 3)
            p, R, n; no unit.
        """
        return gain, (theta[:, 1] * gain) ** 2


def _jacobian(theta: F8) -> list[tuple[F8, F8, F8, F8]]:
    """Derivatives of (p', s_l, s_h, mean) by p, R and n, each of shape (n_spectra,)."""
    slopes = []
    for k in range(3):
        up, down = theta.copy(), theta.copy()
        up[:, k] += _STEP
        down[:, k] -= _STEP
        above, below = Widths.of(*up.T), Widths.of(*down.T)
        slopes.append(
            tuple(
                (getattr(above, name) - getattr(below, name)) / (2.0 * _STEP)
                for name in ("low_fraction", "low", "high", "mean")
            )
        )
    return slopes
