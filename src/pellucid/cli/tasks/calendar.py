# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks calendar``: the schedule for a calendar program."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import (
    day,
    files_option,
    interface_option,
    now,
    of_interface,
    on_option,
    write_text,
)

__all__ = ["command"]


@verb("calendar")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="File to write, .ics.")
@on_option
@interface_option
@files_option
def command(
    session: Session, output: Path | None, on: str | None, interface: str | None, files: tuple[Path, ...]
) -> None:
    """Write the schedule as iCalendar, for any calendar program."""
    from pellucid.interfaces.calendar import icalendar
    from pellucid.interfaces.schedule import schedule

    tasks = now(session, files)
    shown = of_interface(tasks, interface)
    write_text(session, output, icalendar(shown, schedule(tasks, day(on))), "calendar")
