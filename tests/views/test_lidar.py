# SPDX-License-Identifier: BSD-3-Clause
"""The picture of a LIDAR's night: drawn from real analyses, equal bytes, gaps kept."""

import numpy as np
import pytest

from pellucid.atmosphere.lidar.chain import Analysis
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.atmosphere import analyse_files
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel
from pellucid.views.figures import new_figure
from pellucid.views.lidar import draw_depth, draw_extinction, lidar_night

SKY = Sky((Layer(0.0, 1500.0, 0.2), Layer(9000.0, 10000.0, 0.2, 25.0, 0.0)))


@pytest.fixture(scope="module")
def night() -> tuple[np.ndarray, Signal, list[Analysis]]:
    files = simulate_licel(SKY, CTA, np.random.default_rng(4), files=4)
    raw = np.stack([f.raw[1] for f in files])
    signal = photon_signal(raw, 1200, 7.5, (45000.0, 59000.0), dead_time=0.004)
    parameters = step_named("lidar-raman").complete({})
    starts = 22.0 + np.array([0.0, 1.0, 5.0, 6.0]) / 60.0
    hours = np.stack([starts, starts + 1.0 / 60.0], axis=1)
    return hours, signal, [analyse_files(files[i : i + 2], parameters)[355] for i in (0, 2)]


def test_the_same_night_gives_the_same_bytes(night: tuple[np.ndarray, Signal, list[Analysis]]) -> None:
    hours, signal, analyses = night
    middles = hours.reshape(2, 4).mean(axis=1)
    pictures = [lidar_night("Simulated", hours, signal, analyses, middles) for _ in range(2)]
    assert pictures[0].startswith(b"\x89PNG")
    assert len(pictures[0]) > 20_000
    assert pictures[0] == pictures[1]


def test_depth_and_layers_are_those_of_the_analysis(night: tuple[np.ndarray, Signal, list[Analysis]]) -> None:
    hours, _, analyses = night
    middles = hours.reshape(2, 4).mean(axis=1)
    with new_figure(4, 3) as figure:
        axes = figure.add_subplot()
        draw_depth(axes, middles, analyses, (3000.0, 50000.0))
        (drawn,) = axes.containers
        expected = [a.optical_depth.between(a.optical_depth.start, 3000.0)[0] for a in analyses]
        assert drawn.lines[0].get_ydata() == pytest.approx(expected)
        other = figure.add_subplot()
        draw_extinction(other, analyses[0], 16000.0)
        spans = [p for p in other.patches if p.get_alpha() == 0.12]
        assert len(spans) == len(analyses[0].layers) >= 1
