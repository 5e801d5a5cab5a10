# SPDX-License-Identifier: BSD-3-Clause
"""The verbs run, watch, step and export cwl as a user types them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from pellucid.archive import Workspace
from pellucid.archive.files import hash_file
from pellucid.cli.run import run
from pellucid.formats.cover import outside_formats
from support import toyrun

ASKED = ["--night", "2026-11-22", "--level", "B", "--steps", "toy-array"]
type Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(toyrun.TOY)
    monkeypatch.setenv("PYTHONPATH", toyrun.python_path())
    outside_formats.cache_clear()
    import toynight

    yield toynight
    outside_formats.cache_clear()


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def typed(*arguments: str | Path) -> tuple[int, Any]:
        code = run([*map(str, arguments), "--workspace", str(tmp_path / "ws"), "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return typed


@pytest.fixture
def night(toy: ModuleType, tmp_path: Path, call: Call) -> list[Path]:
    (tmp_path / "inbox").mkdir()
    files: list[Path] = toy.deliver_night(tmp_path / "inbox", telescopes=2, runs=1)
    assert call("ingest", *files)[0] == 0
    return files


def test_a_night_is_planned_run_and_run_again(night: list[Path], call: Call, tmp_path: Path) -> None:
    code, plan = call("run", *ASKED, "--plan", "--svg", tmp_path / "plan.svg")
    assert (code, [t["state"] for t in plan["tasks"]]) == (0, ["to run"] * 5)
    assert ElementTree.parse(tmp_path / "plan.svg").getroot() is not None
    code, report = call("run", *ASKED)
    assert (code, report["totals"]["made"]) == (0, 5)
    code, report = call("run", *ASKED, "--workers", "2")  # which start nothing, since all is there
    assert (code, report["totals"]["there"]) == (0, 5)
    _, found = call("find", "--type", "DL2/*")
    assert found["products"][0]["summary"]["n"] == 2
    with Workspace.open(tmp_path / "ws") as workspace:
        assert len(workspace.archive.tagged("B/20261122")) == 5


def test_a_failure_is_in_the_exit_code_and_resumed(night: list[Path], call: Call) -> None:
    broken = ["--set", "steps.toy-images.fault=raise", "--set", "steps.toy-images.fault_tel=2"]
    code, report = call("run", *ASKED, *broken)
    assert (code, report["totals"]["failed"], report["totals"]["blocked"]) == (1, 1, 1)
    code, report = call("run", "--resume")
    assert (code, report["totals"]["failed"], report["night"]) == (0, 0, "2026-11-22")
    code, error = call("run", "--resume")
    assert (code, error["error"]["code"]) == (105, "nothing-to-resume")


def test_a_run_to_resume_tells_other_settings_and_takes_other_workers(
    night: list[Path], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("pellucid.cli.run_night.log.warning", lambda text, *words: told.append(text % words))
    broken = "steps.toy-images.fault=raise"
    only = "steps.toy-images.fault_tel=2"
    call("run", *ASKED, "--set", broken, "--set", only)
    unknown = ["--cluster", "tcp://127.0.0.1:9"]
    monkeypatch.setattr("pellucid.pipeline.cluster._PATIENCE_S", 1)
    code, error = call("run", "--resume", *unknown, "--set", broken, "--set", only)
    assert (code, error["error"]["code"], told) == (100, "scheduler-lost", [])
    code, report = call("run", "--resume", "--workers", "0")  # and no more of that cluster
    assert (code, report["totals"]["failed"]) == (0, 0)
    assert told == [f"the run to go on with had other settings (--set): {broken} {only}"]


@pytest.mark.full
def test_a_scheduler_that_is_killed_is_told_and_the_rest_is_done_without_it(
    night: list[Path], call: Call, tmp_path: Path
) -> None:
    place = tmp_path / "scheduler.json"
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + name, *options], stderr=subprocess.DEVNULL
        )
        for name, options in (
            ("dask_scheduler", ["--port", "0", "--no-dashboard", "--scheduler-file", str(place)]),
            ("dask_worker", ["--nthreads", "1", "--no-dashboard", "--scheduler-file", str(place)]),
        )
    ]
    try:
        while not place.exists():
            time.sleep(0.05)
        address = json.loads(place.read_text())["address"]
        slow = ["--set", "steps.toy-images.seconds=4.0"]

        def kill_once_something_is_made() -> None:
            with Workspace.open(tmp_path / "ws") as workspace:
                while not workspace.archive.find(kind="derived"):
                    time.sleep(0.05)
            programs[0].kill()

        threading.Thread(target=kill_once_something_is_made, daemon=True).start()
        code, error = call("run", *ASKED, *slow, "--cluster", address)
        assert (code, error["error"]["code"]) == (100, "scheduler-lost")
        code, report = call("run", "--resume", *slow, "--workers", "0")
        assert code == 0
        assert report["totals"]["there"] + report["totals"]["reused"] >= 1  # what was done stays done
    finally:
        for program in programs:
            program.kill()
            program.wait()


def test_a_run_to_resume_cannot_be_another(night: list[Path], call: Call, tmp_path: Path) -> None:
    call("run", *ASKED, "--set", "steps.toy-images.fault=raise", "--set", "steps.toy-images.fault_tel=2")
    code, error = call("run", "--resume", "--night", "2026-11-23")
    assert (code, error["error"]["code"]) == (2, "other-run")
    (tmp_path / "ws" / "runs" / "last.json").write_text("{")
    assert call("run", "--resume")[1]["error"]["code"] == "damaged-record"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["--level", "B"], 2, "usage"),
        (["--night", "2026-11-22"], 2, "usage"),
        (["--night", "yesterday", "--level", "B"], 2, "night"),
        (["--night", "2026-11-22", "--level", "C"], 2, "release"),
        ([*ASKED, "--telescopes", "1,two"], 2, "usage"),
        ([*ASKED, "--set", "steps.toy-imags.fault=x"], 101, "unknown-key"),
        ([*ASKED, "--set", "steps.toy-images.fualt=x"], 101, "unknown-key"),
        ([*ASKED, "--set", "steps.toy-images.threshold=5 s"], 101, "configuration-value"),
        ([*ASKED[:-1], "toy-aray"], 105, "unknown-step"),
        ([*ASKED, "--set", "algorithms.DL2/Event/Subarray/ToyArray=toy-aray"], 101, "unknown-algorithm"),
    ],
)
def test_what_is_asked_wrongly_is_refused(
    night: list[Path], call: Call, arguments: list[str], exit_code: int, code: str
) -> None:
    got, error = call("run", *arguments)
    assert (got, error["error"]["code"]) == (exit_code, code)


def test_a_step_by_hand_makes_the_archives_bytes(
    night: list[Path], call: Call, toy: ModuleType, tmp_path: Path
) -> None:
    call("run", *ASKED)
    (pedestal,) = [f for f in night if f.name.startswith("pedestal_1")]
    out = tmp_path / "baseline.json"
    assert call("step", "toy-baseline", "--in", f"pedestals={pedestal}", "-o", out)[0] == 0
    _, found = call("find", "--step", "toy-baseline", "--tel", "1")
    assert found["products"][0]["sha256"] == hash_file(out)[0]
    for arguments, code in (
        (["--in", f"pedestal={pedestal}"], "wrong-input"),
        ([], "wrong-input"),
        (["--in", str(pedestal)], "usage"),
        (["--in", f"pedestals={pedestal}", "--parameters", "{"], "usage"),
        (["--in", f"pedestals={pedestal}", "--parameters", '{"fewset": 1}'], "unknown-key"),
    ):
        _, error = call("step", "toy-baseline", *arguments, "-o", tmp_path / "no")
        assert error["error"]["code"] == code
    assert not (tmp_path / "no").exists()


def test_an_exported_workflow_names_every_task(night: list[Path], call: Call, tmp_path: Path) -> None:
    code, told = call("export", "cwl", *ASKED, "-o", tmp_path / "night.cwl")
    assert (code, told["tasks"], told["inputs"]) == (0, 5, 5)
    document = json.loads((tmp_path / "night.cwl").read_text())
    main = next(part for part in document["$graph"] if part["id"] == "#main")
    inputs = json.loads((tmp_path / "night.cwl.job.json").read_text())
    assert set(main["inputs"]) == set(inputs)
    assert len(main["steps"]) == 5
    assert call("export", "cwl", *ASKED, "-o", tmp_path / "night.cwl")[1]["error"]["code"] == "output-exists"
    empty = ["--night", "2026-01-01", "--level", "B", "--steps", "toy-array"]
    code, error = call("export", "cwl", *empty, "-o", tmp_path / "empty.cwl")
    assert error["error"]["code"] == "empty-workflow"


def test_a_watch_ends_when_told_and_when_idle(toy: ModuleType, call: Call, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    toy.deliver_night(inbox, telescopes=2, runs=1)
    command = [
        "watch",
        str(inbox),
        "--steps",
        "toy-array",
        "--settle",
        "0.1",
        "--workspace",
        str(tmp_path / "ws"),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "pellucid.cli", *command, "--json"], stdout=subprocess.PIPE, env=os.environ
    )
    with Workspace.open(tmp_path / "ws") as workspace:
        for _ in range(300):
            if workspace.archive.find(step="toy-array"):
                break
            time.sleep(0.1)
    code, error = call("watch", inbox, "--steps", "toy-array")
    assert (code, error["error"]["code"]) == (100, "claimed")  # one folder has one watch
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    report = json.loads(out)
    assert (process.returncode, report["taken"], report["made"]) == (0, 5, 5)
    code, report = call("watch", inbox, "--steps", "toy-array", "--until-idle", "0", "--settle", "0")
    assert (code, report["taken"], report["made"]) == (0, 0, 0)


def test_a_watch_needs_a_folder_and_a_level_for_what_arrives(call: Call, tmp_path: Path) -> None:
    assert call("watch", tmp_path / "gone")[1]["error"]["code"] == "no-folder"
    assert call("watch", tmp_path, "--level", "B")[1]["error"]["code"] == "level-source"
