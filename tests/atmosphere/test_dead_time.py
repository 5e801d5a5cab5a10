# SPDX-License-Identifier: BSD-3-Clause
"""Dead time: both models and their inverses; tau and delay from the twin channels; counts and gluing."""

import numpy as np
import pytest

from pellucid.atmosphere.lidar.dead_time import DeadTimeFit, counted_rate, fit_dead_time, true_rate
from pellucid.atmosphere.lidar.gluing import glued, shifted_bins
from pellucid.atmosphere.lidar.signal import photon_signal
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.simulate.lidar import CTA, Layer, Sky, expected_rate, simulate_licel

SKY = Sky((Layer(0.0, 1500.0, 0.15),))


def twins(files: int, channel: int, seed: int = 2) -> tuple[np.ndarray, ...]:
    made = simulate_licel(SKY, CTA, np.random.default_rng(seed), files=files)
    analog = np.array([f.physical(2 * channel) for f in made])
    photon = np.array([f.physical(2 * channel + 1) for f in made])
    raw = np.array([f.raw[2 * channel + 1] for f in made])
    return analog, photon, raw, np.full(files, 1200)


@pytest.mark.parametrize("paralysable", [False, True])
def test_true_rates_are_found_again(paralysable: bool) -> None:
    true = np.linspace(0.0, 150.0, 301)
    counted = counted_rate(true, 0.004, paralysable=paralysable)
    found, _ = true_rate(counted, 0.004, paralysable=paralysable)
    assert found == pytest.approx(true, abs=1e-9)
    assert (counted <= true).all()
    assert counted_rate(true, 0.0) == pytest.approx(true)


@pytest.mark.parametrize("paralysable", [False, True])
def test_the_variance_of_corrected_counts_is_told(paralysable: bool) -> None:
    random = np.random.default_rng(1)
    rate, tau, exposure = 60.0, 0.004, 400.0
    n = random.poisson(counted_rate(rate, tau, paralysable=paralysable) * exposure, 40000) / exposure
    true, spread = true_rate(n, tau, paralysable=paralysable)
    assert true.var() * exposure / true.mean() == pytest.approx(spread.mean(), rel=0.03)


def test_impossible_rates_have_no_true_one() -> None:
    for paralysable, rate in ((False, 300.0), (True, 95.0)):
        found, spread = true_rate(rate, 0.004, paralysable=paralysable)
        assert np.isnan(found)
        assert np.isnan(spread)


def test_dead_time_and_delay_are_those_of_the_instrument() -> None:
    pulls = []
    for seed in range(12):
        for channel in (0, 2):
            analog, photon, _, shots = twins(1, channel, seed)
            fit = fit_dead_time(analog, photon, shots, 7.5)
            assert fit.tau == pytest.approx(0.004, abs=5e-4)
            assert fit.delay == pytest.approx(8.0, abs=0.1)
            assert fit.slope == pytest.approx(50.0, rel=0.01)
            pulls.append((fit.tau - 0.004) / fit.tau_error)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(len(pulls))
    assert 0.5 < np.std(pulls) < 1.8


def test_a_delay_left_out_looks_like_another_dead_time() -> None:
    analog, photon, _, shots = twins(5, 2)
    free = fit_dead_time(analog, photon, shots, 7.5)
    fixed = fit_dead_time(analog, photon, shots, 7.5, delays=(0.0, 0.0))
    assert fixed.delay == 0.0
    assert fixed.misfit > 1.5 * free.misfit
    assert abs(fixed.tau - 0.004) > abs(free.tau - 0.004)


def test_darkness_tells_no_dead_time() -> None:
    with pytest.raises(InsufficientStatistics) as caught:
        fit_dead_time(np.ones((2, 500)), np.full((2, 500), 0.1), [600, 600], 7.5)
    assert caught.value.code == "no-dead-time"


def test_bins_shift_by_fractions() -> None:
    ramp = np.arange(10.0)[None] * 2.0
    assert shifted_bins(ramp, 0.25)[0, :9] == pytest.approx(ramp[0, :9] + 0.5)
    assert np.isnan(shifted_bins(ramp, 2.0)[0, 8:]).all()


def test_background_and_its_error_hold_the_truth() -> None:
    random = np.random.default_rng(9)
    counts = random.poisson(2.5, (400, 1000))
    signal = photon_signal(counts, 600, 7.5, (3000.0, 7500.0))
    pull = (signal.background - 2.5) / signal.background_error
    assert abs(pull.mean()) < 0.2
    assert pull.std() == pytest.approx(1.0, abs=0.12)
    assert signal.net[:, :300].mean() == pytest.approx(0.0, abs=0.02)


def test_merging_sums_counts_background_and_shots() -> None:
    random = np.random.default_rng(9)
    counts = random.poisson(100.0, (5, 200))
    each = photon_signal(counts, 600, 7.5, (0.0, 1500.0), dead_time=0.004)
    two = each.merged(2)
    assert two.shots.tolist() == [1200, 1200, 600]
    assert two.counts[1] == pytest.approx(each.counts[2] + each.counts[3])
    assert two.variance[0] == pytest.approx(each.variance[0] + each.variance[1])
    assert each.merged().background[0] == pytest.approx(each.background.sum())


def test_the_zero_bin_moves_the_range() -> None:
    counts = np.ones((1, 100))
    assert photon_signal(counts, 1, 7.5, (0.0, 750.0)).range[0] == 3.75
    moved = photon_signal(counts, 1, 7.5, (0.0, 700.0), zero_bin=2.4)
    assert moved.range[0] == pytest.approx((0.5 - 2.4) * 7.5)


def test_profiles_without_counts_are_refused() -> None:
    for bad in (np.full((1, 50), np.nan), np.zeros((1, 50)), np.full((1, 50), -1.0)):
        with pytest.raises(CorruptedInput) as caught:
            photon_signal(bad, 1, 7.5, (0.0, 375.0))
        assert caught.value.code == "lidar-no-counts"
    with pytest.raises(ConfigurationError):
        photon_signal(np.ones((1, 50)), 1, 7.5, (900.0, 1000.0))


def test_glued_counts_have_the_true_mean_and_variance() -> None:
    analog, photon, raw, shots = twins(60, 2)
    fit = fit_dead_time(analog, photon, shots, 7.5)
    noise = float(analog[:, 6000:7000].std() * np.sqrt(1200))
    signal = glued(photon_signal(raw, shots, 7.5, (45000.0, 59000.0), dead_time=fit.tau), analog, fit, noise)
    true = expected_rate(SKY, CTA, CTA.channels[2]) * 1200 * 7.5 / 150.0
    for low, high in ((400, 700), (700, 1500), (1500, 2500), (2500, 4000), (6000, 9000)):
        part = (signal.range > low) & (signal.range < high)
        assert signal.counts[:, part].mean() == pytest.approx(true[part].mean(), rel=0.004)
        pull = (signal.counts[:, part] - signal.counts[:, part].mean(axis=0)) * np.sqrt(60 / 59)
        assert (pull**2 / signal.variance[:, part]).mean() == pytest.approx(1.0, abs=0.1)


def test_signals_that_stay_bright_cannot_be_glued() -> None:
    fit = DeadTimeFit(0.0, 0.0, 0.0, 0.0, 50.0, 0.0, 0.0, 0.0, 100)
    signal = photon_signal(np.full((1, 100), 1000.0), 1, 7.5, (0.0, 750.0))
    with pytest.raises(InsufficientStatistics, match="joined"):
        glued(signal, np.full((1, 100), 10.0), fit, 0.01)
