# SPDX-License-Identifier: BSD-3-Clause
"""Special runs of a flasher through their steps: apart from pedestals, filters, voltages, dim flashes."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.archive.workspace import Workspace
from pellucid.camera.estimate import Status
from pellucid.camera.slow_control import SlowControl
from pellucid.camera.time_walk_run import TimeWalkOptions
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.events.batch import EventType
from pellucid.formats.camera_calibration import read_calibration
from pellucid.formats.filter_scan import read_filter_scan, write_filter_scan
from pellucid.formats.slow_control import write_slow_control
from pellucid.formats.spe_gains import read_spe_gains
from pellucid.formats.time_walk import read_time_walk
from pellucid.interfaces.product_types import check_defined
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.graph import build
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import make_plan
from pellucid.pipeline.run import carry_out
from pellucid.pipeline.steps import step_named
from pellucid.simulate.camera import CameraSimulator
from pellucid.simulate.dl0 import DL0Names, TelescopeWriter, quiet
from pellucid.simulate.history import HistoryPlan
from pellucid.simulate.light import Light, no_light
from pellucid.simulate.run import RunSimulator, SimulatedRun, SimulationConfig, simulate_run
from pellucid.simulate.seeds import Purpose, generator
from pellucid.times import from_unix_utc, shifted, to_tai_ns
from support import toyrun

SECOND = 1_000_000_000
CONFIG = SimulationConfig(
    camera="tiny", telescopes=1, pedestals=200, flashes=500, showers=0, muons=0, flash_spread=0.1, seed=3
)
TRUTH = RunSimulator(CONFIG).camera(1).response
SOUND = ~(TRUTH.dead | TRUTH.noisy)
N = SOUND.size


def run_step(name: str, output: Path, inputs: dict[str, Any], **choices: Any) -> dict[str, Any]:
    step = step_named(name)
    return step.run(inputs, output, step.complete(choices), {"product": "test"})


def test_parameters_are_the_options_and_products_are_defined() -> None:
    assert step_named("time-walk").complete() == asdict(TimeWalkOptions())
    assert step_named("filter-scan").complete() == step_named("camera-coefficients").complete()
    for name in ("time-walk", "filter-scan", "camera-series", "spe-at-voltages"):
        check_defined(step_named(name).output)


def test_flashes_and_pedestals_of_runs_of_their_own(tmp_path: Path) -> None:
    lit = simulate_run(replace(CONFIG, pedestals=0), tmp_path / "lit")
    apart = replace(CONFIG, flashes=0, obs_id=2, start_unix=CONFIG.start_unix + 60)
    dark = simulate_run(apart, tmp_path / "dark").telescopes[1]
    start = int(to_tai_ns(from_unix_utc(CONFIG.start_unix, 0))[0])
    step = step_named("flasher-coefficients")
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        archive = workspace.archive
        cover: dict[str, Any] = {"time_start": start, "time_stop": start + SECOND, "telescopes": [1]}
        archive.ingest(lit.telescopes[1], "DL0/Event/Telescope/FlatField", obs_id=1, **cover)
        archive.ingest(dark, "DL0/Event/Telescope/Pedestal", obs_id=2, **cover)
        archive.ingest(lit.description)
        steps = build([step], level="B", wanted=[step.name])
        plan = make_plan(archive, steps, toyrun.level(), Night.at(start).span)
        report = carry_out(archive, plan, InProcess(archive))
        assert report.exit_code == 0, report.as_text()
        (product,) = report.products
        found = read_calibration(archive.path(product))
    assert (found.pedestal.baseline.n, found.flatfield.charge.n) == (200, 500)
    pull = ((found.gain.gain.value - TRUTH.gain) / found.gain.gain.error)[0, SOUND]
    assert abs(pull.mean()) < 0.5
    assert pull.std() == pytest.approx(1.0, abs=0.25)
    alone = {"events": lit.telescopes[1], "description": lit.description}
    with pytest.raises(MissingInput, match="no pedestal events"):
        run_step("flasher-coefficients", tmp_path / "c.h5", alone)


def test_files_of_two_telescopes_are_no_stream(tmp_path: Path) -> None:
    run = simulate_run(replace(CONFIG, telescopes=2, pedestals=2, flashes=2), tmp_path / "two")
    inputs = {
        "events": run.telescopes[1],
        "pedestals": (run.telescopes[2],),
        "description": run.description,
    }
    with pytest.raises(CorruptedInput) as other:
        run_step("flasher-coefficients", tmp_path / "c.h5", inputs)
    assert other.value.code == "other-camera"


@pytest.fixture(scope="module")
def filters(tmp_path_factory: pytest.TempPathFactory) -> list[SimulatedRun]:
    """The same camera behind three filters."""
    folder = tmp_path_factory.mktemp("filters")
    return [
        simulate_run(
            replace(CONFIG, flash_intensity=light, obs_id=k + 1, start_unix=CONFIG.start_unix + 60 * k),
            folder / f"{k}",
        )
        for k, light in enumerate((60.0, 20.0, 120.0))
    ]


@pytest.fixture(scope="module")
def scan(filters: list[SimulatedRun], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "scan.h5"
    summary = run_step("filter-scan", path, scanned(filters))
    assert (summary["filters"], summary["fits"] > 1.9 * SOUND.sum()) == (3, True)
    assert summary["median_b"] == pytest.approx(CONFIG.flash_spread, rel=0.06)
    return path


def scanned(runs: list[SimulatedRun]) -> dict[str, Any]:
    events, *others = (run.telescopes[1] for run in runs)
    # a level gives the leading file among the others too
    return {"events": events, "filters": (events, *others), "description": runs[0].description}


def test_a_filter_scan_finds_what_the_flashes_fluctuate(scan: Path) -> None:
    found = read_filter_scan(scan)
    assert (found.tel_id, found.scan.degrees, found.charge.shape) == (1, 1, (3, 2, N))
    slope = found.scan.slope
    pull = ((slope.value - 1.222 * TRUTH.gain) / slope.error)[0, SOUND]
    assert pull.std() == pytest.approx(1.0, abs=0.25)
    assert (found.scan.covariance[0, SOUND] < 0.0).all()


def test_gains_with_the_scan_have_its_error_too(
    filters: list[SimulatedRun], scan: Path, tmp_path: Path
) -> None:
    inputs = {"events": filters[0].telescopes[1], "description": filters[0].description}
    run_step("camera-coefficients", tmp_path / "mean.h5", inputs)
    with_scan = {**inputs, "scan": scan}
    run_step("scanned-coefficients", tmp_path / "scan.h5", with_scan)
    mean, found = (read_calibration(tmp_path / f"{name}.h5").gain.gain for name in ("mean", "scan"))
    assert (found.error > mean.error)[0, SOUND].all()
    ratio = (found.value / TRUTH.gain)[0, SOUND]
    assert ratio.mean() == pytest.approx(1.0, abs=4.0 * float(np.median(found.error[0, SOUND])) / 60.0)
    with pytest.raises(ConfigurationError) as none:
        run_step("camera-coefficients", tmp_path / "none.h5", inputs, brightness="scan")
    assert none.value.code == "no-filter-scan"
    other = replace(read_filter_scan(scan), camera="0" * 64)
    write_filter_scan(tmp_path / "other.h5", other, {}, 1)
    with pytest.raises(CorruptedInput) as foreign:
        run_step("scanned-coefficients", tmp_path / "x.h5", {**inputs, "scan": tmp_path / "other.h5"})
    assert foreign.value.code == "other-camera"


def test_two_filters_are_too_few(filters: list[SimulatedRun], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as few:
        run_step("filter-scan", tmp_path / "few.h5", scanned(filters[:2]))
    assert (few.value.code, few.value.got) == ("too-few-filters", "2")


START = from_unix_utc(CONFIG.start_unix, 0)


def late_flashes(folder: Path, light: Callable[[int], Light], n: int = 300) -> dict[str, Any]:
    """Write 60 pedestals and flashes that are late as asked, 10 ms apart."""
    simulator = RunSimulator(CONFIG)
    camera: CameraSimulator = simulator.camera(1)
    telescope = camera.telescope
    names = DL0Names(folder, 1, 1, 2, int(to_tai_ns(START)[0]))
    shape = (2, N, telescope.readout.n_samples)
    times = shifted(np.broadcast_to(START, (n + 60, 2)), 1e7 * np.arange(n + 60))
    with (
        quiet(),
        TelescopeWriter(names, 1, "LSTN-01", shape, 1.0, np.arange(N), np.arange(N // 7)) as writer,
    ):
        for k in range(n + 60):
            rng = generator(9, Purpose.READOUT, 1, k)
            given, kind = (no_light(N), EventType.PEDESTAL) if k < 60 else (light(k), EventType.FLATFIELD)
            writer.write(k + 1, int(kind), times[k], camera.expose(rng, given, 0.1).adc)
    run = simulate_run(replace(CONFIG, pedestals=1, flashes=0), folder / "described")
    return {"events": names.telescope(1, "LSTN-01"), "description": run.description}


def test_time_walk_of_each_pixel_against_the_camera(tmp_path: Path) -> None:
    walk = np.random.default_rng(4).normal(0.0, 8.0, N)
    charge = np.where(TRUTH.dead, 60.0, TRUTH.gain[0]) * TRUTH.efficiency

    def light(k: int) -> Light:
        expected = (40.0, 120.0)[k % 2]
        return Light(np.full(N, expected), 16.0 + walk / np.sqrt(expected * charge), 1.0)

    inputs = late_flashes(tmp_path, light, 600)
    summary = run_step("time-walk", tmp_path / "w.h5", inputs)
    found = read_time_walk(tmp_path / "w.h5")
    assert (found.against, found.tel_id, summary["flashes"]) == ("charge", 1, 600)
    slope = found.walk.slope
    good = SOUND & (slope.status[0] == Status.GOOD)
    assert good.sum() > 0.95 * SOUND.sum()
    away = slope.value[0, good] - walk[good]
    assert away.std() < 0.4 * walk.std()
    # what all pixels share stays with the camera
    assert ((away - np.median(away)) / slope.error[0, good]).std() == pytest.approx(1.0, abs=0.25)
    with pytest.raises(InsufficientStatistics):
        run_step("time-walk", tmp_path / "few.h5", inputs, min_flashes=1000)
    with pytest.raises(ConfigurationError) as none:
        run_step("time-walk", tmp_path / "none.h5", inputs, against="voltage")
    assert none.value.code == "no-slow-control"


def test_transit_time_against_the_voltage(tmp_path: Path) -> None:
    transit = np.random.default_rng(5).normal(200.0, 15.0, N)
    levels = np.array([900.0, 1000.0, 1100.0])

    def light(k: int) -> Light:
        return Light(np.full(N, 80.0), 16.0 + transit * (levels[k // 120 % 3] ** -0.5 - 1000.0**-0.5), 1.0)

    inputs = late_flashes(tmp_path, light)
    first = int(to_tai_ns(START)[0])
    time = first + 10_000_000 * np.arange(0, 360, 10)
    voltage = np.repeat(levels[np.arange(0, 360, 10) // 120 % 3][:, None], N, axis=1)
    write_slow_control(tmp_path / "hv", SlowControl(time, voltage, np.full((time.size, 1), 20.0)), 1)
    given = {**inputs, "slow_control": (tmp_path / "hv",)}
    run_step("time-walk", tmp_path / "w.h5", given, against="voltage", reference="window")
    slope = read_time_walk(tmp_path / "w.h5").walk.slope
    pull = ((slope.value[0] - transit) / slope.error[0])[SOUND]
    # all pixels share the jitter of the flashes: 0 here
    assert abs(pull.mean()) < 0.5
    assert pull.std() == pytest.approx(1.0, abs=0.25)
    late = SlowControl(time + 3600 * SECOND, voltage, np.full((time.size, 1), 20.0))
    write_slow_control(tmp_path / "late", late, 1)
    given = {**inputs, "slow_control": (tmp_path / "late",)}
    run_step("time-walk", tmp_path / "l.h5", given, against="voltage")
    assert (read_time_walk(tmp_path / "l.h5").walk.slope.status == Status.NO_SIGNAL).all()


def test_voltages_share_the_shape_of_a_pixel(tmp_path: Path) -> None:
    dim = SimulationConfig(
        camera="tiny", telescopes=1, pedestals=0, dark_pedestals=150, flashes=0, dim_flashes=1200,
        showers=0, muons=0, sky=0.0, shape="caroff", seed=4,
    )  # fmt: skip
    usual, high = simulate_run(dim, tmp_path / "usual"), tmp_path / "high"
    stepped = HistoryPlan(hv_step=1.0, hv_time=0.0, duration=3.0)
    more = simulate_run(replace(dim, obs_id=2, start_unix=dim.start_unix + 60, history=stepped), high)
    inputs = {"events": usual.telescopes[1], "description": usual.description}
    tubes = {"proportion_error": 0.05, "interpolation_error": 0.03, "share": False}
    run_step("camera-spe", tmp_path / "a.h5", inputs, min_dark=100, **tubes)
    together = {**inputs, "voltages": (usual.telescopes[1], more.telescopes[1])}
    summary = run_step("spe-at-voltages", tmp_path / "b.h5", together, min_dark=100, **tubes)
    assert summary["other_voltages"] == 1
    alone, both = read_spe_gains(tmp_path / "a.h5"), read_spe_gains(tmp_path / "b.h5")
    assert alone.others == ()
    (other,) = both.others
    truth = RunSimulator(dim).camera(1).response
    good = both.fit.usable & alone.fit.usable & other.usable
    assert good.sum() > 0.9 * (~(truth.dead | truth.noisy)).sum()
    assert other.theta[good] == pytest.approx(both.fit.theta[good])
    assert np.median(other.gain[good] / both.fit.gain[good]) == pytest.approx(2.0, abs=0.03)
    # twice the gain tells the shape better, and with it the lower gain
    assert np.median(both.fit.gain_error[good] / alone.fit.gain_error[good]) < 0.95
    for fit, scale in ((both.fit, 1.0), (other, 2.0)):
        pull = ((fit.gain - scale * truth.gain[0]) / fit.gain_error)[good]
        assert abs(pull.mean()) < 0.5
        assert pull.std() == pytest.approx(1.0, abs=0.25)
