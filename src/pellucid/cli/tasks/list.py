# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks list``: all tasks, in one of two layouts."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import (
    doubled_text,
    files_option,
    interface_option,
    layout_option,
    now,
    of_interface,
    titles,
)

if TYPE_CHECKING:
    from pellucid.interfaces.layouts import Row

__all__ = ["command"]


@verb("list")
@layout_option
@interface_option
@click.option("--package", metavar="NAME", help="Only those of one work package, e.g. PIPE-CAL.")
@click.option("--open", "only_open", is_flag=True, help="Only those that are neither closed nor rejected.")
@click.option("--interest", is_flag=True, help="Only those that are open for expressions of interest.")
@files_option
def command(
    session: Session,
    layout: str,
    interface: str | None,
    package: str | None,
    only_open: bool,
    interest: bool,
    files: tuple[Path, ...],
) -> None:
    """List tasks with their status and dates.

    Tasks that two work packages would do twice are pointed out.
    """
    from pellucid.interfaces.doubles import doubled
    from pellucid.interfaces.layouts import rows

    everything = now(session, files)
    chosen = [
        t
        for t in of_interface(everything, interface)
        if package in (None, t.work_package)
        and (t.is_open or not only_open)
        and (t.is_open_for_interest or not interest)
    ]
    here = {t.id for t in chosen}
    twice = [(a, b) for a, b in doubled(everything) if a.id in here or b.id in here]
    names = titles(files)
    columns = ("TASK", "STATUS", "PRIORITY", "PACKAGE", "START", "DUE", "DONE", "ASSIGNEE", "TITLE")
    text = table(columns, [_line(row) for row in rows(chosen, layout, names)]) if chosen else "no such task"
    text = "\n".join([text, *map(doubled_text, twice)])
    session.show(
        {
            "layout": layout,
            "tasks": [t.as_dict() for t in chosen],
            "doubled": [[a.id, b.id] for a, b in twice],
        },
        text,
    )


def _line(row: "Row") -> tuple[str, ...]:
    indent = "  " * row.depth
    if row.task is None:
        return (row.id, *[""] * 7, "" if row.title == row.id else row.title)
    t = row.task
    return (
        indent + t.id,
        t.status,
        t.priority,
        t.work_package,
        str(t.start or ""),
        str(t.due or ""),
        f"{t.done} %",
        t.assignee or ("(open)" if t.is_open_for_interest else ""),
        t.title,
    )
