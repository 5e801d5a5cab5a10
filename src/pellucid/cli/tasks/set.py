# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks set``: report how a task goes."""

from pathlib import Path
from typing import Any

import click

from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option, from_files
from pellucid.errors import UsageError, nearest

__all__ = ["command"]

NUMBERS = {"done": int, "estimated_hours": float, "spent_hours": float}
LISTS = ("watchers", "interested")
TEXTS = ("title", "phase", "work_package", "status", "priority", "assignee", "start", "due", "parent", "ccf")


@verb("set")
@click.argument("task_id", metavar="TASK")
@click.argument("values", metavar="KEY=VALUE...", nargs=-1, required=True)
@files_option
def command(session: Session, task_id: str, values: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """Give a task other values, in this workspace.

    E.g. 'status=In Progress' 'assignee=Markus Gaug' done=40 due=2017-06-02; an empty value removes one, names
    are parted by commas. The interface file, which is signed, stays as it is.
    """
    from pellucid.interfaces.ledger import ledger
    from pellucid.interfaces.tasks import by_id

    changes = dict(_value(v) for v in values)
    with session.workspace(create=True), ledger(session.folder) as book:
        task = by_id(book.applied(from_files(files)), task_id)
        after = book.change(task, changes)
        book.save()
    text = "\n".join(f"{k}: {getattr(task, k)} -> {getattr(after, k)}" for k in changes)
    session.show({"task": after.as_dict()}, text)


def _value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    known = [*TEXTS, *NUMBERS, *LISTS]
    if key not in known or not equals:
        raise UsageError(
            f"'{text}' sets nothing.", expected="KEY=VALUE", mend=nearest(key, known), code="task-setting"
        )
    if key in LISTS:
        return key, [name.strip() for name in value.split(",") if name.strip()]
    if not value:
        return key, None
    if key in NUMBERS:
        try:
            return key, NUMBERS[key](value)
        except ValueError:
            raise UsageError(
                f"{key} is a number.", expected="e.g. 40", got=value, code="task-setting"
            ) from None
    return key, value
