# SPDX-License-Identifier: BSD-3-Clause
"""Dead time and gaps, the reference rate, the exponent, and the light yield."""

import numpy as np
import pytest
from astropy import units as u

from pellucid.array.dead_time import arrival_rate, corrected_rate, elapsed_time, live_fraction
from pellucid.array.exponent import fit_exponent, fit_shares
from pellucid.array.light_yield import LST1, IntensitySpectrum, fit_spectrum, light_yield
from pellucid.array.reference import Conditions, fit_reference, radians
from pellucid.errors import CorruptedInput, InsufficientStatistics, UsageError
from pellucid.simulate.rates import simulate_triggers

TAU = 7e-6


def test_both_ways_agree_on_the_rate_without_dead_time() -> None:
    random = np.random.default_rng(1)
    pulls = []
    for _ in range(60):
        time = simulate_triggers(7360.0, 2.0, TAU, random)
        found = arrival_rate(time)
        pulls.append((found.rate - 7360.0) / found.error)
        assert corrected_rate(time.size / 2.0, TAU) == pytest.approx(found.rate, rel=0.04)
    assert abs(np.mean(pulls)) < 0.4
    assert np.std(pulls) == pytest.approx(1.0, abs=0.25)
    assert found.shortest >= 0.99 * TAU


def test_gaps_are_removed() -> None:
    gaps = ((3.0, 4.5), (7.0, 7.25))
    time = simulate_triggers(1000.0, 10.0, TAU, np.random.default_rng(2), gaps)
    elapsed, n = elapsed_time(time)
    assert n == 2
    assert elapsed == pytest.approx(10.0 - 1.75, abs=0.02)
    assert arrival_rate(time).gaps == 2


def test_a_rate_above_the_dead_time_limit_is_refused() -> None:
    with pytest.raises(CorruptedInput) as caught:
        corrected_rate([100.0, 0.95 / TAU], TAU)
    assert caught.value.code == "above-dead-time-limit"


@pytest.mark.parametrize("rate", [-1.0, np.nan])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(CorruptedInput) as caught:
        live_fraction(rate, TAU)
    assert caught.value.code == "bad-rate"


def test_a_clock_is_no_poisson_process() -> None:
    with pytest.raises(InsufficientStatistics) as caught:
        arrival_rate(np.arange(0, 10**9, 10**5))
    assert caught.value.code == "no-chance"


def test_too_few_or_unsorted_events_are_refused() -> None:
    with pytest.raises(InsufficientStatistics):
        arrival_rate(np.arange(5))
    with pytest.raises(CorruptedInput, match="ascend"):
        elapsed_time(np.arange(50)[::-1].copy())


def clear_nights(random: np.random.Generator, n: int = 400) -> tuple[Conditions, np.ndarray, np.ndarray]:
    zenith, azimuth = random.uniform(0.0, 60.0, n), random.uniform(0.0, 360.0, n)
    sky, kind = random.uniform(150.0, 350.0, n), random.integers(0, 2, n)
    conditions = Conditions.of(zenith * u.deg, azimuth * u.deg, sky, kind)
    z, a = np.deg2rad(zenith), np.deg2rad(azimuth)
    level = np.log([30.0, 50.0])[kind] + 1.2 * np.log(np.cos(z)) + 0.3 * np.log(np.cos(z)) ** 2
    return conditions, np.exp(level + 0.03 * np.sin(z) * np.cos(a) - 4e-4 * (sky - sky.mean())), sky


def test_the_reference_is_fitted_within_its_errors() -> None:
    random = np.random.default_rng(4)
    conditions, rate, _ = clear_nights(random)
    count = random.poisson(rate * 60.0).astype(float)
    count[::50] *= 0.7  # clouds that nobody saw
    found = fit_reference(conditions, count, np.full(count.size, 60.0))
    truth = np.array([np.log(30.0), np.log(50.0), 1.2, 0.3, 0.03, 0.0, -4e-4])
    pull = (found.coefficient - truth) / np.sqrt(np.diag(found.covariance))
    assert np.abs(pull).max() < 3.5
    predicted, error = found.rate(conditions)
    assert np.abs(predicted / rate - 1.0).max() < 0.02
    assert error.max() < 0.02


