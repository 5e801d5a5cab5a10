# SPDX-License-Identifier: BSD-3-Clause
"""Light yield from the spectrum of image intensities, the form of LST-1, and the throughput of VERITAS.

The differential rate of cleaned images is a power law, dR/dI = A (I/I_0)^b. If all light is scaled by y,
the intensity at which the spectrum has the target rate A_0 moves to I = I_0 (A_0/A)^(1/b), and
y = (A/A_0)^(-1/(1 + b)). Constants are those of lstchain 0.12.3 (lstchain_cherenkov_transparency).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.array.leastsquares import Rows, solve
from pellucid.array.reference import radians
from pellucid.errors import CorruptedInput, InsufficientStatistics

__all__ = [
    "LST1",
    "IntensitySpectrum",
    "LightYield",
    "YieldConstants",
    "fit_spectrum",
    "light_yield",
    "throughput_scale",
]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class YieldConstants:
    """Constants of a telescope.

    Attributes
    ----------
    pivot : float
        I_0, in p.e.
    edges : tuple of float
        Intensities between which the spectrum is fitted, in p.e.
    target : float
        A_0 at zenith, in events / s / p.e.
    rate : tuple of float
        Coefficients of A(cos z), from the constant on, in events / s / p.e.
    index : tuple of float
        Coefficients of b(cos z).
    cleaning : tuple of (float, float, float)
        Picture threshold in p.e., A and b at zenith with it.
    picture : float
        Picture threshold of the reference, in p.e.
    """

    pivot: float = 422.0
    edges: tuple[float, float] = (316.0, 562.0)
    target: float = 1.74
    rate: tuple[float, float, float] = (-0.44751321, 3.62502037, -1.43611437)
    index: tuple[float, float, float] = (-2.89253919, 0.99443581, -0.34013068)
    cleaning: tuple[tuple[float, float, float], ...] = (
        (8.0, 1.733, -2.239),
        (10.0, 1.578, -2.239),
        (12.0, 1.465, -2.235),
        (14.0, 1.390, -2.267),
        (16.0, 1.264, -2.330),
        (18.0, 1.174, -2.428),
    )
    picture: float = 8.0

    def at(self, zenith: Any) -> tuple[F8, F8]:
        """Return A and b of the reference at zenith angles (Quantity), shape (...), as in the attributes."""
        c = np.cos(radians(zenith, "zenith angle"))
        powers = np.stack([np.ones_like(c), c, c**2])
        return np.tensordot(self.rate, powers, 1), np.tensordot(self.index, powers, 1)

    def cleaned(self, picture: float) -> tuple[float, float]:
        """Return what is added to A and b for a picture threshold in p.e.

        Raises
        ------
        InsufficientStatistics
            The threshold is outside the table (``unknown-threshold``).
        """
        thresholds, rates, indices = np.array(self.cleaning).T
        if not thresholds[0] <= picture <= thresholds[-1]:
            raise InsufficientStatistics(
                "The effect of this cleaning on the spectrum is not known.",
                expected=f"a picture threshold from {thresholds[0]} to {thresholds[-1]} p.e.",
                got=f"{picture} p.e.",
                mend="clean with another threshold, or extend the table",
                code="unknown-threshold",
            )
        both = [np.interp([self.picture, picture], thresholds, column) for column in (rates, indices)]
        return float(both[0][0] - both[0][1]), float(both[1][0] - both[1][1])


LST1 = YieldConstants()
"""LST-1; target rate of 2022-11-18 to 2023-02-14."""


@dataclass(frozen=True)
class IntensitySpectrum:
    """Power law of image intensities: A in events / s / p.e. at the pivot, b, errors, and their covariance.

    ``n`` events are behind it.
    """

    rate: float
    rate_error: float
    index: float
    index_error: float
    covariance: float
    chi2: float
    ndf: int
    n: int


@dataclass(frozen=True)
class LightYield:
    """Light yield over the target, dimensionless, with its error; and the spectrum at zenith behind it."""

    value: float
    error: float
    rate: float
    index: float
    n: int


def fit_spectrum(
    count: F8, edges: F8, live_time: float, constants: YieldConstants = LST1
) -> IntensitySpectrum:
    """Fit the power law of a histogram of intensities.

    Parameters
    ----------
    count : ndarray of float64, shape (n_bins,)
        Events, a number.
    edges : ndarray of float64, shape (n_bins + 1,)
        In p.e.; bins that reach beyond the constants' edges by more than 1 % are left out.
    live_time : float
        In s.
    constants : YieldConstants
        Of the telescope.

    Raises
    ------
    InsufficientStatistics
        Fewer than three bins have events (``too-few-events``).
    CorruptedInput
        The live time is not above 0 (``no-live-time``).
    """
    if not live_time > 0.0:
        raise CorruptedInput(
            "The spectrum has no live time.", expected="above 0 s", got=f"{live_time} s", code="no-live-time"
        )
    low, high = constants.edges
    used = (edges[:-1] > 0.99 * low) & (edges[1:] < 1.01 * high) & (count > 0.0)
    n = count[used]
    if n.size < 3:
        raise InsufficientStatistics(
            "The spectrum of intensities has too few bins with events.",
            expected=f"three bins between {low} and {high} p.e.",
            got=str(n.size),
            mend="take a longer slice of time",
            code="too-few-events",
        )
    width = np.diff(edges)[used]
    middle = np.sqrt(edges[:-1] * edges[1:])[used]
    design = np.stack([np.ones(n.size), np.log(middle / constants.pivot)], axis=1)
    rows = Rows(np.tile([0, 1], (n.size, 1)), design, np.log(n / width / live_time), 1.0 / n)
    found = solve(rows, 2)
    rate = float(np.exp(found.value[0]))
    return IntensitySpectrum(
        rate,
        rate * float(found.error[0]),
        float(found.value[1]),
        float(found.error[1]),
        rate * float(found.covariance[0, 1]),
        found.chi2,
        found.ndf,
        int(n.sum()),
    )


def light_yield(
    spectrum: IntensitySpectrum, zenith: Any, picture: float | None = None, constants: YieldConstants = LST1
) -> LightYield:
    """Return the light yield of a spectrum taken at a zenith angle (Quantity).

    A is multiplied by A(1)/A(cos z) and b shifted by b(1) - b(cos z); both are shifted for the cleaning;
    then y = (A/A_0)^(-1/(1 + b)), with relative errors sigma_A / (A |1 + b|) and
    |ln(A/A_0)| sigma_b / (1 + b)^2, and their covariance.

    Parameters
    ----------
    spectrum : IntensitySpectrum
        As measured.
    zenith : Quantity
        Zenith angle.
    picture : float, optional
        Picture threshold of the cleaning, in p.e.; that of the reference where not given.
    constants : YieldConstants
        Of the telescope.

    Raises
    ------
    CorruptedInput
        The spectrum does not fall (``bad-spectrum``).
    """
    from astropy import units

    here, there = constants.at(zenith), constants.at(0.0 * units.rad)
    factor = float(there[0] / here[0])
    more, steeper = (0.0, 0.0) if picture is None else constants.cleaned(picture)
    rate = spectrum.rate * factor + more
    index = spectrum.index + float(there[1] - here[1]) + steeper
    if not (rate > 0.0 and index < -1.0):
        raise CorruptedInput(
            "This is no spectrum of intensities.",
            expected="a rate above 0 and an index below -1",
            got=f"{rate:.4g} events / s / p.e., index {index:.4g}",
            mend="leave the slice out",
            code="bad-spectrum",
        )
    slope = 1.0 + index
    value = (rate / constants.target) ** (-1.0 / slope)
    by_rate, by_index = -factor / (slope * rate), np.log(rate / constants.target) / slope**2
    variance = (by_rate * spectrum.rate_error) ** 2 + (by_index * spectrum.index_error) ** 2
    variance += 2.0 * by_rate * by_index * spectrum.covariance
    return LightYield(float(value), float(value * np.sqrt(variance)), rate, index, spectrum.n)


def throughput_scale(
    reflectivity: npt.ArrayLike,
    gain: npt.ArrayLike,
    reflectivity_error: npt.ArrayLike = 0.0,
    gain_error: npt.ArrayLike = 0.0,
) -> tuple[F8, F8]:
    """Return s = T G and its error, dimensionless, shape (...), the light scale of VERITAS.

    Adams et al. 2022 (A&A 658, A83): T is the ratio of whole-dish reflectivities, G that of the gains.
    """
    t, g, dt, dg = (np.asarray(x, np.float64) for x in (reflectivity, gain, reflectivity_error, gain_error))
    return t * g, np.hypot(g * dt, t * dg)
