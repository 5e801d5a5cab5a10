# SPDX-License-Identifier: BSD-3-Clause
"""Events of each pair of telescopes in slices of time, and what was expected of them.

Counts and exposures are sums, so that slices and parts of an array merge, and a window may slide.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput

__all__ = ["PairCounts", "SlidingCounts", "all_pairs", "count_coincidences"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]


def all_pairs(n: int) -> tuple[Ints, Ints]:
    """Return the indices of the two telescopes of every pair of n, shape (n (n - 1) / 2,) each."""
    first, second = np.triu_indices(n, 1)
    return first.astype(np.int64), second.astype(np.int64)


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Events of pairs of telescopes in one slice of time.

    Attributes
    ----------
    n_telescopes : int
        Number of telescopes.
    first, second : ndarray of int64, shape (n_pairs,)
        Indices of the two telescopes of each pair.
    count : ndarray of float64, shape (n_pairs,)
        Events, a number.
    expected : ndarray of float64, shape (n_pairs,)
        Number of events that the reference rate gives in the live time of the pair.
    """

    n_telescopes: int
    first: Ints
    second: Ints
    count: F8
    expected: F8

    @classmethod
    def of(
        cls, n_telescopes: int, first: Ints, second: Ints, count: F8, live_time: F8, reference: F8
    ) -> "PairCounts":
        """Check and make counts from live times (s) and reference rates (Hz), shape (n_pairs,) each.

        Raises
        ------
        CorruptedInput
            A live time is zero or negative (``no-live-time``), a count negative (``bad-count``), a
            reference rate not above 0 (``bad-reference``), or a pair no pair (``bad-pair``).
        """
        _check(live_time > 0.0, live_time, "live time", "above 0 s", "no-live-time")
        _check(count >= 0.0, count, "count", "0 or more events", "bad-count")
        _check(reference > 0.0, reference, "reference rate", "above 0 Hz", "bad-reference")
        known = (np.minimum(first, second) >= 0) & (np.maximum(first, second) < n_telescopes)
        _check(known & (first != second), first, "pair", "two telescopes of the array", "bad-pair")
        return cls(n_telescopes, first, second, count.astype(np.float64), live_time * reference)

    def merge(self, other: "PairCounts") -> "PairCounts":
        """Return the sum with another slice of the same pairs."""
        if not (np.array_equal(self.first, other.first) and np.array_equal(self.second, other.second)):
            raise CorruptedInput("Two slices have different pairs.", code="other-pairs")
        return PairCounts(
            self.n_telescopes,
            self.first,
            self.second,
            self.count + other.count,
            self.expected + other.expected,
        )

    def some(self, pairs: Mask) -> "PairCounts":
        """Return some of the pairs, by a mask of shape (n_pairs,)."""
        first, second = self.first[pairs], self.second[pairs]
        return PairCounts(self.n_telescopes, first, second, self.count[pairs], self.expected[pairs])

    def only(self, telescopes: Ints) -> "PairCounts":
        """Return the pairs within some telescopes, given by index, shape (n,), which become 0, 1, ..."""
        place = np.full(self.n_telescopes, -1, np.int64)
        place[telescopes] = np.arange(telescopes.size)
        inside = (place[self.first] >= 0) & (place[self.second] >= 0)
        return PairCounts(
            telescopes.size,
            place[self.first[inside]],
            place[self.second[inside]],
            self.count[inside],
            self.expected[inside],
        )


def _check(
    good: npt.NDArray[np.bool_], values: npt.NDArray[np.generic], what: str, need: str, code: str
) -> None:
    if not good.all():
        worst = int(np.flatnonzero(~good)[0])
        raise CorruptedInput(
            f"The {what} of a pair of telescopes is wrong.",
            where=f"pair {worst} of {good.size}",
            expected=need,
            got=str(values[worst]),
            mend="leave out pairs and slices without data",
            code=code,
        )


@dataclass
class SlidingCounts:
    """The last slices of a pair's counts, for a transparency that follows the air.

    Attributes
    ----------
    length : int
        Number of slices that are kept.
    """

    length: int
    _slices: deque[PairCounts] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._slices = deque(maxlen=self.length)

    def update(self, counts: PairCounts) -> PairCounts:
        """Take in a new slice, let go of the oldest, and return the sum over the window."""
        self._slices.append(counts)
        slices = iter(self._slices)
        # summed anew, so that no rounding is carried along: the window gives the same bits as a batch
        total = next(slices)
        for one in slices:
            total = total.merge(one)
        return total


def count_coincidences(
    time: Ints, triggered: npt.NDArray[np.bool_], edges: Ints, *, physics: npt.NDArray[np.bool_] | None = None
) -> tuple[Ints, Ints]:
    """Count stereo events of each telescope, and of each pair, in slices of time.

    Parameters
    ----------
    time : ndarray of int64, shape (n_events,)
        Times in ns, ascending.
    triggered : ndarray of bool, shape (n_events, n_telescopes)
        Mask of the telescopes in each event.
    edges : ndarray of int64, shape (n_slices + 1,)
        Half-open slices, in ns.
    physics : ndarray of bool, shape (n_events,), optional
        Mask of events that are no calibration, no LIDAR flash and no car flash.

    Returns
    -------
    tuple of ndarray of int64
        Numbers of events with at least two telescopes, shape (n_slices, n_telescopes); and of every pair,
        shape (n_slices, n_pairs), in the order of `all_pairs`.
    """
    used = triggered.sum(axis=1) >= 2
    if physics is not None:
        used &= physics
    pattern = triggered[used].astype(np.float32)
    bounds = np.searchsorted(time[used], edges)
    n = triggered.shape[1]
    # a slice's coincidences are one matrix product; float32 counts exactly up to 2^24
    matrices = np.array([pattern[a:b].T @ pattern[a:b] for a, b in pairwise(bounds.tolist())])
    counts = np.rint(matrices.reshape(-1, n, n)).astype(np.int64)
    first, second = all_pairs(n)
    return np.diagonal(counts, axis1=1, axis2=2).copy(), counts[:, first, second]
