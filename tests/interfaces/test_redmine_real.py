# SPDX-License-Identifier: BSD-3-Clause
"""Tasks and a real Redmine 5: all fields both ways, conflicts, failures on the way, what is missing."""

import re
from pathlib import Path
from typing import Any

import pytest

from pellucid.errors import ConfigurationError, IntermittentError
from pellucid.interfaces.ledger import Ledger, ledger
from pellucid.interfaces.redmine import Project
from pellucid.interfaces.redmine_fields import entries, rolled_up
from pellucid.interfaces.redmine_sync import Report, resolve, synchronise
from pellucid.interfaces.task import Task
from support.redmine import Redmine, flaky
from support.redmine_double import Double
from support.tasks import CTC, LIDAR, TITLES, chained, tasks


class Side:
    """One workspace that is synchronised with one project."""

    def __init__(
        self,
        redmine: Redmine,
        folder: Path,
        layout: str = "per-interface",
        files: tuple[Task, ...] = tasks(),
    ) -> None:
        self.redmine, self.folder, self.layout, self.files = redmine, folder, layout, files
        self.project = redmine.project()
        self.url = redmine.url

    def sync(self, push: bool, pull: bool, dry_run: bool = False) -> Report:
        with ledger(self.folder) as book:
            there = self.open(book)
            return synchronise(
                there, book, self.files, self.layout, TITLES, push=push, pull=pull, dry_run=dry_run
            )

    def open(self, book: Ledger) -> Project:
        return Project(self.url, self.redmine.admin, self.project, book.number_of(self.url, self.project))

    def push(self) -> Report:
        return self.sync(push=True, pull=False)

    def pull(self) -> Report:
        return self.sync(push=False, pull=True)

    def change(self, task: str, **values: Any) -> None:
        with ledger(self.folder) as book:
            book.change(next(t for t in book.applied(self.files) if t.id == task), values)
            book.save()

    def state(self, book: Ledger) -> dict[str, Any]:
        return book.project(self.url, book.number_of(self.url, self.project) or 0)

    def issue(self, task: str) -> Any:
        return self.redmine.issues(self.project)[task]

    def edit(self, task: str, **values: Any) -> None:
        self.redmine.client.issue.update(self.issue(task).id, **values)

    def unequal(self) -> list[tuple[str, str, Any, Any]]:
        """Return the fields that differ, one by one, those that Redmine derives among them."""
        with ledger(self.folder) as book:
            now = book.applied(self.files)
            there = self.open(book)
            there.watched = {t.id for t in now if there.user in t.watchers}
            issues, _ = there.issues()
        found = [
            (e.id, name, value, issues[e.id].wire.get(name))
            for e in entries(now, self.layout, TITLES)
            for name, value in e.wire.items()
            if issues[e.id].wire.get(name) != value
        ]
        for task in rolled_up(now):
            for name, value in issues[task.id].derived.items():
                mine = getattr(task, name)
                mine = mine.isoformat() if hasattr(mine, "isoformat") else mine
                found += [(task.id, name, mine, value)] if mine != value else []
        return found


@pytest.fixture
def side(redmine: Redmine, tmp_path: Path) -> Side:
    return Side(redmine, tmp_path)


@pytest.mark.parametrize("layout", ["per-task", "per-interface"])
def test_what_is_pushed_is_there_field_by_field(redmine: Redmine, tmp_path: Path, layout: str) -> None:
    side = Side(redmine, tmp_path, layout)
    plan = side.sync(push=True, pull=True, dry_run=True)
    assert redmine.issues(side.project) == {}
    report = side.push()
    assert report.created == plan.created
    assert len(report.created) == len(tasks()) + (2 if layout == "per-interface" else 0)
    # an expression of interest may come from anybody, the rest are members of the project
    assert (report.conflicts, report.held) == ([], [])
    assert side.unequal() == []
    assert side.push().changes == 0
    implement = side.issue(f"{CTC}/implement")
    assert (implement.status.name, str(implement.start_date)) == ("Assigned", "2016-08-01")
    assert implement.category.name == "Atmosphere Calibration"
    assert implement.description == CTC
    if layout == "per-interface":
        assert side.issue(f"{LIDAR}/integrate").parent.id == side.issue(LIDAR).id


