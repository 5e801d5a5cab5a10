# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks schedule``: when tasks can take place, what sets the end, what slips."""

from pathlib import Path

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import day, files_option, interface_option, now, of_interface, on_option

__all__ = ["command"]


@verb("schedule")
@on_option
@interface_option
@files_option
def command(session: Session, on: str | None, interface: str | None, files: tuple[Path, ...]) -> None:
    """Find when each task can take place.

    Starts follow the tasks before them; the critical path is marked with *, slack and slip are in calendar
    days. Tasks that nothing dates are counted; --json has them all.
    """
    from pellucid.interfaces.schedule import schedule

    tasks = now(session, files)
    shown = {t.id for t in of_interface(tasks, interface)}
    plan = schedule(tasks, day(on))
    slots = [s for s in plan.slots.values() if s.task in shown]
    dated = [s for s in slots if s.start is not None]
    rows = [
        (
            "*" if s.critical else "",
            s.task,
            str(s.start or "?"),
            str(s.due or "?"),
            "" if s.slack is None else str(s.slack),
            f"+{s.slip}" if s.slip else "",
            s.after or "",
        )
        for s in dated
    ]
    text = table(("", "TASK", "START", "DUE", "SLACK", "SLIP", "AFTER"), rows)
    if len(dated) < len(slots):
        text += f"\n{len(slots) - len(dated)} tasks have no dates, and follow none that has"
    if plan.end:
        text += f"\nthe last one ends on {plan.end}; critical: {' -> '.join(plan.critical_path)}"
    session.show(
        {
            "slots": [s.as_dict() for s in slots],
            "critical_path": list(plan.critical_path),
            "end": None if plan.end is None else plan.end.isoformat(),
        },
        text,
    )
