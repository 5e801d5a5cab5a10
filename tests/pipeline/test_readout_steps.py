# SPDX-License-Identifier: BSD-3-Clause
"""Raw events of DRS4 cameras to corrected ones: by validity, once, and however files are cut."""

import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tables

from pellucid.archive.lineage import JSON
from pellucid.archive.workspace import Workspace
from pellucid.camera.drs4.calibrator import Drs4Options
from pellucid.camera.drs4.chip import FACT, LST
from pellucid.camera.drs4.corrector import Drs4Corrector
from pellucid.camera.drs4.events import Drs4Events
from pellucid.errors import (
    ConfigurationError,
    CorruptedInput,
    InsufficientStatistics,
    MissingInput,
    PellucidError,
)
from pellucid.formats.drs4_calibration import read_drs4_calibration
from pellucid.formats.fact import read_fact_run
from pellucid.formats.fact_times import read_fact_cell_times
from pellucid.formats.r0_events import cells_of_pixels
from pellucid.formats.r1_events import R1Events, read_r1_events
from pellucid.interfaces.product_types import check_defined
from pellucid.pipeline.execute import execute
from pellucid.pipeline.steps import step_named
from pellucid.simulate.drs4 import DarkEvents, Drs4Camera, simulate_dark
from support.drs4_files import some_of, write_raw

CALIBRATE, CORRECT = step_named("drs4-calibration"), step_named("drs4-r1")
CHIP = replace(LST, clock=1e6)
PIXELS, SAMPLES, NOISE = 14, 40, 6.0
HEIGHTS = np.array([45.0, 60.0, 30.0])
NO_EVEN = {"pixels_per_module": 0}
RAW = "R0/Event/Telescope/Observation"


class Run:
    """Truth, a dark run, and another run of the camera, which readings follow fast."""

    def __init__(self, folder: Path) -> None:
        random = np.random.default_rng(4)
        offsets = random.normal(300.0, 40.0, (2, PIXELS, CHIP.n_cells))
        self.truth = Drs4Camera(CHIP, offsets, NOISE, HEIGHTS)
        self.events = simulate_dark(self.truth, random, 200, SAMPLES, rate=5.0)
        slow = simulate_dark(self.truth, random, 1200, SAMPLES, rate=0.05)
        self.dark = write_raw(folder / "dark", slow)
        self.raw = write_raw(folder / "raw", self.events)
        self.calibration = folder / "calibration.drs4.h5"
        calibrated(self.dark, self.calibration)


def calibrated(dark: Path, output: Path, **choices: Any) -> dict[str, Any]:
    return CALIBRATE.run({"events": dark}, output, CALIBRATE.complete({**NO_EVEN, **choices}), {})


def corrected(
    raw: Path, calibration: Path, output: Path, stream: tuple[Path, ...] = ()
) -> tuple[dict[str, Any], R1Events]:
    inputs: dict[str, Any] = {"events": raw, "calibration": calibration}
    if stream:
        inputs["stream"] = stream
    summary = CORRECT.run(inputs, output, CORRECT.complete(NO_EVEN), {"product": "test"})
    (events,) = read_r1_events(output, 10_000)
    return summary, events


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("drs4"))


@pytest.fixture(scope="module")
def whole(run: Run, tmp_path_factory: pytest.TempPathFactory) -> R1Events:
    return corrected(run.raw, run.calibration, tmp_path_factory.mktemp("whole") / "r1.h5")[1]


def test_the_steps_parameters_are_the_options() -> None:
    assert asdict(Drs4Options()).items() <= CALIBRATE.complete().items()


def test_the_products_are_defined() -> None:
    check_defined(CALIBRATE.output)
    check_defined(CORRECT.output)


def test_offsets_and_spikes_are_those_of_the_camera(run: Run) -> None:
    found = read_drs4_calibration(run.calibration)
    baseline, spikes = found.baseline, found.spikes
    seen = baseline.n > 2
    pull = ((baseline.mean - run.truth.offsets) / (NOISE / np.sqrt(np.maximum(baseline.n, 1))))[seen]
    assert seen.mean() > 0.9
    assert abs(pull.mean()) < 0.03
    assert pull.std() == pytest.approx(1.0, abs=0.03)
    assert spikes is not None
    assert spikes.value.mean(axis=(0, 1)) == pytest.approx(HEIGHTS, abs=1.5)
    assert found.timing is None


def test_noise_is_all_that_is_left(run: Run, whole: R1Events) -> None:
    assert whole.event_id.tolist() == list(range(1, 201))
    assert whole.waveforms.shape == (200, 2, PIXELS, SAMPLES)
    assert (whole.first_cell == run.events.first_cell).all()
    known = read_drs4_calibration(run.calibration).baseline
    cells = (run.events.first_cell[..., None] + np.arange(SAMPLES)) % CHIP.n_cells
    at = np.arange(2)[:, None, None], np.arange(PIXELS)[:, None], cells
    # the offsets' own errors come on top of the noise, and the rounding to whole counts
    seen = known.n[at] > 1
    expected = np.sqrt(NOISE**2 * (1.0 + (1.0 / np.maximum(known.n[at], 1))[seen].mean()) + 1 / 12)
    assert whole.waveforms[seen].std() == pytest.approx(expected, rel=0.01)
    assert abs(whole.waveforms[seen].mean()) < 0.1
    uncorrected = run.events.adc - run.truth.offsets[at]
    assert uncorrected.std() > 1.3 * NOISE


