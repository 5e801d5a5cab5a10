# SPDX-License-Identifier: BSD-3-Clause
"""Live time of a telescope from its own triggers: dead time two ways, gaps, and what tells nothing."""

import numpy as np
import pytest

from pellucid.array.triggers import even_slices, live_time
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.simulate.rates import simulate_triggers

TAU = 1e-4
S = 10**9


def test_both_ways_tell_the_live_time_that_was_simulated() -> None:
    pulls, off = [], []
    for seed in range(20):
        time = simulate_triggers(2000.0, 40.0, TAU, np.random.default_rng(seed))
        found = live_time(time, even_slices(0, 40 * S, 10 * S), TAU)
        truth = 10.0 - TAU * found.count
        off.append(found.live / truth - 1.0)
        pulls.append((found.by_arrivals - truth) / found.by_arrivals_error)
    assert np.abs(off).max() < 1e-3
    assert np.std(pulls) == pytest.approx(1.0, abs=0.25)
    assert abs(np.mean(pulls)) < 0.4
    away, error = found.disagreement
    assert abs(away) < 4.0 * error < 0.02


def test_a_wrong_dead_time_does_not_fit_the_arrivals() -> None:
    time = simulate_triggers(2000.0, 40.0, TAU, np.random.default_rng(1))
    away, error = live_time(time, even_slices(0, 40 * S, 10 * S), 3.0 * TAU).disagreement
    assert away < -10.0 * error


def test_gaps_are_taken_out_of_the_slices_that_they_lie_in() -> None:
    gaps = ((8.0, 12.0), (33.0, 40.0))
    time = simulate_triggers(500.0, 40.0, TAU, np.random.default_rng(2), gaps)
    found = live_time(time, even_slices(0, 40 * S, 10 * S), TAU)
    assert len(found.gaps) == 2
    # a telescope that is silent until the end of the observation is in a gap too
    assert found.elapsed == pytest.approx([8.0, 8.0, 10.0, 3.0], abs=0.02)
    assert (found.count / found.live)[:3] == pytest.approx(500.0, rel=0.06)


def test_gaps_of_both_telescopes_of_a_pair_count_once() -> None:
    edges = even_slices(0, 40 * S, 10 * S)
    both, one = ((8.0, 12.0),), ((8.0, 12.0), (11.0, 25.0))
    first, second = (
        live_time(simulate_triggers(500.0, 40.0, 0.0, np.random.default_rng(k), gaps), edges, TAU)
        for k, gaps in enumerate((both, one))
    )
    dead = 1.0 - TAU * 500.0
    for one_way in (first.together(second, edges), second.together(first, edges)):
        assert one_way == pytest.approx(np.array([8.0, 0.0, 5.0, 10.0]) * dead**2, abs=0.05)


def test_what_the_camera_reads_out_beside_makes_it_dead_too() -> None:
    time = simulate_triggers(500.0, 20.0, 0.0, np.random.default_rng(3))
    found = live_time(time, even_slices(0, 20 * S, 20 * S), TAU, beside=1500.0)
    assert found.live[0] / found.elapsed[0] == pytest.approx(1.0 - TAU * 2000.0, abs=0.003)


def test_a_rate_above_the_dead_time_limit_has_no_live_time() -> None:
    time = np.arange(0, S, 100_000)
    found = live_time(time, even_slices(0, S, S), 0.95e-4)
    assert found.live.tolist() == [0.0]


def test_slices_are_even_and_cover_the_observation() -> None:
    edges = even_slices(5, 5 + 130 * S, 60 * S)
    assert (edges[0], edges[-1], edges.size) == (5, 5 + 130 * S, 3)
    assert np.ptp(np.diff(edges)) <= 1
    assert even_slices(0, 10, 60 * S).tolist() == [0, 10]
    with pytest.raises(CorruptedInput) as caught:
        even_slices(7, 7, S)
    assert caught.value.code == "no-live-time"


def test_too_few_or_unsorted_events_and_impossible_dead_times_are_refused() -> None:
    edges = even_slices(0, S, S)
    with pytest.raises(InsufficientStatistics) as few:
        live_time(np.arange(8), edges, TAU)
    assert few.value.code == "too-few-events"
    with pytest.raises(CorruptedInput) as back:
        live_time(np.arange(50)[::-1].copy(), edges, TAU)
    assert back.value.code == "not-ascending"
    with pytest.raises(ConfigurationError) as dead:
        live_time(np.arange(50), edges, -1.0)
    assert dead.value.code == "bad-dead-time"
