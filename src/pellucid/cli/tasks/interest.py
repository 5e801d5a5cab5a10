# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks interest``: offer to do a task that nobody has."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option, from_files

__all__ = ["command"]


@verb("interest")
@click.argument("task_id", metavar="TASK")
@click.argument("name", metavar="NAME")
@files_option
def command(session: Session, task_id: str, name: str, files: tuple[Path, ...]) -> None:
    """Express interest in a task, with your full name.

    Only tasks for which CCF lacks people and that nobody has yet are open for this; see
    'pellucid tasks list --interest'.
    """
    from pellucid.interfaces.ledger import ledger
    from pellucid.interfaces.task import with_interest
    from pellucid.interfaces.tasks import by_id

    with session.workspace(create=True), ledger(session.folder) as book:
        task = with_interest(by_id(book.applied(from_files(files)), task_id), name)
        book.change(task, {"interested": list(task.interested)})
        book.save()
    session.show({"task": task.as_dict()}, f"{task.id}: {', '.join(task.interested)}")
