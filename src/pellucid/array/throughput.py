# SPDX-License-Identifier: BSD-3-Clause
"""Throughput of a telescope from many muon rings: mean, scatter, trend; and width of the mirror's image."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, InsufficientStatistics

__all__ = [
    "OpticalPsf",
    "TelescopeThroughput",
    "Throughput",
    "ThroughputStatus",
    "aggregate",
    "optical_psf",
]

type F8 = npt.NDArray[np.float64]

_CLIP = 4.0
"""Robust widths beyond which a ring is left out."""

_NS_PER_DAY = 86_400_000_000_000


class ThroughputStatus(IntFlag):
    """What is the matter with a throughput; 0 is nothing."""

    GOOD = 0
    TREND = 1
    """It changes within the time by more than four errors: use the slope, or shorter times."""
    SCATTER = 2
    """Rings scatter more than twice their errors: something else than counting is at work."""


@dataclass(frozen=True)
class Throughput:
    """Throughput over a time.

    Attributes
    ----------
    value, error : float
        Weighted mean and its standard error, the scatter between rings included; no unit.
    n, n_rejected : int
        Rings used, and rings that were clipped.
    scatter : float
        Intrinsic scatter of rings beyond their errors; no unit.
    slope, slope_error : float
        Linear trend, in 1 / day.
    start, stop : int
        Times of the first ring and just after the last, in ns TAI.
    middle : int
        Weighted mean of the rings' times, where trend and mean meet, in ns TAI.
    status : int
        Codes of `ThroughputStatus`.
    """

    value: float
    error: float
    n: int
    n_rejected: int
    scatter: float
    slope: float
    slope_error: float
    start: int
    stop: int
    middle: int
    status: int

    def at(self, time: npt.ArrayLike) -> tuple[F8, F8]:
        """Return the throughput and its standard error at some moments.

        The mean; where the status has TREND, the line within the times of the rings, and its ends beyond.

        Parameters
        ----------
        time : array_like of int, shape (m,)
            In ns TAI.

        Returns
        -------
        tuple of ndarray of float64, shape (m,)
            No unit.
        """
        t = np.clip(np.atleast_1d(np.asarray(time, np.int64)), self.start, self.stop)
        if not self.status & ThroughputStatus.TREND:
            return np.full(t.shape, self.value), np.full(t.shape, self.error)
        days = (t - self.middle) / _NS_PER_DAY
        return self.value + self.slope * days, np.hypot(self.error, self.slope_error * days)


@dataclass(frozen=True)
class OpticalPsf:
    """Width of the mirror's image from widths of rings.

    Attributes
    ----------
    width, width_error : float
        At the reference radius, in deg.
    slope, slope_error : float
        Change of the width with the radius of the ring; no unit.
    radius : float
        The reference, in deg.
    n : int
        Rings.
    """

    width: float
    width_error: float
    slope: float
    slope_error: float
    radius: float
    n: int


@dataclass(frozen=True)
class TelescopeThroughput:
    """What muons tell of a telescope's optics.

    Attributes
    ----------
    efficiency : Throughput
        Share of the light that becomes photo-electrons.
    psf : OpticalPsf or None
        Width of the mirror's image; None where too few rings, or rings of one radius, do not tell it.
    """

    efficiency: Throughput
    psf: OpticalPsf | None


def aggregate(efficiency: F8, error: F8, time: npt.NDArray[np.int64], minimum: int = 20) -> Throughput:
    """Average efficiencies of rings.

    Rings farther than 4 robust widths (1.4826 times the median absolute deviation) from the median are left
    out, until none is. The rest is averaged with weights 1 / (error^2 + s^2), where errors of counting are
    brought to the median efficiency, and the intrinsic scatter s makes chi2 equal to its degrees of freedom
    (Mandel and Paule 1970, Anal. Chem. 42, 1194).

    Parameters
    ----------
    efficiency, error : ndarray of float64, shape (n,)
        Of single rings with standard errors; no unit.
    time : ndarray of int64, shape (n,)
        Of the rings, in ns TAI, in any order.
    minimum : int
        Rings that must be left.

    Raises
    ------
    CorruptedInput
        An efficiency of 0 or less, which no ring has, or an error that is none (``bad-efficiency``).
    InsufficientStatistics
        Too few rings (``too-few-rings``).
    """
    bad = ~((efficiency > 0.0) & (error > 0.0) & np.isfinite(efficiency) & np.isfinite(error))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise CorruptedInput(
            "A ring has an efficiency that cannot be.",
            where=f"ring {first}",
            expected="an efficiency and an error above 0",
            got=f"{efficiency[first]:g} +- {error[first]:g}",
            mend="select rings by quality first; a ring without light is no ring",
            code="bad-efficiency",
        )
    kept = _clipped(efficiency)
    n = int(kept.sum())
    if n < minimum:
        raise InsufficientStatistics(
            "There are too few muon rings for a throughput.",
            expected=f"at least {minimum}",
            got=f"{n} after clipping, {efficiency.size} before",
            mend="use a longer time, or looser cuts",
            code="too-few-rings",
        )
    values, times = efficiency[kept], time[kept]
    # errors of counting go with the root of the light: a ring that came out low would else weigh too much
    errors = error[kept] * np.sqrt(np.median(values) / values)
    scatter = _scatter(values, errors)
    weight = 1.0 / (errors**2 + scatter**2)
    value, sigma = float((weight * values).sum() / weight.sum()), float(weight.sum() ** -0.5)
    slope, slope_error, middle = _trend(values, weight, times)
    status = ThroughputStatus.TREND if abs(slope) > 4.0 * slope_error else ThroughputStatus.GOOD
    if scatter**2 > 3.0 * float(np.median(errors)) ** 2:
        status |= ThroughputStatus.SCATTER
    return Throughput(
        value, sigma, n, efficiency.size - n, scatter, slope, slope_error,
        int(times.min()), int(times.max()) + 1, middle, int(status),
    )  # fmt: skip


def optical_psf(
    width: F8, width_error: F8, radius: F8, reference: float = 1.2, minimum: int = 20
) -> OpticalPsf:
    """Fit widths of rings against their radii by a line, weighted by their inverse variances.

    Rings of slow muons are wider for other reasons than the mirror (scattering, losses of energy), and
    have smaller radii; the width at the radius of fast muons is that of the mirror and the pixels.

    Parameters
    ----------
    width, width_error, radius : ndarray of float64, shape (n,)
        Of rings, in deg.
    reference : float
        Radius at which the width is given, in deg.
    minimum : int
        Rings that must be there.

    Raises
    ------
    InsufficientStatistics
        Too few rings, or all of one radius (``too-few-rings``).
    """
    if width.size < minimum or np.ptp(radius) <= 0.0:
        raise InsufficientStatistics(
            "There are too few muon rings for an optical point spread function.",
            expected=f"at least {minimum}, of several radii",
            got=str(width.size),
            mend="use a longer time, or looser cuts",
            code="too-few-rings",
        )
    scatter = _scatter(width - np.polyval(np.polyfit(radius, width, 1), radius), width_error)
    weight = 1.0 / (width_error**2 + scatter**2)
    design = np.column_stack([np.ones(width.size), radius - reference])
    covariance = np.linalg.inv(design.T @ (weight[:, None] * design))
    at, slope = covariance @ design.T @ (weight * width)
    errors = np.sqrt(np.diagonal(covariance))
    return OpticalPsf(float(at), float(errors[0]), float(slope), float(errors[1]), reference, width.size)


def _clipped(values: F8) -> npt.NDArray[np.bool_]:
    kept = np.ones(values.size, np.bool_)
    while kept.any():
        middle = np.median(values[kept])
        spread = 1.4826 * np.median(np.abs(values[kept] - middle))
        now = np.abs(values - middle) <= _CLIP * spread
        now &= kept
        if (now == kept).all():
            break
        kept = now
    return kept


def _scatter(values: F8, errors: F8) -> float:
    """Variance beyond the errors, by bisection on chi2(s) = n - 1."""
    low, high = 0.0, float(np.ptp(values)) + 1e-300

    def excess(s: float) -> float:
        weight = 1.0 / (errors**2 + s**2)
        mean = (weight * values).sum() / weight.sum()
        return float((weight * (values - mean) ** 2).sum() - (values.size - 1))

    if excess(0.0) <= 0.0:
        return 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return 0.5 * (low + high)


def _trend(values: F8, weight: F8, times: npt.NDArray[np.int64]) -> tuple[float, float, int]:
    """Return slope and error (1 / day), and the weighted mean of the times (ns TAI)."""
    days = (times - times.min()) / _NS_PER_DAY
    mean = float((weight * days).sum() / weight.sum())
    middle = int(times.min()) + round(mean * _NS_PER_DAY)
    if np.ptp(days) == 0.0:
        return 0.0, np.inf, middle
    centred = days - mean
    square = float((weight * centred**2).sum())
    return float((weight * centred * values).sum() / square), square**-0.5, middle
