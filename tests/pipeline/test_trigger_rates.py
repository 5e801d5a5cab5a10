# SPDX-License-Identifier: BSD-3-Clause
"""From events of the array's trigger to rates of its telescopes, and from these to the air."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from pellucid.archive import Workspace
from pellucid.array.rates import all_pairs
from pellucid.errors import CorruptedInput, InsufficientStatistics
from pellucid.formats.array_triggers import read_array_triggers
from pellucid.formats.camera_calibration import read_calibration
from pellucid.formats.description import write_description
from pellucid.formats.pointing import write_pointing
from pellucid.formats.product_hdf5 import read_contents
from pellucid.formats.transparency import read_transparency
from pellucid.formats.trigger_rates import KIND, read_trigger_rates
from pellucid.formats.zfits_file import MessageFile
from pellucid.instrument import Subarray
from pellucid.pipeline.intake import take_in
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.array_rates import read_slices
from pellucid.pointing.looking import Pointing
from pellucid.pointing.track import Track
from pellucid.simulate.array_night import ArrayTruth, write_muons, write_triggers
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.run import SimulationConfig, simulate_run
from support.toyrun import level

S = 10**9
START = 1795399200 * S
TAU = 1e-3
STEP, AIR = step_named("trigger-rates"), step_named("transparency")


def truth_of(n: int) -> ArrayTruth:
    one = np.ones(n)
    position = np.array([t.position for t in make_subarray(preset("tiny"), n).telescopes.values()])
    return ArrayTruth(np.arange(1, n + 1), position, one, one, one, pair_rate=20.0)


def pointing(path: Path, tel_id: int, seconds: int = 130) -> Path:
    time = START - 5 * S + np.arange(seconds + 10, dtype=np.int64) * S
    track = Track.of(time, np.full(time.size, 100.0) * u.deg, np.full(time.size, 90.0) * u.deg)
    write_pointing(
        path, tel_id, Pointing(track, np.zeros(time.size), np.ones(time.size, bool), 5.0 * u.s), {}
    )
    return path


@pytest.fixture(scope="module")
def triggers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, gaps = tmp_path_factory.mktemp("triggers"), ((35.0, 42.5),)
    return write_triggers(truth_of(4), folder, START, 60.0, 1, dead_time=TAU, alone=140.0, gaps=gaps)


@pytest.fixture(scope="module")
def inputs(triggers: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("inputs")
    write_description(make_subarray(preset("tiny"), 4), folder / "array.json")
    looks = {tel_id: pointing(folder / f"{tel_id}.h5", tel_id) for tel_id in range(1, 5)}
    return {"triggers": (triggers,), "description": folder / "array.json", "pointing": looks}


def made(inputs: dict[str, Any], folder: Path, **choices: Any) -> list[Path]:
    paths = []
    for tel_id, look in inputs["pointing"].items():
        paths.append(folder / f"rates-{tel_id}.h5")
        given = STEP.complete({"dead_time": f"{TAU} s", **choices})
        STEP.run({**inputs, "pointing": look}, paths[-1], given, {"made": "here"})
    return paths


def test_rates_without_dead_time_and_gaps_are_the_truth(inputs: dict[str, Any], tmp_path: Path) -> None:
    slices = read_slices({"rates": made(inputs, tmp_path, slice="30 s")}, AIR.complete())
    assert slices.time.tolist()[0] >= START
    assert slices.live_time.shape == (4, 2)
    # 7.5 s of the second slice are a gap, and a sixth of the rest is dead
    assert slices.live_time[:, 1] / slices.live_time[:, 0] == pytest.approx(0.75, abs=0.01)
    pairs = slices.pairs()
    expected = truth_of(4).rates(np.ones(1), np.zeros(1)) * pairs.live_time
    # what two telescopes do not see since one of them is dead is a share, not a constant
    pull = (pairs.count - expected) / np.sqrt(expected)
    assert np.abs(pull).max() < 4.0
    assert (slices.zenith == 0.0).all()
    assert np.isnan(slices.muon_efficiency).all()
    uncorrected = truth_of(4).rates(np.ones(1), np.zeros(1)) * 30.0
    assert np.mean((pairs.count - uncorrected) / np.sqrt(uncorrected)) < -4.0


def test_both_ways_to_know_the_dead_time_are_in_the_product(inputs: dict[str, Any], tmp_path: Path) -> None:
    output, look = tmp_path / "r.h5", {**inputs, "pointing": inputs["pointing"][1]}
    summary = STEP.run(look, output, STEP.complete({"dead_time": f"{TAU} s", "slice": "30 s"}), {})
    arrays = read_contents(output, KIND, "").arrays
    away = arrays["live_time"] - arrays["live_time_by_arrivals"]
    assert np.abs(away / arrays["live_time_by_arrivals_error"]).max() < 4.0
    assert summary["flags"] == []
    assert summary["time_in_gaps"] == pytest.approx(7.5, abs=0.1)
    wrong = STEP.run(look, output, STEP.complete({"dead_time": f"{3.0 * TAU} s"}), {})
    assert wrong["flags"] == ["dead-time-does-not-fit-arrivals-1"]
    again = tmp_path / "again.h5"
    STEP.run(look, again, STEP.complete({"dead_time": f"{3.0 * TAU} s"}), {})
    assert again.read_bytes() == output.read_bytes()
    busy = STEP.run(look, output, STEP.complete({"dead_time": f"{9.0 * TAU} s"}), {})
    assert busy["flags"] == ["rate-above-dead-time-limit-1"]
    assert busy["live_time"] == 0.0


def test_rates_of_triggers_become_a_transparency(inputs: dict[str, Any], tmp_path: Path) -> None:
    rates, output = made(inputs, tmp_path, slice="5 s"), tmp_path / "ctc.h5"
    given = {"rates": rates, "description": inputs["description"]}
    plain = AIR.run(given, output, AIR.complete({"reference_rate": 20.0}), {})
    one = read_transparency(output)
    AIR.run(given, output, AIR.complete({"reference_rate": 20.0, "window": 4}), {})
    four = read_transparency(output)
    assert plain["slices"] == 12
    assert plain["slices_without_transparency"] <= 2
    # a window of four slices knows twice as much, and its last slice is its own
    assert (one["eta_error"] / four["eta_error"])[3] == pytest.approx(2.0, rel=0.1)
    assert four["n_events"][3] == one["n_events"][:4].sum()
    assert four["eta"][0] == one["eta"][0]


def test_where_nobody_looked_there_is_no_live_time(inputs: dict[str, Any], tmp_path: Path) -> None:
    short = {**inputs, "pointing": pointing(tmp_path / "p.h5", 1, 20)}
    summary = STEP.run(short, tmp_path / "r.h5", STEP.complete({"slice": "5 s"}), {})
    _, columns = read_trigger_rates(tmp_path / "r.h5")
    assert summary["slices_without_pointing"] == 7
    assert ((columns["live_time"] == 0.0) == np.isnan(columns["zenith"])).all()


def test_muons_gain_and_night_sky_stand_beside_the_rates(inputs: dict[str, Any], tmp_path: Path) -> None:
    config = SimulationConfig(
        camera="tiny", telescopes=1, pedestals=80, dark_pedestals=80, flashes=100, showers=0, muons=0
    )
    run = simulate_run(config, tmp_path / "run")
    coefficients, calibration = step_named("camera-coefficients"), tmp_path / "c.h5"
    events = {"events": run.telescopes[1], "description": run.description}
    coefficients.run(events, calibration, coefficients.complete(), {})
    write_muons(truth_of(4), tmp_path / "muons.h5", START, 1)
    some = {**inputs, "pointing": inputs["pointing"][1]}
    beside = {"throughput": tmp_path / "muons.h5", "calibration": calibration}
    STEP.run({**some, **beside}, tmp_path / "r.h5", STEP.complete(), {})
    _, columns = read_trigger_rates(tmp_path / "r.h5")
    assert columns["muon_efficiency"] == pytest.approx(0.2, rel=0.03)
    assert (columns["muon_efficiency_error"] > 0.0).all()
    assert columns["night_sky"] == pytest.approx(1e3 * config.sky, rel=0.2)
    factor = read_calibration(calibration).factor.value[0]
    assert columns["gain"] == pytest.approx(1.0 / np.nanmedian(factor), rel=0.05)


def mixed(folder: Path) -> Path:
    """Describe an array of two kinds: three telescopes of one, three of the other."""
    one = make_subarray(preset("tiny"), 3)
    other = make_subarray(preset("small"), 6)
    smaller = {t: replace(o, optics=replace(o.optics, size_type="MST")) for t, o in other.telescopes.items()}
    telescopes = {**one.telescopes, **{t: smaller[t] for t in (4, 5, 6)}}
    write_description(Subarray("mixed", telescopes, one.reference), folder / "mixed.json")
    return folder / "mixed.json"


def test_telescopes_of_two_kinds_are_one_array(tmp_path: Path) -> None:
    triggers = write_triggers(truth_of(6), tmp_path, START, 20.0, 3, alone=20.0)
    looks = {tel_id: pointing(tmp_path / f"{tel_id}.h5", tel_id) for tel_id in range(1, 7)}
    inputs = {"triggers": (triggers,), "description": mixed(tmp_path), "pointing": looks}
    kinds = made(inputs, tmp_path)
    slices = read_slices({"rates": kinds, "description": inputs["description"]}, AIR.complete())
    first, second = all_pairs(6)
    across = (first < 3) != (second < 3)
    pairs = slices.pairs()
    assert (pairs.live_time[0, across] == 0.0).all()
    assert (pairs.count[0, ~across] > 0.0).all()
    with pytest.raises(CorruptedInput, match="belong together"):
        read_slices({"rates": kinds}, AIR.complete())
    whole = made(inputs, tmp_path, across_types=True)
    choices = AIR.complete({"sensitivity": {"LST": 1.0, "MST": 4.0}})
    slices = read_slices({"rates": whole, "description": inputs["description"]}, choices)
    pairs = slices.pairs()
    assert (pairs.count[0] > 0.0).all()
    # telescopes of the lower threshold come first, and their light hardly matters in pairs with the others
    assert pairs.weight[across] == pytest.approx(0.2)
    assert (pairs.weight[~across] == 0.5).all()


def test_what_does_not_belong_together_is_refused(inputs: dict[str, Any], tmp_path: Path) -> None:
    rates = made(inputs, tmp_path)
    with pytest.raises(CorruptedInput) as twice:
        read_slices({"rates": [*rates, rates[0]]}, AIR.complete())
    assert twice.value.code == "repeated-slice"
    write_description(make_subarray(preset("tiny"), 2), tmp_path / "two.json")
    for look in (1, 4):
        some = {**inputs, "pointing": inputs["pointing"][look], "description": tmp_path / "two.json"}
        with pytest.raises(CorruptedInput) as other:
            STEP.run(some, tmp_path / "x.h5", STEP.complete(), {})
        assert other.value.code == "other-array"


def test_triggers_that_go_back_in_time_are_refused(tmp_path: Path, inputs: dict[str, Any]) -> None:
    from pellucid.simulate.dl0 import DL0Names, SubarrayWriter, quiet

    names = DL0Names(tmp_path, 1, 1, 1, START)
    with quiet(), SubarrayWriter(names) as writer:
        for number, second in enumerate((0, 2, 1)):
            stamp = np.array([START // S + second, 0], np.uint32)
            writer.write(number + 1, stamp, [1, 2], 32)
    broken = {**inputs, "triggers": (names.trigger(),), "pointing": inputs["pointing"][1]}
    with pytest.raises(CorruptedInput) as back:
        STEP.run(broken, tmp_path / "x.h5", STEP.complete(), {})
    assert back.value.code == "time-backwards"


def test_a_telescope_with_hardly_any_event_has_no_live_time(tmp_path: Path, inputs: dict[str, Any]) -> None:
    quiet_array = replace(truth_of(4), pair_rate=0.01)
    triggers = write_triggers(quiet_array, tmp_path, START, 60.0, 4, alone=0.0, flashes=0.05)
    some = {**inputs, "triggers": (triggers,), "pointing": inputs["pointing"][1]}
    summary = STEP.run(some, tmp_path / "r.h5", STEP.complete(), {})
    assert summary["observations_without_live_time"] == 1
    assert summary["live_time"] == 0.0


def test_rates_are_products_of_a_night(inputs: dict[str, Any], tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "ws") as workspace:
        archive = workspace.archive
        for path in (*inputs["triggers"], inputs["description"]):
            take_in(archive, path)
        for tel_id, path in inputs["pointing"].items():
            archive.ingest(
                path,
                "DL1/Monitoring/Telescope/Pointing",
                telescopes=[tel_id],
                time_start=START,
                time_stop=START + 130 * S,
            )
        plan_night(workspace)


def plan_night(workspace: Workspace) -> None:
    from pellucid.pipeline.executors import InProcess
    from pellucid.pipeline.graph import build
    from pellucid.pipeline.night import Night
    from pellucid.pipeline.plan import make_plan
    from pellucid.pipeline.run import carry_out
    from pellucid.pipeline.setting import delivered_types
    from pellucid.pipeline.steps import all_steps

    wanted = ("trigger-rates", "transparency")
    steps = build(all_steps().values(), level="B", wanted=wanted, delivered=delivered_types)
    plan = make_plan(workspace.archive, steps, level(), Night.at(START).span)
    report = carry_out(workspace.archive, plan, InProcess(workspace.archive))
    assert report.exit_code == 0, report.as_text()
    assert sorted(p.step for p in report.products) == ["transparency"] + 4 * ["trigger-rates"]


def test_triggers_without_events_are_refused(triggers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = MessageFile.rows
    monkeypatch.setattr(
        MessageFile, "rows", lambda file, table: iter(()) if table == "SubarrayEvents" else rows(file, table)
    )
    with pytest.raises(InsufficientStatistics) as caught:
        read_array_triggers(triggers, np.arange(1, 5))
    assert caught.value.code == "no-events"
