# SPDX-License-Identifier: BSD-3-Clause
"""A project of a Redmine in memory that moves issues as the real one does, for tests with many histories."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pellucid.errors import IntermittentError
from pellucid.interfaces.redmine import Issue
from pellucid.interfaces.redmine_client import Refused
from pellucid.interfaces.redmine_fields import DERIVED, Entry, Wire
from pellucid.interfaces.workdays import later_working_day, working_day, working_days

__all__ = ["Double"]

EMPTY: Wire = {
    "title": "",
    "status": "New",
    "priority": "Normal",
    "assignee": None,
    "start": None,
    "due": None,
    "done": 0,
    "estimated_hours": None,
    "spent_hours": 0.0,
    "parent": None,
    "kind": None,
    "phase": None,
    "work_package": None,
    "ccf": None,
    "interested": [],
    "watchers": [],
    "follows": {},
}


class Double:
    """Stands where `pellucid.interfaces.redmine.Project` does.

    ``fail_at`` counts requests that write, from 1; at that one the server fails, before it does what it was
    asked for or, with ``after``, just behind. ``meanwhile`` holds what people do before such a request, and
    ``stubborn`` the fields that keep their value whatever the answer says, as a workflow makes them.
    """

    url, number, identifier, user = "double", 1, "double", "Nobody"

    def __init__(self) -> None:
        self.there: dict[int, Wire] = {}
        self.names: dict[int, str] = {}
        self.watched: set[str] = set()
        self.fail_at: int | None = None
        self.after = False
        self.writes = 0
        self.meanwhile: dict[int, Callable[[], None]] = {}
        self.stubborn: set[str] = set()

    def issues(self) -> tuple[dict[str, Issue], list[int]]:
        return {name: self.read(n) for n, name in self.names.items()}, []

    def wires(self) -> dict[str, Wire]:
        """Return the fields of all issues by name."""
        return {name: self.there[number] for number, name in self.names.items()}

    def remove(self, name: str) -> None:
        """Remove an issue, as a person does."""
        number = next(n for n, known in self.names.items() if known == name)
        del self.names[number]

    def read(self, number: int) -> Issue:
        name = self._name(number)
        wire = {k: v.copy() if isinstance(v, dict | list) else v for k, v in self.there[number].items()}
        derived = {k: wire.pop(k) for k in DERIVED} if self._parts(name) else {}
        return Issue(number, wire, {n: hash((n, number)) for n in wire["follows"]}, derived)

    def create(self, entry: Entry, numbers: Mapping[str, int]) -> Issue:
        assert entry.id not in self.names.values(), f"{entry.id} twice"
        number = len(self.there) + 1

        def make() -> None:
            self.names[number] = entry.id
            self.there[number] = EMPTY | {"follows": {}, "interested": [], "watchers": []}
            sent = {n: v for n, v in entry.wire.items() if n not in ("follows", "spent_hours", "watchers")}
            self.there[number].update(sent)

        self._write(make)
        return self.read(number)

    def update(self, issue: Issue, changes: Wire, numbers: Mapping[str, int]) -> None:
        scalars = {n: v for n, v in changes.items() if n not in ("spent_hours", "watchers")}
        for part in (scalars, *({n: v} for n, v in changes.items() if n not in scalars)):
            if part:
                taken = {n: v for n, v in part.items() if n not in self.stubborn}
                self._write(lambda taken=taken: self.edit(self._name(issue.number), **taken))

    def relate(self, issue: Issue, follows: Mapping[str, int], numbers: Mapping[str, int]) -> None:
        name = self.names[issue.number]
        now = self._wire(name)["follows"]
        for other in sorted({*now, *follows}):
            if now.get(other) == follows.get(other):
                continue
            if other in now:
                self._write(lambda other=other: now.pop(other))
            if other in follows:
                self._write(lambda other=other: self._follow(name, other, follows[other]))

    def edit(self, name: str, **changes: Any) -> None:
        """Change an issue as a person or the client does, with all that Redmine does by itself then."""
        wire = self._wire(name)
        start, gate = changes.get("start"), self._gate(name)
        if start is not None and start != wire["start"] and gate is not None and start < gate.isoformat():
            raise Refused(f"Start date cannot be earlier than {gate}")
        if changes.get("spent_hours", wire["spent_hours"]) < wire["spent_hours"]:
            raise Refused("hours")
        before = wire["start"], wire["due"]
        wire.update(changes)
        if (wire["start"], wire["due"]) != before:
            self._pull_along(name)

    def _follow(self, name: str, other: str, delay: int) -> None:
        self._wire(name)["follows"][other] = delay
        self._reschedule(name)

    def _pull_along(self, name: str) -> None:
        for follower in list(self.names.values()):
            if name in self._wire(follower)["follows"]:
                self._reschedule(follower)
        parent = self._wire(name)["parent"]
        if parent is not None:
            self._pull_along(parent)

    def _reschedule(self, name: str) -> None:
        gate = self._gate(name)
        if gate is None:
            return
        for part in self._parts(name):
            if (self._wire(part)["start"] or "") < gate.isoformat():
                self._reschedule(part)
        wire = self._wire(name)
        if self._parts(name) or wire["start"] == gate.isoformat():
            return
        start = working_day(gate)
        length = 0
        if wire["start"] and wire["due"]:
            length = working_days(date.fromisoformat(wire["start"]), date.fromisoformat(wire["due"]))
        wire["due"] = later_working_day(start, length).isoformat()
        wire["start"] = start.isoformat()
        self._pull_along(name)

    def _gate(self, name: str) -> date | None:
        found = []
        above: str | None = name
        while above is not None:
            wire = self._wire(above)
            for other, delay in wire["follows"].items():
                end = self._end(other)
                if end is not None:
                    found.append(later_working_day(date.fromisoformat(end), 1 + delay))
            above = wire["parent"]
        return max(found, default=None)

    def _end(self, name: str) -> str | None:
        parts = self._parts(name)
        if not parts:
            wire = self._wire(name)
            return wire["due"] or wire["start"]  # type: ignore[no-any-return]
        return max((e for e in map(self._end, parts) if e), default=None)

    def _parts(self, name: str) -> list[str]:
        return [n for n in self.names.values() if self._wire(n)["parent"] == name]

    def _name(self, number: int) -> str:
        if number not in self.names:
            raise Refused("Redmine does not have it any more")
        return self.names[number]

    def _wire(self, name: str) -> Wire:
        return next(self.there[number] for number, n in self.names.items() if n == name)

    def _write(self, action: Any) -> None:
        self.writes += 1
        self.meanwhile.pop(self.writes, lambda: None)()
        fails = self.writes == self.fail_at
        if not fails or self.after:
            action()
        if fails:
            raise IntermittentError("Redmine failed.", code="redmine-failed")