def test_what_people_change_in_redmine_is_taken_over(side: Side) -> None:
    side.push()
    redmine = side.redmine
    people = redmine.people()
    status, priority = (
        redmine.names("issue_status"),
        redmine.names("enumeration", resource="issue_priorities"),
    )
    side.edit(f"{CTC}/develop", due_date="2016-07-04", priority_id=priority["Urgent"])
    side.edit(
        f"{CTC}/implement",
        status_id=status["In Progress"],
        assigned_to_id=people["Markus Gaug"],
        done_ratio=30,
        estimated_hours=480,
        subject="Implementation of the CTC",
    )
    redmine.client.time_entry.create(
        issue_id=side.issue(f"{CTC}/implement").id,
        hours=7.25,
        activity_id=redmine.names("enumeration", resource="time_entry_activities")["Development"],
    )
    redmine.client.issue.get(side.issue(f"{LIDAR}/raman").id).watcher.add(people["Raquel de los Reyes"])
    relation = next(
        r for r in redmine.client.issue.get(side.issue(f"{LIDAR}/raman").id, include="relations").relations
    )
    redmine.client.issue_relation.delete(relation.id)
    report = side.pull()
    assert (report.conflicts, report.held) == ([], [])
    with ledger(side.folder) as book:
        now = {t.id: t for t in book.applied(tasks())}
    implement = now[f"{CTC}/implement"]
    assert (implement.status, implement.assignee) == ("In Progress", "Markus Gaug")
    assert (implement.done, implement.estimated_hours, implement.spent_hours) == (30, 480.0, 7.25)
    assert implement.title == "Implementation of the CTC"
    # Redmine moved it behind the task that it follows, and kept its length in working days
    assert (str(implement.start), str(implement.due)) == ("2016-08-02", "2017-06-05")
    assert implement.follows[0].unit == "calendar"
    assert now[f"{CTC}/develop"].priority == "Urgent"
    assert now[f"{LIDAR}/raman"].watchers == ("Raquel de los Reyes",)
    assert now[f"{LIDAR}/raman"].follows == ()
    assert side.push().changes == 0
    assert side.unequal() == []


def test_changes_here_go_there_and_move_nothing_else(side: Side) -> None:
    side.push()
    side.change(f"{CTC}/develop", due="2016-06-15", status="Closed", done=100)
    side.change(f"{LIDAR}/integrate", assignee=None, status="New", spent_hours=20.0, watchers=[])
    side.change(f"{LIDAR}/elastic", follows=[{"task": "integrate", "delay": 3, "unit": "working"}], done=50)
    report = side.push()
    assert (report.conflicts, report.held) == ([], [])
    # Redmine would have drawn the tasks that follow to an earlier day
    assert side.unequal() == []
    assert side.push().changes == 0


def test_the_double_of_the_quick_tests_moves_issues_as_redmine_does(side: Side, tmp_path: Path) -> None:
    side.push()
    double = Double()
    (tmp_path / "double").mkdir()
    with ledger(tmp_path / "double") as book:
        synchronise(double, book, tasks(), side.layout, TITLES, push=True, pull=True)  # type: ignore[arg-type]
    for task, values in (
        (f"{CTC}/develop", {"due": "2016-07-04"}),
        (f"{CTC}/implement", {"start": "2016-12-01"}),
        (f"{CTC}/develop", {"due": "2016-05-31"}),
        (f"{LIDAR}/integrate", {"due": "2016-09-08"}),
        (f"{LIDAR}/elastic", {"due": "2017-02-03"}),
        (f"{LIDAR}/integrate", {"due": "2016-08-19"}),
    ):
        double.edit(task, **values)
        side.edit(task, **{f"{name}_date": value for name, value in values.items()})
        with ledger(side.folder) as book:
            real, _ = side.open(book).issues()
        both = [
            (name, real[name].wire.get(d), issue.wire.get(d))
            for name, issue in double.issues()[0].items()
            for d in ("start", "due")
        ]
        assert [b for b in both if b[1] != b[2]] == [], (task, values)


