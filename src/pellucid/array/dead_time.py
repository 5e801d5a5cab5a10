# SPDX-License-Identifier: BSD-3-Clause
"""Dead time and gaps of a camera's trigger: from a known dead time, and from the arrival times alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.dead_time import true_rate
from pellucid.errors import CorruptedInput, InsufficientStatistics

__all__ = ["ArrivalRate", "arrival_rate", "corrected_rate", "elapsed_time", "is_gap", "live_fraction"]

type F8 = npt.NDArray[np.float64]


def corrected_rate(rate: npt.ArrayLike, dead_time: float) -> F8:
    """Return the rate without dead time, n = m / (1 - m tau), of a non-paralysable trigger.

    Parameters
    ----------
    rate : array_like of float, shape (...)
        Counted rate m, in Hz.
    dead_time : float
        tau, in s.

    Returns
    -------
    ndarray of float64, shape (...)
        True rate, in Hz.

    Raises
    ------
    CorruptedInput
        A rate is negative or not a number (``bad-rate``), or so high that the correction means nothing
        (``above-dead-time-limit``).
    """
    counted = np.asarray(rate, np.float64)
    if not (np.isfinite(counted) & (counted >= 0.0)).all() or not dead_time >= 0.0:
        raise CorruptedInput(
            "A trigger rate or dead time is no such thing.",
            expected="finite, not negative",
            got=f"rates from {counted.min()} to {counted.max()} Hz, dead time {dead_time} s",
            mend="leave out slices without live time",
            code="bad-rate",
        )
    true = true_rate(counted, dead_time)[0]
    if np.isnan(true).any():
        raise CorruptedInput(
            "A trigger rate is above what the dead time allows.",
            expected=f"below 90 % of 1/tau, {0.9 / dead_time:.6g} Hz",
            got=f"{counted.max():.6g} Hz with a dead time of {dead_time:.3g} s",
            mend="check the dead time; a camera this busy cannot be corrected",
            code="above-dead-time-limit",
        )
    return true


def live_fraction(rate: npt.ArrayLike, dead_time: float) -> F8:
    """Return DEADC = 1 - m tau, dimensionless, shape (...), of counted rates m (Hz); tau in s.

    Raises
    ------
    CorruptedInput
        As `corrected_rate`.
    """
    counted = np.asarray(rate, np.float64)
    true = corrected_rate(counted, dead_time)
    return np.where(true > 0.0, counted / np.where(true > 0.0, true, 1.0), 1.0)


def is_gap(
    differences: npt.NDArray[np.generic], *, ordinary: float = 5.0, excluded: int = 10
) -> npt.NDArray[np.bool_]:
    """Return which differences of successive times are gaps of the data acquisition, a mask of shape (n,).

    A gap is above ``ordinary`` times the largest one when the ``excluded`` largest are set aside (the rule of
    LST-1's transparency script).

    Parameters
    ----------
    differences : ndarray, shape (n,)
        In any one unit; more than ``excluded``.
    ordinary : float
        Factor.
    excluded : int
        Number set aside.
    """
    gap: npt.NDArray[np.bool_] = (
        differences > ordinary * np.partition(differences, -excluded - 1)[-excluded - 1]
    )
    return gap


def elapsed_time(
    time: npt.NDArray[np.int64], *, ordinary: float = 5.0, excluded: int = 10
) -> tuple[float, int]:
    """Return the time that events span without gaps of the data acquisition, in s, and the number of gaps.

    A mean difference takes the place of a gap, see `is_gap`.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Times of events, in ns, ascending.
    ordinary, excluded : float, int
        As of `is_gap`.

    Raises
    ------
    InsufficientStatistics
        There are too few events (``too-few-events``).
    """
    differences = _differences(time, excluded + 2)
    gap = is_gap(differences, ordinary=ordinary, excluded=excluded)
    kept = differences[~gap]
    return float(kept.sum() + gap.sum() * kept.mean()) * 1e-9, int(gap.sum())


@dataclass(frozen=True)
class ArrivalRate:
    """True rate from arrival times.

    Attributes
    ----------
    rate, error : float
        In Hz.
    n : int
        Differences of times behind it.
    shortest : float
        Least difference, in s: an upper limit of the dead time.
    gaps : int
        Differences left out as gaps.
    """

    rate: float
    error: float
    n: int
    shortest: float
    gaps: int


def arrival_rate(time: npt.NDArray[np.int64], *, start: float = 0.1, excluded: int = 10) -> ArrivalRate:
    """Return the true rate of a Poisson process from the differences of its times, whatever the dead time.

    Beyond any point behind the dead time, differences fall exponentially with the true rate. From the
    quantile ``start`` on, at t0: rate = (k - 1) / sum(t - t0), with relative error 1/sqrt(k - 2); unbiased,
    since the sum is gamma distributed.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        Times of events, in ns, ascending.
    start : float
        Quantile of the differences where the exponential is taken to begin.
    excluded : int
        As in `elapsed_time`.

    Raises
    ------
    InsufficientStatistics
        There are too few events (``too-few-events``), or they do not come by chance (``no-chance``).
    """
    differences = _differences(time, max(excluded + 2, 30)).astype(np.float64)
    kept = np.sort(differences[~is_gap(differences, excluded=excluded)])
    # the difference at the quantile sets the origin: it is no sample behind the rate
    first = int(start * kept.size)
    beyond = kept[first + 1 :] - kept[first]
    k = beyond.size
    if not beyond.sum() > 0.0:
        raise InsufficientStatistics(
            "Events that are all equally far apart tell no rate.",
            expected="times that come by chance",
            got=f"{differences.size} differences of {1e-9 * kept[0]:g} s",
            mend="leave out what is triggered by a clock",
            code="no-chance",
        )
    rate = 1e9 * (k - 1) / float(beyond.sum())
    gaps = differences.size - kept.size
    return ArrivalRate(rate, rate / np.sqrt(k - 2), k, 1e-9 * float(kept[0]), int(gaps))


def _differences(time: npt.NDArray[np.int64], needed: int) -> npt.NDArray[np.int64]:
    differences: npt.NDArray[np.int64] = np.diff(time)
    if differences.size < needed:
        raise InsufficientStatistics(
            "There are too few events to tell a rate.",
            expected=f"more than {needed}",
            got=str(time.size),
            mend="take a longer slice of time",
            code="too-few-events",
        )
    if (differences < 0).any():
        raise CorruptedInput(
            "Times of events do not ascend.",
            where=f"event {int(np.flatnonzero(differences < 0)[0]) + 1}",
            mend="sort the events by time",
            code="not-ascending",
        )
    return differences
