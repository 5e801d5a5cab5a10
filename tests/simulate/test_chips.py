# SPDX-License-Identifier: BSD-3-Clause
"""Runs of cameras with DRS4 chips: what the chips add is what the steps take off, from real tables too."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.camera.drs4.chip import FACT, LST
from pellucid.camera.drs4.lapse import TimeLapse
from pellucid.errors import ConfigurationError, MissingInput
from pellucid.events.batch import EventType
from pellucid.formats.drs4_calibration import read_drs4_calibration
from pellucid.formats.fact import read_fact_run
from pellucid.formats.fact_times import read_fact_cell_times
from pellucid.formats.r0_events import R0File
from pellucid.formats.r1_events import read_r1_events
from pellucid.pipeline.steps import step_named
from pellucid.simulate.chips import HEIGHTS, ChipPlan, draw_chips
from pellucid.simulate.drs4 import Drs4Camera, Drs4Readout
from pellucid.simulate.run import RunSimulator, SimulatedRun, SimulationConfig, simulate_run

CONFIG = SimulationConfig(
    camera="tiny", telescopes=1, pedestals=0, dark_pedestals=800, flashes=50, showers=0, muons=0,
    rate=250.0, chips=ChipPlan("lst"),
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    return simulate_run(CONFIG, tmp_path_factory.mktemp("chips"))


def test_the_steps_take_off_what_the_chips_add(run: SimulatedRun, tmp_path: Path) -> None:
    calibrate, correct = step_named("drs4-calibration"), step_named("drs4-r1")
    events = run.telescopes[1]
    calibrate.run({"events": events}, tmp_path / "c.h5", calibrate.complete({"min_dark": 500}), {})
    found = read_drs4_calibration(tmp_path / "c.h5")
    simulator = RunSimulator(CONFIG)
    truth, response = simulator.chips(1), simulator.camera(1).response
    assert truth is not None
    sound = ~(response.dead | response.noisy)
    known = found.baseline.n > 2
    expected = truth.offsets + response.pedestal[..., None]
    noise = np.sqrt(response.noise**2 + 1.0 / 12.0)[..., None]
    pull = (found.baseline.mean - expected) / (noise / np.sqrt(np.maximum(found.baseline.n, 1)))
    good = known & sound[:, None]
    assert known.mean() > 0.7
    assert abs(pull[good].mean()) < 0.05
    assert pull[good].std() == pytest.approx(1.0, abs=0.06)
    assert found.spikes is not None
    assert found.spikes.value.mean(axis=(0, 1)) == pytest.approx(HEIGHTS, abs=2.0)
    inputs = {"events": events, "calibration": tmp_path / "c.h5"}
    correct.run(inputs, tmp_path / "r1.h5", correct.complete(), {})
    (r1,) = read_r1_events(tmp_path / "r1.h5", 10_000)
    dark = r1.kind == EventType.DARK_PEDESTAL
    left = np.median(r1.waveforms[dark][:, 0, sound].std(axis=2))
    assert left == pytest.approx(np.median(response.noise[0, sound]), rel=0.25)
    raw = next(R0File(events).batches())
    assert np.median(raw.adc[:, 0].std(axis=2)) > 10 * np.median(response.noise[0])


def test_a_pulse_is_late_by_the_capacitor_its_window_begins_with() -> None:
    simulator = RunSimulator(replace(CONFIG, dark_pedestals=0, flashes=60))
    ideal = RunSimulator(replace(simulator.config, chips=ChipPlan()))
    camera, chips = simulator.camera(1), simulator.chips(1)
    assert chips is not None
    assert chips.delays is not None
    sample = np.arange(8, 28)
    late, told = [], []
    for event in simulator.events:
        pulses = [s.record(camera, event).adc[0, :, 8:28] - 400.0 for s in (simulator, ideal)]
        centre = [np.sum(pulse * sample, axis=1) / pulse.sum(axis=1) for pulse in pulses]
        late.append(centre[0] - centre[1])
        first = simulator.first_cells(chips, 1, event)[0] % chips.chip.ring
        told.append(chips.delays[np.arange(first.size), first])
    sound = ~(camera.response.dead | camera.response.noisy)
    assert np.corrcoef(np.stack(late)[:, sound].ravel(), np.stack(told)[:, sound].ravel())[0, 1] > 0.9


def test_chips_come_from_tables_where_there_are_some(data_dir: Path) -> None:
    folder = data_dir / "camera" / "fact"
    plan = ChipPlan(
        "lst", str(folder / "testDataFile.fits.fz"), str(folder / "long_term_constants_median.time.drs.fits")
    )
    chips = draw_chips(plan, (2, 91), 1.0, 16, seed=1, tel_id=1)
    table = read_fact_run(folder / "testDataFile.fits.fz").offsets.astype(float)
    assert chips.offsets[0, 0] + table.mean() == pytest.approx(table[:4].ravel())
    assert chips.offsets.std() == pytest.approx(43.0, abs=5.0)
    late = read_fact_cell_times(folder / "long_term_constants_median.time.drs.fits")
    assert chips.delays is not None
    assert chips.delays[5, 1020] == pytest.approx(late[5, 1020] - late[5, (1020 + 16) % 1024])
    with pytest.raises(MissingInput):
        draw_chips(ChipPlan("fact", "none.fits.fz"), (1, 9), 2.0, 30, seed=1, tel_id=1)


def test_even_channels_renew_what_the_corrector_expects() -> None:
    chip = replace(LST, clock=1e6)
    even = np.array([True, False, True])
    camera = Drs4Camera(chip, np.zeros((1, 3, chip.n_cells)), 0.0, np.zeros(3), even=even)
    readout, lapse = Drs4Readout(camera), TimeLapse(chip, 1, 3, even)
    for k, first in enumerate((0, 800, 1015, 2040, 4000)):
        cells = np.full((1, 3), first)
        readout.read(np.zeros((1, 3, 40)), cells, k + 1)
        lapse.correct(np.zeros((1, 1, 3, 40), np.float32), cells[None], np.array([k + 1]))
    np.testing.assert_array_equal(readout._last_read, lapse.last_read)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    few = replace(CONFIG, dark_pedestals=20, flashes=5)
    one, other = (simulate_run(few, tmp_path / name).telescopes[1].read_bytes() for name in ("one", "other"))
    assert one == other


def test_what_cannot_be_is_refused() -> None:
    for plan in (ChipPlan("nectar"), ChipPlan(offsets="table.fits")):  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError) as error:
            replace(CONFIG, chips=plan)
        assert error.value.where == "chips"
    assert ChipPlan("fact").chip == FACT
