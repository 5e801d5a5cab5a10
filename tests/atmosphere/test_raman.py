# SPDX-License-Identifier: BSD-3-Clause
"""Raman: slopes against an independent fit, closure of extinction, backscatter and depth with pulls."""

import numpy as np
import pytest
from scipy.optimize import minimize

from pellucid.atmosphere.lidar.raman import (
    GOOD,
    NOT_FITTED,
    TOO_FEW,
    depth,
    half_widths,
    raman_backscatter,
    raman_extinction,
    raman_factor,
    raman_model,
    resolved,
)
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.lidar.slopes import moving_slopes
from pellucid.atmosphere.lidar.vaod import raman_optical_depth
from pellucid.atmosphere.molecular import molecular_optics, standard_air
from pellucid.errors import InsufficientStatistics

RANGE = (np.arange(1500) + 0.5) * 15.0
AIR = standard_air(RANGE)
ELASTIC, RAMAN = molecular_optics(AIR, 355.0), molecular_optics(AIR, 387.0)
ALPHA = 1.5e-4 / (1.0 + np.exp((RANGE - 2000.0) / 150.0)) + 4e-5 * np.exp(-(((RANGE - 4000.0) / 400.0) ** 2))
BETA = ALPHA / 50.0


def raman_counts(scale: float, background: float, n: int, seed: int = 1) -> Signal:
    clean = raman_model(RANGE, ELASTIC, RAMAN)
    factor = raman_factor(355.0, 387.0)
    mean = scale * clean / clean[27] * np.exp(-factor * depth(ALPHA, 15.0)) + background
    mean[:10] = background
    mean[RANGE > 19500.0] = background
    counts = np.random.default_rng(seed).poisson(mean, (n, RANGE.size))
    return photon_signal(counts, 1, 15.0, (20000.0, 22500.0))


def elastic_counts(scale: float, n: int) -> Signal:
    tau = depth(ELASTIC.extinction + ALPHA, 15.0)
    light = (ELASTIC.backscatter + BETA) * np.exp(-2.0 * tau) / RANGE**2
    mean = scale * light / light[27] * (RANGE < 19500.0) + 0.2
    counts = np.random.default_rng(3).poisson(mean, (n, RANGE.size))
    return photon_signal(counts, 1, 15.0, (20000.0, 22500.0))


def test_the_slope_is_the_one_of_greatest_likelihood() -> None:
    signal = raman_counts(3000.0, 2.0, 1)
    model = raman_model(RANGE, ELASTIC, RAMAN)
    half = np.where(np.arange(RANGE.size) == 300, 25, 0)
    slope, error, _, status = moving_slopes(
        signal.counts, signal.exposure, model, signal.background, half, 5.0
    )
    assert status[0, 300] == GOOD
    assert (status[0, :300] == NOT_FITTED).all()
    window = slice(275, 326)
    y, m, b = signal.counts[0, window], model[window], signal.background[0]
    x = np.arange(-25, 26)

    def unlikely(p: np.ndarray) -> float:
        mean = m * np.exp(p[0] + p[1] * x / 25.0) + b
        return float((mean - y * np.log(mean)).sum())

    start = [np.log((y - b).sum() / m.sum()), 0.0]
    best = minimize(unlikely, start, method="BFGS", options={"gtol": 1e-8})
    assert slope[0, 300] * 25 == pytest.approx(best.x[1], abs=1e-4)
    step = 1e-3
    shifts = [
        step * np.array(s) for s in ((1, 1), (1, -1), (-1, 1), (-1, -1), (2, 0), (-2, 0), (0, 2), (0, -2))
    ]
    f = [unlikely(best.x + s) for s in shifts]
    mixed, zero = (f[0] - f[1] - f[2] + f[3]) / (4 * step**2), unlikely(best.x)
    bent = [(f[a] + f[a + 1] - 2 * zero) / (4 * step**2) for a in (4, 6)]
    variance = bent[0] / (bent[0] * bent[1] - mixed**2)
    assert error[0, 300] * 25 == pytest.approx(np.sqrt(variance), rel=0.05)


def test_exact_light_gives_back_the_extinction_at_its_resolution() -> None:
    clean = raman_model(RANGE, ELASTIC, RAMAN)
    light = 1e9 * clean * np.exp(-raman_factor(355.0, 387.0) * depth(ALPHA, 15.0))[None]
    one = np.ones(1)
    exact = Signal(light, np.ones_like(light), 0.0 * one, 0.0 * one, RANGE, one.astype(np.int64))
    half = half_widths(RANGE, 300.0, 9000.0)
    found = raman_extinction(exact, ELASTIC, RAMAN, half)
    good = found.status[0] == GOOD
    assert good.sum() > 500
    # light falls across a window, so that the parabola leans a little
    assert found.value[0, good] == pytest.approx(resolved(ALPHA, half)[good], abs=2.5e-6)


@pytest.mark.parametrize("scale", [30000.0, 1000.0])
def test_extinction_closes_without_bias_and_with_true_errors(scale: float) -> None:
    signal = raman_counts(scale, 0.5, 150)
    half = half_widths(RANGE, 300.0, 8000.0)
    found = raman_extinction(signal, ELASTIC, RAMAN, half)
    truth = resolved(ALPHA, half)
    columns = np.flatnonzero((RANGE > 700) & (RANGE < 6000))[::20]
    pull = ((found.value - truth) / found.error)[:, columns]
    kept = np.isfinite(pull)
    assert kept.mean() > 0.9
    assert abs(pull[kept].mean()) < 0.1
    assert pull[kept].std() == pytest.approx(1.0, abs=0.1)


