# SPDX-License-Identifier: BSD-3-Clause
"""Overlap: which part of the laser beam the telescope sees at each range, found in three ways.

Sources: Wandinger & Ansmann, Appl. Opt. 41 (2002) 511 (Raman and elastic light together); Sasano et al.,
Appl. Opt. 18 (1979) 3908 (horizontal shots).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.elastic import klett
from pellucid.atmosphere.lidar.raman import GOOD, RamanProfile
from pellucid.atmosphere.lidar.scan import HorizontalShot
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import InsufficientStatistics

__all__ = ["Overlap", "corrected", "horizontal_overlap", "near_range_overlap", "raman_elastic_overlap"]

type F8 = npt.NDArray[np.float64]

_FULL, _CELL = 0.99, 150.0


@dataclass(frozen=True, eq=False)
class Overlap:
    """An overlap function.

    Attributes
    ----------
    range : ndarray of float64, shape (n_bins,)
        In m.
    value, error : ndarray of float64, shape (n_bins,)
        Dimensionless, 1 where all of the beam is seen; NaN where it is not known.
    n : int
        Number of bins where it is known.
    """

    range: F8
    value: F8
    error: F8
    n: int

    @property
    def full(self) -> float:
        """Range in m from which the overlap is full up to the end, inf if nowhere.

        The means of cells of 150 m, with the mean of their errors, are compared with 0.99: neighbouring bins
        share most of their errors.
        """
        width = max(1, round(_CELL / float(self.range[1] - self.range[0])))
        count = self.range.size // width
        value, error = (x[: count * width].reshape(count, width) for x in (self.value, self.error))
        n = np.isfinite(value).sum(axis=1)
        most = (np.nansum(value, axis=1) + np.nansum(error, axis=1)) / np.maximum(n, 1)
        short = np.flatnonzero((n > 0) & (most < _FULL))
        first = int(short[-1]) + 1 if short.size else int(np.argmax(n > 0))
        return float(self.range[first * width]) if (n[first:] > 0).any() else float("inf")

    def until(self, distance: float) -> "Overlap":
        """Return the part up to a range in m."""
        part = slice(0, int(np.searchsorted(self.range, distance)))
        value, error = self.value[part], self.error[part]
        return Overlap(self.range[part], value, error, int(np.isfinite(value).sum()))

    def at(self, distance: F8) -> "Overlap":
        """Return the overlap at other ranges in m, shape (m,), interpolated; NaN beyond its own ends."""
        value, error = (
            np.interp(distance, self.range, x, left=np.nan, right=np.nan) for x in (self.value, self.error)
        )
        return Overlap(distance, value, error, int(np.isfinite(value).sum()))


def corrected(signal: Signal, overlap: Overlap, least: float = 0.3) -> Signal:
    """Return counts as with full overlap; bins where the overlap is below ``least`` or unknown are NaN.

    Beyond the range of full overlap nothing is changed. The error of the overlap is not in the variance,
    since neighbouring bins share it.
    """
    near = overlap.range < overlap.full
    usable = np.isfinite(overlap.value) & (overlap.value >= least)
    part = np.where(near, np.where(usable, overlap.value, np.nan), 1.0)
    counts = signal.net / part + signal.background[:, None]
    variance = signal.counts / signal.exposure / part**2
    moved = signal.dead_time_slope
    return replace(
        signal,
        counts=counts,
        exposure=np.where(near, counts / variance, signal.exposure),
        dead_time_slope=None if moved is None else moved / part,
    )


def raman_elastic_overlap(
    signal: Signal,
    optics: MolecularOptics,
    raman: RamanProfile,
    reference: tuple[float, float],
    *,
    lidar_ratio: float = 50.0,
    lidar_ratio_error: float = 15.0,
    steps: int = 20,
) -> Overlap:
    """Return the overlap that an elastic signal has and a Raman backscatter, in which it cancels, has not.

    X_{i+1} = X_i [1 + (beta_R - beta_K,i) / (beta_R + beta_m)], with Klett's beta_K of X_i; the overlap is
    X_0 / X_steps. The error holds the noise of beta_R and of the signal, and the assumed lidar ratio.

    Parameters
    ----------
    signal : Signal
        Elastic counts; the first profile is used.
    optics : MolecularOptics
        The air at its bins.
    raman : RamanProfile
        Aerosol backscatter, 1/(m sr), of the same recording.
    reference : tuple of float
        Clean air beyond full overlap, range in m.
    lidar_ratio, lidar_ratio_error : float
        In sr.
    steps : int
        Iterations.

    Raises
    ------
    InsufficientStatistics
        The Raman backscatter is known nowhere (``no-overlap``); see also `klett`.
    """
    known = raman.status[0] == GOOD
    if not known.any():
        raise _nothing("a Raman backscatter", "none at any range")
    beta = np.where(known, raman.value[0], 0.0)
    total = beta + optics.backscatter
    given = signal.range_corrected[:1]

    def found(ratio: float) -> F8:
        x = given
        for _ in range(steps):
            off = beta - klett(x, signal.range, optics, ratio, reference)
            x = x * np.where(known, 1.0 + off / total, 1.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share: F8 = given[0] / x[0]
        return share

    value = found(lidar_ratio)
    ends = found(lidar_ratio - lidar_ratio_error), found(lidar_ratio + lidar_ratio_error)
    with np.errstate(invalid="ignore", divide="ignore"):
        # bins that share a window are not independent: their errors are widened to those of single bins
        shared = np.sqrt(np.maximum(raman.resolution / signal.bin_width, 1.0))
        noise = np.hypot(raman.error[0] * shared / total, np.sqrt(signal.variance[0]) / np.abs(signal.net[0]))
    return _overlap(signal.range, value, np.hypot(value * noise, 0.5 * (ends[1] - ends[0])), known)


def horizontal_overlap(signal: Signal, shot: HorizontalShot, molecular: float) -> Overlap:
    """Return the overlap of a horizontal shot: its signal over the line through its far part.

    Parameters
    ----------
    signal : Signal
        As the line was fitted to; the first profile is used.
    shot : HorizontalShot
        The line.
    molecular : float
        Extinction of the molecules at the ground, 1/m.
    """
    alpha = shot.extinction + molecular
    line = shot.amplitude * np.exp(-2.0 * alpha * signal.range)
    value = signal.range_corrected[0] / line
    noise = np.sqrt(signal.variance[0]) * signal.range**2 / line
    # the slope turns around the middle of the fit, where the amplitude is best known
    moved = value * 2.0 * shot.error * np.abs(signal.range - shot.middle)
    return _overlap(signal.range, value, np.hypot(noise, moved), signal.range > 0.0)


def near_range_overlap(far: Signal, near: Signal, window: tuple[float, float]) -> Overlap:
    """Return the overlap of a telescope from the ratio to one that sees the whole beam earlier.

    Parameters
    ----------
    far, near : Signal
        Counts at one wavelength and at the same bins; the first profiles are used. The near telescope
        is taken to see the whole beam at all ranges asked for.
    window : tuple of float
        Range in m where both see all.

    Raises
    ------
    InsufficientStatistics
        There is no light in the window (``no-overlap``).
    """
    inside = (far.range >= window[0]) & (far.range < window[1])
    sums = far.net[0, inside].sum(), near.net[0, inside].sum()
    if not (sums[0] > 0.0 and sums[1] > 0.0):
        got = f"{sums[0]:.0f} and {sums[1]:.0f} counts"
        raise _nothing("light in both telescopes where both see all", got)
    scale = sums[1] / sums[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        value = scale * far.net[0] / near.net[0]
        relative = far.variance[0] / far.net[0] ** 2 + near.variance[0] / near.net[0] ** 2
        ends = sum(float(x.variance[0, inside].sum()) / s**2 for x, s in zip((far, near), sums, strict=True))
        error = np.abs(value) * np.sqrt(relative + ends)
    return _overlap(far.range, value, error, near.net[0] > 3.0 * np.sqrt(near.variance[0]))


def _overlap(distance: F8, value: F8, error: F8, known: npt.NDArray[np.bool_]) -> Overlap:
    good = known & np.isfinite(value) & np.isfinite(error)
    return Overlap(distance, np.where(good, value, np.nan), np.where(good, error, np.nan), int(good.sum()))


def _nothing(expected: str, got: str) -> InsufficientStatistics:
    return InsufficientStatistics(
        "The overlap cannot be told from these signals.",
        expected=expected,
        got=got,
        mend="sum more profiles, or take a horizontal shot",
        code="no-overlap",
    )
