# SPDX-License-Identifier: BSD-3-Clause
"""The proof of the tasks: both proposals in a real Redmine, changed there, taken back; a conflict."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acceptance.figures import Figures
from pellucid.interfaces.layouts import LAYOUTS
from pellucid.interfaces.ledger import read_ledger
from pellucid.interfaces.redmine import Project
from pellucid.interfaces.redmine_fields import entries, rolled_up
from pellucid.interfaces.registry import all_interfaces
from pellucid.interfaces.task import Task
from support.redmine import Redmine

CTC = "I-DATA-COM-3201/implement"


class Desk:
    """A workspace, a project of its own, and the command line between them."""

    def __init__(self, redmine: Redmine, workspace: Path, layout: str) -> None:
        self.redmine, self.workspace, self.layout = redmine, workspace, layout
        self.project = redmine.project()

    def call(self, verb: str, *options: str) -> tuple[dict[str, Any], int]:
        where = ["--redmine", self.redmine.url, "--project", self.project]
        layout = [] if verb == "resolve" else ["--layout", self.layout]
        return self.run("tasks", verb, *options, *where, *layout)

    def run(self, *words: str) -> tuple[dict[str, Any], int]:
        command = [sys.executable, "-m", "pellucid.cli", *words, "--json", "--workspace", str(self.workspace)]
        environment = os.environ | {"PELLUCID_REDMINE_KEY": self.redmine.admin}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout), done.returncode

    def edit(self, task: str, **values: Any) -> None:
        self.redmine.client.issue.update(self.redmine.issues(self.project)[task].id, **values)

    def now(self) -> tuple[Task, ...]:
        found = all_interfaces().values()
        return read_ledger(self.workspace).applied(t for interface in found for t in interface.tasks)

    def fields(self) -> tuple[int, list[tuple[str, str, Any, Any]]]:
        """Return how many fields were compared, and those that differ, Redmine's own sums among them."""
        now = self.now()
        issues, _ = Project(self.redmine.url, self.redmine.admin, self.project).issues()
        pairs = [
            (e.id, name, value, issues[e.id].wire[name])
            for e in entries(now, self.layout, titles())
            for name, value in e.wire.items()
        ]
        for task in rolled_up(now):
            for name, there in issues[task.id].derived.items():
                mine = getattr(task, name)
                pairs.append((task.id, name, mine.isoformat() if hasattr(mine, "isoformat") else mine, there))
        return len(pairs), [p for p in pairs if p[2] != p[3]]


def titles() -> dict[str, str]:
    return {i.id: i.title for i in all_interfaces().values() if i.tasks}


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_push_change_pull_push_again(redmine: Redmine, figures: Figures, tmp_path: Path, layout: str) -> None:
    desk = Desk(redmine, tmp_path / "ws", layout)
    people = redmine.people()
    status = redmine.names("issue_status")
    priority = redmine.names("enumeration", resource="issue_priorities")
    first, _ = desk.call("push")
    wanted = len(desk.now()) + (len(titles()) if layout == "per-interface" else 0)
    figures.equal(f"{layout}: issues made by the first push", len(first["created"]), wanted)

    desk.edit(
        CTC,
        subject="Implementation of the CTC",
        status_id=status["In Progress"],
        priority_id=priority["Urgent"],
        assigned_to_id=people["Markus Gaug"],
        start_date="2016-09-01",
        due_date="2017-06-30",
        done_ratio=40,
        estimated_hours=500,
    )
    desk.edit("I-DATA-COM-0006/develop", due_date="2016-07-11")
    issue = redmine.issues(desk.project)[CTC]
    activity = redmine.names("enumeration", resource="time_entry_activities")["Development"]
    redmine.client.time_entry.create(issue_id=issue.id, hours=17.5, activity_id=activity)
    redmine.client.issue.get(issue.id).watcher.add(people["Raquel de los Reyes"])
    pulled, code = desk.call("pull")
    figures.equal(f"{layout}: exit code of the pull, conflicts", (code, len(pulled["conflicts"])), (0, 0))
    task = next(t for t in desk.now() if t.id == CTC)
    taken = (task.title, task.status, task.priority, task.assignee, task.done, task.estimated_hours)
    assert taken == ("Implementation of the CTC", "In Progress", "Urgent", "Markus Gaug", 40, 500.0)
    assert (task.spent_hours, task.watchers) == (17.5, ("Raquel de los Reyes",))

    desk.call("push")
    third, code = desk.call("push")
    figures.equal(f"{layout}: changes of the third push", third["changes"], 0)
    figures.equal(f"{layout}: exit code of the third push", code, 0)
    number, differing = desk.fields()
    print(f"  {number} fields of {len(desk.now())} tasks compared one by one")
    figures.equal(f"{layout}: fields that differ", differing, [])


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_conflict_made_on_purpose(redmine: Redmine, figures: Figures, tmp_path: Path) -> None:
    desk = Desk(redmine, tmp_path / "ws", "per-task")
    desk.call("push")
    desk.run("tasks", "set", CTC, "done=60", "estimated_hours=480")
    desk.edit(CTC, done_ratio=30, subject="Another title")
    report, code = desk.call("sync")
    conflicts = [(c["task"], c["field"], c["here"], c["redmine"]) for c in report["conflicts"]]
    figures.equal("conflicts listed", conflicts, [(CTC, "done", 60, 30)])
    figures.equal("exit code while a conflict is open", code, 1)
    here = next(t for t in desk.now() if t.id == CTC)
    there = redmine.issues(desk.project)[CTC]
    figures.equal("neither side lost: done here, done there", (here.done, there.done_ratio), (60, 30))
    figures.equal(
        "what did not clash went through", (here.title, there.estimated_hours), ("Another title", 480.0)
    )
    desk.call("resolve", CTC, "done", "--keep", "here")
    _, code = desk.call("sync")
    there = redmine.issues(desk.project)[CTC]
    figures.equal("settled by hand: exit code, done there", (code, there.done_ratio), (0, 60))


def test_the_seeds_dates(figures: Figures) -> None:
    from datetime import date

    from pellucid.interfaces.workdays import day_after

    due = date(2016, 7, 1)
    figures.equal("due 2016-07-01, 30 calendar days", str(day_after(due, 30, "calendar")), "2016-08-01")
    figures.equal("due 2016-07-01, 30 working days", str(day_after(due, 30, "working")), "2016-08-15")
