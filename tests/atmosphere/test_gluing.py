# SPDX-License-Identifier: BSD-3-Clause
"""Gluing in both ways: against the light that two simulated channels share."""

import numpy as np
import pytest

from pellucid.atmosphere.lidar.dead_time import DeadTimeFit, fit_dead_time
from pellucid.atmosphere.lidar.gluing import glued, shifted_bins
from pellucid.atmosphere.lidar.joint_gluing import fit_jointly, glued_jointly
from pellucid.atmosphere.lidar.signal import photon_signal
from pellucid.errors import InsufficientStatistics
from pellucid.formats.licel import LicelFile
from pellucid.simulate.lidar import CTA, Layer, Sky, expected_rate, simulate_licel

SKY = Sky((Layer(0.0, 1500.0, 0.2),))
CHANNEL = CTA.channels[0]
RATE = expected_rate(SKY, CTA, CHANNEL)
SHOTS = 1200


def twins(seed: int) -> tuple[np.ndarray, np.ndarray, DeadTimeFit, float]:
    """Raw counts, analog signal in mV, the fit by regression, and the analog noise, of one minute."""
    (file,) = simulate_licel(SKY, CTA, np.random.default_rng(seed))
    photon, analog = _both(file)
    fit = fit_dead_time(analog, photon / SHOTS * 20.0, SHOTS, 7.5)
    return photon, analog, fit, float(analog[0, 6000:].std() * np.sqrt(SHOTS))


def _both(file: LicelFile) -> tuple[np.ndarray, np.ndarray]:
    return file.raw[file.index(355, photon=True)][None].astype(float), file.physical(
        file.index(355, photon=False)
    )[None]


def test_the_likelihood_of_both_channels_gives_back_the_instrument() -> None:
    pulls = []
    for seed in range(12):
        photon, analog, fit, noise = twins(seed)
        joint = fit_jointly(analog, photon / SHOTS * 20.0, SHOTS, 7.5, fit, noise)
        assert joint.tau == pytest.approx(CHANNEL.dead_time, rel=0.02)
        assert joint.slope == pytest.approx(1.0 / CHANNEL.millivolts, rel=0.01)
        pulls.append(
            [
                (joint.tau - CHANNEL.dead_time) / joint.tau_error,
                (joint.slope - 1.0 / CHANNEL.millivolts) / joint.slope_error,
            ]
        )
    assert np.abs(np.mean(pulls, axis=0)).max() < 1.0
    assert np.std(pulls, axis=0).max() < 1.5


@pytest.mark.parametrize("joint", [False, True])
def test_glued_light_is_the_true_light_at_all_rates(joint: bool) -> None:
    ratios, pulls = [], []
    part = (np.arange(8000) > 60) & (np.arange(8000) < 2500)
    true = RATE * SHOTS * 7.5 / 150.0
    for seed in range(8):
        photon, analog, fit, noise = twins(seed)
        if joint:
            found = fit_jointly(analog, photon / SHOTS * 20.0, SHOTS, 7.5, fit, noise)
            signal = photon_signal(photon, SHOTS, 7.5, (45000.0, 60000.0), dead_time=found.tau)
            signal = glued_jointly(signal, photon, analog, found, noise)
        else:
            signal = photon_signal(photon, SHOTS, 7.5, (45000.0, 60000.0), dead_time=fit.tau)
            signal = glued(signal, analog, fit, noise)
        ratios.append(signal.counts[0, part] / true[part])
        pulls.append((signal.counts[0] - true)[part] / np.sqrt(signal.variance[0, part]))
    for low, high in ((60, 130), (130, 400), (400, 900)):
        rows = np.array(ratios)[:, low - 60 : high - 60]
        assert rows.mean() == pytest.approx(1.0, abs=0.01), (low, high)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)


def test_a_delay_of_a_part_of_a_bin_is_undone() -> None:
    x = np.arange(10.0)[None]
    assert shifted_bins(x, 2.25)[0, :7] == pytest.approx(x[0, :7] + 2.25)
    assert np.isnan(shifted_bins(x, 2.25)[0, 8:]).all()


def test_channels_that_never_meet_are_told() -> None:
    photon, analog, fit, noise = twins(1)
    bright = photon_signal(photon, SHOTS, 7.5, (45000.0, 60000.0))
    with pytest.raises(InsufficientStatistics) as caught:
        glued(bright, analog + 1e4, fit, noise)
    assert caught.value.code == "no-gluing"
    with pytest.raises(InsufficientStatistics) as caught:
        fit_jointly(analog, photon / SHOTS * 20.0, SHOTS, 7.5, fit, noise, rates=(500.0, 501.0))
    assert caught.value.code == "no-dead-time"
