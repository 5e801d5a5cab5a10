# SPDX-License-Identifier: BSD-3-Clause
"""What a synchronisation has to do: a comparison of both sides with what they last agreed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.interfaces.redmine_fields import Wire

__all__ = ["Change", "Comparison", "Conflict", "compare"]

_SETS = ("watchers", "interested")


@dataclass(frozen=True)
class Change:
    """One field of one task that gets another value."""

    task: str
    field: str
    old: Any
    new: Any

    def as_dict(self) -> dict[str, Any]:
        """Return the change as a JSON-ready mapping."""
        return {"task": self.task, "field": self.field, "old": self.old, "new": self.new}


@dataclass(frozen=True)
class Conflict:
    """One field of one task that both sides changed, each in its own way."""

    task: str
    field: str
    here: Any
    redmine: Any
    agreed: Any

    def as_dict(self) -> dict[str, Any]:
        """Return the conflict as a JSON-ready mapping; ``agreed`` is the last value of both sides."""
        return {
            "task": self.task,
            "field": self.field,
            "here": self.here,
            "redmine": self.redmine,
            "agreed": self.agreed,
        }


@dataclass
class Comparison:
    """What differs about one task.

    Attributes
    ----------
    push, pull : list of Change
        What only this side changed, and what only Redmine changed.
    conflicts : list of Conflict
        What both changed.
    """

    push: list[Change] = field(default_factory=list)
    pull: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def compare(task: str, here: Wire, redmine: Wire, agreed: Mapping[str, Any]) -> Comparison:
    """Compare the fields that both sides have.

    Parameters
    ----------
    task : str
        Id of the task.
    here, redmine : dict
        The fields as they are now.
    agreed : mapping
        The fields as both sides last agreed on them; a field that is not in it was never agreed on, so that
        a difference in it is a conflict.

    Returns
    -------
    Comparison
        A field that is equal on both sides is in none of its lists. Of names and relations each element
        counts by itself: what one side added and the other removed do not clash.
    """
    found = Comparison()
    for name in here:
        if name not in redmine or here[name] == redmine[name]:
            continue
        mine, theirs = here[name], redmine[name]
        base = agreed.get(name, _NEVER)
        if base is _NEVER:
            found.conflicts.append(Conflict(task, name, mine, theirs, None))
        elif name == "follows":
            _compare_relations(found, task, mine, theirs, base)
        elif name in _SETS:
            merged = _merged(mine, theirs, base)
            if merged != theirs:
                found.push.append(Change(task, name, theirs, merged))
            if merged != mine:
                found.pull.append(Change(task, name, mine, merged))
        elif theirs == base:
            found.push.append(Change(task, name, theirs, mine))
        elif mine == base:
            found.pull.append(Change(task, name, mine, theirs))
        else:
            found.conflicts.append(Conflict(task, name, mine, theirs, base))
    return found


_NEVER = object()


def _merged(mine: list[str], theirs: list[str], base: list[str]) -> list[str]:
    kept = set(mine) & set(theirs)
    return sorted(kept | (set(mine) ^ set(theirs)) - set(base))


def _compare_relations(
    found: Comparison, task: str, mine: dict[str, int], theirs: dict[str, int], base: dict[str, int]
) -> None:
    """Merge relations one by one; a delay that both changed is a conflict, in which both stay as they are."""
    here, there = dict(mine), dict(theirs)
    for name in sorted({*mine, *theirs}):
        one, other, was = mine.get(name), theirs.get(name), base.get(name)
        if one == other:
            continue
        if one != was and other != was:
            found.conflicts.append(Conflict(task, f"follows {name}", one, other, was))
        elif other == was:
            _set(there, name, one)
        else:
            _set(here, name, other)
    if there != theirs:
        found.push.append(Change(task, "follows", theirs, there))
    if here != mine:
        found.pull.append(Change(task, "follows", mine, here))


def _set(relations: dict[str, int], name: str, delay: int | None) -> None:
    if delay is None:
        relations.pop(name, None)
    else:
        relations[name] = delay
