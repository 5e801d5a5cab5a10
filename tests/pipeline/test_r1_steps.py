# SPDX-License-Identifier: BSD-3-Clause
"""Events corrected for their chips go on to coefficients and images, as the same samples of DL0 would."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.camera.drs4.events import Drs4Events
from pellucid.errors import CorruptedInput, PellucidError
from pellucid.formats.camera_calibration import read_calibration
from pellucid.formats.ctapipe_hdf5 import read_images
from pellucid.formats.r1_events import R1Writer, read_r1_events
from pellucid.formats.zfits import RunFiles, ZfitsSource
from pellucid.pipeline.steps import step_named
from pellucid.simulate.run import SimulatedRun, SimulationConfig, simulate_run
from pellucid.times import to_tai_ns

CONFIG = SimulationConfig(camera="tiny", telescopes=1, pedestals=100, flashes=150, showers=6, muons=2)
BASELINE = 300
COUNTS = 8
"""Stored numbers for an ADC count."""


def write_r1(run: SimulatedRun, path: Path, shift: float | None = None) -> Path:
    """Write the run's events as if their chips had added ``BASELINE``."""
    files = RunFiles((run.telescopes[1],), run.description)
    with ZfitsSource(files) as source, R1Writer(path, 1, 1, 1, {"product": "test"}) as writer:
        for chunk in source.chunks():
            events, (batch,) = chunk.events, chunk.cameras
            n, *shape = batch.adc.shape[:3]
            made = Drs4Events(
                adc=batch.adc.astype(np.int32),
                first_cell=np.zeros((n, *shape), np.int64),
                time=to_tai_ns(events.time),
                event_id=events.event_id,
                kind=events.event_type,
            )
            waveforms = (made.adc - BASELINE).astype(np.float32)
            shifts = None if shift is None else np.full((n, *shape), shift, np.float32)
            writer.write(made, waveforms, shifts)
        assert writer.clipped == 0
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    return simulate_run(CONFIG, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def made(run: SimulatedRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Coefficients and images by both ways, and with delays by capacitor."""
    folder = tmp_path_factory.mktemp("made")
    write_r1(run, folder / "late.r1.h5", 0.5)
    ways: dict[str, tuple[Path, str, str, dict[str, Any]]] = {
        "dl0": (run.telescopes[1], "camera-coefficients", "certified-dl1", {"full_scale": 3913}),
        "r1": (write_r1(run, folder / "on-time.r1.h5"), "r1-coefficients", "r1-dl1", {}),
    }
    found: dict[str, dict[str, Path]] = {"late": {"events": folder / "late.r1.h5"}}
    for name, (events, coefficients, images, parameters) in ways.items():
        calibrate, apply = step_named(coefficients), step_named(images)
        inputs = {"events": events, "description": run.description}
        calibrate.run(inputs, folder / f"{name}.calibration.h5", calibrate.complete(parameters), {})
        inputs["calibration"] = folder / f"{name}.calibration.h5"
        threshold = {"gain_threshold": float(parameters["full_scale"])} if parameters else {}
        apply.run(inputs, folder / f"{name}.dl1.h5", apply.complete(threshold), {"product": "test"})
        found[name] = {**inputs, "images": folder / f"{name}.dl1.h5"}
    inputs = {**inputs, **found["late"]}
    found["late"]["images"] = folder / "late.dl1.h5"
    apply = step_named("r1-dl1")
    apply.run(inputs, found["late"]["images"], apply.complete(), {"product": "test"})
    return found


def test_coefficients_are_those_of_the_same_samples_in_other_units(made: dict[str, dict[str, Path]]) -> None:
    ours, theirs = (read_calibration(made[name]["calibration"]) for name in ("r1", "dl0"))
    assert np.array_equal(ours.unusable, theirs.unusable)
    good = ~theirs.unusable
    for one, other in [
        (ours.gain.gain.value, theirs.gain.gain.value),
        (ours.gain.gain.error, theirs.gain.gain.error),
    ]:
        assert one[good] == pytest.approx(COUNTS * other[good], rel=1e-4)
    pedestal = COUNTS * (theirs.pedestal.baseline.value - BASELINE + 512)
    assert ours.pedestal.baseline.value[good] == pytest.approx(pedestal[good], abs=0.05)


def test_images_are_those_of_the_same_samples(made: dict[str, dict[str, Path]]) -> None:
    ours, theirs = (read_images(made[name]["images"], 1) for name in ("r1", "dl0"))
    assert len(ours) == 8
    assert ours["event_id"].tolist() == theirs["event_id"].tolist()
    np.testing.assert_allclose(ours["image"], theirs["image"], rtol=1e-4, atol=1e-3)
    assert (ours["image_mask"] == theirs["image_mask"]).mean() > 0.999


def test_delays_of_capacitors_are_subtracted(made: dict[str, dict[str, Path]]) -> None:
    ours, late = (read_images(made[name]["images"], 1) for name in ("r1", "late"))
    assert np.array_equal(ours["image"], late["image"])
    np.testing.assert_allclose(ours["peak_time"] - late["peak_time"], 0.5, atol=1e-4)


@pytest.mark.parametrize(("events", "calibration"), [("r1", "dl0"), ("dl0", "r1")])
def test_coefficients_of_samples_in_another_state_are_refused(
    made: dict[str, dict[str, Path]], tmp_path: Path, events: str, calibration: str
) -> None:
    roles = ("events", "description")
    inputs = {role: made[events][role] for role in roles} | {"calibration": made[calibration]["calibration"]}
    step = step_named("r1-dl1")
    with pytest.raises(CorruptedInput) as caught:
        step.run(inputs, tmp_path / "x.h5", step.complete(), {})
    assert caught.value.code == "already-calibrated"
    assert "corrected for their chips" in f"{caught.value.expected} {caught.value.got}"


def test_files_that_cannot_be_are_refused(
    run: SimulatedRun, made: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    (batch,) = read_r1_events(made["r1"]["events"], 1000)
    backwards = Drs4Events(
        batch.stored[:2].astype(np.int32), batch.first_cell[:2].astype(np.int64), batch.time[:2],
        batch.event_id[:2][::-1], batch.kind[:2],
    )  # fmt: skip
    cases: list[tuple[str, int, Drs4Events, slice]] = [
        ("inconsistent-events", 1, backwards, slice(None)),
        ("undescribed-telescope", 7, backwards, slice(None)),
        ("inconsistent-events", 1, backwards, slice(3, None)),
    ]
    for number, (code, tel_id, events, pixels) in enumerate(cases):
        path = tmp_path / f"{number}.r1.h5"
        part = Drs4Events(
            events.adc[:, :, pixels],
            events.first_cell[:, :, pixels],
            events.time,
            events.event_id,
            events.kind,
        )
        with R1Writer(path, tel_id, 1, 1, {}) as writer:
            writer.write(part, part.adc.astype(np.float32) / 8 - 512, None)
        with (
            pytest.raises(PellucidError) as caught,
            ZfitsSource(RunFiles((path,), run.description)) as source,
        ):
            list(source.chunks())
        assert caught.value.code == code
