# SPDX-License-Identifier: BSD-3-Clause
"""A simulated run: equal bytes for equal seeds, whatever else is simulated; typed errors."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.errors import ConfigurationError, MissingInput, OutputExists
from pellucid.events.batch import EventType
from pellucid.formats.fits_checksum import read_units, verify
from pellucid.simulate.camera import CameraEvent, CameraSimulator
from pellucid.simulate.plan import PlannedEvent
from pellucid.simulate.run import RunSimulator, SimulatedRun, SimulationConfig, simulate_run
from pellucid.simulate.truth import read_truth

CONFIG = SimulationConfig(
    camera="tiny", telescopes=3, pedestals=6, dark_pedestals=2, flashes=6, showers=4, muons=3
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    return simulate_run(CONFIG, tmp_path_factory.mktemp("run"))


def test_the_same_run_has_the_same_bytes_with_another_number_of_workers(
    run: SimulatedRun, tmp_path: Path
) -> None:
    steps: list[tuple[int, int]] = []
    again = simulate_run(
        CONFIG, tmp_path, progress=lambda done, total: steps.append((done, total)), workers=1
    )
    for one, other in [
        (run.trigger, again.trigger),
        (run.description, again.description),
        *((run.telescopes[t], again.telescopes[t]) for t in run.telescopes),
        *((run.truth[t], again.truth[t]) for t in run.truth),
    ]:
        assert sha256(one.read_bytes()).digest() == sha256(other.read_bytes()).digest(), one.name
    assert steps[-1][0] == steps[-1][1] == len(steps)


def test_headers_carry_the_observation_time_and_hold_their_checksums(run: SimulatedRun) -> None:
    for path in (run.trigger, *run.telescopes.values()):
        units = read_units(path)
        verify(path, units)
        assert {u.header["DATE"] for u in units[1:]} == {"2026-01-15T22:00:00"}


def test_an_event_alone_comes_out_as_in_the_run(run: SimulatedRun) -> None:
    simulator = RunSimulator(CONFIG)
    event = simulator.events[-1]
    tel_id = event.tel_ids[0]
    alone = simulator.record(simulator.camera(tel_id), event)
    truth = read_truth(run.truth[tel_id])
    row = np.flatnonzero(truth.index["event_id"] == event.event_id)[0]
    assert np.array_equal(alone.true_image, truth.true_image[row])
    assert np.array_equal(alone.true_time, truth.true_time[row], equal_nan=True)


def test_another_seed_gives_other_events() -> None:
    other = RunSimulator(SimulationConfig(**{**CONFIG.__dict__, "seed": 2}))
    event = other.events[0]
    one = other.record(other.camera(event.tel_ids[0]), event)
    simulator = RunSimulator(CONFIG)
    two = simulator.record(simulator.camera(event.tel_ids[0]), event)
    assert not np.array_equal(one.adc, two.adc)


def test_the_plan_has_what_was_asked_for() -> None:
    events = RunSimulator(CONFIG).events
    kinds = [e.event_type for e in events]
    assert kinds.count(EventType.SKY_PEDESTAL) == 6
    assert kinds.count(EventType.DARK_PEDESTAL) == 2
    assert kinds.count(EventType.MUON) == 3
    assert [e.event_id for e in events] == list(range(1, 22))
    assert all(e.tel_ids for e in events)
    assert all(len(e.tel_ids) == 1 for e in events if e.muon)


def test_dim_flashes_are_faint_and_of_the_asked_shape() -> None:
    config = SimulationConfig(
        camera="tiny", telescopes=1, pedestals=0, flashes=0, dim_flashes=40, showers=0, muons=0, sky=0.0,
        dim_intensity=1.5, shape="caroff",
    )  # fmt: skip
    simulator = RunSimulator(config)
    camera = simulator.camera(1)
    assert {e.event_type for e in simulator.events} == {EventType.SINGLE_PE}
    light = np.stack([simulator.record(camera, e).true_image for e in simulator.events])
    seen = ~camera.response.dead
    assert light[:, seen].mean() == pytest.approx(1.5, abs=0.1)
    assert camera.shape == "caroff"


def test_existing_files_are_not_overwritten(run: SimulatedRun) -> None:
    with pytest.raises(OutputExists):
        simulate_run(CONFIG, run.description.parent)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"excess": 0.5},
        {"telescopes": 0},
        {"rate": 0.0},
        {"dim_intensity": -1.0},
        {"shape": "caroff", "excess": 1.8},
        {"shape": "gauss"},
    ],
)
def test_values_out_of_range_are_told_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SimulationConfig(**wrong)
    assert next(iter(wrong)) in caught.value.where


def test_an_unknown_camera_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no simulated camera 'smal'") as caught:
        simulate_run(SimulationConfig(camera="smal"), tmp_path)
    assert "small" in caught.value.mend


@pytest.mark.parametrize("fails_at", [0, 10])
def test_a_failed_simulation_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    record = RunSimulator.record

    def fail(self: RunSimulator, camera: CameraSimulator, event: PlannedEvent, chips: None) -> CameraEvent:
        if event.event_id > fails_at:
            raise MissingInput("no light")
        return record(self, camera, event)

    monkeypatch.setattr(RunSimulator, "record", fail)
    with pytest.raises(MissingInput):
        simulate_run(CONFIG, tmp_path, workers=1)
    left = [p for p in tmp_path.rglob("*") if p.is_file() and "TEL" in p.name]
    assert left == []


def test_a_telescope_without_events_has_no_file(tmp_path: Path) -> None:
    run = simulate_run(SimulationConfig(camera="tiny", pedestals=0, flashes=0, showers=0, muons=1), tmp_path)
    (tel_id,) = RunSimulator(run.config).events[0].tel_ids
    assert list(run.telescopes) == [tel_id]
    assert sum("SDH" in p.name for p in tmp_path.rglob("*")) == 1
    with pytest.raises(ConfigurationError, match="out of range"):
        SimulationConfig(pedestals=0, flashes=0, showers=0, muons=0)
