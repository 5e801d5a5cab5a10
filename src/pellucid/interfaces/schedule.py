# SPDX-License-Identifier: BSD-3-Clause
"""When tasks can start and end: forward pass, slack, critical path, slippage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pellucid.errors import ConfigurationError, nearest
from pellucid.interfaces.task import Follows, Task
from pellucid.interfaces.workdays import day_after, later_working_day, latest_end, moved, working_day

__all__ = ["Schedule", "Slot", "children", "in_order", "schedule"]

HOURS_A_DAY = 8.0

type Node = tuple[str, str]
"""``start`` or ``end``, and the id of a task."""

type Gate = tuple[date, Follows] | None
"""First day that the tasks before leave, and the relation that sets it."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """When one task takes place.

    Attributes
    ----------
    task : str
        Its id.
    start, due : date or None
        First and last day; None where nothing determines them.
    soonest : date or None
        First day that the tasks before it leave; None where there are none with dates.
    after : str or None
        The task that sets the start, where one does.
    slack : int or None
        Calendar days by which it may end later before the last task ends later.
    slip : int
        Calendar days by which it ends later than its own dates say.
    critical : bool
        Whether it lies on the critical path.
    """

    task: str
    start: date | None
    due: date | None
    soonest: date | None = None
    after: str | None = None
    slack: int | None = None
    slip: int = 0
    critical: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the slot as a JSON-ready mapping with the attributes' names."""
        return {k: v.isoformat() if isinstance(v, date) else v for k, v in self.__dict__.items()}


@dataclass(frozen=True)
class Schedule:
    """When all tasks take place.

    Attributes
    ----------
    slots : mapping of str to Slot
        By id of the task, each after those it follows.
    critical_path : tuple of str
        The tasks that set the end, the first one first; empty where nothing has dates.
    """

    slots: Mapping[str, Slot]
    critical_path: tuple[str, ...]

    @property
    def end(self) -> date | None:
        """Last day of the last task."""
        return max((s.due for s in self.slots.values() if s.due), default=None)

    @property
    def slipped(self) -> tuple[Slot, ...]:
        """The tasks that end later than their own dates say."""
        return tuple(s for s in self.slots.values() if s.slip > 0)


def schedule(tasks: Iterable[Task], on: date | None = None) -> Schedule:
    """Find when each task can take place.

    A task starts on its own date, or later where those it follows (or those its parent follows) end too
    late; its duration is kept, in days of the relation's unit. Where it has no dates of its own it starts
    as soon as it can and lasts its estimated hours, 8 a working day. A task with subtasks spans them. What
    has neither dates nor hours, or is rejected, has no place in the schedule.

    Parameters
    ----------
    tasks : iterable of Task
        All that are referred to.
    on : date, optional
        Day of the look: what is open and should have ended ends on this day at the soonest.

    Raises
    ------
    ConfigurationError
        Tasks follow each other in a circle (``cyclic-follows``), which is named; or one refers to a
        task that is not there (``unknown-task``).
    """
    known = {t.id: t for t in tasks}
    order = _ordered(known)
    parts = children(known.values())
    slots: dict[str, Slot] = {}
    gates: dict[str, Gate] = {}
    for what, name in order:
        if what == "start":
            gates[name] = _gate(known[name], gates, slots)
        elif name in parts:
            slots[name] = _spanning(known[name], [slots[p] for p in parts[name]], gates[name])
        else:
            slots[name] = _placed(known[name], gates[name], on)
    path = _critical_path(slots, parts)
    slack = _slack(known, order, slots, parts)
    return Schedule(
        {n: Slot(**{**s.__dict__, "slack": slack.get(n), "critical": n in path}) for n, s in slots.items()},
        path,
    )


