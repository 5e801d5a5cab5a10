# SPDX-License-Identifier: BSD-3-Clause
"""The simulated LIDAR: its truth adds up, its files hold it, the same seed gives the same bytes."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.formats.licel import problems, read_licel, write_licel
from pellucid.simulate.lidar import CTA, Layer, Sky, expected_rate, simulate_licel

SKY = Sky((Layer(0.0, 1500.0, 0.2), Layer(8000.0, 9000.0, 0.3, 25.0, 0.0)))
HEIGHT = (np.arange(4000) + 0.5) * 7.5


def test_layers_have_the_optical_depth_they_are_given() -> None:
    blue, green = (SKY.aerosol(HEIGHT, nm)[0].sum() * 7.5 for nm in (355, 532))
    assert blue == pytest.approx(0.5, rel=1e-9)
    assert green == pytest.approx(0.2 * 355 / 532 + 0.3, rel=1e-9)
    extinction, backscatter = SKY.aerosol(HEIGHT, 355)
    at = np.searchsorted(HEIGHT, [500.0, 8500.0])
    assert extinction[at] / backscatter[at] == pytest.approx([50.0, 25.0], rel=1e-3)


def test_files_are_whole_and_come_again_with_the_seed(tmp_path: Path) -> None:
    made = simulate_licel(SKY, CTA, np.random.default_rng(7), files=2)
    again = simulate_licel(SKY, CTA, np.random.default_rng(7), files=2)
    other = simulate_licel(SKY, CTA, np.random.default_rng(8))
    paths = []
    for i, file in enumerate([made[1], again[1], other[0]]):
        paths.append(tmp_path / str(i))
        write_licel(paths[-1], file)
        assert list(problems(file)) == []
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes() != paths[2].read_bytes()
    assert read_licel(paths[0]).header == made[1].header
    assert made[1].start == made[0].stop


def test_counts_follow_the_expected_rate_and_its_dead_time() -> None:
    files = simulate_licel(SKY, CTA, np.random.default_rng(7), files=30)
    for i, channel in enumerate(CTA.channels):
        rate = expected_rate(SKY, CTA, channel)
        counted = np.mean([f.physical(2 * i + 1) for f in files], axis=0)
        expected = rate / (1.0 + rate * channel.dead_time)
        pull = (counted - expected) / np.sqrt(expected / (30 * 1200 * 0.05))
        assert abs(pull[1000:].mean()) < 0.06
        assert pull[1000:].std() == pytest.approx(1.0, abs=0.05)
        analog = np.mean([f.physical(2 * i) for f in files], axis=0)[channel.delay :]
        blocks = (analog[200:2000] - 2.0).reshape(-1, 200).mean(axis=1)
        true = rate[200:2000].reshape(-1, 200).mean(axis=1) * channel.millivolts
        assert blocks == pytest.approx(true, rel=0.005, abs=1e-4)


def test_a_slant_view_meets_the_layers_further_out() -> None:
    channel = CTA.channels[0]
    up, slant = (expected_rate(SKY, CTA, channel, zenith) for zenith in (0.0, 60.0))
    distance = (np.arange(CTA.n_bins) + 0.5) * 7.5
    step = np.flatnonzero(np.diff(np.log(slant - channel.background))[1000:3000] > 0.01) + 1000
    assert distance[step[0]] == pytest.approx(16000.0, abs=400.0)
    assert slant[2000] < up[1000]
