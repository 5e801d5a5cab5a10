# SPDX-License-Identifier: BSD-3-Clause
"""Trigger rates of an array with known truth: throughputs, air that changes in time and across the array.

Truth first: a pair's rate follows from the light of both its telescopes, an event's times from a Poisson
process through a trigger with dead time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.rates import PairCounts, all_pairs

__all__ = [
    "PROFILES",
    "RateTruth",
    "pair_rate_response",
    "simulate_array_triggers",
    "simulate_counts",
    "simulate_triggers",
]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RateTruth:
    """What an array's rates follow from.

    Attributes
    ----------
    throughput : ndarray of float64, shape (n_telescopes,)
        Over the reference, dimensionless.
    transparency : ndarray of float64, shape (n_slices, n_telescopes)
        Of the air above each telescope, over the reference, dimensionless.
    reference : float
        Rate of every pair in the reference, in Hz.
    exponent : float
        Of the rate in the light.
    """

    throughput: F8
    transparency: F8
    reference: float = 30.0
    exponent: float = 1.7

    @classmethod
    def of(
        cls,
        throughput: F8,
        transparency: npt.ArrayLike,
        position: F8 | None = None,
        gradient: tuple[float, float] = (0.0, 0.0),
        **others: float,
    ) -> "RateTruth":
        """Make a truth from transparencies, shape (n_slices,), that may change across the array.

        Parameters
        ----------
        throughput : ndarray of float64, shape (n_telescopes,)
            Dimensionless.
        transparency : array_like of float, shape (n_slices,)
            In the middle of the array, dimensionless.
        position : ndarray of float64, shape (n_telescopes, 2), optional
            In km, from the middle.
        gradient : tuple of float
            Change of ln transparency a km, in two directions.
        **others : float
            Other attributes.
        """
        level = np.atleast_1d(np.asarray(transparency, np.float64))
        slope = np.zeros(throughput.size) if position is None else position @ np.array(gradient)
        return cls(throughput, level[:, None] * np.exp(slope), **others)

    def rates(self) -> F8:
        """Return the rate of every pair, in Hz, shape (n_slices, n_pairs)."""
        first, second = all_pairs(self.throughput.size)
        light = self.transparency * self.throughput
        rates: F8 = self.reference * (light[:, first] * light[:, second]) ** (self.exponent / 2.0)
        return rates


def simulate_counts(
    truth: RateTruth, random: np.random.Generator, duration: float = 60.0
) -> list[PairCounts]:
    """Return counts of every pair in each slice, of a duration in s."""
    n = truth.throughput.size
    first, second = all_pairs(n)
    live, reference = np.full(first.size, duration), np.full(first.size, truth.reference)
    return [
        PairCounts.of(n, first, second, random.poisson(r * duration).astype(np.float64), live, reference)
        for r in truth.rates()
    ]


def simulate_triggers(
    rate: float,
    duration: float,
    dead_time: float,
    random: np.random.Generator,
    gaps: tuple[tuple[float, float], ...] = (),
) -> npt.NDArray[np.int64]:
    """Return the times of events that a non-paralysable trigger accepts, in ns, shape (n,).

    Parameters
    ----------
    rate : float
        True rate, in Hz.
    duration, dead_time : float
        In s.
    random : Generator
        Source of chance.
    gaps : tuple of (float, float)
        Begin and end of stretches without data, in s.
    """
    # after an accepted event: the dead time, then an exponential wait for the next
    n = int(rate * duration + 10.0 * np.sqrt(rate * duration) + 10.0)
    time = np.cumsum(dead_time + random.exponential(1.0 / rate, n))
    time = time[time < duration]
    for begin, end in gaps:
        time = time[(time < begin) | (time >= end)]
    return (1e9 * time).astype(np.int64)


def simulate_array_triggers(
    rates: F8,
    alone: F8,
    duration: float,
    dead_time: float,
    random: np.random.Generator,
    gaps: tuple[tuple[float, float], ...] = (),
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return events of an array whose telescopes are each dead for a while after what they read out.

    Parameters
    ----------
    rates : ndarray of float64, shape (n_pairs,)
        True rates of pairs, in Hz, in the order of `pellucid.array.rates.all_pairs`.
    alone : ndarray of float64, shape (n_telescopes,)
        True rates of what a telescope sees alone, in Hz.
    duration, dead_time, random, gaps
        As of `simulate_triggers`.

    Returns
    -------
    tuple of ndarray
        Times in ns, shape (n_events,), and the telescopes in each event, a mask of shape
        (n_events, n_telescopes).
    """
    n = alone.size
    first, second = all_pairs(n)
    members = np.zeros((first.size + n, n), np.bool_)
    members[np.arange(first.size), first] = members[np.arange(first.size), second] = True
    members[first.size + np.arange(n), np.arange(n)] = True
    number = random.poisson(np.concatenate([rates, alone]) * duration)
    time = random.uniform(0.0, duration, number.sum())
    order = np.argsort(time)
    time, seen = time[order], np.repeat(members, number, axis=0)[order]
    for begin, end in gaps:
        kept = (time < begin) | (time >= end)
        time, seen = time[kept], seen[kept]
    for telescope in range(n):
        free = 0.0
        for event in np.flatnonzero(seen[:, telescope]):
            seen[event, telescope] = time[event] >= free
            free = time[event] + dead_time if seen[event, telescope] else free
    read_out = seen.any(axis=1)
    return (1e9 * time[read_out]).astype(np.int64), seen[read_out]


