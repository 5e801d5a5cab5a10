# SPDX-License-Identifier: BSD-3-Clause
"""Scans: exact light, closure over even and uneven air, the test for evenness, horizontal shots."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.atmosphere.lidar.raman import depth
from pellucid.atmosphere.lidar.scan import horizontal_extinction, multi_angle, scan_table
from pellucid.atmosphere.lidar.scan_fit import fit_scan
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.molecular import molecular_optics, standard_air
from pellucid.errors import ConfigurationError, InsufficientStatistics
from support.scans import SKY, TRUE, counts, made_scan, ray


def test_exact_light_gives_back_the_depth_at_any_two_angles() -> None:
    rays = []
    for zenith in (0.0, 50.0):
        exact = counts(SKY, 355, zenith, None)
        quiet = Signal(
            exact.counts,
            1e9 * exact.exposure,
            exact.background,
            0.0 * exact.background,
            exact.range,
            exact.shots,
        )
        rays.append(ray(quiet, zenith))
    found = multi_angle(scan_table(rays, 400.0, 9400.0))
    truth = np.interp(found.height, *TRUE)
    assert found.value == pytest.approx(truth, abs=3e-3)
    assert (found.n == 2).all()
    assert np.isnan(found.probability)
    assert not found.uniform()


def test_even_air_passes_with_true_errors() -> None:
    random = np.random.default_rng(2)
    pulls, passed = [], 0
    for _ in range(60):
        table = scan_table(made_scan(random, unevenness=0.0, light=0.03)[0], 400.0, 4600.0)
        found = multi_angle(table)
        pulls.append((found.value - np.interp(found.height, *TRUE)) / found.error)
        passed += found.uniform(0.05)
    pull = np.array(pulls)
    assert np.isfinite(pull).mean() > 0.8
    assert abs(np.nanmean(pull[:, 3:])) < 0.25
    assert np.nanstd(pull) == pytest.approx(1.0, abs=0.1)
    assert passed >= 50


def test_uneven_air_fails_the_test_and_is_taken_into_account() -> None:
    random = np.random.default_rng(3)
    inside = []
    for _ in range(4):
        rays, prior = made_scan(random)
        found = fit_scan(scan_table(rays, 400.0, 9400.0), prior)
        assert not found.plain.uniform()
        assert found.unevenness > 0.0
        assert found.has_prior
        assert (found.extinction >= 0.0).all()
        inside += list(np.abs(found.value - np.interp(found.height, *TRUE)) < 2.0 * found.error)
    assert np.mean(inside) > 0.9


def test_even_air_is_recognised_and_needs_no_prior() -> None:
    rays, _ = made_scan(np.random.default_rng(4), unevenness=0.0)
    found = fit_scan(scan_table(rays, 400.0, 9400.0))
    assert found.plain.uniform()
    assert found.unevenness == 0.0
    assert not found.has_prior
    low = found.height < 6000.0
    assert found.value[low] == pytest.approx(np.interp(found.height[low], *TRUE), abs=0.03)
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-12


def test_directions_that_make_no_scan_are_told() -> None:
    one = ray(counts(SKY, 355, 0.0, np.random.default_rng(1)), 0.0)
    for rays in ([one], [one, one], [one, replace(one, zenith=90.0)]):
        with pytest.raises(ConfigurationError) as caught:
            scan_table(rays, 400.0, 9400.0)
        assert caught.value.code == "scan-angles"


def test_a_scan_in_darkness_is_told() -> None:
    random = np.random.default_rng(5)
    with pytest.raises(InsufficientStatistics) as caught:
        fit_scan(scan_table(made_scan(random, light=1e-7)[0], 400.0, 9400.0))
    assert caught.value.code == "no-scan"


def horizontal(alpha: np.ndarray | float, scale: float, seed: int) -> Signal:
    distance = (np.arange(4000) + 0.5) * 7.5
    tau = depth(np.broadcast_to(alpha, distance.shape), 7.5)
    mean = scale * np.exp(-2.0 * tau) * (1.0 - np.exp(-((distance / 150.0) ** 4))) / distance**2 + 0.5
    mean[distance > 25000.0] = 0.5
    return photon_signal(np.random.default_rng(seed).poisson(mean), 1, 7.5, (26000.0, 30000.0))


def test_horizontal_shots_give_the_extinction_at_the_ground() -> None:
    molecular = float(molecular_optics(standard_air([2200.0, 2300.0]), 355.0).extinction[0])
    pulls, chi2 = [], []
    for seed in range(100):
        found = horizontal_extinction(horizontal(molecular + 8e-5, 3e9, seed), molecular, 400.0, 6000.0)
        pulls.append((found.extinction - 8e-5) / found.error)
        chi2.append(found.chi2)
        assert found.amplitude == pytest.approx(3e9, rel=0.03)
    assert abs(np.mean(pulls)) < 0.3
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    assert np.mean(chi2) == pytest.approx(1.0, abs=0.1)
    distance = (np.arange(4000) + 0.5) * 7.5
    fog = molecular + np.where(distance > 3000.0, 4e-4, 4e-5)
    assert horizontal_extinction(horizontal(fog, 3e9, 1), molecular, 400.0, 6000.0).chi2 > 5.0


def test_a_dark_horizontal_shot_is_told() -> None:
    for signal, stop in ((horizontal(1e-4, 10.0, 1), 6000.0), (horizontal(1e-4, 3e9, 1), 420.0)):
        with pytest.raises(InsufficientStatistics) as caught:
            horizontal_extinction(signal, 5e-5, 400.0, stop)
        assert caught.value.code == "no-horizontal"
