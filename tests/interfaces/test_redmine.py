# SPDX-License-Identifier: BSD-3-Clause
"""Synchronisation: what is compared, random histories on both sides, failures at any request."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.errors import ConfigurationError, CorruptedInput, IntermittentError
from pellucid.interfaces.ledger import Ledger, ledger, read_ledger
from pellucid.interfaces.redmine_fields import entries, rolled_up
from pellucid.interfaces.redmine_plan import compare
from pellucid.interfaces.redmine_sync import Report, resolve, synchronise
from pellucid.interfaces.task import PRIORITIES
from support.redmine_double import Double
from support.tasks import CTC, LIDAR, TITLES, tasks

LAYOUT = "per-interface"


def sync(there: Any, book: Ledger, push: bool = True, pull: bool = True, layout: str = LAYOUT) -> Report:
    return synchronise(there, book, tasks(), layout, TITLES, push=push, pull=pull)


def book_in(folder: Path) -> Ledger:
    return read_ledger(folder)


def unequal(there: Double, book: Ledger, layout: str = LAYOUT) -> list[tuple[str, str, Any, Any]]:
    issues, _ = there.issues()
    return [
        (e.id, name, value, issues[e.id].wire.get(name))
        for e in entries(book.applied(tasks()), layout, TITLES)
        for name, value in e.wire.items()
        if issues[e.id].wire.get(name) != value
    ]


@pytest.mark.parametrize("layout", ["per-task", "per-interface"])
def test_what_is_pushed_is_there_and_stays(tmp_path: Path, layout: str) -> None:
    there, book = Double(), book_in(tmp_path)
    report = sync(there, book, layout=layout)
    assert len(report.created) == len(tasks()) + (2 if layout == "per-interface" else 0)
    assert unequal(there, book, layout) == []
    assert sync(there, book, layout=layout).changes == 0
    # another process reads what this one wrote down
    assert sync(there, book_in(tmp_path), layout=layout).changes == 0


@pytest.mark.parametrize(
    ("here", "redmine", "agreed", "push", "pull", "conflicts"),
    [
        (1, 1, 0, None, None, 0),
        (1, 0, 0, 1, None, 0),
        (0, 1, 0, None, 1, 0),
        (1, 2, 0, None, None, 1),
    ],
)
def test_a_field_goes_to_the_side_that_did_not_change_it(
    here: int, redmine: int, agreed: int, push: int | None, pull: int | None, conflicts: int
) -> None:
    found = compare("t", {"done": here}, {"done": redmine}, {"done": agreed})
    assert [c.new for c in found.push] == ([] if push is None else [push])
    assert [c.new for c in found.pull] == ([] if pull is None else [pull])
    assert len(found.conflicts) == conflicts


def test_what_was_never_agreed_on_is_a_conflict() -> None:
    assert [c.field for c in compare("t", {"done": 1}, {"done": 2}, {}).conflicts] == ["done"]


NAMES = st.lists(st.sampled_from("ABCDE"), unique=True).map(sorted)


@given(NAMES, NAMES, NAMES)
def test_names_are_merged_one_by_one(here: list[str], redmine: list[str], agreed: list[str]) -> None:
    found = compare("t", {"watchers": here}, {"watchers": redmine}, {"watchers": agreed})
    assert found.conflicts == []
    after_push = found.push[0].new if found.push else redmine
    after_pull = found.pull[0].new if found.pull else here
    if here != redmine:
        assert after_push == after_pull
    for name in "ABCDE":
        ins = (name in here, name in redmine, name in agreed)
        kept = name in after_pull
        assert kept == (ins[0] if ins[0] == ins[1] else not ins[2])


RELATIONS = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3))


@given(RELATIONS, RELATIONS, RELATIONS)
def test_relations_are_merged_one_by_one(here: Any, redmine: Any, agreed: Any) -> None:
    found = compare("t", {"follows": here}, {"follows": redmine}, {"follows": agreed})
    there = found.push[0].new if found.push else redmine
    mine = found.pull[0].new if found.pull else here
    torn = {c.field.removeprefix("follows ") for c in found.conflicts}
    for name in "xyz":
        one, other, was = here.get(name), redmine.get(name), agreed.get(name)
        assert (name in torn) == (one != other and one != was and other != was)
        if name in torn:
            assert (mine.get(name), there.get(name)) == (one, other)
        else:
            assert mine.get(name) == there.get(name)


def leaves() -> list[str]:
    return [t.id for t in tasks() if t.key != "algorithms"]


EDITS: dict[str, st.SearchStrategy[Any]] = {
    "done": st.integers(0, 10).map(lambda n: n * 10),
    "priority": st.sampled_from(PRIORITIES),
    "estimated_hours": st.sampled_from([None, 8.0, 475.0]),
    "title": st.sampled_from(["A", "B"]),
    "watchers": st.lists(st.sampled_from(["Markus Gaug", "Raquel de los Reyes"]), unique=True).map(sorted),
    "status": st.sampled_from(["In Progress", "Closed"]),
    "assignee": st.sampled_from(["Markus Gaug", "Raquel de los Reyes"]),
    "due": st.sampled_from(["2017-03-01", "2017-06-30", "2017-08-15"]),
}


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[str, str, str, Any]]:
    """Return changes: the side, the task, the field, the value."""
    count = draw(st.integers(1, 6))
    found = []
    for _ in range(count):
        name = draw(st.sampled_from(sorted(EDITS)))
        side = draw(st.sampled_from(["here", "redmine"]))
        found.append((side, draw(st.sampled_from(leaves())), name, draw(EDITS[name])))
    return found


def apply(there: Double, book: Ledger, changes: list[tuple[str, str, str, Any]]) -> None:
    now = {t.id: t for t in book.applied(tasks())}
    for side, task, name, value in changes:
        if side == "here":
            now[task] = book.change(now[task], {name: value})
        else:
            there.edit(task, **{name: value})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits(), st.sampled_from(["per-task", "per-interface"]))
def test_after_any_history_both_sides_are_equal_but_for_conflicts(
    changes: list[tuple[str, str, str, Any]], layout: str
) -> None:
    with TemporaryDirectory() as folder:
        there, book = Double(), book_in(Path(folder))
        sync(there, book, layout=layout)
        apply(there, book, changes)
        mine = {e.id: dict(e.wire) for e in entries(book.applied(tasks()), layout, TITLES)}
        theirs = {name: dict(issue.wire) for name, issue in there.issues()[0].items()}
        report = sync(there, book, layout=layout)
        torn = {(c.task, c.field) for c in report.conflicts}
        assert {(t, f) for t, f, *_ in unequal(there, book, layout)} <= torn | {
            (t, f) for t, f, _ in report.held
        }
        for task, name in torn:
            now = {e.id: e.wire for e in entries(book.applied(tasks()), layout, TITLES)}
            assert now[task][name] == mine[task][name]
            assert there.issues()[0][task].wire[name] == theirs[task][name]
        again = sync(there, book, layout=layout)
        assert again.changes == 0
        assert {(c.task, c.field) for c in again.conflicts} == torn


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits(), st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=5))
def test_failures_at_any_request_lose_nothing_and_make_nothing_twice(
    changes: list[tuple[str, str, str, Any]], failures: list[tuple[int, bool]]
) -> None:
    here = [c for c in changes if c[0] == "here"]
    with TemporaryDirectory() as folder:
        there, book = Double(), book_in(Path(folder))
        for round_changes in ([], here):
            apply(there, book, round_changes)
            wanted = book.applied(tasks())
            book.save()
            for fail_at, after in failures:
                there.fail_at, there.after, there.writes = fail_at, after, 0
                try:
                    sync(there, book_in(Path(folder)))
                except IntermittentError:
                    continue
            there.fail_at = None
            book = book_in(Path(folder))
            report = sync(there, book)
            assert report.conflicts == []
            # a relation that the new dates contradict is withheld, nothing else
            assert all(name.startswith("follows ") for _, name, _ in report.held)
            assert book.applied(tasks()) == wanted
            assert unequal(there, book) == []
        assert sync(there, book).changes == 0


@pytest.mark.parametrize(("name", "here", "redmine"), [("done", 60, 30), ("due", "2017-06-30", "2017-03-01")])
def test_what_people_change_while_it_is_written_is_a_conflict(
    tmp_path: Path, name: str, here: Any, redmine: Any
) -> None:
    there, book = Double(), book_in(tmp_path)
    sync(there, book)
    task = f"{CTC}/implement"
    apply(there, book, [("here", f"{CTC}/develop", "done", 10), ("here", task, name, here)])
    there.writes = 0
    there.meanwhile[1] = lambda: there.edit(task, **{name: redmine})
    report = sync(there, book)
    assert [(c.task, c.field, c.here, c.redmine) for c in report.conflicts] == [(task, name, here, redmine)]
    assert there.issues()[0][task].wire[name] == redmine
    assert task not in {c.task for c in report.pushed}
    again = sync(there, book)
    assert [(c.task, c.field) for c in again.conflicts] == [(task, name)]
    assert again.changes == 0


@pytest.mark.parametrize("request_number", [1, 2])
def test_an_issue_that_is_removed_while_it_is_written_is_told(tmp_path: Path, request_number: int) -> None:
    there, book = Double(), book_in(tmp_path)
    sync(there, book)
    task, other = f"{CTC}/implement", f"{CTC}/develop"
    apply(
        there, book, [("here", other, "done", 10), ("here", task, "done", 60), ("here", task, "title", "A")]
    )
    there.writes = 0
    there.meanwhile[request_number] = lambda: there.remove(task)
    report = sync(there, book)
    assert {(t, f) for t, f, _ in report.held} >= {(task, "done")}
    assert there.issues()[0][other].wire["done"] == 10
    assert [(c.task, c.field) for c in sync(there, book).conflicts] == [(task, "issue")]


def test_what_redmine_takes_and_does_not_do_is_told_and_not_taken_back(tmp_path: Path) -> None:
    there, book = Double(), book_in(tmp_path)
    sync(there, book)
    there.stubborn = {"status"}
    task = f"{LIDAR}/integrate"
    apply(there, book, [("here", task, "status", "Closed"), ("here", task, "done", 100)])
    for _ in range(2):
        report = sync(there, book)
        assert [(t, f) for t, f, _ in report.held] == [(task, "status")]
        assert next(t for t in book.applied(tasks()) if t.id == task).status == "Closed"
    there.stubborn = set()
    assert [c.field for c in sync(there, book).pushed] == ["status"]
    assert unequal(there, book) == []


def test_a_conflict_is_settled_by_hand_for_either_side(tmp_path: Path) -> None:
    for keep, expected in (("here", 60), ("redmine", 30)):
        there, book = Double(), book_in(tmp_path / keep)
        book.path.parent.mkdir()
        sync(there, book)
        apply(
            there,
            book,
            [("here", f"{CTC}/implement", "done", 60), ("redmine", f"{CTC}/implement", "done", 30)],
        )
        assert len(sync(there, book).conflicts) == 1
        state = book.project(there.url, there.number)
        with pytest.raises(ConfigurationError) as caught:
            resolve(state, f"{CTC}/implement", "due", keep)
        assert caught.value.code == "no-conflict"
        resolve(state, f"{CTC}/implement", "done", keep)
        assert sync(there, book).is_clean
        assert there.issues()[0][f"{CTC}/implement"].wire["done"] == expected
        assert next(t for t in book.applied(tasks()) if t.key == "implement").done == expected


def test_a_delay_that_redmine_changed_becomes_one_in_working_days(tmp_path: Path) -> None:
    there, book = Double(), book_in(tmp_path)
    sync(there, book)
    number = next(n for n, name in there.names.items() if name == f"{CTC}/implement")
    assert there.there[number]["follows"] == {f"{CTC}/develop": 20}
    there.there[number]["follows"] = {f"{CTC}/develop": 5}
    sync(there, book)
    follows = next(t for t in book.applied(tasks()) if t.key == "implement").follows
    assert [(f.delay, f.unit) for f in follows] == [(5, "working")]


def test_what_makes_no_sense_here_is_held_back_and_told(tmp_path: Path) -> None:
    there, book = Double(), book_in(tmp_path)
    sync(there, book)
    there.edit(f"{CTC}/implement", status="New")
    there.edit(f"{LIDAR}/integrate", status="Resolved")
    there.edit(LIDAR, title="Another name")
    report = sync(there, book)
    assert {(t, f) for t, f, _ in report.held} == {
        (f"{CTC}/implement", "status"),
        (f"{LIDAR}/integrate", "status"),
        (LIDAR, "title"),
    }
    assert "ccf is 'priority'" in next(why for t, _, why in report.held if t.startswith(CTC))


def test_a_relation_that_would_move_a_task_is_withheld(tmp_path: Path) -> None:
    there, book = Double(), book_in(tmp_path)
    sync(there, book)
    apply(there, book, [("here", f"{LIDAR}/integrate", "due", "2016-12-24")])
    report = sync(there, book)
    assert [(t, f) for t, f, _ in report.held] == [
        (f"{LIDAR}/elastic", f"follows {LIDAR}/integrate"),
        (f"{LIDAR}/raman", f"follows {LIDAR}/integrate"),
    ]
    assert unequal(there, book) == []
    # what is withheld is not forgotten here
    assert all(t.follows for t in book.applied(tasks()) if t.key in ("elastic", "raman"))
    apply(there, book, [("here", f"{LIDAR}/integrate", "due", "2016-07-29")])
    assert sync(there, book).is_clean
    assert there.issues()[0][f"{LIDAR}/raman"].wire["follows"] == {f"{LIDAR}/integrate": 0}


def test_a_parent_has_what_redmine_derives() -> None:
    whole = next(t for t in rolled_up(tasks()) if t.key == "algorithms")
    assert (str(whole.start), str(whole.due), whole.priority) == ("2016-09-01", "2017-01-31", "High")
    # 200 hours at 10 %, and as many assumed at 0 %
    assert whole.done == 5


def test_two_processes_do_not_write_at_once(tmp_path: Path) -> None:
    with ledger(tmp_path), pytest.raises(IntermittentError) as caught, ledger(tmp_path):
        pass
    assert caught.value.code == "ledger-in-use"


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"format": 99})])
def test_a_damaged_ledger_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "tasks.json").write_text(text)
    with pytest.raises(CorruptedInput) as caught:
        read_ledger(tmp_path)
    assert caught.value.code == "damaged-ledger"