def _pool(r: F8) -> F8:
    return np.where(r < 120.0, 1.0, np.exp(-(r - 120.0) / 60.0))


PROFILES: dict[str, Callable[[F8], F8]] = {
    "exponential": lambda r: np.exp(-r / 80.0),
    "hadron": lambda r: np.exp(-r / 150.0) / (1.0 + (r / 120.0) ** 2),
    "pool": _pool,
}
"""Light of a shower over the distance from its axis, in m."""


def pair_rate_response(
    throughput: F8,
    profile: Callable[[F8], F8],
    *,
    separation: float = 120.0,
    exponent: float = 1.7,
    fluctuation: float = 0.0,
) -> F8:
    """Return R/R_ref of a pair whose first telescope has a throughput e, by integration over the core.

    R = int d2x <min(e f_1 L(r_1), f_2 L(r_2))^p>, with f log-normal of mean 1: a pair triggers where the
    fainter of its images is above threshold.

    Parameters
    ----------
    throughput : ndarray of float64, shape (n,)
        e, dimensionless.
    profile : callable
        L, of distances in m.
    separation : float
        Of the telescopes, in m.
    exponent : float
        p.
    fluctuation : float
        Relative fluctuation of the light that a telescope sees, independent of the other's.
    """
    x, y = np.meshgrid(np.arange(-800.0, 800.0, 2.5) + 1.25, np.arange(0.0, 800.0, 2.5) + 1.25)
    one, other = (profile(np.hypot(x - side * separation / 2.0, y)) for side in (-1.0, 1.0))
    if fluctuation == 0.0:
        return _integral(throughput, one, other, exponent) / _integral(np.ones(1), one, other, exponent)
    # min(e f1 L1, f2 L2) = f1 min(e L1, L2 f2/f1): weighting with f1^p shifts the mean of ln(f2/f1) by
    # -p sigma^2, and one quadrature over that logarithm is left
    variance = np.log1p(fluctuation**2)
    # the minimum has a kink, which a fine even grid follows better than a Gaussian quadrature
    nodes = np.linspace(-4.0, 4.0, 41)
    weights = np.exp(-0.5 * nodes**2)
    ratios = np.exp(np.sqrt(2.0 * variance) * nodes - exponent * variance)
    light = np.append(throughput, 1.0)
    means = sum(w * _integral(light, one, other * q, exponent) for w, q in zip(weights, ratios))
    response: F8 = means[:-1] / means[-1]
    return response


def _integral(throughput: F8, first: F8, second: F8, exponent: float) -> F8:
    return np.array([(np.minimum(e * first, second) ** exponent).sum() for e in throughput])
