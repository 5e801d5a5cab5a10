# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces methods``: how many different methods of calibration are in use."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import doubled_text, files_option, now

if TYPE_CHECKING:
    from pellucid.interfaces.methods import Methods

__all__ = ["command"]


@verb("methods")
@files_option
def command(session: Session, files: tuple[Path, ...]) -> None:
    """Show which methods of calibration are in use.

    Interfaces name a baseline and what is allowed beside it, with what teams say of its feasibility.

    The guideline is as few different ones as possible, and no work twice: tasks that two work packages may do
    twice are pointed out.
    """
    from pellucid.interfaces.doubles import doubled
    from pellucid.interfaces.methods import overview, read_methods
    from pellucid.interfaces.registry import all_interfaces
    from pellucid.pipeline.steps import all_steps

    interfaces = all_interfaces(files).values()
    twice = doubled(now(session, files))
    found = overview([read_methods(i.methods, i.id, i.source) for i in interfaces], all_steps())
    rows = [
        (m.interface, m.baseline or "", ", ".join(a.step for a in m.alternatives), ", ".join(m.in_use))
        for m in found.methods
    ]
    without = [i.id for i in interfaces if not i.methods]
    notes = [
        *_feasibility(found.methods),
        f"{len(found.in_use)} different methods are in use",
        *(f"{purpose} uses several: {', '.join(steps)}" for purpose, steps in found.several.items()),
        *(f"nobody registers the step '{step}'" for step in found.unregistered),
        *([f"no method is named by {', '.join(without)}"] if without else []),
        *map(doubled_text, twice),
    ]
    head = ("INTERFACE", "BASELINE", "ALLOWED BESIDE IT", "IN USE")
    document = found.as_dict() | {"without": without, "doubled": [[a.id, b.id] for a, b in twice]}
    session.show(document, "\n".join([table(head, rows), *notes]))


def _feasibility(methods: "Iterable[Methods]") -> list[str]:
    """Return what teams say of methods, once for all the interfaces that they say it of."""
    said: dict[str, list[str]] = {}
    for m in methods:
        for a in m.alternatives:
            camera = f" (camera {a.camera})" if a.camera else ""
            by = f" ({a.by})" if a.by else ""
            said.setdefault(f"{a.step}{camera}: {a.note or 'no note'}{by}", []).append(m.interface)
    return [f"{what}\n  at {', '.join(where)}" for what, where in said.items()]
