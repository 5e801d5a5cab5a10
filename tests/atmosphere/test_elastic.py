# SPDX-License-Identifier: BSD-3-Clause
"""Elastic: Klett against exact light, the reference found or withheld, the constrained lidar ratio."""

import numpy as np
import pytest

from pellucid.atmosphere.lidar.chain import analyse
from pellucid.atmosphere.lidar.elastic import (
    constrained_lidar_ratio,
    find_reference,
    klett,
    molecular_signal,
)
from pellucid.atmosphere.lidar.options import AnalysisOptions, Channel
from pellucid.atmosphere.lidar.raman import depth
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.lidar.vaod import OpticalDepth, elastic_optical_depth
from pellucid.atmosphere.molecular import molecular_optics, standard_air
from pellucid.errors import InsufficientStatistics
from pellucid.simulate.lidar import CTA, Layer, Sky, expected_rate

RANGE = (np.arange(1500) + 0.5) * 15.0
OPTICS = molecular_optics(standard_air(RANGE), 355.0)
BETA = 3e-6 / (1.0 + np.exp((RANGE - 2000.0) / 150.0)) + 1e-6 * np.exp(-(((RANGE - 4000.0) / 400.0) ** 2))
RATIO = np.where(RANGE < 3000.0, 55.0, 40.0)


def light(beta: np.ndarray, ratio: np.ndarray | float) -> np.ndarray:
    tau = depth(OPTICS.extinction + ratio * beta, 15.0)
    return (OPTICS.backscatter + beta) * np.exp(-2.0 * tau)


def counts(beta: np.ndarray, scale: float, n: int = 1, seed: int = 1) -> Signal:
    mean = scale * light(beta, RATIO) / RANGE**2
    mean = mean * (RANGE < 19500.0) * 160.0 / OPTICS.backscatter[0] + 0.05
    drawn = np.random.default_rng(seed).poisson(mean, (n, RANGE.size))
    return photon_signal(drawn, 1, 15.0, (20000.0, 22500.0))


def test_exact_light_gives_back_backscatter_on_both_sides_of_the_reference() -> None:
    found = klett(light(BETA, RATIO), RANGE, OPTICS, RATIO, (7000.0, 9000.0))[0]
    part = (RANGE > 100.0) & (RANGE < 15000.0)
    assert found[part] == pytest.approx(BETA[part], abs=3e-9)


def test_a_known_turbid_reference_is_taken_into_account() -> None:
    turbid = BETA + 1e-8
    inside = (RANGE > 100.0) & (RANGE < 9000.0)
    x = light(turbid, 50.0)
    found = klett(x, RANGE, OPTICS, 50.0, (7000.0, 9000.0), reference_backscatter=1e-8)[0]
    assert found[inside] == pytest.approx(turbid[inside], abs=5e-9)
    assert (klett(x, RANGE, OPTICS, 50.0, (7000.0, 9000.0))[0][inside] < turbid[inside]).all()


def test_many_profiles_equal_single_ones() -> None:
    x = counts(BETA, 3e8, 4).range_corrected
    every = klett(x, RANGE, OPTICS, RATIO, (7000.0, 9000.0))
    assert np.array_equal(every[2], klett(x[2], RANGE, OPTICS, RATIO, (7000.0, 9000.0))[0])


def test_noisy_light_gives_unbiased_backscatter() -> None:
    x = counts(BETA, 3e8, 100).range_corrected
    found = klett(x, RANGE, OPTICS, RATIO, (7000.0, 9000.0))
    part = (RANGE > 500.0) & (RANGE < 2000.0)
    assert found[:, part].mean() == pytest.approx(BETA[part].mean(), rel=0.01)


def test_the_reference_lies_in_clean_air_and_is_calibrated() -> None:
    found_at = []
    for seed in range(20):
        signal = counts(BETA, 3e9, seed=seed)
        found = find_reference(signal, OPTICS, 3000.0, 15000.0)
        found_at.append(found.low)
        assert found.low > 4000.0
        assert abs(found.slope) <= 2.0 * found.slope_error
        part = (found.low <= RANGE) & (found.high > RANGE)
        clean = molecular_signal(RANGE, OPTICS)
        assert found.calibration == pytest.approx(signal.net[0, part].sum() / clean[part].sum(), rel=1e-9)
    assert np.mean(np.array(found_at) > 4900.0) >= 0.9


def test_without_clean_air_there_is_no_reference() -> None:
    everywhere = np.full(RANGE.size, 3e-6) * np.exp(-RANGE / 4000.0)
    with pytest.raises(InsufficientStatistics) as caught:
        find_reference(counts(everywhere, 3e10), OPTICS, 1000.0, 9000.0)
    assert caught.value.code == "no-reference"
    with pytest.raises(InsufficientStatistics):
        find_reference(counts(BETA, 1e4), OPTICS, 3000.0, 15000.0)
    with pytest.raises(InsufficientStatistics, match="holds no light"):
        klett(np.zeros(RANGE.size), RANGE, OPTICS, 50.0, (7000.0, 9000.0))


def test_the_lidar_ratio_follows_from_the_optical_depth() -> None:
    x, span = light(BETA, 47.0), (300.0, 6000.0)
    part = (span[0] <= RANGE) & (span[1] > RANGE)
    true = 47.0 * BETA[part].sum() * 15.0
    assert constrained_lidar_ratio(x, RANGE, OPTICS, (7000.0, 9000.0), true, span) == pytest.approx(
        47.0, abs=0.1
    )
    with pytest.raises(InsufficientStatistics) as caught:
        constrained_lidar_ratio(x, RANGE, OPTICS, (7000.0, 9000.0), 9.0, span)
    assert caught.value.code == "no-lidar-ratio"


