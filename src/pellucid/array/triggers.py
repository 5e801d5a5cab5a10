# SPDX-License-Identifier: BSD-3-Clause
"""Rates of a telescope from the times of its triggers: live time two ways, gaps, and who else triggered."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pellucid.array.dead_time import arrival_rate, is_gap
from pellucid.atmosphere.lidar.dead_time import true_rate
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics

__all__ = ["LiveTime", "even_slices", "live_time"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LiveTime:
    """How long a telescope could take events, slice by slice.

    Attributes
    ----------
    elapsed : ndarray of float64, shape (n_slices,)
        Time without gaps of the data acquisition, in s.
    live : ndarray of float64, shape (n_slices,)
        Of it, what the dead time leaves, elapsed (1 - m tau), in s; 0 where the rate m is so high that this
        means nothing.
    by_arrivals, by_arrivals_error : ndarray of float64, shape (n_slices,)
        The same in s from the distribution of arrival times alone, whatever the dead time, with its error;
        NaN where there are too few events.
    count : ndarray of int64, shape (n_slices,)
        Number of events read out.
    gaps : ndarray of int64, shape (n_gaps, 2)
        Begin and end of what was taken out, in ns.
    """

    elapsed: F8
    live: F8
    by_arrivals: F8
    by_arrivals_error: F8
    count: Ints
    gaps: Ints

    @property
    def too_busy(self) -> npt.NDArray[np.bool_]:
        """Where the rate is above what the dead time allows: a mask without unit, shape (n_slices,)."""
        return np.asarray((self.count > 0) & (self.live == 0.0))

    @property
    def disagreement(self) -> tuple[float, float]:
        """Mean of live over that by arrivals, less 1, and its error; NaN where arrivals tell nothing."""
        known = np.isfinite(self.by_arrivals) & (self.live > 0.0)
        if not known.any():
            return np.nan, np.nan
        weight = (self.by_arrivals[known] / self.by_arrivals_error[known]) ** 2
        away = self.live[known] / self.by_arrivals[known] - 1.0
        return float((weight * away).sum() / weight.sum()), float(weight.sum() ** -0.5)

    def together(self, other: "LiveTime", edges: Ints) -> F8:
        """Return the live time in s of a pair of telescopes, shape (n_slices,), in slices by edges in ns.

        Gaps are those of either, counted once where they are those of both, as where the whole array's data
        acquisition stood; dead times are independent of each other.
        """
        elapsed = np.diff(edges) * 1e-9 - _inside(np.concatenate([self.gaps, other.gaps]), edges)
        shares = [
            np.divide(one.live, one.elapsed, out=np.zeros(elapsed.size), where=one.elapsed > 0.0)
            for one in (self, other)
        ]
        live: F8 = elapsed * shares[0] * shares[1]
        return live


def even_slices(start: int, stop: int, length: int) -> Ints:
    """Return edges of equal slices of an observation, as near to a length as they can be, in ns.

    Parameters
    ----------
    start, stop, length : int
        In ns; the edges have shape (n_slices + 1,).

    Raises
    ------
    CorruptedInput
        The observation has no length (``no-live-time``).
    """
    if not stop > start:
        raise CorruptedInput(
            "The observation takes no time.",
            expected="a stop after the start",
            got=f"{(stop - start) * 1e-9:g} s",
            mend="look at the clock of the array trigger",
            code="no-live-time",
        )
    n = max(1, round((stop - start) / length))
    return start + np.rint(np.arange(n + 1) * ((stop - start) / n)).astype(np.int64)


def live_time(
    time: Ints,
    edges: Ints,
    dead_time: float,
    *,
    beside: float = 0.0,
    ordinary: float = 5.0,
    excluded: int = 10,
) -> LiveTime:
    """Return the live time of a telescope.

    Gaps are those of `pellucid.array.dead_time.is_gap`, the ends of the observation counted in; a mean
    difference takes their place. By arrivals, the live time is the number of events over their true rate,
    `pellucid.array.dead_time.arrival_rate`.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Of all events that were read out, in ns, ascending.
    edges : ndarray of int64, shape (n_slices + 1,)
        Of slices that cover the observation, in ns.
    dead_time : float
        tau, in s.
    beside : float
        Rate in Hz of what the camera read out beside these events, which makes it dead all the same. Arrival
        times know nothing of that.
    ordinary, excluded : float, int
        Of the rule.

    Raises
    ------
    ConfigurationError
        The dead time or the rate is negative (``bad-dead-time``).
    CorruptedInput
        Times do not ascend (``not-ascending``).
    InsufficientStatistics
        Too few events to tell a gap (``too-few-events``).
    """
    if not (dead_time >= 0.0 and beside >= 0.0):
        raise ConfigurationError(
            "This is no dead time, or no rate.",
            expected="0 s or more, 0 Hz or more",
            got=f"{dead_time} s, {beside} Hz",
            code="bad-dead-time",
        )
    if (np.diff(time) < 0).any():
        raise CorruptedInput(
            "Times of events do not ascend.",
            where=f"event {int(np.flatnonzero(np.diff(time) < 0)[0]) + 1}",
            mend="sort the events by time",
            code="not-ascending",
        )
    if time.size < excluded + 2:
        raise InsufficientStatistics(
            "There are too few events to tell when a telescope was live.",
            expected=f"more than {excluded + 1}",
            got=str(time.size),
            mend="take a longer observation",
            code="too-few-events",
        )
    gaps = _gaps(time, edges, ordinary, excluded)
    bounds = np.searchsorted(time, edges)
    count = np.diff(bounds)
    elapsed = np.diff(edges) * 1e-9 - _inside(gaps, edges)
    rate = beside + np.divide(count, elapsed, out=np.zeros(count.size), where=elapsed > 0.0)
    busy = np.isnan(true_rate(rate, dead_time)[0])
    live = np.where(busy, 0.0, elapsed * (1.0 - np.minimum(rate * dead_time, 1.0)))
    arrivals = np.array([_by_arrivals(time[a:b]) for a, b in pairwise(bounds.tolist())])
    return LiveTime(elapsed, live, arrivals[:, 0], arrivals[:, 1], count, gaps)


def _gaps(time: Ints, edges: Ints, ordinary: float, excluded: int) -> Ints:
    """Return begin, a mean difference behind an event, and end of gaps in ns, shape (n_gaps, 2)."""
    all_times = np.concatenate([edges[:1], time, edges[-1:]])
    differences = np.diff(all_times)
    gap = is_gap(differences, ordinary=ordinary, excluded=excluded)
    begin = all_times[:-1][gap] + round(float(differences[~gap].mean()))
    return np.stack([begin, all_times[1:][gap]], axis=1)


def _inside(gaps: Ints, edges: Ints) -> F8:
    """Return the time in s that gaps, which may overlap, take from each slice."""
    begin, end = gaps[np.argsort(gaps[:, 0])].T
    # of gaps that overlap, the later one begins where all before it have ended
    before = np.maximum.accumulate(np.concatenate([edges[:1], end]))[:-1]
    begin = np.minimum(np.maximum(begin, before), end)
    inside = np.clip(edges[:, None] - begin, 0, end - begin)
    lost: F8 = np.diff(inside.sum(axis=1)) * 1e-9
    return lost


def _by_arrivals(time: Ints) -> tuple[float, float]:
    """Return the live time by arrivals and its error, in s.

    Of n differences that are exponential beyond the dead time, the first j in order of size only set the
    origin: the error of n / rate is sqrt(j n / k) / rate with the other k = n - j.
    """
    try:
        found = arrival_rate(time)
    except InsufficientStatistics:
        return np.nan, np.nan
    n = time.size - 1 - found.gaps
    live = time.size / found.rate
    return live, live * float(np.sqrt((n - found.n) / (n * found.n)))
