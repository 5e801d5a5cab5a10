# SPDX-License-Identifier: BSD-3-Clause
"""Coefficients in time: linear with right errors, honest at jumps, at the ends and without data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.camera.intime import Moment, TimeSeries
from pellucid.errors import ConfigurationError, CorruptedInput

SECOND = 1_000_000_000


def series(values: list[float], error: float = 1.0, breaks: list[int] | None = None, **choices) -> TimeSeries:
    """Chunks of 10 s, one after the other, of a camera of one pixel."""
    start = np.arange(len(values), dtype=np.int64) * 10 * SECOND
    value = np.array(values)[:, None, None]
    cuts = None if breaks is None else np.array(breaks, np.int64) * SECOND
    return TimeSeries.of(
        start, start + 10 * SECOND, value, np.full(value.shape, error), np.isfinite(value), cuts,
        most_bad=2.0, **choices,
    )  # fmt: skip


def at(s: TimeSeries, seconds: float, hold: float = 5.0) -> tuple[float, float, Moment]:
    found = s.at(round(seconds * SECOND), round(hold * SECOND))
    return float(found.value[0, 0]), float(found.error[0, 0]), Moment(int(found.status[0, 0]))


def test_between_the_middles_it_is_linear_and_errors_propagate() -> None:
    value, error, status = at(series([10.0, 12.0]), 7.5)
    assert (value, status) == (10.5, Moment.LINEAR)
    assert error == pytest.approx(np.sqrt(0.75**2 + 0.25**2))


@given(st.floats(5.0, 15.0))
def test_the_error_is_that_of_many_repetitions(seconds: float) -> None:
    random = np.random.default_rng(1)
    start = np.array([0, 10]) * SECOND
    value = random.normal(50.0, 2.0, (2, 1, 4000))
    s = TimeSeries.of(
        start, start + 10 * SECOND, value, np.full(value.shape, 2.0), np.ones(value.shape, bool)
    )
    found = s.at(round(seconds * SECOND), 0, jump=1e9)
    assert found.value.std() == pytest.approx(found.error.mean(), rel=0.05)


def test_across_a_jump_the_nearer_chunk_holds() -> None:
    s = series([10.0, 30.0])
    assert at(s, 9.0) == (10.0, 1.0, Moment.NEAREST)
    assert at(s, 11.0) == (30.0, 1.0, Moment.NEAREST)


def test_beyond_the_ends_it_is_held_and_then_expires_but_stays_a_number() -> None:
    s = series([10.0, 11.0])
    assert at(s, 18.0)[2] == Moment.LINEAR
    assert at(s, 24.0) == (11.0, 1.0, Moment.HELD)
    assert at(s, 26.0) == (11.0, 1.0, Moment.EXPIRED)
    assert at(s, -4.0)[2] == Moment.HELD
    assert at(s, -6.0)[2] == Moment.EXPIRED
    assert not s.at(26 * SECOND, 5 * SECOND).usable.any()


def test_invalid_chunks_are_bridged() -> None:
    assert at(series([10.0, np.nan, 12.0]), 15.0)[:1] == (11.0,)
    value, error, status = at(series([np.nan, np.nan]), 12.0)
    assert np.isnan([value, error]).all()
    assert status == Moment.MISSING


def test_a_step_of_the_voltage_begins_a_new_epoch() -> None:
    s = series([10.0, 10.0, 14.0, 14.0], error=3.0, breaks=[20])
    assert at(s, 19.9)[0] == 10.0
    assert at(s, 20.1)[0] == 14.0
    # without the break, with these errors, it would have been interpolated
    assert 10.0 < at(series([10.0, 10.0, 14.0, 14.0], error=3.0), 19.9)[0] < 14.0


def test_a_chunk_with_many_bad_pixels_holds_for_none() -> None:
    start = np.arange(3, dtype=np.int64) * SECOND
    value, good = np.ones((3, 1, 20)), np.ones((3, 1, 20), bool)
    good[1, 0, :3] = False
    s = TimeSeries.of(start, start + SECOND, value, value, good)
    assert s.good.any(axis=(1, 2)).tolist() == [True, False, True]


def test_overlapping_chunks_share_their_errors() -> None:
    start = np.array([0, 5]) * SECOND
    ones = np.ones((2, 1, 1))
    s = TimeSeries.of(start, start + 10 * SECOND, ones, ones, ones > 0)
    assert s.at(round(7.5 * SECOND), 0).error[0, 0] == pytest.approx(np.sqrt(0.5 + 0.5 * 0.5))


def test_what_does_not_fit_is_refused() -> None:
    ones, start = np.ones((2, 1, 1)), np.array([5, 0], np.int64)
    with pytest.raises(CorruptedInput, match="backwards"):
        TimeSeries.of(start, start + 1, ones, ones, ones > 0)
    with pytest.raises(ConfigurationError):
        TimeSeries.of(np.sort(start), np.sort(start), ones, ones, ones > 0)
