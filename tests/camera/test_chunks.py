# SPDX-License-Identifier: BSD-3-Clause
"""Chunks of calibration events: every event in one, full size, the order of time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.camera.chunks import by_count, by_time, in_epochs
from pellucid.errors import ConfigurationError, CorruptedInput


@given(n=st.integers(0, 300), size=st.integers(1, 50), data=st.data())
def test_chunks_by_count_cover_all_events_in_full_size(n: int, size: int, data: st.DataObject) -> None:
    shift = data.draw(st.integers(1, size))
    chunks = by_count(n, size, shift)
    assert all(stop - start == size for start, stop in chunks)
    assert set().union(*(range(*c) for c in chunks)) == (set(range(n)) if n >= size else set())
    assert len(set(chunks)) == len(chunks)


@given(
    gaps=st.lists(st.integers(0, 40), min_size=1, max_size=60), duration=st.integers(1, 100), data=st.data()
)
def test_chunks_by_time_cover_all_events(gaps: list[int], duration: int, data: st.DataObject) -> None:
    times = np.cumsum(gaps).astype(np.int64)
    shift = data.draw(st.integers(1, duration))
    chunks = by_time(times, duration, shift)
    assert set().union(*(range(*c) for c in chunks)) == set(range(times.size))
    assert all(times[stop - 1] - times[start] < duration for start, stop in chunks)


def test_time_must_not_go_backwards() -> None:
    with pytest.raises(CorruptedInput) as caught:
        by_time(np.array([1, 5, 4], np.int64), 10)
    assert (caught.value.code, caught.value.exit_code) == ("time-backwards", 104)
    assert "event 2" in caught.value.where


@pytest.mark.parametrize(("size", "shift"), [(0, 0), (5, 6), (5, -1)])
def test_gaps_are_refused(size: int, shift: int) -> None:
    with pytest.raises(ConfigurationError):
        by_count(10, size, shift)
    with pytest.raises(ConfigurationError):
        by_time(np.arange(3, dtype=np.int64), size, shift)


def test_no_events_are_no_chunks() -> None:
    assert by_time(np.zeros(0, np.int64), 5) == []
    assert by_count(4, 5) == []


def test_no_chunk_holds_a_break() -> None:
    times = np.arange(0, 1000, 10, dtype=np.int64)
    none = np.zeros(0, np.int64)

    def spans(some: np.ndarray, breaks: np.ndarray) -> list[tuple[int, int]]:
        return in_epochs(some, breaks, lambda part: by_count(len(part), 20))

    # 36 events, 55 and 9, which are too few for a chunk
    found = spans(times, np.array([905, 355], np.int64))
    assert found == [(0, 191), (160, 351), (360, 551), (560, 751), (710, 901), (905, 2**63 - 1)]
    assert spans(none, none) == []
    assert spans(times[:5], none) == [(0, 2**63 - 1)]
