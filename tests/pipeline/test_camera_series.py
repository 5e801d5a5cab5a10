# SPDX-License-Identifier: BSD-3-Clause
"""Coefficients in chunks of a run, applied to its events: by time, once, and to no other camera's."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.archive.workspace import Workspace
from pellucid.camera.badpixels import FATAL, Reason
from pellucid.camera.calibrator import CalibrationOptions
from pellucid.camera.intime import Moment
from pellucid.errors import CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.events.batch import EventType
from pellucid.formats.camera_calibration import read_calibration, write_calibration
from pellucid.formats.ctapipe_hdf5 import (
    read_calibration_images,
    read_filled,
    read_images,
    read_lineage,
)
from pellucid.formats.ctapipe_hdf5.monitoring import (
    is_monitoring,
    read_course,
    read_faults,
    read_monitoring,
)
from pellucid.formats.description import read_description, write_description
from pellucid.formats.slow_control import read_slow_control, write_slow_control
from pellucid.pipeline.execute import execute
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.graph import build
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import make_plan
from pellucid.pipeline.run import carry_out
from pellucid.pipeline.steps import step_named
from pellucid.simulate.dl0 import DL0Names, TelescopeWriter, quiet
from pellucid.simulate.history import HistoryPlan
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.run import RunSimulator, SimulatedRun, SimulationConfig, simulate_run
from pellucid.times import from_unix_utc, to_tai_ns
from support import toyrun

SECOND = 1_000_000_000
CONFIG = SimulationConfig(
    camera="tiny", telescopes=1, pedestals=200, flashes=500, showers=10, muons=0, rate=58.2,
    history=HistoryPlan(hv_step=0.1, hv_time=6.1, duration=12.2),
)  # fmt: skip
FEW = {"min_pedestals": 20, "min_flashes": 50}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    return simulate_run(CONFIG, tmp_path_factory.mktemp("run"))


def inputs_of(run: SimulatedRun) -> dict[str, Path]:
    return {"events": run.telescopes[1], "description": run.description}


def made(run: SimulatedRun, output: Path, name: str = "camera-series", **choices) -> dict:
    step = step_named(name)
    return step.run(inputs_of(run), output, step.complete({**FEW, **choices}), {"product": "test"})


@pytest.fixture(scope="module")
def products(run: SimulatedRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What several tests need: coefficients, a series by number, and one that follows the step."""
    folder = tmp_path_factory.mktemp("products")
    paths = {name: folder / f"{name}.h5" for name in ("coefficients", "by_number", "by_time")}
    made(run, paths["coefficients"], "camera-coefficients")
    made(run, paths["by_number"], chunk_flashes=250)
    breaks = [start_of(run) + round(6.1 * SECOND)]
    made(run, paths["by_time"], chunk_seconds=3.05, chunk_flashes=0, breaks=breaks)
    return paths


def start_of(run: SimulatedRun) -> int:
    return int(to_tai_ns(from_unix_utc(run.config.start_unix, 0))[0])


def test_the_step_s_parameters_are_the_calibrator_s_options() -> None:
    assert step_named("camera-coefficients").complete() == asdict(CalibrationOptions())
    assert asdict(CalibrationOptions()).items() <= step_named("camera-series").complete().items()