def test_the_reference_is_not_stretched() -> None:
    random = np.random.default_rng(4)
    conditions, rate, _ = clear_nights(random)
    found = fit_reference(conditions, rate * 60.0, np.full(rate.size, 60.0))
    with pytest.raises(InsufficientStatistics) as caught:
        found.rate(Conditions.of(70.0 * u.deg, 0.0 * u.deg, 200.0))
    assert caught.value.code == "outside-reference"
    same = Conditions.of(np.full(9, 20.0) * u.deg, np.zeros(9) * u.deg, np.full(9, 200.0))
    with pytest.raises(InsufficientStatistics) as caught:
        fit_reference(same, np.full(9, 100.0), np.ones(9))
    assert caught.value.code == "too-few-conditions"


def test_the_exponent_is_fitted_not_assumed() -> None:
    random = np.random.default_rng(8)
    light = np.linspace(0.7, 1.3, 13)
    pulls = []
    for _ in range(100):
        count = random.poisson(30.0 * 600.0 * light**1.24).astype(float)
        found = fit_exponent(light, count, np.full(13, 600.0))
        pulls.append((found.value - 1.24) / found.error)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert abs(np.mean(pulls)) < 0.3
    with pytest.raises(InsufficientStatistics):
        fit_exponent(np.ones(5), np.full(5, 100.0), np.ones(5))


def test_shares_of_two_kinds_are_fitted_in_simulations() -> None:
    """A pair whose first telescope has the lower threshold: its light hardly matters."""
    random = np.random.default_rng(9)
    light = np.array([[s, 1.0] for s in (0.7, 0.85, 1.0, 1.2)] + [[1.0, s] for s in (0.7, 0.85, 1.2)])
    pulls = []
    for _ in range(100):
        rate = 20.0 * light[:, 0] ** (1.7 * 0.2) * light[:, 1] ** (1.7 * 0.8)
        found = fit_shares(light, random.poisson(rate * 600.0).astype(float), np.full(7, 600.0))
        pulls.append([(found.first - 0.2) / found.first_error, (found.exponent - 1.7) / found.exponent_error])
    assert np.std(pulls, axis=0) == pytest.approx(1.0, abs=0.25)
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.4
    with pytest.raises(InsufficientStatistics) as caught:
        fit_shares(light[:, :1] * np.ones(2), np.full(7, 100.0), np.ones(7))
    assert caught.value.code == "too-few-scales"


def test_conditions_that_nobody_knows_are_refused() -> None:
    with pytest.raises(CorruptedInput) as caught:
        Conditions.of([20.0, 30.0] * u.deg, 0.0 * u.deg, [250.0, np.nan])
    assert caught.value.code == "no-conditions"


@pytest.mark.parametrize("angle", [20.0, np.array([20.0]), 20.0 * u.m])
def test_an_angle_without_a_unit_is_refused(angle: object) -> None:
    with pytest.raises(UsageError) as caught:
        radians(angle)
    assert caught.value.code == "no-unit"
    with pytest.raises(UsageError):
        Conditions.of(angle, 0.0 * u.deg, 200.0)
    with pytest.raises(UsageError):
        LST1.at(angle)


def test_light_yield_closes_with_its_error() -> None:
    random = np.random.default_rng(9)
    edges = np.geomspace(316.2, 562.3, 6)
    truth = light_yield(IntensitySpectrum(1.2, 0.0, -2.24, 0.0, 0.0, 0.0, 3, 0), 0.0 * u.deg).value
    pulls = []
    for _ in range(200):
        power = -1.24
        whole = 1.2 * 422.0 / power * ((edges / 422.0) ** power)
        count = random.poisson(np.diff(whole) * 60.0).astype(float)
        found = light_yield(fit_spectrum(count, edges, 60.0), 0.0 * u.deg)
        pulls.append((found.value - truth) / found.error)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    assert abs(np.mean(pulls)) < 0.3


def test_a_spectrum_that_is_none_is_refused() -> None:
    with pytest.raises(CorruptedInput, match="no spectrum"):
        light_yield(IntensitySpectrum(1.2, 0.1, -0.5, 0.1, 0.0, 1.0, 3, 100), 0.0 * u.deg)
    with pytest.raises(InsufficientStatistics):
        fit_spectrum(np.zeros(5), np.geomspace(316.2, 562.3, 6), 60.0)
    with pytest.raises(CorruptedInput, match="live time"):
        fit_spectrum(np.ones(5), np.geomspace(316.2, 562.3, 6), 0.0)
    with pytest.raises(InsufficientStatistics, match="cleaning"):
        LST1.cleaned(6.0)
