# SPDX-License-Identifier: BSD-3-Clause
"""Runs: everything that can be made, once; what fails stays alone, is typed, and leaves nothing half-made."""

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pellucid.archive import Archive, Product, Workspace
from pellucid.errors import CorruptedInput, PellucidError
from pellucid.pipeline import ownership
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.job import Job, Told
from pellucid.pipeline.report import RunReport
from support import toyrun


def states(report: RunReport) -> dict[str, str]:
    return {f"{e.task.number} {e.task.name}": e.state for e in report.entries}


def test_a_second_run_runs_nothing(night: Workspace) -> None:
    first = toyrun.run(night)
    assert (first.exit_code, first.count("made")) == (0, 10)
    before = toyrun.outcome(night)
    second = toyrun.run(night)
    assert (second.count("there"), second.count("made")) == (10, 0)
    assert toyrun.outcome(night) == before


def test_products_say_of_which_level_they_are_and_its_policy(night: Workspace) -> None:
    policy = toyrun.level("A", "levels.A.window=11 min")
    for product in toyrun.run(night, policy).products:
        assert (product.category, product.collection) == ("A", "A")
        assert product.summary["policy"] == policy.as_dict()
        assert policy.as_dict()["window"] == 660.0


def test_equal_bytes_stop_a_reprocessing(toy: ModuleType, night: Workspace) -> None:
    toyrun.run(night)
    # another product of the same bytes: what is made of it is there already
    changed = toyrun.run(night, parameters={"toy-baseline": {"fewest": 3}})
    made = {e.task.step.name for e in changed.entries if e.state == "made"}
    assert made == {"toy-baseline", "toy-images", "toy-array"}  # the record inside differs, so do the bytes
    only_images = toyrun.run(night, parameters={"toy-images": {"threshold": "200 m"}})
    assert only_images.by_step()["toy-baseline"]["there"] == 3


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("raise", "step-failed"),
        ("memory", "out-of-memory"),
        ("nan", "not-canonical"),
        ("shape", "bad-summary"),
        ("none", "bad-summary"),
        ("nothing", "no-output"),
        ("hang", "step-timeout"),
        ("full", "disk-full"),
        ("full-hdf5", "disk-full"),
    ],
)
def test_a_step_that_fails_for_one_telescope_does_not_stop_the_others(
    night: Workspace, fault: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.archive.files._ROOM", 8 << 20)  # the index has less, and room for more
    limit = "0.5 s" if fault == "hang" else "60 s"
    parameters = {"toy-images": {"fault": fault, "fault_tel": 2}}
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        report = toyrun.run(night, toyrun.level("B", f"levels.B.limit={limit}"), parameters)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
    assert [s for n, s in states(report).items() if "images tel-2" in n] == ["failed", "failed"]
    assert {e.error.code for e in report.entries if e.state == "failed" and e.error} == {code}
    assert [s for n, s in states(report).items() if "images tel-2" not in n] == ["made"] * 7 + ["blocked"]
    assert report.exit_code not in (0,)
    assert "toy-images tel-2 of 2026-11-22T20:05:23.000Z failed" in report.as_text()
    assert not list((night.path / "store" / "staging").iterdir())
    assert night.archive.claims.holder("anything") is None
    assert {p.telescopes for p in night.archive.find(step="toy-images")} == {(1,), (3,)}


def test_keep_going_takes_what_could_be_made_and_says_so(night: Workspace) -> None:
    parameters = {"toy-images": {"fault": "raise", "fault_tel": 2}}
    report = toyrun.run(night, parameters=parameters, keep_going=True)
    (array,) = [e for e in report.entries if e.task.step.name == "toy-array"]
    assert array.state == "made"
    assert array.product is not None
    assert array.without == ["images: 2 of 6 could not be made"]
    assert array.product.flags == ("images: incomplete",)
    assert report.exit_code == 1
    whole = toyrun.run(night)
    assert whole.exit_code == 0
    assert array.product.id not in {p.id for p in whole.products}


def test_a_step_reports_what_it_could_not_do(toy: ModuleType, workspace: Workspace, inbox: Path) -> None:
    toyrun.take_all(workspace, toy.deliver_night(inbox, weather=False))
    report = toyrun.run(workspace, telescopes=[1, 3])
    (array,) = [e for e in report.entries if e.task.step.name == "toy-array"]
    assert "images: tel-2, which nobody asked for" in array.without
    assert "the transparency, without weather" in array.without
    assert "toy-array array went without" in report.as_text()


def test_what_comes_after_the_levels_deadline_is_counted(
    night: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = 3600 * 10**9
    real = time.time_ns
    monkeypatch.setattr("pellucid.pipeline.run.time_ns", lambda: real() - hour)  # a clock that is set back
    assert toyrun.run(night, steps=toyrun.graph("toy-baseline")).late == 0
    monkeypatch.setattr("pellucid.pipeline.run.time_ns", lambda: real() + 11 * hour)
    report = toyrun.run(night)
    assert (report.late, report.as_dict()["late"], report.exit_code) == (7, 7, 0)
    assert "7 came later after their inputs were taken in than the level's deadline" in report.as_text()
    assert toyrun.run(night).late == 0  # what was there is not told again


def test_the_report_is_one_json_document(night: Workspace) -> None:
    document = json.loads(json.dumps(toyrun.run(night).as_dict()))
    assert document["totals"]["made"] == 10
    assert document["steps"]["toy-array"]["made"] == 1
    assert {t["step"] for t in document["tasks"]} == {"toy-baseline", "toy-images", "toy-array"}


def test_the_same_night_twice_at_once_makes_everything_once(night: Workspace) -> None:
    reports: list[RunReport] = []

    def one() -> None:
        with Workspace.open(night.path) as own:
            reports.append(toyrun.run(own, parameters={"toy-images": {"seconds": 0.02}}))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.exit_code for r in reports] == [0, 0, 0]
    assert sum(r.count("made") for r in reports) == 10
    assert len(night.archive.find(kind="derived")) == 10


def test_a_claim_of_a_process_that_is_gone_is_taken_over(night: Workspace) -> None:
    (task, *_) = toyrun.plan(night).tasks
    gone = f"{socket.gethostname()}:{2**22 - 3}:1:1"
    assert ownership.is_gone(gone)
    assert night.archive.claims.take(task.key, gone, 3600)
    assert toyrun.run(night).count("made") == 10
    assert not ownership.is_gone(ownership.owner(1))
    assert not ownership.is_gone("elsewhere:1:2:3")


def test_a_claim_that_is_not_waited_for_is_refused(workspace: Workspace) -> None:
    alive = ownership.owner(1)  # the first process lives as long as the machine
    assert workspace.archive.claims.take("watch", alive, 60)
    with pytest.raises(PellucidError) as caught, ownership.claimed(workspace.archive, "watch", wait=False):
        pass
    assert (caught.value.code, caught.value.exit_code) == ("claimed", 100)


def test_a_failure_that_may_pass_is_tried_again_and_others_are_not(
    night: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.errors import IntermittentError
    from pellucid.pipeline import executors

    tries: dict[str, int] = {}
    real = executors.perform_each

    def flaky(archive: Archive, jobs: list[Job]) -> Iterator[Told]:
        for told in real(archive, jobs):
            name = jobs[told.place].step.name
            tries[name] = tries.get(name, 0) + 1
            lost = name == "toy-array" and tries[name] == 1
            yield Told(told.place, IntermittentError("Locked.", code="locked")) if lost else told

    monkeypatch.setattr(executors, "perform_each", flaky)
    report = toyrun.run(night, executor=InProcess(night.archive))
    assert report.exit_code == 0
    assert tries["toy-array"] == 2


def test_one_product_that_the_index_refuses_keeps_no_other_from_being_shown(
    night: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = night.archive.catalogue
    real = catalogue.register_many

    def refusing(products: Sequence[Product]) -> list[tuple[Product, bool]]:
        if any(p.step == "toy-baseline" and p.telescopes == (2,) for p in products):
            raise CorruptedInput("It came out different.", code="not-reproducible")
        return real(products)

    monkeypatch.setattr(catalogue, "register_many", refusing)
    report = toyrun.run(night, steps=toyrun.graph("toy-baseline", cost=0.001))
    assert [(e.task.leader.telescopes, e.state) for e in report.entries] == [
        ((1,), "made"), ((2,), "failed"), ((3,), "made")
    ]  # fmt: skip
    assert report.failures[0].error is not None
    assert report.failures[0].error.code == "not-reproducible"
    assert len(toyrun.outcome(night)) == 2


def test_a_full_disk_is_told_and_what_was_made_stays(
    night: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    real, room = os.replace, [4]

    def replace(source: Path, target: Path, **choices: Any) -> None:
        if "store" in str(target):
            room[0] -= 1
            if room[0] < 0:
                raise OSError(28, "No space left on device", str(target))
        real(source, target, **choices)

    monkeypatch.setattr(os, "replace", replace)
    report = toyrun.run(night)
    assert report.exit_code == 100
    assert {e.error.code for e in report.entries if e.state == "failed" and e.error} == {"disk-full"}
    monkeypatch.undo()
    assert toyrun.run(night).exit_code == 0
    assert len(toyrun.outcome(night)) == 10
