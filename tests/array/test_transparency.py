# SPDX-License-Identifier: BSD-3-Clause
"""The pair model: exact where data are exact, refused where they do not tell, and its bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.array.rates import PairCounts, SlidingCounts, all_pairs, count_coincidences
from pellucid.array.transparency import Anchors, hess_transparency, pair_transparency
from pellucid.errors import CorruptedInput, InsufficientStatistics
from pellucid.simulate.fronts import square_array
from pellucid.simulate.rates import RateTruth, simulate_counts

MANY = 1e12


def exact(
    e: np.ndarray, first: np.ndarray, second: np.ndarray, eta: float = 0.8, w: float = 0.5
) -> PairCounts:
    rate = (eta * e[first] ** w * e[second] ** (1.0 - w)) ** 1.7
    return PairCounts(e.size, first, second, MANY * rate - 0.5, np.full(first.size, MANY))


def relative(e: np.ndarray) -> np.ndarray:
    return e / np.exp(np.log(e).mean())


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 12), st.integers(0, 1000))
def test_exact_rates_give_exact_throughputs(n: int, seed: int) -> None:
    e = np.exp(np.random.default_rng(seed).normal(0.0, 0.3, n))
    found = pair_transparency(exact(e, *all_pairs(n)))
    np.testing.assert_allclose(found.throughput, relative(e), rtol=1e-12)
    assert found.eta == pytest.approx(0.8 * np.exp(np.log(e).mean()), rel=1e-12)


def test_mixed_sizes_are_solved_with_their_weights() -> None:
    e = np.array([0.9, 1.0, 1.2, 0.8, 1.1])
    first, second = all_pairs(5)
    w = np.where((first < 3) == (second < 3), 0.5, 0.2)
    rate = (0.8 * e[first] ** w * e[second] ** (1.0 - w)) ** 1.7
    counts = PairCounts(5, first, second, MANY * rate - 0.5, np.full(first.size, MANY))
    np.testing.assert_allclose(pair_transparency(counts, weight=w).throughput, relative(e), rtol=1e-12)
    assert not np.allclose(pair_transparency(counts).throughput, relative(e), rtol=1e-3)


def test_a_bipartite_graph_is_refused_with_the_reason() -> None:
    first, second = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0])
    with pytest.raises(InsufficientStatistics, match="join two sides") as caught:
        pair_transparency(exact(np.ones(4), first, second))
    assert caught.value.code == "bipartite"
    assert "[0, 2]" in caught.value.got
    assert "[1, 3]" in caught.value.got


def test_a_bipartite_graph_is_solved_with_anchors() -> None:
    e = np.array([0.9, 1.1, 1.0, 0.8])
    counts = exact(e, np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0]))
    found = pair_transparency(counts, anchors=Anchors(e, 0.01 * e))
    # the priors weigh 1e-8 of the rates: so much is lost to rounding
    np.testing.assert_allclose(found.throughput, e, rtol=1e-6)
    assert found.eta == pytest.approx(0.8, rel=1e-6)
    assert found.anchored


def test_two_telescopes_are_led_to_the_form_per_telescope() -> None:
    with pytest.raises(InsufficientStatistics) as caught:
        pair_transparency(exact(np.ones(2), *all_pairs(2)))
    assert caught.value.code == "two-telescopes"
    assert "hess_transparency" in caught.value.mend
    rate = np.full(2, 0.8**1.7)
    total, error, each, _ = hess_transparency(rate, 0.01 * rate, np.ones(2), np.ones(2))
    assert total == pytest.approx(0.8)
    assert error == pytest.approx(0.8 * 0.01 / 1.7)
    np.testing.assert_allclose(each, 0.8)


def test_a_telescope_in_no_pair_has_no_throughput_and_harms_none() -> None:
    e = np.array([0.9, 1.1, 1.0, 1.0])
    found = pair_transparency(exact(e, *all_pairs(3)))
    three = pair_transparency(exact(e[:3], *all_pairs(3)))
    assert found.identified.tolist() == [True, True, True, False]
    assert np.isnan(found.throughput[3])
    np.testing.assert_allclose(found.throughput[:3], three.throughput, rtol=1e-12)


def test_a_pair_that_does_not_fit_is_dropped() -> None:
    truth = RateTruth.of(np.exp(np.random.default_rng(5).normal(0.0, 0.1, 10)), 0.8)
    (counts,) = simulate_counts(truth, np.random.default_rng(6))
    undisturbed = pair_transparency(counts).throughput
    counts.count[7] *= 2.0
    robust, plain = pair_transparency(counts, robust=True), pair_transparency(counts)
    wrong = [np.abs(f.throughput / undisturbed - 1.0).max() for f in (robust, plain)]
    assert not robust.used[7]
    assert robust.used.sum() >= 44
    assert wrong[0] < 0.02
    assert wrong[1] > 0.05
    assert robust.p_value < 1e-6  # the homogeneity test counts all pairs


def test_a_gradient_across_the_array_shows_itself() -> None:
    place = square_array()[:, :2] / 1000.0
    random = np.random.default_rng(3)
    flat, steep = (RateTruth.of(np.ones(25), [0.8, 0.9], place, (g, 0.0)) for g in (0.0, 0.5))
    even = [pair_transparency(c).p_value for c in simulate_counts(flat, random)]
    # a gradient looks like throughputs: with these anchored it does not fit
    anchors = Anchors(np.ones(25), np.full(25, 0.01))
    uneven = [pair_transparency(c, anchors=anchors) for c in simulate_counts(steep, random)]
    assert min(even) > 1e-3
    assert max(f.p_value for f in uneven) < 1e-6


def test_muons_set_the_scale() -> None:
    random = np.random.default_rng(7)
    e = np.exp(random.normal(0.0, 0.1, 25))
    pulls = []
    for _ in range(100):
        (counts,) = simulate_counts(RateTruth.of(e, 0.82), random)
        anchors = Anchors.of(e * random.normal(1.0, 0.03, 25), 0.03 * e, np.ones(25), np.zeros(25))
        found = pair_transparency(counts, anchors=anchors)
        pulls.append((found.eta - 0.82) / found.eta_error)
    assert found.eta_error == pytest.approx(0.82 * 0.03 / 5.0, rel=0.1)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)


def test_a_sliding_window_gives_the_bits_of_a_batch() -> None:
    slices = simulate_counts(RateTruth.of(np.ones(5), np.linspace(0.9, 0.7, 6)), np.random.default_rng(1))
    window = SlidingCounts(3)
    last = [window.update(one) for one in slices][-1]
    batch = slices[3].merge(slices[4]).merge(slices[5])
    assert pair_transparency(last).eta == pair_transparency(batch).eta


def test_a_part_of_the_array_is_an_array() -> None:
    e = np.array([0.9, 1.1, 1.0, 0.7, 1.3])
    part = exact(e, *all_pairs(5)).only(np.array([4, 0, 2]))
    np.testing.assert_allclose(pair_transparency(part).throughput, relative(e[[4, 0, 2]]), rtol=1e-12)


@pytest.mark.parametrize("live", [0.0, -1.0, np.nan])
def test_no_live_time_is_refused(live: float) -> None:
    one = np.ones(3)
    with pytest.raises(CorruptedInput) as caught:
        PairCounts.of(3, *all_pairs(3), one, np.array([1.0, live, 1.0]), one)
    assert caught.value.code == "no-live-time"


def test_an_efficiency_of_zero_is_refused() -> None:
    with pytest.raises(CorruptedInput) as caught:
        Anchors.of(np.array([0.2, 0.0]), np.full(2, 0.01), np.ones(2), np.zeros(2))
    assert caught.value.code == "bad-efficiency"
    with pytest.raises(CorruptedInput):
        hess_transparency(np.ones(2), np.ones(2), np.array([0.2, 0.0]), np.ones(2))


def test_no_events_are_refused() -> None:
    with pytest.raises(InsufficientStatistics) as caught:
        pair_transparency(PairCounts(3, *all_pairs(3), np.zeros(3), np.ones(3)))
    assert caught.value.code == "no-events"


def test_coincidences_are_counted_by_slice_and_pair() -> None:
    time = np.array([0, 5, 10, 15, 20])
    seen = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 1, 1], [1, 1, 0]], bool)
    single, pairs = count_coincidences(time, seen, np.array([0, 10, 20]))
    assert single.tolist() == [[1, 1, 0], [1, 2, 2]]
    assert pairs.tolist() == [[1, 0, 0], [1, 1, 2]]
    physics = np.array([1, 1, 0, 1, 1], bool)
    assert count_coincidences(time, seen, np.array([0, 10, 20]), physics=physics)[1].tolist()[1] == [0, 0, 1]
