# SPDX-License-Identifier: BSD-3-Clause
"""Cameras that change, cross-talk, and integrating read-outs: what was asked for is what is simulated."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.simulate.charges import ChargeReadout, simulate_charges
from pellucid.simulate.history import HistoryPlan, draw_history
from pellucid.simulate.instruments import flower_geometry, preset
from pellucid.simulate.response import draw_response
from pellucid.simulate.run import RunSimulator, SimulationConfig
from pellucid.simulate.sipm import sipm_charges, sipm_excess

GEOMETRY = flower_geometry("test", 30, 0.05)
RESPONSE = draw_response(preset("tiny"), GEOMETRY.n_pixels, 1, 1)


def test_nothing_happens_by_default() -> None:
    history = draw_history(HistoryPlan(), GEOMETRY, 1, 1)
    later = history.response(RESPONSE, 1e6)
    assert np.array_equal(later.gain, RESPONSE.gain)
    assert np.array_equal(later.dead, RESPONSE.dead)
    assert (history.sky(GEOMETRY, 0.25, 10.0) == 0.25).all()


def test_voltages_step_pixels_drift_and_die() -> None:
    plan = HistoryPlan(hv_step=0.1, hv_time=5.0, drifting=0.1, drift=0.01, dying=0.05, duration=10.0)
    history = draw_history(plan, GEOMETRY, 1, 1)
    first, last = history.response(RESPONSE, 0.0), history.response(RESPONSE, 10.0)
    assert np.array_equal(first.gain, RESPONSE.gain)
    ratio = last.gain[0][~last.dead] / RESPONSE.gain[0][~last.dead]
    assert np.median(ratio) == pytest.approx(1.1)
    assert (np.abs(ratio / 1.1 - 1.0) > 0.05).sum() >= 0.08 * GEOMETRY.n_pixels
    assert (last.dead & ~RESPONSE.dead).sum() == np.ceil(0.05 * GEOMETRY.n_pixels)
    assert not last.gain[:, last.dead].any()
    again = draw_history(plan, GEOMETRY, 1, 1)
    assert np.array_equal(again.death, history.death)
    assert not np.array_equal(draw_history(plan, GEOMETRY, 1, 2).death, history.death)


def test_stars_cross_the_camera() -> None:
    history = draw_history(HistoryPlan(duration=60.0, stars=1, star_rate=2.0), GEOMETRY, 3, 1)
    brightest = [int(np.argmax(history.sky(GEOMETRY, 0.2, t))) for t in (0.0, 30.0, 60.0)]
    assert len(set(brightest)) == 3
    assert history.sky(GEOMETRY, 0.2, 30.0).max() > 1.0


def test_a_run_that_changes_records_it() -> None:
    plan = HistoryPlan(hv_step=1.0, hv_time=0.1, duration=0.2)
    config = SimulationConfig(
        camera="tiny", telescopes=1, pedestals=0, flashes=60, showers=0, muons=0, rate=300.0, history=plan
    )
    simulator = RunSimulator(config)
    camera = simulator.camera(1)
    sums = [simulator.record(camera, e).adc[0].astype(float).sum() for e in simulator.events]
    base = RunSimulator(replace(config, flash_intensity=0.0))
    dark = base.record(base.camera(1), base.events[0]).adc[0].astype(float).sum()
    assert (np.mean(sums[30:]) - dark) / (np.mean(sums[:30]) - dark) == pytest.approx(2.0, rel=0.05)
    alone = simulator.record(camera, simulator.events[40]).adc
    assert np.array_equal(alone, RunSimulator(config).record(camera, simulator.events[40]).adc)


@pytest.mark.parametrize("crosstalk", [0.0, 0.1, 0.3])
def test_cross_talk_has_its_mean_and_excess(crosstalk: float) -> None:
    charges = sipm_charges(np.random.default_rng(1), 400_000, crosstalk).astype(float)
    assert charges.mean() == pytest.approx(1.0, abs=4 * charges.std() / np.sqrt(charges.size))
    assert (charges**2).mean() == pytest.approx(sipm_excess(crosstalk), rel=0.01)


def test_silicon_cameras_have_its_excess() -> None:
    config = SimulationConfig(camera="tiny", telescopes=1, crosstalk=0.2)
    camera = RunSimulator(config).camera(1)
    assert camera.crosstalk == 0.2


def test_integrated_charges_have_their_moments() -> None:
    response = draw_response(preset("tiny"), 40, 2, 1)
    good = ~(response.dead | response.noisy)
    readout = ChargeReadout(sky=4.0)
    rng = np.random.default_rng(4)
    adc = simulate_charges(rng, response, readout, np.full(20_000, 50.0))[..., 0].astype(float)
    g, e = response.gain[:, good], response.efficiency[good]
    mean = adc.mean(axis=0)[:, good] - 18 * response.pedestal[:, good]
    assert mean / (g * 50.0 * e) == pytest.approx(np.ones(g.shape), abs=0.01)
    variance = 1.222 * g**2 * (54.0 * e) + 18 * response.noise[:, good] ** 2 + 1 / 12
    assert adc.var(axis=0)[:, good] / variance == pytest.approx(np.ones(g.shape), abs=0.06)
    # what a dead pixel shows is its baseline
    dead = adc.mean(axis=0)[:, response.dead]
    assert dead == pytest.approx(18 * response.pedestal[:, response.dead], abs=1.0)
