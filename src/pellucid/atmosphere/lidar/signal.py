# SPDX-License-Identifier: BSD-3-Clause
"""Counts of one channel, ready for physics: dead time corrected, background told with its error.

Corrected counts are not Poisson any more. Each bin therefore has an ``exposure``, its mean over its
variance: counts times exposure have the mean and the variance of a Poisson count.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.dead_time import true_rate
from pellucid.errors import ConfigurationError, CorruptedInput

__all__ = ["Signal", "photon_signal"]

type F8 = npt.NDArray[np.float64]

_METRE_MHZ = 150.0
"""c/2 in m MHz, rounded as in the rates of the recorders."""


@dataclass(frozen=True, eq=False)
class Signal:
    """Profiles of one channel.

    Attributes
    ----------
    counts : ndarray of float64, shape (n, n_bins)
        True counts, background included; NaN where the counter was blind.
    exposure : ndarray of float64, shape (n, n_bins)
        Mean over variance of the counts, dimensionless; 1 for untouched Poisson counts.
    background, background_error : ndarray of float64, shape (n,)
        Counts per bin, and their error, which all bins of a profile share.
    range : ndarray of float64, shape (n_bins,)
        Distance of the bins' middles, in m, in even steps.
    shots : ndarray of int64, shape (n,)
        Number of shots summed.
    dead_time_slope : ndarray of float64, shape (n, n_bins), or None
        By how many counts a bin moves with the dead time, 1/us; None where no counter's was corrected.
    """

    counts: F8
    exposure: F8
    background: F8
    background_error: F8
    range: F8
    shots: npt.NDArray[np.int64]
    dead_time_slope: F8 | None = None

    @property
    def net(self) -> F8:
        """Counts without background, shape (n, n_bins)."""
        return self.counts - self.background[:, None]

    @property
    def variance(self) -> F8:
        """Variance of the counts that bins do not share, shape (n, n_bins), in counts squared."""
        return np.maximum(self.counts, 1.0) / self.exposure

    @property
    def range_corrected(self) -> F8:
        """Net counts times range squared, in counts m2, shape (n, n_bins)."""
        return self.net * self.range**2

    @property
    def bin_width(self) -> float:
        """Width of a bin, in m."""
        return float(self.range[1] - self.range[0])

    def merged(self, every: int | None = None) -> "Signal":
        """Return sums over groups of ``every`` profiles (all where None); the last group may be smaller.

        Counts, background and shots add up; ratios are never averaged. A bin blind in one profile is
        blind in the sum.
        """
        starts = np.arange(0, self.shots.size, every or self.shots.size)
        counts = np.add.reduceat(self.counts, starts)
        variance = np.add.reduceat(self.counts / self.exposure, starts)
        plain = (self.exposure == 1.0).all()
        moved = self.dead_time_slope
        exposure = np.ones_like(counts) if plain else counts / np.where(variance > 0.0, variance, 1.0)
        return Signal(
            counts=counts,
            exposure=np.where(variance > 0.0, exposure, 1.0),
            background=np.add.reduceat(self.background, starts),
            background_error=np.sqrt(np.add.reduceat(self.background_error**2, starts)),
            range=self.range,
            shots=np.add.reduceat(self.shots, starts),
            dead_time_slope=None if moved is None else np.add.reduceat(moved, starts),
        )

    def until(self, distance: float) -> "Signal":
        """Return the bins up to a distance in m."""
        end = int(np.searchsorted(self.range, distance))
        moved = self.dead_time_slope
        return replace(
            self,
            counts=self.counts[:, :end],
            exposure=self.exposure[:, :end],
            range=self.range[:end],
            dead_time_slope=None if moved is None else moved[:, :end],
        )

    def drawn(self, random: np.random.Generator, draws: int) -> "Signal":
        """Return bootstrap draws of the first profile: Poisson counts of its mean, and its background.

        Draws have shape (draws, n_bins); the background moves by its error, the same in all bins.
        """
        seen = np.isfinite(self.counts[0])
        own = np.where(seen, self.exposure[0], 1.0)
        expected = np.where(seen, np.maximum(self.counts[0], 0.0), 0.0) * own
        exposure = np.broadcast_to(own, (draws, own.size))
        counts = np.where(seen, random.poisson(np.broadcast_to(expected, exposure.shape)) / exposure, np.nan)
        shift = random.normal(0.0, self.background_error[0], draws)
        return Signal(
            counts,
            exposure,
            self.background[0] + shift,
            np.full(draws, self.background_error[0]),
            self.range,
            np.full(draws, self.shots[0]),
        )


def photon_signal(
    raw: npt.ArrayLike,
    shots: npt.ArrayLike,
    bin_width: float,
    background: tuple[float, float],
    *,
    dead_time: float = 0.0,
    paralysable: bool = False,
    zero_bin: float = 0.0,
) -> Signal:
    """Return the true counts of a photon counter, with their background.

    The dead time is corrected in each profile, at its mean rate, before the background is taken off. The
    background is the mean of the bins in a window that no light of the laser reaches: far behind, or
    before the shot; its error sqrt(mean / (n exposure)).

    Parameters
    ----------
    raw : array_like of int, shape (n, n_bins)
        Counts as recorded, summed over the shots.
    shots : array_like of int, shape (n,)
        Number of shots.
    bin_width : float
        In m.
    background : tuple of float
        Least and largest range of the background's window, in m; negative ones lie before the shot.
    dead_time : float
        In us.
    paralysable : bool
        Model of the dead time.
    zero_bin : float
        Where the shot lies, in bins from the start of the record; fractions are allowed.

    Raises
    ------
    ConfigurationError
        The window of the background holds fewer than 10 bins (``background-window``).
    CorruptedInput
        A profile is empty, not finite or negative (``lidar-no-counts``).
    """
    given = np.atleast_2d(np.asarray(raw, np.float64))
    n_shots = np.broadcast_to(np.asarray(shots, np.int64), given.shape[:1])
    _check(given, n_shots)
    bins = np.arange(given.shape[1], dtype=np.float64)
    distance: F8 = (bins + 0.5 - zero_bin) * bin_width
    window = (distance >= background[0]) & (distance < background[1])
    if window.sum() < 10:
        raise ConfigurationError(
            "The window of the background is too small or outside of the record.",
            expected=f"10 bins or more between {distance[0]:.0f} and {distance[-1]:.0f} m",
            got=f"{window.sum()} bins in {background[0]:.0f} to {background[1]:.0f} m",
            mend="configure the window of the background",
            code="background-window",
        )
    if dead_time > 0.0:
        scale = n_shots[:, None] * bin_width / _METRE_MHZ
        rate, spread = true_rate(given / scale, dead_time, paralysable=paralysable)
        counts, exposure, moved = (
            rate * scale,
            1.0 / spread,
            _dead_time_slope(rate, dead_time, paralysable) * scale,
        )
    else:
        counts, exposure, moved = given, np.ones_like(given), None
    mean = counts[:, window].mean(axis=1)
    # an empty window still knows its mean no better than to one count
    error = np.sqrt(np.maximum(mean, 1.0 / window.sum()) / (window.sum() * exposure[:, window].mean(axis=1)))
    return Signal(counts, exposure, mean, error, distance, n_shots, moved)


def _dead_time_slope(rate: F8, tau: float, paralysable: bool) -> F8:
    """d N / d tau at a fixed counted rate: N^2, over 1 - N tau where dead times are prolonged."""
    return rate**2 / (1.0 - rate * tau) if paralysable else rate**2


def _check(counts: F8, shots: npt.NDArray[np.int64]) -> None:
    bad = ~np.isfinite(counts).all(axis=1) | (counts < 0).any(axis=1) | (counts.sum(axis=1) == 0)
    if bad.any() or (shots <= 0).any():
        row = int(np.flatnonzero(bad | (shots <= 0))[0])
        raise CorruptedInput(
            "A profile holds no counts that can be used.",
            where=f"profile {row}",
            expected="finite counts >= 0, not all 0, of 1 shot or more",
            got=f"{int(np.isnan(counts[row]).sum())} NaN in {counts.shape[1]} bins, {shots[row]} shots",
            mend="leave this profile out",
            code="lidar-no-counts",
        )
