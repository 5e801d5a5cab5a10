# SPDX-License-Identifier: BSD-3-Clause
"""A task in the words of Redmine, and back: what both sides are compared in.

Redmine 5 counts the delay of a relation in working days and moves what follows to the day it leaves. A
relation is therefore sent with the longest delay in working days that forbids neither what the calendar
allows nor the task's own dates. Dates, priority and done % of an issue with subtasks are Redmine's own
sums over those, and are not sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from pellucid.interfaces.layouts import category
from pellucid.interfaces.schedule import children, in_order
from pellucid.interfaces.task import PRIORITIES, Task
from pellucid.interfaces.workdays import day_after, working_delay

__all__ = ["DERIVED", "SCALARS", "Entry", "Wire", "entries", "rolled_up", "told"]

type Wire = dict[str, Any]
"""Fields by name, in JSON types; ``watchers`` and ``interested`` are sorted, ``follows`` maps ids to days."""

SCALARS = (
    "title",
    "status",
    "priority",
    "assignee",
    "start",
    "due",
    "done",
    "estimated_hours",
    "spent_hours",
    "parent",
    "kind",
    "phase",
    "work_package",
    "ccf",
)
"""Fields with one value; ``watchers``, ``interested`` and ``follows`` have elements."""

DERIVED = ("start", "due", "priority", "done")
"""Fields that Redmine derives for an issue with subtasks."""


class Entry:
    """One issue as it should be: its id (of a task, or of an interface), fields, and fixed texts.

    Attributes
    ----------
    id : str
        Id of a task, or of an interface that stands above its tasks.
    wire : dict
        The fields that are compared.
    interface, category : str
        What Redmine is told once, when the issue is made.
    withheld : dict of str to str
        Fields, or relations, that cannot be sent, and why.
    """

    def __init__(self, identity: str, wire: Wire, withheld: dict[str, str] | None = None) -> None:
        self.id = identity
        self.wire = wire
        self.interface = identity.partition("/")[0]
        self.category = category(self.interface)
        self.withheld = withheld or {}


def entries(tasks: Iterable[Task], layout: str, titles: Mapping[str, str]) -> list[Entry]:
    """Return the issues that tasks make in a layout, parents and predecessors first.

    Parameters
    ----------
    tasks : iterable of Task
        All tasks; what they follow is among them.
    layout : str
        One of `pellucid.interfaces.layouts.LAYOUTS`.
    titles : mapping of str to str
        Titles of the interfaces, by id.
    """
    ordered = in_order(tasks)
    parts = children(ordered)
    whole = {t.id: t for t in rolled_up(ordered)}
    found: list[Entry] = []
    if layout == "per-interface":
        names = sorted({t.interface for t in ordered})
        found = [Entry(i, {"title": titles.get(i, i), "parent": None}) for i in names]
    for task in ordered:
        wire: Wire = {name: getattr(task, name) for name in SCALARS}
        wire["start"], wire["due"] = _day(task.start), _day(task.due)
        if layout == "per-interface" and task.parent is None:
            wire["parent"] = task.interface
        for name in DERIVED if task.id in parts else ():
            del wire[name]
        wire["watchers"], wire["interested"] = list(task.watchers), list(task.interested)
        wire["follows"], withheld = _follows(whole[task.id], whole)
        found.append(Entry(task.id, wire, withheld))
    return found


def rolled_up(tasks: Iterable[Task]) -> list[Task]:
    """Return tasks with what Redmine derives for those with subtasks.

    The first start and the last due date; the highest priority of the open ones, Normal where none is open;
    done in whole percent, weighted with the estimated hours (those without count the mean of the others, or
    1 where none has any), a closed one as 100.
    """
    known = {t.id: t for t in tasks}
    parts = children(known.values())

    def whole(name: str) -> Task:
        if name not in parts:
            return known[name]
        subtasks = [whole(p) for p in parts[name]]
        priorities = [s.priority for s in subtasks if s.is_open]
        return replace(
            known[name],
            start=min((s.start for s in subtasks if s.start), default=None),
            due=max((s.due for s in subtasks if s.due), default=None),
            priority=max(priorities, key=PRIORITIES.index, default="Normal"),
            done=_done(subtasks, [hours(s.id) for s in subtasks]),
        )

    def hours(name: str) -> Fraction:
        own = Fraction(known[name].estimated_hours or 0)
        return own + sum((hours(p) for p in parts.get(name, ())), Fraction(0))

    return [whole(name) for name in known]


def told(changes: Mapping[str, Any], task: Task, sent: Mapping[str, int]) -> dict[str, Any]:
    """Return changes that came from Redmine in the keys of an interface file.

    Parameters
    ----------
    changes : mapping
        Fields of a wire.
    task : Task
        The task as it is here.
    sent : mapping of str to int
        Its relations as they are sent, in working days: where Redmine says the same, or was never told, the
        relation stays as it is here.
    """
    table = dict(changes)
    if "parent" in table and (table["parent"] is None or "/" not in table["parent"]):
        table["parent"] = None  # the interface above its tasks is no task
    if "follows" in table:
        there: dict[str, int] = table["follows"]
        kept = {
            f.task: {"task": f.task, "delay": f.delay, "unit": f.unit}
            for f in task.follows
            if f.task not in sent or there.get(f.task) == sent[f.task]
        }
        new = {n: {"task": n, "delay": d, "unit": "working"} for n, d in there.items() if n not in kept}
        table["follows"] = [relation for _, relation in sorted((kept | new).items())]
    return table


def _follows(task: Task, known: Mapping[str, Task]) -> tuple[dict[str, int], dict[str, str]]:
    sent: dict[str, int] = {}
    withheld: dict[str, str] = {}
    for relation in task.follows:
        before = known[relation.task]
        end = before.due or before.start
        delay = relation.delay
        if end is not None:
            delay = delay if relation.unit == "working" else working_delay(end, delay)
            while task.start is not None and delay >= 0 and day_after(end, delay, "working") > task.start:
                delay -= 1
        if delay < 0:
            withheld[f"follows {relation.task}"] = (
                f"it starts on {task.start}, before that one ends on {end}: Redmine would move it"
            )
        else:
            sent[relation.task] = delay
    return sent, withheld


def _done(subtasks: list[Task], hours: list[Fraction]) -> int:
    known = [h for h in hours if h > 0]
    mean = sum(known, Fraction(0)) / len(known) if known else Fraction(1)
    weights = [h or mean for h in hours]
    shares = [s.done if s.is_open else 100 for s in subtasks]
    return int(sum((w * s for w, s in zip(weights, shares, strict=True)), Fraction(0)) / sum(weights))


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