def test_a_step_of_the_voltage_is_followed(run: SimulatedRun, tmp_path: Path) -> None:
    step_at = start_of(run) + round(6.1 * SECOND)
    summary = made(run, tmp_path / "s.h5", chunk_seconds=3.05, chunk_flashes=0, breaks=[step_at])
    assert summary["chunks"] == 4
    assert summary["time_start"] >= start_of(run)
    series = read_monitoring(tmp_path / "s.h5")
    assert series.factor.epoch.tolist() == [0, 0, 1, 1]
    before, after = (series.at(step_at + shift, 10 * SECOND) for shift in (-SECOND // 10, SECOND // 10))
    good = ~(before.coefficients.unusable | after.coefficients.unusable)[0]
    ratio = before.coefficients.factor[0, good] / after.coefficients.factor[0, good]
    assert np.median(ratio) == pytest.approx(1.1, abs=0.06)
    assert (before.status[0, good] == Moment.LINEAR).all()
    made(run, tmp_path / "again.h5", chunk_seconds=3.05, chunk_flashes=0, breaks=[step_at])
    assert (tmp_path / "s.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


def test_readings_of_the_slow_control_open_epochs(run: SimulatedRun, tmp_path: Path) -> None:
    step = step_named("camera-series")
    control = read_slow_control([run.slow_control[1]], 1)
    voltage = control.voltage.copy()
    voltage[:, 20] = 1.0
    write_slow_control(tmp_path / "hv.parquet", replace(control, voltage=voltage), 1)
    inputs = {**inputs_of(run), "slow_control": (tmp_path / "hv.parquet",)}
    complete = step.complete({**FEW, "chunk_seconds": 3.05, "chunk_flashes": 0})
    summary = step.run(inputs, tmp_path / "s.h5", complete, {"product": "test"})
    # readings are 0.2 s apart: so well is the time of the step known
    assert summary["breaks"] == [pytest.approx(start_of(run) + 6.1 * SECOND, abs=0.2 * SECOND)]
    series = read_monitoring(tmp_path / "s.h5")
    assert set(series.factor.epoch.tolist()) == {0, 1}
    assert ((series.reasons[:, :, 20] & Reason.HV_OFF) != 0).all()
    assert not (np.delete(series.reasons, 20, axis=2) & Reason.HV_OFF).any()
    before = series.factor.stop[series.factor.epoch == 0].max()
    after = series.factor.start[series.factor.epoch == 1].min()
    assert before <= summary["breaks"][0] <= after
    # nothing is interpolated across the step: the gains differ by all of it
    good = ~((series.reasons & np.uint16(FATAL)) != 0).any(axis=(0, 1))
    factor = [np.median(series.factor.value[series.factor.epoch == e][:, 0, good]) for e in (0, 1)]
    assert factor[0] / factor[1] == pytest.approx(1.1, abs=0.03)


def test_readings_of_another_camera_are_refused(run: SimulatedRun, tmp_path: Path) -> None:
    control = read_slow_control([run.slow_control[1]], 1)
    write_slow_control(tmp_path / "hv.parquet", replace(control, voltage=control.voltage[:, :50]), 1)
    step = step_named("camera-series")
    inputs = {**inputs_of(run), "slow_control": (tmp_path / "hv.parquet",)}
    with pytest.raises(CorruptedInput) as error:
        step.run(inputs, tmp_path / "s.h5", step.complete(FEW), {"product": "test"})
    assert error.value.code == "other-camera"


def test_events_get_the_coefficients_of_their_time(
    run: SimulatedRun, products: dict[str, Path], tmp_path: Path
) -> None:
    step = step_named("telescope-dl1")
    spread = {}
    for name, choices in (("by_time", {"step_seconds": 0.5}), ("coefficients", {})):
        files = {**inputs_of(run), "calibration": products[name]}
        output = tmp_path / f"{name}.dl1.h5"
        step.run(files, output, step.complete(choices), {"calibration": name})
        assert read_lineage(output) == {"calibration": name}
        # pixels filled from others are told, event by event
        filled, shown = read_filled(output, 1), read_images(output, 1)
        assert filled["event_id"].tolist() == shown["event_id"].tolist()
        assert (filled["ring"] > 0).sum(axis=1).min() >= 2
        rows = read_calibration_images(output, 1)
        flashes = rows["image"][rows["event_type"] == EventType.FLATFIELD, 0]
        half = len(flashes) // 2
        spread[name] = float(flashes[half:].mean() / flashes[:half].mean() - 1.0)
    assert spread["coefficients"] == pytest.approx(0.1, abs=0.02)
    assert spread["by_time"] == pytest.approx(0.0, abs=0.04)


def test_the_calibration_in_force_is_found_and_named_in_the_product(
    run: SimulatedRun, tmp_path: Path
) -> None:
    start = start_of(run)
    with Workspace.open(tmp_path / "ws", True) as workspace:
        archive = workspace.archive
        description, _ = archive.ingest(run.description)
        events, _ = archive.ingest(run.telescopes[1], obs_id=1, telescopes=[1])
        inputs = {"events": events, "description": description}
        early, late = (
            execute(archive, step_named("camera-coefficients"), inputs, {"excess": excess}).product
            for excess in (1.2, 1.3)
        )
        archive.certify(early, "B", start, start + 3600 * SECOND)
        archive.certify(late, "B", start + 3600 * SECOND, start + 7200 * SECOND)
        for moment, right in ((start + SECOND, early), (start + 3601 * SECOND, late)):
            found = archive.lookup(right.product_type, 1, moment, ("B", "A")).product
            assert found.id == right.id
            dl1 = execute(archive, step_named("certified-dl1"), {**inputs, "calibration": found}).product
            named = {i["role"]: i["sha256"] for i in read_lineage(archive.path(dl1))["inputs"]}
            assert named["calibration"] == right.sha256
            assert right.id in {reference.product for reference in dl1.inputs}
    assert step_named("certified-dl1").roles["calibration"].validity


def test_a_level_certifies_a_series_for_what_it_covers(run: SimulatedRun, tmp_path: Path) -> None:
    start, step = start_of(run), step_named("camera-series")
    with Workspace.open(tmp_path / "ws", True) as workspace:
        archive = workspace.archive
        archive.ingest(run.description)
        cover = {"time_start": start, "time_stop": start + 13 * SECOND}
        archive.ingest(run.telescopes[1], obs_id=1, telescopes=[1], **cover)
        steps = build([step], level="B", wanted=[step.name])
        plan = make_plan(
            archive, steps, toyrun.level(), Night.at(start).span,
            parameters={step.name: {**FEW, "chunk_flashes": 250}},
        )  # fmt: skip
        report = carry_out(archive, plan, InProcess(archive))
        assert report.exit_code == 0, report.as_text()
        (product,) = report.products
        series = read_monitoring(archive.path(product))
        assert product.time_start == series.factor.start.min()
        assert product.time_stop == series.factor.stop.max()
        path = (toyrun.level().collection,)
        for moment in (product.time_start, product.time_stop - 1):
            assert archive.lookup(step.output, 1, moment, path).product.id == product.id
        for moment in (product.time_start - 1, product.time_stop):
            with pytest.raises(MissingInput):
                archive.lookup(step.output, 1, moment, path)


def test_chunks_by_number_overlap_and_need_statistics(run: SimulatedRun, tmp_path: Path) -> None:
    assert made(run, tmp_path / "s.h5", chunk_flashes=250, shift_flashes=125)["chunks"] == 3
    with pytest.raises(InsufficientStatistics, match="No chunk"):
        made(run, tmp_path / "few.h5", chunk_flashes=40)
    assert not (tmp_path / "few.h5").exists()


def test_another_camera_s_calibration_is_refused(
    run: SimulatedRun, products: dict[str, Path], tmp_path: Path
) -> None:
    telescope_dl1 = step_named("telescope-dl1")
    other = tmp_path / "other.h5"
    write_calibration(other, replace(read_calibration(products["coefficients"]), camera="0" * 64), {}, 1)
    bigger = tmp_path / "bigger.json"
    write_description(make_subarray(preset("small"), 1), bigger)
    for given in (
        {**inputs_of(run), "calibration": other},
        {**inputs_of(run), "calibration": products["coefficients"], "description": bigger},
        {**inputs_of(run), "calibration": products["by_number"], "description": bigger},
    ):
        with pytest.raises(CorruptedInput) as caught:
            telescope_dl1.run(given, tmp_path / "x.h5", telescope_dl1.complete(), {})
        assert caught.value.code == "other-camera"


def precalibrated(run: SimulatedRun, folder: Path) -> Path:
    """Write the run's flashes as a camera would that calibrates them: in p.e., scaled to whole numbers."""
    simulator = RunSimulator(replace(CONFIG, history=HistoryPlan()))
    camera = simulator.camera(1)
    telescope, r = camera.telescope, camera.response
    n_pixels = telescope.geometry.n_pixels
    names = DL0Names(folder, 1, 1, 2, start_of(run))
    shape = (2, n_pixels, telescope.readout.n_samples)
    order, modules = np.arange(n_pixels), np.arange(n_pixels // 7)
    scale, offset = 100.0, 20.0
    with (
        quiet(),
        TelescopeWriter(names, 1, "LSTN-01", shape, 1.0, order, modules, scale, offset, 33) as writer,
    ):
        for event in simulator.events[:150]:
            adc = simulator.record(camera, event).adc
            gain = np.where(r.gain > 0.0, r.gain, np.inf)
            light = (adc - r.pedestal[..., None]) / gain[..., None]
            stored = np.clip(np.rint((light + offset) * scale), 0, 65535).astype(np.uint16)
            writer.write(event.event_id, int(event.event_type), event.time, stored)
    return names.telescope(1, "LSTN-01")


def test_what_the_camera_calibrated_is_not_corrected_twice(
    run: SimulatedRun, products: dict[str, Path], tmp_path: Path
) -> None:
    events = precalibrated(run, tmp_path)
    files = {"events": events, "description": run.description}
    telescope_dl1, plain = step_named("telescope-dl1"), step_named("precalibrated-dl1")
    given = {**files, "calibration": products["coefficients"]}
    with pytest.raises(CorruptedInput) as caught:
        telescope_dl1.run(given, tmp_path / "x.h5", telescope_dl1.complete(), {})
    assert caught.value.code == "already-calibrated"
    assert "number 33" in caught.value.expected
    plain.run(files, tmp_path / "p.dl1.h5", plain.complete(), {})
    rows = read_calibration_images(tmp_path / "p.dl1.h5", 1)
    flashes = rows["image"][rows["event_type"] == EventType.FLATFIELD, 0]
    assert np.median(flashes) == pytest.approx(60.0, rel=0.1)
    # coefficients made of such data are for such data, and for no others
    step = step_named("camera-coefficients")
    step.run(files, tmp_path / "own.h5", step.complete({**FEW, "full_scale": 65535}), {})
    own = {"calibration": tmp_path / "own.h5"}
    telescope_dl1.run({**files, **own}, tmp_path / "q.dl1.h5", telescope_dl1.complete(), {})
    assert len(read_images(tmp_path / "q.dl1.h5", 1)) == len(read_images(tmp_path / "p.dl1.h5", 1))
    with pytest.raises(CorruptedInput, match="samples in this state"):
        telescope_dl1.run({**inputs_of(run), **own}, tmp_path / "y.h5", telescope_dl1.complete(), {})


def test_reasons_and_the_course_of_every_pixel_are_beside_the_coefficients(
    products: dict[str, Path], run: SimulatedRun, tmp_path: Path
) -> None:
    series, faults = read_monitoring(products["by_time"]), read_faults(products["by_time"], 1)
    assert set(faults["chunk"].tolist()) == set(range(len(series.factor.start)))
    bits = np.zeros_like(series.reasons)
    for row in faults:
        bits[row["chunk"], row["channel"], row["pixel"]] |= row["reason"]
    np.testing.assert_array_equal(bits, series.reasons)
    np.testing.assert_array_equal(series.factor.epoch[faults["chunk"]], faults["epoch"])
    dead = faults[faults["reason"] == Reason.DEAD]
    assert (dead["value"] < dead["limit"]).all()
    course = read_course(products["by_time"], 1)
    good = ~((series.reasons & np.uint16(FATAL)) != 0).any(axis=(0, 1))
    gain = np.median(course["gain"][:, 0, good], axis=1)
    assert gain[-1] / gain[0] == pytest.approx(1.1, abs=0.06)
    assert (course["gain_error"][:, 0, good] > 0.0).all()
    # there were no events without light to tell the sky by
    assert np.isnan(course["sky"]).all()
    with pytest.raises(MissingInput):
        read_course(products["coefficients"], 1)
    with pytest.raises(MissingInput):
        read_faults(products["by_time"], 4)


def test_other_files_are_no_monitoring_files(
    run: SimulatedRun, products: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(MissingInput):
        read_monitoring(tmp_path / "none.h5")
    assert not is_monitoring(run.description)
    with pytest.raises(MissingInput, match="coefficients of one telescope"):
        read_monitoring(run.truth[1])
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(CorruptedInput):
        read_monitoring(tmp_path / "text.h5")
    with pytest.raises(MissingInput, match="telescope 7"):
        read_monitoring(products["by_number"], 7)
    series = read_monitoring(products["by_number"])
    (telescope,) = read_description(run.description).telescopes.values()
    assert (series.tel_id, series.camera) == (1, telescope.geometry.fingerprint)
