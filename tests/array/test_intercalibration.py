# SPDX-License-Identifier: BSD-3-Clause
"""Intercalibration, timing, the joint solution, and parts of an array."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.array.identifiability import study_array
from pellucid.array.intercalibration import (
    LeftOut,
    PairAsymmetries,
    aggregate,
    asymmetry,
    intercalibrate,
    intercalibrate_types,
    type_scale,
)
from pellucid.array.joint import Measurement, joint_solution
from pellucid.array.rates import all_pairs
from pellucid.array.timing import time_offsets
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.simulate.fronts import simulate_fronts, square_array


def pairs_of(c: np.ndarray, first: np.ndarray, second: np.ndarray, error: float = 0.004) -> PairAsymmetries:
    a = (c[first] - c[second]) / (c[first] + c[second])
    return PairAsymmetries(first, second, a, np.full(a.size, error), np.full(a.size, 100))


def test_exact_asymmetries_give_exact_throughputs_on_any_graph() -> None:
    c = np.array([1.0, 0.7, 1.4, 0.9, 1.2])
    chain = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4])
    for graph in (chain, all_pairs(5)):
        found = intercalibrate(pairs_of(c, *graph), 5, reference=2)
        np.testing.assert_allclose(found.value, c / c[2], rtol=1e-12)
        assert found.error[2] == 0.0
        assert (found.error[[0, 1, 3, 4]] > 0.0).all()


def test_errors_are_true() -> None:
    random = np.random.default_rng(2)
    c = np.exp(random.normal(0.0, 0.1, 8))
    exact, pulls = pairs_of(c, *all_pairs(8)), []
    for _ in range(200):
        found = intercalibrate(replace(exact, value=exact.value + random.normal(0.0, 0.004, 28)), 8)
        pulls.append((found.value[1:] - c[1:] / c[0]) / found.error[1:])
    assert np.std(pulls) == pytest.approx(1.0, abs=0.08)


def test_a_pair_with_one_event_is_left_out_and_harms_none() -> None:
    c = np.array([1.0, 0.8, 1.1])
    pairs = pairs_of(c, *all_pairs(3))
    pairs.error[2], pairs.n[2] = np.nan, 1
    found = intercalibrate(pairs, 3)
    np.testing.assert_allclose(found.value, c, rtol=1e-12)
    assert found.left_out.tolist() == [LeftOut.USED, LeftOut.USED, LeftOut.NO_ERROR]


def test_telescopes_unconnected_with_the_reference_have_no_value() -> None:
    found = intercalibrate(pairs_of(np.ones(4), np.array([0, 2]), np.array([1, 3])), 4)
    assert found.connected.tolist() == [True, True, False, False]
    assert np.isnan(found.value[2:]).all()
    assert found.left_out.tolist() == [LeftOut.USED, LeftOut.UNCONNECTED]
    assert np.isfinite(found.value[:2]).all()


def test_a_reference_in_no_pair_is_refused() -> None:
    with pytest.raises(InsufficientStatistics) as caught:
        intercalibrate(pairs_of(np.ones(4), np.array([0]), np.array([1])), 4, reference=3)
    assert caught.value.code == "no-pairs"
    with pytest.raises(CorruptedInput):
        intercalibrate(pairs_of(np.ones(4), *all_pairs(4)), 3)


def test_an_impossible_asymmetry_is_left_out() -> None:
    pairs = pairs_of(np.ones(3), *all_pairs(3))
    pairs.value[0] = 1.0
    assert intercalibrate(pairs, 3).left_out[0] == LeftOut.NO_ASYMMETRY


def test_a_pair_that_does_not_fit_is_dropped() -> None:
    pairs = pairs_of(np.ones(8), *all_pairs(8))
    pairs.value[:] += np.random.default_rng(1).normal(0.0, 0.004, 28)
    pairs.value[3] += 0.1
    found = intercalibrate(pairs, 8, robust=True)
    assert found.left_out[3] == LeftOut.DOES_NOT_FIT
    assert np.abs(found.value - 1.0).max() < 0.02


def test_types_are_tied_by_pairs_across_them() -> None:
    c = np.array([1.0, 1.1, 1.5, 1.6])
    scale, error = type_scale(intercalibrate(pairs_of(c, *all_pairs(4)), 4), np.array([2, 3]))
    assert scale == pytest.approx(np.sqrt(1.5 * 1.6))
    assert 0.0 < error < 0.02


def test_types_are_calibrated_each_by_itself() -> None:
    c = np.array([1.0, 0.8, 1.1, 5.0, 6.0, 4.0, 1.0])
    kind = np.array([0, 0, 0, 1, 1, 1, 2])
    found = intercalibrate_types(pairs_of(c, *all_pairs(7)), kind, np.array([4]))
    np.testing.assert_allclose(found.value[:6], [*c[:3] / c[0], *c[3:6] / c[4]], rtol=1e-12)
    assert found.reference.tolist() == [0, 0, 0, 4, 4, 4, -1]
    assert found.connected.tolist() == [True] * 6 + [False]
    assert np.isnan(found.covariance[6]).all()
    assert (found.covariance[:3, 3:6] == 0.0).all()
    alone = intercalibrate(pairs_of(c[:3], *all_pairs(3)), 3)
    np.testing.assert_allclose(found.covariance[:3, :3], alone.covariance)
    assert (found.left_out == LeftOut.UNCONNECTED).sum() == 21 - 6
    with pytest.raises(ConfigurationError) as caught:
        intercalibrate_types(pairs_of(c, *all_pairs(7)), kind, np.array([4, 5]))
    assert caught.value.code == "two-references"
    with pytest.raises(InsufficientStatistics) as nothing:
        intercalibrate_types(pairs_of(c, *all_pairs(7)), np.arange(7), np.zeros(0, np.int64))
    assert nothing.value.code == "no-pairs"


def test_events_are_averaged_by_pair_with_outliers_left_out() -> None:
    random = np.random.default_rng(3)
    first = np.array([0, 1] * 500 + [1])
    second = np.array([1, 0] * 500 + [2])
    a = random.normal(0.1, 0.02, 1001) * np.where(first < second, 1.0, -1.0)
    a[4] = 0.99
    pairs = aggregate(first, second, a)
    assert pairs.first.tolist() == [0, 1]
    assert pairs.second.tolist() == [1, 2]
    assert pairs.n.tolist() == [999, 1]
    assert pairs.value[0] == pytest.approx(0.1, abs=0.003)
    assert pairs.error[0] == pytest.approx(0.02 / np.sqrt(999), rel=0.1)
    assert np.isnan(pairs.error[1])


def test_the_error_of_an_asymmetry_is_that_of_its_scatter() -> None:
    random = np.random.default_rng(4)
    one, other = random.normal(1.0, 0.05, 100_000), random.normal(1.2, 0.03, 100_000)
    a, error = asymmetry(one, other, np.full(one.size, 0.05), np.full(one.size, 0.03))
    assert a.std() == pytest.approx(error.mean(), rel=0.02)


def test_a_telescope_that_sees_no_shower_has_no_offset() -> None:
    position = square_array(3)
    times = simulate_fronts(np.zeros(9), position, 50, np.random.default_rng(1))
    times.time[:, 8] = np.nan
    found = time_offsets(times, position)
    assert np.isnan(found.value[8])
    assert found.connected.sum() == 8
    assert np.abs(found.value[:8]).max() < 5.0 * found.error[:8].max()


def test_fronts_without_a_direction_or_partner_are_refused() -> None:
    position = square_array(3)
    times = simulate_fronts(np.zeros(9), position, 5, np.random.default_rng(1))
    broken = {
        "direction": 2.0 * times.direction,
        "distance": np.full(5, np.nan),
        "core": np.full((5, 3), np.nan),
        "error": np.zeros((5, 9)),
    }
    for name, values in broken.items():
        with pytest.raises(CorruptedInput) as caught:
            time_offsets(replace(times, **{name: values}), position)
        assert caught.value.code == "bad-front", name
    times.time[:, 1:] = np.nan
    with pytest.raises(InsufficientStatistics):
        time_offsets(times, position)


def test_plane_fronts_are_those_from_far_away() -> None:
    position, offset = square_array(3), np.linspace(-4.0, 4.0, 9)
    times = simulate_fronts(
        offset, position, 20, np.random.default_rng(1), jitter=1e-6, direction_error=1e-12, distance=np.inf
    )
    np.testing.assert_allclose(time_offsets(times, position).value, offset, atol=1e-4)


def night(seed: int) -> tuple[dict[str, Measurement], np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    n, m = 6, 5
    times = np.arange(n) * 10.0
    step = 0.002 * np.sqrt(10.0)
    e = random.normal(0.0, 0.1, m) + np.cumsum(random.normal(0.0, step, (n, m)), axis=0)
    g = random.normal(0.0, 0.05, m) + np.cumsum(random.normal(0.0, step, (n, m)), axis=0)
    eta = random.uniform(-0.3, 0.0, n)
    first, second = all_pairs(m)
    t, p = (x.ravel() for x in np.meshgrid(np.arange(n), np.arange(first.size), indexing="ij"))
    ti, i = (x.ravel() for x in np.meshgrid(np.arange(n), np.arange(m), indexing="ij"))

    def seen(interval: np.ndarray, a: np.ndarray, b: np.ndarray, value: np.ndarray, s: float) -> Measurement:
        return Measurement(interval, a, b, value + random.normal(0.0, s, value.size), np.full(value.size, s))

    i1, i2 = first[p], second[p]
    measured = {
        "rates": seen(t, i1, i2, eta[t] + 0.5 * (e[t, i1] + e[t, i2]), 0.014),
        "asymmetries": seen(t, i1, i2, e[t, i1] - e[t, i2], 0.01),
        "muons": seen(ti, i, i, e[ti, i] - g[ti, i], 0.03),
        "gains": seen(ti, i, i, g[ti, i], 0.01),
    }
    return measured, times, e, eta


def test_the_joint_solution_closes() -> None:
    pulls, airs = [], []
    for seed in range(25):
        measured, times, e, eta = night(seed)
        found = joint_solution(measured, 5, times)
        pulls.append((np.log(found.throughput) - e) / (found.throughput_error / found.throughput))
        airs.append((np.log(found.eta) - eta) / (found.eta_error / found.eta))
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert np.std(airs) == pytest.approx(1.0, abs=0.3)
    assert set(found.methods) == {"rates", "asymmetries", "muons", "gains"}
    alone = joint_solution({k: measured[k] for k in ("muons", "gains")}, 5, times)
    assert (found.throughput_error < alone.throughput_error).all()
    assert np.isnan(alone.eta).all()


def test_a_method_that_disagrees_shows_in_its_residuals() -> None:
    measured, times, _, _ = night(1)
    muons = measured["muons"]
    # a bias of half the array's muons cannot be air
    measured["muons"] = replace(muons, value=muons.value + np.where(muons.first < 2, 0.3, 0.0))
    found = joint_solution(measured, 5, times).methods
    assert found["muons"].chi2 / found["muons"].n > 3.0 * found["gains"].chi2 / found["gains"].n


def test_a_joint_solution_of_nothing_is_refused() -> None:
    measured, times, _, _ = night(1)
    with pytest.raises(InsufficientStatistics, match="determine nothing"):
        joint_solution({"asymmetries": measured["asymmetries"]}, 5, times)
    with pytest.raises(InsufficientStatistics, match="No such method"):
        joint_solution({"stars": measured["muons"]}, 5, times)


def test_parts_of_an_array_know_less_and_say_so() -> None:
    ids, pairs = tuple(range(1, 26)), all_pairs(25)
    three = {p.name: p for p in study_array(ids, *pairs, (1, 2, 3)).parameters}
    two = {p.name: p for p in study_array(ids, *pairs, (1, 2)).parameters}
    assert all(p.growth is not None and p.growth > 1.0 for p in three.values())
    assert three["change of transparency times mean throughput"].growth == pytest.approx(10.0)  # 300/3 pairs
    assert two["relative throughput from rates"].error is None
    # one pair follows the air over the light of both, though it cannot tell whose light it is
    assert two["change of transparency times mean throughput"].growth == pytest.approx(np.sqrt(300.0))
    across = np.array([0, 0, 0]), np.array([1, 2, 3])
    uneven = {p.name: p for p in study_array((1, 2, 3, 4), *across, (1, 2, 3, 4)).parameters}
    assert uneven["change of transparency times mean throughput"].error is None
    assert "two sides" in uneven["change of transparency times mean throughput"].reason
    assert "product" in two["relative throughput from rates"].reason
    assert two["throughput with muons"].error == pytest.approx(0.03)
    with pytest.raises(CorruptedInput):
        study_array(ids, *pairs, (1, 99))