@pytest.mark.parametrize(("spread", "bias"), [(0.0, 0.3), (15.0, 0.35)])
def test_the_optical_depth_has_the_errors_that_it_tells(spread: float, bias: float) -> None:
    # with a known lidar ratio the counts' noise is all; one drawn from the assumed ones is most of the error
    random = np.random.default_rng(3)
    distance = (np.arange(2600) + 0.5) * 7.5
    air = molecular_optics(standard_air(distance[:2533] + 2200.0), 355.0)
    options = AnalysisOptions(lidar_ratio_error=spread, reference_error=1e-8 if spread else 1e-9)
    pulls = []
    for ratio in random.normal(50.0, spread, 60).clip(25.0):
        sky = Sky((Layer(0.0, 1800.0, 0.2, ratio, 1.0),))
        raw = random.poisson(expected_rate(sky, CTA, CTA.channels[0]) * 12000 * 7.5 / 150.0)
        signal = photon_signal(raw, 12000, 7.5, (45000.0, 60000.0)).until(distance[2533] - 1.0)
        found = analyse(Channel(signal, air), None, options).optical_depth
        assert found is not None
        true = np.interp(
            [found.start, *found.range], distance + 3.75, 7.5 * np.cumsum(sky.aerosol(distance, 355.0)[0])
        )
        pulls.append(((found.value - (true[1:] - true[0])) / found.error)[[3, 6, 9]])
    assert np.abs(np.mean(pulls, axis=0)).max() < bias
    assert np.std(pulls, axis=0) == pytest.approx([1.0] * 3, abs=0.3)


def test_an_optical_depth_needs_three_slabs_of_known_extinction() -> None:
    distance = (np.arange(200) + 0.5) * 7.5
    alpha = np.full(200, 1e-4)
    draws = np.random.default_rng(1).normal(alpha, 1e-6, (20, 200))
    common = np.full((1, 200), 1e-5)

    def depth_to(stop: float, extinction: np.ndarray = alpha) -> OpticalDepth | None:
        return elastic_optical_depth(extinction, draws, common, distance, 355.0, 150.0, stop)

    found = depth_to(1100.0)
    assert found is not None
    assert found.value == pytest.approx(1e-4 * (found.range - found.start))
    assert found.error == pytest.approx(1e-5 * (found.range - found.start), rel=0.05)
    assert (found.start, found.trusted) == (150.0, 1050.0)
    assert found.below == pytest.approx(1e-4 * 150.0)
    assert depth_to(900.0) is None
    assert depth_to(1100.0, np.where(distance < 600.0, alpha, np.nan)) is None
    blind = depth_to(1300.0, np.where(distance < 180.0, np.nan, alpha))
    assert blind is not None
    assert blind.start == 180.0


def seen(sky: Sky, seed: int) -> Channel:
    distance = (np.arange(2400) + 0.5) * 7.5
    rate = expected_rate(sky, CTA, CTA.channels[0])
    raw = np.random.default_rng(seed).poisson(rate * 12000 * 7.5 / 150.0)
    signal = photon_signal(raw, 12000, 7.5, (45000.0, 60000.0)).until(18000.0)
    return Channel(signal, molecular_optics(standard_air(distance + 2200.0), 355.0))


def test_below_a_cloud_the_optical_depth_is_that_up_to_clean_air_there() -> None:
    distance, pulls = (np.arange(2401)) * 7.5, []
    for seed in range(40):
        ratio = np.random.default_rng([1, seed]).normal(50.0, AnalysisOptions().lidar_ratio_error)
        ground = Layer(0.0, 1500.0, 0.2, max(ratio, 15.0))
        sky = Sky((ground, Layer(9000.0, 10000.0, 0.2, 25.0, 0.0)))
        found = analyse(seen(sky, seed))
        assert found.reference is not None
        assert found.reference.low > 10000.0
        depth = found.optical_depth
        assert depth is not None
        assert 3000.0 < depth.trusted < 9000.0
        true = np.interp([depth.start, depth.trusted], distance, depth_of(sky, distance))
        pulls.append((depth.value[-1] - (true[1] - true[0])) / depth.error[-1])
    assert abs(np.mean(pulls)) < 0.5
    assert np.std(pulls) == pytest.approx(1.0, abs=0.3)


def depth_of(sky: Sky, distance: np.ndarray) -> np.ndarray:
    middle = 0.5 * (distance[1:] + distance[:-1])
    return np.concatenate([[0.0], np.cumsum(sky.aerosol(middle, 355.0)[0] * np.diff(distance))])


@pytest.mark.parametrize("column", [None, (0.4, 0.02)])
def test_without_clean_air_below_a_cloud_there_is_no_optical_depth(
    column: tuple[float, float] | None,
) -> None:
    # a column's depth is that of the cloud, too, and tells nothing of the air below it
    base = 9000.0 if column else 4200.0
    sky = Sky((Layer(0.0, 1500.0, 0.2), Layer(base, base + 500.0, 0.2, 25.0, 0.0)))
    assert analyse(seen(sky, 4), options=AnalysisOptions(column=column)).optical_depth is None
