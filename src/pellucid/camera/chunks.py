# SPDX-License-Identifier: BSD-3-Clause
"""Where a stream of calibration events is cut into chunks, by number or by time, with overlap."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError, CorruptedInput

__all__ = ["by_count", "by_time", "check_order", "in_epochs"]

type I8 = npt.NDArray[np.int64]


def by_count(n: int, size: int, shift: int = 0) -> list[tuple[int, int]]:
    """Cut ``n`` events into chunks of one size.

    Parameters
    ----------
    n : int
        Events.
    size : int
        Events in a chunk.
    shift : int
        Events between the starts of chunks; 0 is the size: no overlap.

    Returns
    -------
    list of tuple of int
        Half-open rows [first, last) of each chunk. What is left at the end goes into one more chunk of
        full size, which overlaps the one before; fewer events than a chunk give none.

    Raises
    ------
    ConfigurationError
        The size is below 1, or the shift leaves gaps (``chunks``).
    """
    step = shift or size
    _check(size >= 1 and 1 <= step <= size, f"size {size}, shift {shift}")
    starts = list(range(0, n - size + 1, step))
    if starts and starts[-1] + size < n:
        starts.append(n - size)
    return [(start, start + size) for start in starts]


def by_time(times: I8, duration: int, shift: int = 0) -> list[tuple[int, int]]:
    """Cut events into chunks of one duration.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
        Times of the events, ascending, in ns TAI.
    duration : int
        In ns.
    shift : int
        Time between the starts of chunks, in ns; 0 is the duration: no overlap.

    Returns
    -------
    list of tuple of int
        Half-open rows [first, last) of each chunk that has events, from the first event's time on.

    Raises
    ------
    CorruptedInput
        Times go backwards (``time-backwards``).
    ConfigurationError
        The duration is not above 0, or the shift leaves gaps (``chunks``).
    """
    step = shift or duration
    _check(duration >= 1 and 1 <= step <= duration, f"duration {duration} ns, shift {shift} ns")
    check_order(times)
    if times.size == 0:
        return []
    starts = np.arange(times[0], times[-1] + 1, step, dtype=np.int64)
    first, last = np.searchsorted(times, starts), np.searchsorted(times, starts + duration)
    found = dict.fromkeys((int(a), int(b)) for a, b in zip(first, last, strict=True) if b > a)
    return list(found)


def in_epochs(times: I8, breaks: I8, cut: Callable[[I8], list[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Cut events into chunks that no break lies in.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
        Times of the events, ascending, in ns TAI.
    breaks : ndarray of int64, shape (k,)
        When epochs begin, in ns TAI.
    cut : callable
        Gives the chunks of an epoch's times, as `by_count` and `by_time` do. An epoch too short for a chunk
        is one by itself, from break to break.

    Returns
    -------
    list of tuple of int
        Half-open spans of time, from a chunk's first event to just after its last, in ns TAI; none where
        there are no events.
    """
    check_order(times)
    edges = [0, *np.sort(breaks).tolist(), 2**63 - 1]
    spans = []
    for begin, end in pairwise(edges):
        part = times[slice(*np.searchsorted(times, (begin, end)))]
        cuts = [(int(part[first]), int(part[last - 1]) + 1) for first, last in cut(part)]
        spans += cuts or [(begin, end)] * bool(part.size)
    return spans


def check_order(times: I8) -> None:
    """Refuse times, shape (n,), in ns TAI, that go backwards (`CorruptedInput`, ``time-backwards``)."""
    back = np.flatnonzero(np.diff(times) < 0)
    if back.size:
        row = int(back[0]) + 1
        raise CorruptedInput(
            "Time goes backwards in the calibration events.",
            where=f"event {row} of {times.size}",
            expected=f"at or after {int(times[row - 1])} ns TAI",
            got=f"{int(times[row])} ns TAI",
            mend="deliver the events in the order of their times; check the clock of the camera",
            code="time-backwards",
        )


def _check(right: bool, got: str) -> None:
    if not right:
        raise ConfigurationError(
            "The chunks of calibration events are ill-chosen.",
            expected="a size above 0, and a shift above 0 and not above the size",
            got=got,
            code="chunks",
        )
