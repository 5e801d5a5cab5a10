# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks show``: all that is known about a task."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option, now

__all__ = ["command"]


@verb("show")
@click.argument("task_id", metavar="TASK")
@files_option
def command(session: Session, task_id: str, files: tuple[Path, ...]) -> None:
    """Show all that is known about a task.

    Its id is that of the interface and its own, such as I-DATA-COM-3201/implement.
    """
    from pellucid.interfaces.schedule import schedule
    from pellucid.interfaces.tasks import by_id

    tasks = now(session, files)
    task = by_id(tasks, task_id)
    slot = schedule(tasks).slots[task.id]
    document = task.as_dict() | {
        "open_for_interest": task.is_open_for_interest,
        "scheduled": slot.as_dict(),
        "followed_by": [t.id for t in tasks if any(f.task == task.id for f in t.follows)],
        "subtasks": [t.id for t in tasks if t.parent == task.id],
    }
    lines = [f"{name:<19}{_text(value)}" for name, value in document.items() if name != "scheduled"]
    slack = "" if slot.slack is None else f", slack {slot.slack} days"
    lines.append(f"{'scheduled':<19}{slot.start or '?'} to {slot.due or '?'}{slack}")
    session.show(document, "\n".join(lines))


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "-"
    if isinstance(value, dict):
        return " ".join(map(_text, value.values()))
    return "-" if value is None else str(value)
