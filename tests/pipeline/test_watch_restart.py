# SPDX-License-Identifier: BSD-3-Clause
"""What a watch owes: kept over a kill, a full disk and failures that pass; told once, each by itself."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pellucid.archive import Product, Workspace
from pellucid.errors import IntermittentError
from pellucid.pipeline.graph import build
from pellucid.pipeline.job import Job
from pellucid.pipeline.journal import Journal, journal_of
from pellucid.pipeline.step import Step
from support.toywatch import Clock, Make


def test_each_failure_is_told_and_a_success_hides_no_other(toy: ModuleType, make: Make, inbox: Path) -> None:
    watch = make()
    watch.parameters = {"toy-baseline": {"fewest": 3}}
    for minute, n in ((0, 2), (10, 2), (20, 5)):
        toy.deliver(inbox, "pedestal", 1, minute, n=n)
    watch.cycle()
    assert len(watch.report.failed) == 2
    assert all("toy-baseline tel-1 of 2026-11-22T" in name for name in watch.report.failed)
    assert watch.report.made == 1
    toy.deliver(inbox, "pedestal", 1, 30, n=5)
    watch.cycle()
    assert (len(watch.report.failed), watch.report.made) == (2, 2)


def test_a_deadline_is_kept_over_a_kill_and_told_once(
    toy: ModuleType, make: Make, inbox: Path, clock: Clock
) -> None:
    toy.deliver(inbox, "events", 1, 6)
    killed = make("levels.A.deadline=30 s", clock=clock)
    killed.cycle()
    assert list(killed.report.lacking) == ["toy-images tel-1 of 2026-11-22T20:05:23.000Z"]
    clock.now += 20
    after = make("levels.A.deadline=30 s", clock=clock)
    after.follow(lambda: True)
    after.cycle()
    assert after.report.late == []
    clock.now += 11  # 31 s after the file, and 11 after the kill
    after.cycle()
    toy.deliver(inbox, "events", 1, 7)  # which brings the other one up again
    after.cycle()
    assert [w for w in after.report.late if "20:05:23" in w] == after.report.late
    assert len(after.report.late) == 1
    again = make("levels.A.deadline=30 s", clock=clock)
    again.follow(lambda: True)
    again.cycle()
    assert (again.report.late, len(again.report.lacking)) == ([], 1)  # only the second one is still to come


def test_what_lacks_an_input_behind_another_step_is_told_too(
    toy: ModuleType, make: Make, inbox: Path, clock: Clock
) -> None:
    more = Step(
        name="toy-more",
        version="1",
        function="toynight:array",
        inputs={"images": toy.IMAGES, "weather": toy.WEATHER},
        output="DL2/Event/Telescope/ToyMore",
        format="toy",
    )
    watch = make(clock=clock, graph=build([*toy.STEPS[:2], more]))
    toy.deliver(inbox, "pedestal", 1, 0)
    toy.deliver(inbox, "events", 1, 6)
    watch.cycle()
    assert watch.report.made == 2
    clock.now += 31
    watch.cycle()
    (words,) = watch.report.late
    assert words.startswith("late: toy-more tel-1 of 2026-11-22T20:05:23.000Z cannot begin")


def test_lag_counts_from_before_a_kill(
    toy: ModuleType,
    make: Make,
    workspace: Workspace,
    inbox: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy.deliver(inbox, "pedestal", 1, 0)
    killed = make(clock=clock)
    monkeypatch.setattr(killed, "_run", lambda products: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        killed.cycle()
    clock.now += 7
    watch = make(clock=clock)
    watch.follow(lambda: bool(watch.report.made), poll=0.01)
    assert watch.report.lags["toy-baseline"] == [7.0]
    assert Journal(journal_of(workspace.path, inbox)).unfinished == {}


def test_after_a_start_of_the_machine_the_clock_is_another(
    toy: ModuleType, make: Make, workspace: Workspace, inbox: Path, clock: Clock
) -> None:
    toy.deliver(inbox, "events", 1, 6)
    make(clock=clock).cycle()
    place = journal_of(workspace.path, inbox)
    line = json.loads(place.read_text())
    place.write_text(json.dumps(line | {"boot": "another"}) + "\n")
    clock.now = 5.0
    watch = make("levels.A.deadline=30 s", clock=clock)
    assert list(Journal(place).unfinished.values()) == [None]
    watch.follow(lambda: True)
    watch.cycle()
    clock.now += 29
    watch.cycle()
    assert watch.report.late == []
    clock.now += 2
    watch.cycle()
    assert len(watch.report.late) == 1


def test_a_full_disk_is_waited_for_and_nothing_is_lost(
    toy: ModuleType, make: Make, workspace: Workspace, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.pipeline.watch._PATIENCE_S", 0.01)
    monkeypatch.setattr("pellucid.pipeline.watch._RETRY_S", 0.0)
    files = toy.deliver_night(inbox, telescopes=2, runs=1)
    real, room, refused = os.replace, [3], [0]

    def replace(source: Path, target: Path, **choices: Any) -> None:
        room[0] -= 1
        if room[0] < 0 and "ws" in str(target):
            refused[0] += 1
            room[0] = 10**6 if refused[0] > 12 else room[0]
            raise OSError(28, "No space left on device", str(target))
        real(source, target, **choices)

    monkeypatch.setattr(os, "replace", replace)
    watch = make()
    watch.follow(lambda: False, poll=0.01, idle=2.0)
    assert refused[0] > 12
    assert (watch.report.failed, watch.report.waiting, watch.report.trouble) == ({}, 0, "")
    assert len(workspace.archive.find(kind="raw")) == len(files)
    assert {p.step for p in workspace.archive.find(kind="derived")} == {s.name for s in toy.STEPS}
    assert not list((workspace.path / "store" / "staging").iterdir())


def test_a_disk_that_stays_full_ends_a_watch_that_is_to_end(
    toy: ModuleType, make: Make, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.pipeline.watch._PATIENCE_S", 0.01)
    toy.deliver(inbox, "pedestal", 1, 0)
    watch = make()
    monkeypatch.setattr(
        watch.arrivals.journal, "_write", lambda line: (_ for _ in ()).throw(IntermittentError("Full."))
    )
    with pytest.raises(IntermittentError):
        watch.follow(lambda: False, poll=0.01, idle=0.05)
    assert watch.report.trouble == "Full."
    assert make().cycle() == 1  # it was not noted, so it is taken again


def test_a_failure_that_may_pass_is_tried_again_later(
    toy: ModuleType, make: Make, inbox: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.pipeline import executors

    real, lost = executors.perform_each, [True]

    def flaky(archive: Any, jobs: Sequence[Job]) -> Any:
        for told in real(archive, jobs):
            yield type(told)(told.place, IntermittentError("Locked.", code="locked")) if lost[0] else told

    monkeypatch.setattr(executors, "perform_each", flaky)
    watch = make(clock=clock)
    toy.deliver(inbox, "pedestal", 1, 0)
    watch.cycle()
    assert len(watch.report.failed) == 1
    lost[0] = False
    clock.now += 11
    watch.cycle()
    assert (watch.report.failed, watch.report.exit_code) == ({}, 0)


def test_files_that_cannot_be_read_now_wait_behind_all_others(
    toy: ModuleType, make: Make, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.pipeline import watch as module

    real = module.take_in

    def take_in(archive: Any, path: Path) -> tuple[Product, bool]:
        if path.name.startswith("pedestal"):
            raise IntermittentError("Reading failed.", code="read-failed")
        return real(archive, path)

    monkeypatch.setattr(module, "take_in", take_in)
    monkeypatch.setattr(module, "_BATCH", 2)
    for tel in (1, 2, 3):
        toy.deliver(inbox, "pedestal", tel, 0)
    os.utime(toy.deliver(inbox, "events", 1, 6), (4e9, 4e9))  # the youngest
    watch = make()
    told: list[tuple[int, int]] = []
    watch.progress = lambda done, total, unit="": told.append((done, total))
    for _ in range(3):
        watch.cycle()
    assert (watch.report.taken, watch.report.waiting) == (1, 3)
    assert told[0] == (0, 4)  # what waits is to be seen
    assert told[-1] == (1, 4)
    assert watch.report.exit_code == 1
