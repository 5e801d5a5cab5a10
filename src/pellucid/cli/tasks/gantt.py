# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks gantt``: the schedule as a picture."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import (
    day,
    files_option,
    interface_option,
    layout_option,
    now,
    of_interface,
    on_option,
    titles,
    write_text,
)

__all__ = ["command"]


@verb("gantt")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="SVG file to write.")
@layout_option
@on_option
@interface_option
@files_option
def command(
    session: Session,
    output: Path | None,
    layout: str,
    on: str | None,
    interface: str | None,
    files: tuple[Path, ...],
) -> None:
    """Draw the schedule as a Gantt chart in SVG."""
    from pellucid.interfaces.gantt import gantt
    from pellucid.interfaces.layouts import rows
    from pellucid.interfaces.schedule import schedule

    tasks = now(session, files)
    shown = of_interface(tasks, interface)
    svg = gantt(rows(shown, layout, titles(files)), schedule(tasks, day(on)), day(on))
    write_text(session, output, svg, "svg")
