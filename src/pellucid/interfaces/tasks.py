# SPDX-License-Identifier: BSD-3-Clause
"""The ``[[tasks]]`` of an interface file, read and checked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from pellucid.errors import ConfigurationError, nearest
from pellucid.interfaces.task import (
    CCF,
    KINDS,
    PHASES,
    PRIORITIES,
    PROOFS,
    RULE,
    STATUSES,
    UNITS,
    WORK_PACKAGES,
    Evidence,
    Follows,
    Task,
)

__all__ = ["Task", "by_id", "changed", "read_tasks"]

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TASK_ID = re.compile(r"I-[A-Z]+-[A-Za-z]+-\d{4}/" + _SLUG.pattern)


def read_tasks(tables: Sequence[Mapping[str, Any]], interface: str, where: str) -> tuple[Task, ...]:
    """Read the ``[[tasks]]`` of one interface file.

    Parameters
    ----------
    tables : sequence of mapping
        As a TOML or JSON reader gives them.
    interface : str
        Id of the interface, e.g. ``I-DATA-COM-3201``.
    where : str
        The file, for errors.

    Returns
    -------
    tuple of Task
        In the order of the file, references by full id.

    Raises
    ------
    ConfigurationError
        An unknown key (``unknown-key``), a missing one (``missing-key``), a value that is of another type or
        not among those allowed (``task-value``), a key used twice (``doubled-task``), or a status that
        breaks the rule about CCF (``ccf-rule``).
    """
    tasks: dict[str, Task] = {}
    for number, table in enumerate(tables, 1):
        place = f"{where}: tasks[{number}]"
        task = _Reader(table, interface, place).task()
        if task.key in tasks:
            raise ConfigurationError(
                f"Two tasks of {interface} have one key.",
                where=place,
                expected="a key of its own for each task",
                got=task.key,
                code="doubled-task",
            )
        tasks[task.key] = task
    for number, task in enumerate(tasks.values(), 1):
        if task.parent is not None and task.parent not in {t.id for t in tasks.values()}:
            raise ConfigurationError(
                "A task is part of one that its interface does not have.",
                where=f"{where}: tasks[{number}].parent",
                expected="a task of this interface",
                got=task.parent,
                mend=nearest(task.parent, [t.id for t in tasks.values()]),
                code="unknown-task",
            )
    return tuple(tasks.values())


def changed(task: Task, changes: Mapping[str, Any], where: str) -> Task:
    """Return a task with other values for some keys, checked as `read_tasks` does.

    Raises
    ------
    ConfigurationError
        As `read_tasks`.
    """
    table = {k: v for k, v in task.as_dict().items() if v is not None and k not in ("id", "interface")}
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    return _Reader(table, task.interface, where).task()


def by_id(tasks: Iterable[Task], task_id: str) -> Task:
    """Return the task with an id.

    Raises
    ------
    ConfigurationError
        There is none (``unknown-task``); the nearest is told.
    """
    known = {t.id: t for t in tasks}
    if task_id not in known:
        raise ConfigurationError(
            f"There is no task '{task_id}'.", mend=nearest(task_id, list(known)), code="unknown-task"
        )
    return known[task_id]


class _Reader:
    """One table of a file on its way to a task."""

    def __init__(self, table: Mapping[str, Any], interface: str, where: str) -> None:
        self.table, self.interface, self.where = table, interface, where
        known = [f.name for f in fields(Task) if f.name != "interface"]
        for key in table:
            if key not in known:
                raise ConfigurationError(
                    f"A task has no key '{key}'.",
                    where=f"{where}.{key}",
                    expected=", ".join(known),
                    got=key,
                    mend=nearest(key, known),
                    code="unknown-key",
                )

    def task(self) -> Task:
        ccf = self.choice("ccf", CCF, None)
        task = Task(
            interface=self.interface,
            key=self.slug("key"),
            kind=self.needed_choice("kind", KINDS),
            title=self.text("title"),
            phase=self.needed_choice("phase", PHASES),
            work_package=self.needed_choice("work_package", WORK_PACKAGES),
            status=self.choice("status", STATUSES, None) or RULE[ccf],
            priority=self.choice("priority", PRIORITIES, "Normal") or "Normal",
            assignee=self.text("assignee") if "assignee" in self.table else None,
            start=self.day("start"),
            due=self.day("due"),
            done=self.done(),
            estimated_hours=self.hours("estimated_hours"),
            spent_hours=self.hours("spent_hours") or 0.0,
            parent=self.reference("parent", self.table["parent"]) if "parent" in self.table else None,
            follows=tuple(sorted(self.follow(i, f) for i, f in enumerate(self.items("follows"), 1))),
            watchers=self.names("watchers"),
            interested=self.names("interested"),
            ccf=ccf,
            evidence=tuple(self.proof(i, e) for i, e in enumerate(self.items("evidence"), 1)),
        )
        self.check(task)
        return task

    def check(self, task: Task) -> None:
        if task.start and task.due and task.due < task.start:
            raise self.bad("due", f"{task.start} or later, since it starts then", task.due.isoformat())
        if task.parent == task.id or any(f.task == task.id for f in task.follows):
            raise self.bad("parent" if task.parent == task.id else "follows", "another task", task.id)
        if task.ccf and task.assignee is None and task.status in ("New", "Assigned"):
            expected = RULE[task.ccf]
            if task.status != expected:
                raise ConfigurationError(
                    "The status of a task that nobody has yet follows from what CCF says.",
                    where=f"{self.where}.status",
                    expected=f"'{expected}', since ccf is '{task.ccf}'",
                    got=task.status,
                    mend="leave the status out, name an assignee, or correct ccf",
                    code="ccf-rule",
                )

    def bad(self, key: str, expected: str, got: object, code: str = "task-value") -> ConfigurationError:
        return ConfigurationError(
            "A task has a value it cannot have.",
            where=f"{self.where}.{key}",
            expected=expected,
            got=got if isinstance(got, str) and got else repr(got),
            code=code,
        )

    def text(self, key: str) -> str:
        if key not in self.table:
            raise ConfigurationError(
                f"A task lacks its {key}.",
                where=self.where,
                expected=f"{key} = ...",
                got=", ".join(self.table) or "an empty table",
                mend=f"add the key '{key}'",
                code="missing-key",
            )
        value = self.table[key]
        if not isinstance(value, str) or not value.strip() or "\n" in value:
            raise self.bad(key, "one line of text", value)
        return value.strip()

    def slug(self, key: str) -> str:
        value = self.text(key)
        if not _SLUG.fullmatch(value):
            raise self.bad(key, "small letters and digits in words joined by '-'", value)
        return value

    def choice(self, key: str, known: tuple[str, ...], default: str | None) -> str | None:
        return self.needed_choice(key, known) if key in self.table else default

    def needed_choice(self, key: str, known: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in known:
            raise self.bad(key, f"one of {', '.join(known)}", value)
        return value

    def day(self, key: str) -> date | None:
        value = self.table.get(key)
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                raise self.bad(key, "a date such as 2016-08-01", value) from None
        if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
            raise self.bad(key, "a date such as 2016-08-01", value)
        return value

    def done(self) -> int:
        value = self.table.get("done", 0)
        if type(value) is not int or not 0 <= value <= 100:
            raise self.bad("done", "a whole number of percent, 0 to 100", value)
        return value

    def hours(self, key: str) -> float | None:
        value = self.table.get(key)
        if value is None:
            return None
        if type(value) not in (int, float) or not 0 <= value < 1e6:
            raise self.bad(key, "a number of hours, 0 or more", value)
        return float(value)

    def items(self, key: str) -> list[Any]:
        value = self.table.get(key, [])
        if not isinstance(value, list | tuple):
            raise self.bad(key, "a list", value)
        return list(value)

    def names(self, key: str) -> tuple[str, ...]:
        items = self.items(key)
        if not all(isinstance(name, str) and name.strip() for name in items):
            raise self.bad(key, "a list of names", items)
        return tuple(sorted({name.strip() for name in items}))

    def reference(self, key: str, value: Any) -> str:
        full = f"{self.interface}/{value}" if isinstance(value, str) and "/" not in value else value
        if not isinstance(full, str) or not _TASK_ID.fullmatch(full):
            raise self.bad(key, "the key of a task here, or an id such as I-DATA-COM-3201/implement", value)
        return full

    def follow(self, number: int, item: Any) -> Follows:
        key = f"follows[{number}]"
        if not isinstance(item, Mapping) or not {"task"} <= set(item) <= {"task", "delay", "unit"}:
            raise self.bad(key, "{task = ..., delay = days, unit = 'calendar' or 'working'}", item)
        delay, unit = item.get("delay", 0), item.get("unit", "calendar")
        if type(delay) is not int or not 0 <= delay <= 10_000:
            raise self.bad(f"{key}.delay", "a whole number of days, 0 or more", delay)
        if unit not in UNITS:
            raise self.bad(f"{key}.unit", f"one of {', '.join(UNITS)}", unit)
        return Follows(self.reference(f"{key}.task", item["task"]), delay, unit)

    def proof(self, number: int, item: Any) -> Evidence:
        key = f"evidence[{number}]"
        keys = set(item) if isinstance(item, Mapping) else set()
        kind = next((k for k in PROOFS if k in keys), None)
        if kind is None or keys - {kind} != ({"array", "telescopes"} if kind == "test" else set()):
            raise self.bad(
                key,
                "{delivery = id}, {step = name}, or {test = id, array = name, telescopes = [numbers]}",
                item,
            )
        telescopes = item.get("telescopes", [])
        if (
            not isinstance(telescopes, list | tuple)
            or not all(type(t) is int for t in telescopes)
            or (kind == "test" and not telescopes)
        ):
            raise self.bad(f"{key}.telescopes", "a list of telescope numbers", telescopes)
        return Evidence(kind, str(item[kind]), str(item.get("array", "")), tuple(sorted(telescopes)))