def children(tasks: Iterable[Task]) -> dict[str, list[str]]:
    """Return the ids of the subtasks of each task that has some."""
    parts: dict[str, list[str]] = {}
    for task in tasks:
        if task.parent is not None:
            parts.setdefault(task.parent, []).append(task.id)
    return parts


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Return tasks so that each comes after those it follows and after its parent.

    Raises
    ------
    ConfigurationError
        As `schedule`.
    """
    known = {t.id: t for t in tasks}
    return [known[name] for what, name in _ordered(known) if what == "start"]


def _ordered(known: Mapping[str, Task]) -> list[Node]:
    before: dict[Node, set[Node]] = {}
    for name, task in known.items():
        start, end = ("start", name), ("end", name)
        before.setdefault(end, set()).add(start)
        before.setdefault(start, set()).update(("end", f.task) for f in task.follows)
        if task.parent is not None:
            before[start].add(("start", task.parent))
            before.setdefault(("end", task.parent), set()).add(end)
        for other in (*(f.task for f in task.follows), *filter(None, (task.parent,))):
            if other not in known:
                raise ConfigurationError(
                    f"The task {name} refers to one that is not there.",
                    got=other,
                    mend=nearest(other, list(known)),
                    code="unknown-task",
                )
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError as error:
        names = [name for _, name in error.args[1]]
        circle = [n for i, n in enumerate(names) if i == 0 or n != names[i - 1]]
        raise ConfigurationError(
            "Tasks wait for each other in a circle.",
            where=circle[-1],
            expected="no task that follows itself, over others or through its parent",
            got=" before ".join(circle),
            mend="remove one of these relations",
            code="cyclic-follows",
        ) from None


def _gate(task: Task, gates: Mapping[str, Gate], slots: Mapping[str, Slot]) -> Gate:
    found = [gates[task.parent]] if task.parent is not None else []
    for relation in task.follows:
        due = slots[relation.task].due
        if due is not None:
            found.append((day_after(due, relation.delay, relation.unit), relation))
    return max((f for f in found if f is not None), default=None, key=lambda f: f[0])


def _placed(task: Task, gate: Gate, on: date | None) -> Slot:
    soonest = None if gate is None else gate[0]
    start, due = task.start, task.due
    if start is None and due is None:
        start = soonest
        if start is not None and task.estimated_hours is not None:
            days = max(1, -int(-task.estimated_hours // HOURS_A_DAY))
            due = later_working_day(working_day(start), days - 1)
    if task.status == "Rejected":
        start = due = None
    start = start or due
    planned = due
    pushed = False
    if start is not None and gate is not None and start < gate[0]:
        due = None if due is None else moved(start, due, gate[0], gate[1].unit)
        start, pushed = gate[0], True
    if on is not None and due is not None and task.is_open and due < on:
        due = on
    return Slot(
        task=task.id,
        start=start,
        due=due,
        soonest=soonest,
        after=gate[1].task if gate is not None and (pushed or start == gate[0]) else None,
        slip=0 if due is None or planned is None else (due - planned).days,
    )


def _spanning(task: Task, parts: list[Slot], gate: Gate) -> Slot:
    starts = [p.start for p in parts if p.start]
    dues = [p.due for p in parts if p.due]
    due = max(dues, default=None)
    return Slot(
        task=task.id,
        start=min(starts, default=None),
        due=due,
        soonest=None if gate is None else gate[0],
        slip=max((p.slip for p in parts if p.due == due), default=0),
    )


def _critical_path(slots: Mapping[str, Slot], parts: Mapping[str, list[str]]) -> tuple[str, ...]:
    def leaf(name: str) -> str:
        while name in parts:
            name = max((p for p in parts[name] if slots[p].due), key=lambda p: slots[p].due or date.min)
        return name

    dated = [s for s in slots.values() if s.due is not None and s.task not in parts]
    if not dated:
        return ()
    path = [max(dated, key=lambda s: s.due or date.min).task]
    while (before := slots[path[-1]].after) is not None:
        path.append(leaf(before))
    return tuple(reversed(path))


def _slack(
    known: Mapping[str, Task], order: list[Node], slots: Mapping[str, Slot], parts: Mapping[str, list[str]]
) -> dict[str, int]:
    """Return how much later each task may end: the backward pass."""
    end = max((s.due for s in slots.values() if s.due), default=None)
    latest: dict[str, date] = {}
    for what, name in reversed(order):
        slot, task = slots[name], known[name]
        if what == "end":
            bounds = [b for b in (latest.get(name), latest.get(task.parent or ""), end) if b is not None]
            if bounds:
                latest[name] = min(bounds)
        elif slot.start is not None and slot.due is not None and name in latest:
            last_start = slot.start + (latest[name] - slot.due)
            for relation in _relations(task, known):
                bound = latest_end(last_start, relation.delay, relation.unit)
                latest[relation.task] = min(latest.get(relation.task, bound), bound)
    return {
        name: max(0, (latest[name] - slot.due).days)
        for name, slot in slots.items()
        if slot.due is not None and name in latest
    }


def _relations(task: Task, known: Mapping[str, Task]) -> Iterable[Follows]:
    """Yield what a task follows, itself or through those it is a part of."""
    while True:
        yield from task.follows
        if task.parent is None:
            return
        task = known[task.parent]
