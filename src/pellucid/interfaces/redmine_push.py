# SPDX-License-Identifier: BSD-3-Clause
"""Write changes into Redmine, one request after the other, so that any of them may be the last.

Redmine moves an issue whenever one that it follows moves. Dates are therefore written last, predecessors
first, and what Redmine moved meanwhile is told from what people changed by the day that it moves issues to.
That day follows from where the issues before were at the time: the ends that they were seen to have are
written down before they get others, so that the next run knows them where this one is interrupted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pellucid.archive.files import Progress
from pellucid.interfaces.ledger import Ledger
from pellucid.interfaces.redmine import Issue, Project
from pellucid.interfaces.redmine_client import Refused
from pellucid.interfaces.redmine_fields import Entry
from pellucid.interfaces.redmine_plan import Change, Conflict, compare
from pellucid.interfaces.workdays import later_working_day, working_days

__all__ = ["DATES", "Push", "moved_by_redmine"]

DATES = ("start", "due")

_MINIMUM = ("title", "parent", "kind", "phase", "work_package", "ccf")
"""What an issue is made with where Redmine does not take all of its fields."""

NOT_TAKEN = "Redmine answered yes and kept its value: the workflow or the role does not allow this change"


def moved_by_redmine(
    name: str, issues: Mapping[str, Issue], before: Mapping[str, Any], seen: Mapping[str, Sequence[str]]
) -> bool:
    """Return whether an issue has the dates that Redmine gives it when it moves it.

    It starts on a day that one of those it follows leaves, and keeps its length in working days; without two
    dates it had no length.

    Parameters
    ----------
    name : str
        The task.
    issues : mapping of str to Issue
        The issues as they are now.
    before : mapping of str to str or None
        The dates it had.
    seen : mapping of str to sequence of str
        Days on which issues were seen to end since writing began; see `Push`.
    """
    gates: set[date] = set()
    above: str | None = name
    while above is not None and above in issues:
        for other, delay in issues[above].wire.get("follows", {}).items():
            ends = {*seen.get(other, ()), *_end(issues.get(other))}
            gates |= {later_working_day(date.fromisoformat(end), 1 + delay) for end in ends}
        above = issues[above].wire["parent"]
    start, due = before.get("start"), before.get("due")
    length = working_days(date.fromisoformat(start), date.fromisoformat(due)) if start and due else 0
    now = issues[name].wire.get("start"), issues[name].wire.get("due")
    return now in {(gate.isoformat(), later_working_day(gate, length).isoformat()) for gate in gates}


def _end(issue: Issue | None) -> tuple[str, ...]:
    """Return the last day of an issue, nothing where it has none."""
    fields = {} if issue is None else {**issue.wire, **issue.derived}
    day = fields.get("due") or fields.get("start")
    return (day,) if day else ()


@dataclass
class Push:
    """What has to be written, and what came of it.

    Attributes
    ----------
    project : Project
        Where it goes.
    book : Ledger
        Where it is written down.
    state : dict
        The project's part of it.
    issues : dict of str to Issue
        The issues as they were listed; new ones are added.
    held : list of tuple of str
        (task, field, why) of what Redmine did not take; added to.
    progress : callable, optional
        Called with (issues done, issues in all, "issues").
    create : list of Entry
        Issues to make, parents first.
    changes : dict
        Changes of fields by id.
    conflicts : list of Conflict
        What people changed between the listing and the writing.
    """

    project: Project
    book: Ledger
    state: dict[str, Any]
    issues: dict[str, Issue]
    held: list[tuple[str, str, str]]
    progress: Progress | None = None
    create: list[Entry] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    def run(self, wanted: Sequence[Entry]) -> None:
        """Write everything.

        Parameters
        ----------
        wanted : sequence of Entry
            All issues as they should be, parents and predecessors first.
        """
        if not self.create and not any(self.changes.values()):
            return
        # from here on Redmine may move dates by itself
        self.state["unsettled"] = [e.id for e in wanted]
        for name in self.issues:
            self._note_end(name)
        self.book.save()
        self._numbers = {name: issue.number for name, issue in self.issues.items()}
        new = {e.id for e in self.create}
        listed = {n: {d: i.wire[d] for d in DATES if d in i.wire} for n, i in self.issues.items()}
        steps = len(self.create) + 2 * len(wanted)
        for done, entry in enumerate(self.create):
            self._create(entry)
            self._tell(done, steps)
        for done, entry in enumerate(wanted, len(self.create)):
            if self.changes.get(entry.id):
                with self._held_if_gone(entry):
                    self._write(entry, fresh=entry.id not in new)
            self._tell(done, steps)
        for done, entry in enumerate(wanted, len(self.create) + len(wanted)):
            if entry.id in self.issues:
                with self._held_if_gone(entry):
                    self._settle(entry, listed.get(entry.id))
            self._tell(done, steps)
        del self.state["unsettled"], self.state["ends"]
        self.book.save()

    def lost(self) -> set[tuple[str, str]]:
        """Return task and field of the changes that did not come through."""
        return {(t, f) for t, f, _ in self.held} | {(c.task, c.field) for c in self.conflicts}

    @contextmanager
    def _held_if_gone(self, entry: Entry) -> Iterator[None]:
        """Hold all changes of an issue that somebody removed while they were written."""
        try:
            yield
        except Refused as error:
            lost = {field for task, field in self.lost() if task == entry.id}
            fields = [c.field for c in self.changes.get(entry.id, ()) if c.field not in lost]
            self.held += [(entry.id, name, str(error)) for name in fields]

    def _note_end(self, name: str) -> None:
        seen = self.state.setdefault("ends", {}).setdefault(name, [])
        seen += [day for day in _end(self.issues[name]) if day not in seen]

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done + 1, total, "steps")

    def _agreed(self, task: str) -> dict[str, Any]:
        agreed: dict[str, Any] = self.state["agreed"].setdefault(task, {})
        return agreed

    def _create(self, entry: Entry) -> None:
        self.state["creating"] = entry.id
        self.book.save()
        try:
            issue = self.project.create(entry, self._numbers)
        except Refused:
            wire = {n: v for n, v in entry.wire.items() if n in _MINIMUM}
            try:
                issue = self.project.create(Entry(entry.id, wire), self._numbers)
            except Refused as error:
                self.held.append((entry.id, "issue", str(error)))
                return
        self.issues[entry.id] = issue
        self._numbers[entry.id] = self.state["issues"][entry.id] = issue.number
        self.state["agreed"][entry.id] = dict(issue.wire)
        del self.state["creating"]
        self.book.save()
        self.changes[entry.id] = compare(entry.id, entry.wire, issue.wire, issue.wire).push

    def _write(self, entry: Entry, fresh: bool) -> None:
        """Write all but dates."""
        issue = self.project.read(self.issues[entry.id].number) if fresh else self.issues[entry.id]
        chosen = []
        for change in self.changes[entry.id]:
            now = issue.wire.get(change.field)
            if change.field in DATES or now == change.old:
                chosen.append(change)
            elif now != change.new:
                self.conflicts.append(Conflict(entry.id, change.field, change.new, now, change.old))
        self.changes[entry.id] = chosen
        fields = {c.field: c.new for c in chosen if c.field not in (*DATES, "follows")}
        try:
            self.project.update(issue, fields, self._numbers)
            self._agreed(entry.id).update(fields)
        except Refused:
            for name, value in fields.items():
                self._write_one(entry.id, issue.number, name, value)
        for change in chosen:
            if change.field == "follows":
                try:
                    self.project.relate(issue, change.new, self._numbers)
                    self._agreed(entry.id)["follows"] = _agreed_relations(self._agreed(entry.id), change)
                except Refused as error:
                    self.held.append((entry.id, "follows", str(error)))
        self.book.save()

    def _write_one(self, task: str, number: int, name: str, value: Any) -> None:
        try:
            self.project.update(self.project.read(number), {name: value}, self._numbers)
            self._agreed(task)[name] = value
        except Refused as error:
            self.held.append((task, name, str(error)))

    def _settle(self, entry: Entry, listed: Mapping[str, Any] | None) -> None:
        """Write the dates, then look whether all that was written is there."""
        name = entry.id
        now = self.issues[name] = self.project.read(self.issues[name].number)
        wanted = {c.field: c.new for c in self.changes.get(name, ()) if c.field in DATES}
        target = {d: wanted.get(d, (listed or entry.wire).get(d)) for d in DATES if d in now.wire}
        current = {d: now.wire[d] for d in target}
        if target != current:
            if listed is not None and current != listed and not self._was_moved(name, listed):
                self.conflicts += [
                    Conflict(name, d, target[d], current[d], listed[d])
                    for d in target
                    if target[d] != current[d]
                ]
                return
            self._note_end(name)
            self.book.save()
            try:
                self.project.update(now, target, self._numbers)
                now = self.issues[name] = self.project.read(now.number)
            except Refused as error:
                self.held += [(name, d, str(error)) for d in target if target[d] != current[d]]
        for d in wanted:
            self._agreed(name)[d] = now.wire.get(d)
        for change in self.changes.get(name, ()):
            there = now.wire.get(change.field)
            if there != change.new and (name, change.field) not in self.lost():
                self.held.append((name, change.field, NOT_TAKEN))
                self._agreed(name)[change.field] = there
        self.book.save()

    def _was_moved(self, name: str, listed: Mapping[str, Any]) -> bool:
        for before in self.issues[name].wire["follows"]:
            if before in self.issues:
                self.issues[before] = self.project.read(self.issues[before].number)
        return moved_by_redmine(name, self.issues, listed, self.state["ends"])


def _agreed_relations(agreed: Mapping[str, Any], change: Change) -> dict[str, int]:
    """Return the relations as agreed on, with those that were sent; others keep what they were."""
    relations: dict[str, int] = dict(agreed.get("follows", {}))
    for name in {*change.old, *change.new}:
        if change.old.get(name) != change.new.get(name):
            if name in change.new:
                relations[name] = change.new[name]
            else:
                relations.pop(name, None)
    return relations
