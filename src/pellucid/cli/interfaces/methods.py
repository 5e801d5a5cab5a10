# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces methods``: how many different methods of calibration are in use."""

from pathlib import Path

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option

__all__ = ["command"]


@verb("methods")
@files_option
def command(session: Session, files: tuple[Path, ...]) -> None:
    """Show which methods of calibration are in use.

    Interfaces name a baseline and what is allowed beside it.

    The guideline is as few different ones as possible.
    """
    from pellucid.interfaces.methods import overview, read_methods
    from pellucid.interfaces.registry import all_interfaces
    from pellucid.pipeline.steps import all_steps

    session.configuration()
    interfaces = all_interfaces(files).values()
    found = overview([read_methods(i.methods, i.id, i.source) for i in interfaces], all_steps())
    rows = [
        (m.interface, m.baseline or "", ", ".join(a.step for a in m.alternatives), ", ".join(m.in_use))
        for m in found.methods
    ]
    notes = [
        f"{len(found.in_use)} different methods are in use",
        *(f"{purpose} uses several: {', '.join(steps)}" for purpose, steps in found.several.items()),
        *(f"nobody registers the step '{step}'" for step in found.unregistered),
    ]
    head = ("INTERFACE", "BASELINE", "ALLOWED BESIDE IT", "IN USE")
    session.show(found.as_dict(), "\n".join([table(head, rows), *notes]))