def test_a_conflict_is_listed_and_neither_side_is_lost(side: Side) -> None:
    side.push()
    side.change(f"{CTC}/implement", done=60, estimated_hours=500)
    side.edit(f"{CTC}/implement", done_ratio=30)
    report = side.sync(push=True, pull=True)
    assert [(c.task, c.field, c.here, c.redmine, c.agreed) for c in report.conflicts] == [
        (f"{CTC}/implement", "done", 60, 30, 0)
    ]
    assert not report.is_clean
    assert side.issue(f"{CTC}/implement").done_ratio == 30
    assert side.issue(f"{CTC}/implement").estimated_hours == 500.0
    with ledger(side.folder) as book:
        assert next(t for t in book.applied(tasks()) if t.key == "implement").done == 60
        resolve(side.state(book), f"{CTC}/implement", "done", "here")
        book.save()
    assert side.sync(push=True, pull=True).is_clean
    assert side.issue(f"{CTC}/implement").done_ratio == 60


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_failure_on_the_way_leaves_nothing_twice(redmine: Redmine, tmp_path: Path, after: bool) -> None:
    side = Side(redmine, tmp_path)
    with flaky(redmine.url) as proxy:
        side.url = proxy.url
        proxy.after = after
        for fail_at in (2, 4, 3, 2, 1):
            proxy.fail_at, proxy.writes = fail_at, 0
            with pytest.raises(IntermittentError) as failure:
                side.push()
            assert failure.value.code == "redmine-failed"
        proxy.fail_at = None
        report = side.push()
        assert (report.conflicts, report.held) == ([], [])
        assert len(redmine.issues(side.project)) == len(tasks()) + 2
        assert side.unequal() == []
        assert side.push().changes == 0


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_row_of_tasks_that_redmine_moves_survives_interruptions(
    redmine: Redmine, tmp_path: Path, after: bool
) -> None:
    side = Side(redmine, tmp_path, "per-task", chained())
    with flaky(redmine.url) as proxy:
        side.url, proxy.after = proxy.url, after
        # while issues are made, while they are related, and while they get their own dates again
        for fail_at in (4, 6, 3, 2):
            proxy.fail_at, proxy.writes = fail_at, 0
            with pytest.raises(IntermittentError):
                side.push()
        proxy.fail_at = None
        report = side.push()
        assert (report.conflicts, report.held, report.waiting) == ([], [], 0)
        assert side.unequal() == []
        again = side.push()
        assert (again.changes, again.waiting) == (0, 0)


def test_a_key_that_may_only_read_changes_nothing(side: Side) -> None:
    there = Project(side.url, side.redmine.reader, side.project)
    with ledger(side.folder) as book, pytest.raises(ConfigurationError) as refusal:
        synchronise(there, book, tasks(), "per-task", TITLES, push=True, pull=False)
    assert refusal.value.code == "redmine-read-only"
    assert side.redmine.issues(side.project) == {}


def test_a_wrong_key_and_a_wrong_project_are_told(side: Side) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        Project(side.url, "0" * 40, side.project)
    assert refusal.value.code == "redmine-key"
    with pytest.raises(ConfigurationError, match=side.project[:10]) as refusal:
        Project(side.url, side.redmine.admin, side.project[:-1] + "x")
    assert refusal.value.code == "redmine-project"


def test_a_renamed_project_is_recognised(side: Side) -> None:
    side.push()
    new = side.project + "-new"
    side.redmine.run(
        "bundle exec rails runner -e production "
        f"\"Project.find('{side.project}').update_column(:identifier, '{new}')\""
    )
    with pytest.raises(ConfigurationError) as refusal:
        side.push()
    assert refusal.value.code == "redmine-renamed"
    assert new in refusal.value.mend
    side.project = new
    assert side.push().changes == 0


def test_what_is_missing_is_told_with_a_remedy_that_works(redmine: Redmine) -> None:
    name = redmine.project(tracker=False)
    with pytest.raises(ConfigurationError) as refusal:
        Project(redmine.url, redmine.admin, name)
    assert refusal.value.code == "redmine-setup"
    assert "tracker 'Task'" in refusal.value.expected
    remedy = re.search(r"bundle exec rails runner.*", refusal.value.mend, re.DOTALL)
    assert remedy is not None
    redmine.run(remedy[0])
    assert Project(redmine.url, redmine.admin, name).identifier == name


def test_an_issue_that_is_gone_is_a_conflict(side: Side) -> None:
    side.push()
    side.redmine.client.issue.delete(side.issue(f"{LIDAR}/raman").id)
    report = side.sync(push=True, pull=True)
    assert [(c.task, c.field) for c in report.conflicts] == [(f"{LIDAR}/raman", "issue")]
    with ledger(side.folder) as book:
        resolve(side.state(book), f"{LIDAR}/raman", "issue", "here")
        book.save()
    assert side.push().created == [f"{LIDAR}/raman"]
    assert side.unequal() == []


def test_the_other_layout_is_refused(side: Side) -> None:
    side.push()
    side.layout = "per-task"
    with pytest.raises(ConfigurationError) as refusal:
        side.push()
    assert refusal.value.code == "other-layout"


def test_who_is_no_member_is_told_and_the_rest_goes_through(side: Side) -> None:
    side.change(f"{CTC}/implement", assignee="Somebody Else", status="In Progress", done=5)
    report = side.push()
    assert [(t, f) for t, f, _ in report.held] == [(f"{CTC}/implement", "assignee")]
    assert side.issue(f"{CTC}/implement").done_ratio == 5
    assert side.push().changes == 0
