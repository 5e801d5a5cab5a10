# SPDX-License-Identifier: BSD-3-Clause
"""Take over what people changed in Redmine, as far as it makes sense here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import ConfigurationError, PellucidError
from pellucid.interfaces.ledger import Ledger
from pellucid.interfaces.redmine import Issue
from pellucid.interfaces.redmine_fields import Entry, entries, told
from pellucid.interfaces.redmine_plan import Change, Comparison, compare
from pellucid.interfaces.redmine_push import DATES, moved_by_redmine
from pellucid.interfaces.schedule import in_order
from pellucid.interfaces.task import Task
from pellucid.interfaces.tasks import changed

__all__ = ["Pull", "compared"]

_TOGETHER = (DATES, ("status", "assignee"))
"""Fields of which one alone may break a rule that both together keep."""


def compared(entry: Entry, issues: Mapping[str, Issue], state: Mapping[str, Any]) -> Comparison:
    """Compare an issue with what it should be and with what was agreed on.

    Parameters
    ----------
    entry : Entry
        What it should be.
    issues : mapping of str to Issue
        All issues as they are.
    state : mapping
        What is known about the project; see `pellucid.interfaces.ledger.Ledger.project`.
    """
    issue = issues[entry.id]
    agreed: dict[str, Any] | None = state["agreed"].get(entry.id)
    if agreed is None:
        # an issue that was being made when a run was interrupted is ours; on others nobody ever agreed
        agreed = dict(issue.wire) if state.get("creating") == entry.id else {}
    elif entry.id in state.get("unsettled", ()) and moved_by_redmine(
        entry.id, issues, agreed, state.get("ends", {})
    ):
        agreed = agreed | {n: issue.wire[n] for n in DATES if n in issue.wire}
    return compare(entry.id, entry.wire, issue.wire, agreed)


@dataclass
class Pull:
    """One pull.

    Attributes
    ----------
    book : Ledger
        Where changes are written down.
    state : dict
        The project's part of it.
    issues : dict of str to Issue
        The issues as they are.
    held : list of tuple of str
        (task, field, why) of what cannot be taken; added to.
    """

    book: Ledger
    state: dict[str, Any]
    issues: Mapping[str, Issue]
    held: list[tuple[str, str, str]]

    def run(
        self,
        files: tuple[Task, ...],
        layout: str,
        titles: Mapping[str, str],
        pulled: list[Change],
        dry_run: bool,
    ) -> None:
        """Take over changes.

        Parameters
        ----------
        files : tuple of Task
            The tasks as their interface files have them.
        layout : str
            One of `pellucid.interfaces.layouts.LAYOUTS`.
        titles : mapping of str to str
            Titles of the interfaces, by id.
        pulled : list of Change
            What was taken; added to.
        dry_run : bool
            Only tell.
        """
        now = {t.id: t for t in self.book.applied(files)}
        for entry in entries(now.values(), layout, titles):
            if entry.id not in self.issues:
                continue
            found = compared(entry, self.issues, self.state)
            for group in _groups(found.pull):
                try:
                    values = _taken(group, now, entry)
                except PellucidError as error:
                    why = f"{error.what} Expected: {error.expected}" if error.expected else error.what
                    self.held += [(entry.id, c.field, why) for c in group]
                    continue
                pulled += group
                if not dry_run:
                    self.book.changes.setdefault(entry.id, {}).update(values)
                    self._agree(entry.id, group, found)
        if not dry_run:
            self.book.save()

    def _agree(self, task: str, group: list[Change], found: Comparison) -> None:
        agreed = self.state["agreed"].setdefault(task, {})
        for change in group:
            there = self.issues[task].wire[change.field]
            if change.field == "follows":
                # a relation in conflict stays as it was agreed on
                was = agreed.get("follows", {})
                for name in (c.field.removeprefix("follows ") for c in found.conflicts):
                    there = {n: d for n, d in there.items() if n != name}
                    if name in was:
                        there[name] = was[name]
            agreed[change.field] = there


def _groups(changes: list[Change]) -> list[list[Change]]:
    groups = [[c for c in changes if c.field in names] for names in _TOGETHER]
    joined = {name for names in _TOGETHER for name in names}
    return [g for g in (*groups, *([c] for c in changes if c.field not in joined)) if g]


def _taken(group: list[Change], now: dict[str, Task], entry: Entry) -> dict[str, Any]:
    """Put values from Redmine into a task, if they make sense here, and return them."""
    if entry.id not in now:
        raise ConfigurationError("What an interface is called is said in its file.")
    task = now[entry.id]
    values = told({c.field: c.new for c in group}, task, entry.wire["follows"])
    after = changed(task, values, task.id)
    if {"follows", "parent"} & set(values):
        in_order({**now, task.id: after}.values())
    now[task.id] = after
    known = after.as_dict()
    return {name: known[name] for name in values}
