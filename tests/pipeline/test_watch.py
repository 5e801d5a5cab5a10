# SPDX-License-Identifier: BSD-3-Clause
"""Watching a folder: whole files only, nothing lost or doubled, deadlines told, restarts where it was."""

import os
import time
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.archive import Workspace
from pellucid.pipeline.arrivals import Arrivals
from pellucid.pipeline.journal import Journal, journal_of
from support.toywatch import Clock, Make


@pytest.fixture
def arrivals(inbox: Path, tmp_path: Path, clock: Clock) -> Arrivals:
    return Arrivals(inbox, Journal(tmp_path / "journal.jsonl"), 1.0, clock)


def names(arrivals: Arrivals) -> list[str]:
    return [a.path.name for a in arrivals.look()]


def test_a_file_is_whole_once_it_stays_the_same(inbox: Path, arrivals: Arrivals, clock: Clock) -> None:
    path = inbox / "one"
    path.write_text("a")
    assert (names(arrivals), arrivals.growing) == ([], 1)
    clock.now += 0.9
    with path.open("a") as file:
        file.write("b")
    assert names(arrivals) == []  # it grew
    clock.now += 0.9
    assert names(arrivals) == []
    clock.now += 0.2
    assert (names(arrivals), arrivals.growing) == (["one"], 0)


def test_a_file_that_is_open_for_writing_is_not_whole(inbox: Path, arrivals: Arrivals, clock: Clock) -> None:
    with (inbox / "slow").open("w") as file:
        file.write("a")
        file.flush()
        arrivals.look()
        clock.now += 60
        assert names(arrivals) == []
    assert names(arrivals) == ["slow"]


def test_a_renamed_file_is_whole_at_once(inbox: Path, arrivals: Arrivals) -> None:
    for unfinished in ("run.part", ".run.tmp"):
        (inbox / unfinished).write_text("a")
        assert arrivals.growing == 0
        assert unfinished not in names(arrivals)
        (inbox / unfinished).rename(inbox / f"once {unfinished} now whole")
        assert f"once {unfinished} now whole" in names(arrivals)


def test_what_is_noted_is_over_until_it_changes(
    inbox: Path, arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    (inbox / "deep").mkdir()
    (inbox / "deep" / "one").write_text("a")
    arrivals.look()
    clock.now += 2
    (one,) = arrivals.look()
    arrivals.journal.note(one, "taken", "id")
    assert names(arrivals) == []
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('{"file": "cut sh')  # as a kill leaves it
    again = Arrivals(inbox, Journal(tmp_path / "journal.jsonl"), 0.0, clock)
    assert names(again) == []
    (inbox / "deep" / "one").write_text("another")
    (changed,) = again.look()
    assert again.journal.replaced(changed)
    again.journal.note(changed, "taken", "id2")
    assert Journal(tmp_path / "journal.jsonl").knows(changed.path, changed.state)


def test_a_clock_that_is_set_back_changes_nothing(
    inbox: Path, arrivals: Arrivals, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "one").write_text("a")
    os.utime(inbox / "one", (4e9, 4e9))  # its writer's clock is in the future
    arrivals.look()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    clock.now += 2
    assert names(arrivals) == ["one"]


def test_what_becomes_possible_is_run_at_once(
    toy: ModuleType, make: Make, workspace: Workspace, inbox: Path
) -> None:
    watch = make()
    toy.deliver(inbox, "events", 1, 6)
    assert watch.cycle() == 1  # no baseline yet: nothing can be made, and nothing failed
    assert (watch.report.made, watch.report.failed) == (0, {})
    toy.deliver(inbox, "pedestal", 1, 0)
    watch.cycle()
    steps = {p.step for p in workspace.archive.find(kind="derived")}
    assert steps == {"toy-baseline", "toy-images", "toy-array"}
    assert watch.report.lags["toy-images"]
    assert watch.report.exit_code == 0
    assert watch.cycle() == 0
    assert journal_of(workspace.path, inbox).with_suffix(".json").exists()
    assert "lag of toy-images" in watch.report.as_text()


def test_nothing_is_dropped_silently(toy: ModuleType, make: Make, inbox: Path) -> None:
    (inbox / "notes.txt").write_text("what the shift saw")
    (inbox / "empty").touch()
    watch = make()
    watch.follow(lambda: False, poll=0.01, idle=0.05)
    assert watch.report.refused == 2
    assert {Path(p).name for p in watch.report.refusals} == {"notes.txt", "empty"}
    assert watch.report.exit_code == 1
    assert make().cycle() == 0  # told once, remembered for good


def test_a_folder_that_may_not_be_read_is_told_once(
    toy: ModuleType, make: Make, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = inbox / "secret"
    secret.mkdir()
    listed = os.scandir

    def scandir(place: str) -> object:  # the right is not asked of an administrator
        if place == str(secret):
            raise PermissionError(13, "Permission denied", place)
        return listed(place)

    watch = make()
    with monkeypatch.context() as patch:
        patch.setattr("pellucid.pipeline.arrivals.os.scandir", scandir)
        watch.cycle()
        watch.cycle()
    assert watch.report.refused == 1
    assert "may not be read" in watch.report.refusals[str(secret)]
    toy.deliver(secret, "events", 1, 6)
    watch.cycle()
    assert watch.report.taken == 1


def test_a_missed_deadline_is_told(toy: ModuleType, make: Make, inbox: Path, clock: Clock) -> None:
    watch = make("levels.A.deadline=30 s", clock=clock)
    toy.deliver(inbox, "events", 1, 6)
    watch.cycle()
    clock.now += 31
    watch.cycle()
    (words,) = watch.report.late
    assert "toy-images tel-1" in words
    watch.cycle()
    assert len(watch.report.late) == 1


def test_a_late_product_is_told(toy: ModuleType, make: Make, inbox: Path) -> None:
    class Ticking(Clock):
        def __call__(self) -> float:
            self.now += 5
            return self.now

    watch = make("levels.A.deadline=4 s", clock=Ticking())
    toy.deliver(inbox, "pedestal", 1, 0)
    watch.cycle()
    assert "toy-baseline tel-1 of 2026-11-22T19:59:23.000Z came" in watch.report.late[0]


def test_a_restart_finishes_what_a_kill_cut_short(
    toy: ModuleType, make: Make, workspace: Workspace, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = toy.deliver_night(inbox, telescopes=2, runs=1)
    killed = make()
    monkeypatch.setattr(killed, "_run", lambda products: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        killed.cycle()
    assert workspace.archive.find(kind="derived") == []
    watch = make()
    watch.follow(lambda: False, poll=0.01, idle=0.01)
    assert watch.report.taken == 0
    assert len(workspace.archive.find(kind="raw")) == len(files)
    assert {p.step for p in workspace.archive.find(kind="derived")} == {
        "toy-baseline",
        "toy-images",
        "toy-array",
    }


def test_the_same_file_again_is_there_already(toy: ModuleType, make: Make, inbox: Path) -> None:
    path = toy.deliver(inbox, "pedestal", 1, 0)
    (inbox / "copy.toy").write_bytes(path.read_bytes())
    watch = make()
    watch.cycle()
    assert (watch.report.taken, watch.report.again, watch.report.made) == (1, 1, 1)