def test_darkness_is_told_and_not_fitted() -> None:
    signal = raman_counts(50.0, 5.0, 1)
    found = raman_extinction(signal, ELASTIC, RAMAN, half_widths(RANGE, 300.0, 20000.0))
    assert (found.status[0, 900:1100] == TOO_FEW).all()
    assert np.isnan(found.value[found.status != GOOD]).all()
    assert np.isfinite(found.error[found.status == GOOD]).all()


def test_backscatter_closes_where_a_mean_of_ratios_would_not() -> None:
    signal, raman = elastic_counts(300000.0, 60), raman_counts(20000.0, 0.1, 60)
    half = np.where((RANGE > 400) & (RANGE < 6000), 4, 0)
    found = raman_backscatter(signal, raman, ELASTIC, RAMAN, ALPHA, half, (7000.0, 10000.0))
    part = (RANGE > 500) & (RANGE < 1800)
    assert np.nanmean(found.value[:, part]) == pytest.approx(BETA[part].mean(), rel=0.02)
    pull = ((found.value - np.convolve(BETA, np.ones(9) / 9, "same")) / found.error)[:, part][:, ::9]
    assert abs(pull.mean()) < 0.25
    assert pull.std() == pytest.approx(1.0, abs=0.15)
    window = (RANGE > 7000) & (RANGE < 10000)
    naive = signal.net[:, window] / np.maximum(raman.net[:, window], 0.5)
    right = signal.net[:, window].sum(axis=1) / raman.net[:, window].sum(axis=1)
    assert (naive.mean(axis=1) / right).mean() > 1.05


def test_sums_below_the_background_are_too_little_light() -> None:
    shape = (1, RANGE.size)
    signals = [
        Signal(
            np.full(shape, net + 5.0),
            np.ones(shape),
            np.full(1, 5.0),
            np.full(1, 0.1),
            RANGE,
            np.ones(1, np.int64),
        )
        for net in (1.0, -0.01)
    ]
    bright = RANGE < 6000.0
    signals[1].counts[0, bright] = 500.0
    half = np.full(RANGE.size, 4)
    half[:10] = half[-10:] = 0
    found = raman_backscatter(*signals, ELASTIC, RAMAN, np.zeros(1), half, (3000.0, 5000.0))
    dark = RANGE > 6200.0
    assert (found.status[0, dark & (half > 0)] == TOO_FEW).all()
    assert not (found.error < 0.0).any()


def test_a_dark_reference_withholds_the_backscatter() -> None:
    signal, raman = elastic_counts(100.0, 1), raman_counts(10.0, 0.0, 1)
    half = np.where(RANGE < 5000, 4, 0)
    with pytest.raises(InsufficientStatistics) as caught:
        raman_backscatter(signal, raman, ELASTIC, RAMAN, ALPHA, half, (19000.0, 19500.0))
    assert caught.value.code == "no-reference"


def test_optical_depth_closes_with_its_full_covariance() -> None:
    signal = raman_counts(20000.0, 0.3, 300)
    tau = depth(ALPHA, 15.0)
    found = [
        raman_optical_depth(signal, ELASTIC, RAMAN, 400.0, 6500.0, angstrom_error=0.0, profile=i)
        for i in range(300)
    ]
    m = min(f.value.size for f in found)
    value = np.array([f.value[:m] for f in found])
    truth = np.interp(found[0].range[:m], RANGE, tau) - np.interp(found[0].start, RANGE, tau)
    expected = np.mean([f.covariance[:m, :m] for f in found], axis=0)
    pull = (value - truth) / np.sqrt(np.diag(expected))
    assert np.abs(pull.mean(axis=0)).max() < 0.25
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    measured = np.cov(value.T)
    correlation = measured / np.sqrt(np.outer(np.diag(measured), np.diag(measured)))
    told = expected / np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs(correlation - told).max() < 0.25
    got, error = found[0].between(2000.0, 5000.0)
    assert abs(got - np.interp(5000.0, RANGE, tau) + np.interp(2000.0, RANGE, tau)) < 4 * error
    with pytest.raises(InsufficientStatistics, match="does not reach"):
        found[0].between(2000.0, 9000.0)


def test_a_channel_without_light_has_no_depth() -> None:
    with pytest.raises(InsufficientStatistics) as caught:
        raman_optical_depth(raman_counts(0.5, 5.0, 1), ELASTIC, RAMAN, 400.0, 6500.0)
    assert caught.value.code == "no-raman-signal"


def test_draws_scatter_as_the_errors_say() -> None:
    signal = raman_counts(5000.0, 0.5, 1)
    half = half_widths(RANGE, 300.0, 5000.0)
    one = raman_extinction(signal, ELASTIC, RAMAN, half)
    many = raman_extinction(signal.drawn(np.random.default_rng(1), 200), ELASTIC, RAMAN, half)
    columns = np.flatnonzero((RANGE > 600) & (RANGE < 4000))[::10]
    ratio = many.value[:, columns].std(axis=0, ddof=1) / one.error[0, columns]
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)