def test_a_stream_cut_into_files_comes_out_the_same(run: Run, whole: R1Events, tmp_path: Path) -> None:
    edges = [0, 1, 90, 200]
    files = [write_raw(tmp_path / f"{a}", some_of(run.events, a, b), first=a) for a, b in pairwise(edges)]
    parts = [
        corrected(file, run.calibration, tmp_path / f"{k}.h5", tuple(files)) for k, file in enumerate(files)
    ]
    assert [summary["replayed_events"] for summary, _ in parts] == [0, 1, 90]
    assert np.concatenate([p.waveforms for _, p in parts]).tobytes() == whole.waveforms.tobytes()
    # without what came before, the chips' memory is missed
    _, alone = corrected(files[2], run.calibration, tmp_path / "alone.h5")
    assert (alone.waveforms != parts[2][1].waveforms).any()


def test_coefficients_are_found_by_validity_and_named_in_the_product(run: Run, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        archive = workspace.archive
        dark, _ = archive.ingest(run.dark, RAW, obs_id=1, telescopes=[1])
        calibration = execute(archive, CALIBRATE, {"events": dark}, NO_EVEN).product
        assert calibration.time_start is not None
        archive.certify(calibration, "B", calibration.time_start, calibration.time_start + 86400 * 10**9)
        raw, _ = archive.ingest(run.raw, RAW, obs_id=2, telescopes=[1])
        inputs = {"events": raw, "calibration": calibration}
        made = execute(archive, CORRECT, inputs, NO_EVEN).product
        with tables.open_file(str(archive.path(made))) as file:
            lineage = json.loads(file.root.provenance.read().tobytes())
    named = {entry["role"]: entry["sha256"] for entry in lineage["inputs"]}
    assert named == {"events": raw.sha256, "calibration": calibration.sha256}
    assert made.summary["clipped_samples"] == 0


def test_what_was_corrected_is_not_corrected_again(run: Run, tmp_path: Path) -> None:
    raw = write_raw(tmp_path, some_of(run.events, 0, 3), applied=7)
    with pytest.raises(CorruptedInput) as twice:
        corrected(raw, run.calibration, tmp_path / "r1.h5")
    assert (twice.value.code, twice.value.got) == ("already-calibrated", "samples of calibration 7")


def test_what_does_not_fit_is_refused(run: Run, tmp_path: Path) -> None:
    other = write_raw(tmp_path / "tel", some_of(run.events, 0, 3), tel_id=2)
    with pytest.raises(CorruptedInput) as telescope:
        corrected(other, run.calibration, tmp_path / "1.h5")
    few = run.events
    half = DarkEvents(few.adc[:3, :, :7], few.first_cell[:3, :, :7], few.clock[:3])
    with pytest.raises(CorruptedInput) as camera:
        corrected(write_raw(tmp_path / "half", half), run.calibration, tmp_path / "2.h5")
    assert telescope.value.code == camera.value.code == "other-camera"
    backwards = DarkEvents(few.adc[:3], few.first_cell[:3], few.clock[:3][::-1])
    with pytest.raises(CorruptedInput) as back:
        corrected(write_raw(tmp_path / "back", backwards), run.calibration, tmp_path / "3.h5")
    assert back.value.code == "time-backwards"
    wild = DarkEvents(few.adc[:3], few.first_cell[:3] + 4000, few.clock[:3])
    with pytest.raises(CorruptedInput) as cell:
        corrected(write_raw(tmp_path / "wild", wild), run.calibration, tmp_path / "4.h5")
    assert cell.value.code == "first-cell"
    with pytest.raises(InsufficientStatistics):
        calibrated(run.raw, tmp_path / "5.h5")
    with pytest.raises(MissingInput) as offsets:
        calibrated(run.raw, tmp_path / "6.h5", offsets="camera")
    assert offsets.value.code == "no-offsets"
    with pytest.raises(MissingInput):
        next(read_r1_events(tmp_path / "none.h5"))
    with pytest.raises(CorruptedInput) as kind:
        next(read_r1_events(run.calibration))
    assert kind.value.code == "bad-events"


def test_capacitors_of_modules_are_those_of_their_chips() -> None:
    cells = cells_of_pixels(np.arange(16), 2, 14)
    assert cells is not None
    assert cells_of_pixels(np.arange(15), 2, 14) is None
    assert cells[:, :7].tolist() == [[0, 0, 1, 1, 2, 2, 3], [4, 4, 5, 5, 6, 6, 7]]
    assert (cells[:, 7:] == cells[:, :7] + 8).all()


def test_samples_of_fact_are_weighed_by_how_long_they_last(data_dir: Path, tmp_path: Path) -> None:
    fact = data_dir / "camera" / "fact"
    inputs = {
        "events": fact / "testDataFile.fits.fz",
        "sampling": fact / "long_term_constants_median.time.drs.fits",
    }
    chip: dict[str, JSON] = {"chip": "fact", "pixels_per_module": 0}
    made = tmp_path / "c.h5"
    CALIBRATE.run(inputs, made, CALIBRATE.complete({**chip, "offsets": "camera"}), {})
    found = read_drs4_calibration(made)
    assert found.intervals is not None
    assert found.intervals.mean(axis=2) == pytest.approx(1.0)
    CORRECT.run(
        {"events": inputs["events"], "calibration": made}, tmp_path / "r1.h5", CORRECT.complete(chip), {}
    )
    (weighed,) = read_r1_events(tmp_path / "r1.h5")
    run = read_fact_run(inputs["events"])
    cells = (run.first_cell[..., None].astype(int) + np.arange(300)) % 1024
    expected = run.waveforms * found.intervals[0][np.arange(1440)[:, None], cells]
    assert np.abs(weighed.waveforms[:, 0] - expected).max() < 0.07
    assert (weighed.time == run.time).all()


def test_a_calibration_of_fact_is_taken_over(data_dir: Path, tmp_path: Path) -> None:
    fact = data_dir / "camera" / "fact"
    inputs = {"events": fact / "testDataFile.fits.fz", "drs": fact / "20130102_040.drs.fits.gz"}
    chip: dict[str, JSON] = {"chip": "fact", "pixels_per_module": 0}
    made = tmp_path / "c.h5"
    complete = CALIBRATE.complete({**chip, "offsets": "file"})
    CALIBRATE.run(inputs, made, complete, {})
    found = read_drs4_calibration(made)
    # the same number for all capacitors, -903.32 mV, in counts of a converter of 12 bits over 2 V
    assert np.ptp(found.baseline.mean) == 0.0
    assert found.baseline.mean[0, 0, 0] == pytest.approx(-903.32 * 4096 / 2000, abs=0.01)
    assert (found.baseline.n == 1000).all()
    assert found.amplitude is not None
    assert np.abs(found.amplitude - 1.0).max() < 1e-6
    assert found.sample_offset is not None
    assert found.sample_offset.shape == (1, 1440, 300)
    with pytest.raises(ConfigurationError):
        CALIBRATE.run({"events": inputs["events"]}, tmp_path / "2.h5", complete, {})


def test_amplitudes_and_offsets_of_samples_are_taken_off(run: Run) -> None:
    known = read_drs4_calibration(run.calibration)
    part = some_of(run.events, 0, 20)
    events = Drs4Events(
        part.adc.astype(np.int32), part.first_cell, part.clock, np.arange(20), np.zeros(20, np.uint8)
    )
    random = np.random.default_rng(1)
    amplitude = random.normal(1.0, 0.05, known.baseline.mean.shape)
    offset = random.normal(0.0, 3.0, (2, PIXELS, SAMPLES))
    both = Drs4Corrector(CHIP, replace(known, amplitude=amplitude, sample_offset=offset))
    plain, _ = Drs4Corrector(CHIP, known).correct(events)
    cells = (events.first_cell[..., None] + np.arange(SAMPLES)) % CHIP.n_cells
    at = np.arange(2)[:, None, None], np.arange(PIXELS)[:, None], cells
    assert np.abs(both.correct(events)[0] - (plain - offset) / amplitude[at]).max() < 1e-3
    short = Drs4Corrector(CHIP, replace(known, sample_offset=offset[..., :30]))
    with pytest.raises(CorruptedInput) as window:
        short.correct(events)
    assert window.value.code == "other-camera"


def test_a_simulated_camera_with_real_offsets_gives_them_back(data_dir: Path, tmp_path: Path) -> None:
    real = read_fact_run(data_dir / "camera" / "fact" / "testDataFile.fits.fz").offsets[None, :7]
    # simulated samples are not below 0
    offsets = real.astype(np.float64) + 2100.0
    truth = Drs4Camera(FACT, offsets, 2.0, np.zeros(3))
    events = simulate_dark(truth, np.random.default_rng(6), 250, 300)
    raw = write_raw(tmp_path, events)
    generic: dict[str, JSON] = {"chip": "generic", "ring": 1024, "pixels_per_module": 0, "min_dark": 200}
    CALIBRATE.run({"events": raw}, tmp_path / "c.h5", CALIBRATE.complete(generic), {})
    baseline = read_drs4_calibration(tmp_path / "c.h5").baseline
    assert (baseline.n > 30).all()
    assert (baseline.mean - offsets).std() == pytest.approx(2.0 / np.sqrt(250 * 300 / 1024), rel=0.1)


def test_a_preset_that_is_none_and_a_table_that_is_none_are_told(
    run: Run, data_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as preset:
        calibrated(run.dark, tmp_path / "1.h5", chip="lts")
    assert "lst" in preset.value.mend
    for path, code in ((run.dark, "not-fact"), (tmp_path / "none", "no-file")):
        with pytest.raises(PellucidError) as table:
            read_fact_cell_times(path)
        assert table.value.code == code
    assert read_fact_cell_times(data_dir / "camera/fact/testDrsTimeFile.time.drs.fits").shape == (1440, 1024)
