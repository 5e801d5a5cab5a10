# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of ``pellucid tasks`` on the catalogue, and on an interface file of one's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.run import run

CTC = "I-DATA-COM-3201/implement"
OPEN = "I-DATA-COM-3001/implement"


class Shell:
    """Calls verbs of ``pellucid tasks`` on one workspace."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        assert run(["tasks", *arguments, "--json", "--workspace", str(self.folder)]) == code
        captured = self._capsys.readouterr()
        document: dict[str, Any] = json.loads(captured.out or captured.err)
        return document

    def text(self, *arguments: str, code: int = 0) -> str:
        assert run(["tasks", *arguments, "--workspace", str(self.folder)]) == code
        captured = self._capsys.readouterr()
        return captured.out + captured.err


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "workspace", capsys)


def test_tasks_are_listed_in_both_layouts_and_chosen(shell: Shell) -> None:
    everything = shell.json("list")["tasks"]
    assert {t["id"] for t in everything} == {
        t["id"] for t in shell.json("list", "--layout", "per-task")["tasks"]
    }
    mine = shell.json("list", "--interface", "I-DATA-COM-3001", "--interest")["tasks"]
    assert [t["id"] for t in mine] == [OPEN]
    assert "Atmosphere Calibration" in shell.text("list", "--layout", "per-task")
    assert "no such task" in shell.text("list", "--package", "NONE")
    # nothing was asked to be written
    assert not shell.folder.exists()


def test_progress_is_kept_in_the_workspace(shell: Shell) -> None:
    shell.json("set", CTC, "status=In Progress", "assignee=Markus Gaug", "done=40", "watchers=A B, C D")
    task = shell.json("show", CTC)
    assert (task["status"], task["assignee"], task["done"]) == ("In Progress", "Markus Gaug", 40)
    assert task["watchers"] == ["A B", "C D"]
    shell.json("set", CTC, "assignee=", "watchers=")
    task = shell.json("show", CTC)
    assert (task["assignee"], task["watchers"]) == (None, [])
    assert "followed_by" in shell.text("show", CTC)


@pytest.mark.parametrize("verb", ["list", "schedule", "gantt", "calendar"])
def test_an_interface_that_is_not_there_is_told(shell: Shell, verb: str) -> None:
    assert "did you mean 'I-DATA-COM-3201'" in shell.text(verb, "--interface", "I-DATA-COM-3201x", code=105)


@pytest.mark.parametrize(
    ("value", "exit_code", "word"),
    [
        ("stauts=New", 2, "status"),
        ("done", 2, "KEY=VALUE"),
        ("done=much", 2, "number"),
        ("done=400", 101, "percent"),
        ("status=New", 101, "ccf"),
    ],
)
def test_a_wrong_setting_is_told(shell: Shell, value: str, exit_code: int, word: str) -> None:
    assert word in shell.text("set", CTC, value, code=exit_code)


def test_interest_is_expressed_once_and_where_it_is_asked_for(shell: Shell) -> None:
    for _ in range(2):
        assert shell.json("interest", OPEN, "Lluis Font")["task"]["interested"] == ["Lluis Font"]
    assert "not-open-for-interest" in json.dumps(shell.json("interest", CTC, "Lluis Font", code=101))


def test_the_schedule_is_told_drawn_and_written(shell: Shell, tmp_path: Path) -> None:
    slots = {s["task"]: s for s in shell.json("schedule")["slots"]}
    assert slots[CTC]["start"] == "2016-08-01"
    late = {s["task"]: s for s in shell.json("schedule", "--on", "2026-11-23")["slots"]}
    assert late[CTC]["start"] == "2026-12-24"
    assert "critical" in shell.text("schedule")
    only = shell.json("schedule", "--interface", "I-DATA-COM-3201")["slots"]
    assert {s["task"].partition("/")[0] for s in only} == {"I-DATA-COM-3201"}
    assert only == [s for s in slots.values() if s in only]
    assert "date" in shell.text("schedule", "--on", "soon", code=2)
    shell.text("gantt", "-o", str(tmp_path / "a.svg"), "--on", "2026-11-23")
    whole = (tmp_path / "a.svg").read_text()
    assert whole.startswith("<svg")
    # what starts after a task with dates, and takes nobody knows how long
    assert "length unknown" in whole
    part = shell.json("gantt", "--interface", "I-DATA-COM-3201")["svg"]
    assert "I-DATA-COM-3201/implement" in part
    assert "I-DATA-COM-3001/device" not in part
    shell.text("calendar", "-o", str(tmp_path / "a.ics"))
    assert (tmp_path / "a.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    assert shell.json("calendar")["calendar"].endswith("END:VCALENDAR\r\n")


def test_a_claim_is_bound_to_a_step(shell: Shell) -> None:
    task = "I-DATA-COM-3001/integrate"
    assert shell.json("prove", task, "--step", "lidar-raman")["proved"]
    assert not shell.json("prove", task, "--step", "no-such-step", code=1)["proved"]
    assert "--step" in shell.text("prove", task, code=2)
    assert "--array" in shell.text("prove", task, "--test", "ab", code=2)
    # a proof that was bound by mistake is taken back
    assert shell.json("prove", task, "--step", "no-such-step", "--withdraw")["proved"]
    assert "--step lidar-raman" in shell.text("prove", task, "--step", "no-such-step", "--withdraw", code=101)


def test_tasks_without_dates_are_counted_and_not_listed(shell: Shell) -> None:
    everything = shell.json("schedule")["slots"]
    dated = [s for s in everything if s["start"]]
    text = shell.text("schedule")
    assert f"{len(everything) - len(dated)} tasks have no dates" in text
    assert all(s["task"] in text for s in dated)


def test_redmine_needs_a_key_that_is_not_on_the_command_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PELLUCID_REDMINE_KEY", raising=False)
    for verb in ("push", "pull", "sync"):
        assert "PELLUCID_REDMINE_KEY" in shell.text(verb, "--redmine", "http://127.0.0.1:9", code=101)
    missing = str(tmp_path / "key")
    assert "cannot be read" in shell.text("push", "--redmine", "u", "--key-file", missing, code=101)
    Path(missing).write_text("abc\n")
    assert "does not answer" in shell.text(
        "push", "--redmine", "http://127.0.0.1:9", "--key-file", missing, code=100
    )
    assert "abc" not in (shell.folder / "tasks.json.lock").read_text()
    assert "no conflict" in shell.text("resolve", CTC, "done", "--keep", "here", "--redmine", "u", code=101)
