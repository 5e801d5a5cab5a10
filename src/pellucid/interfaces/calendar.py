# SPDX-License-Identifier: BSD-3-Clause
"""A schedule as iCalendar (RFC 5545), for anybody's calendar program."""

from collections.abc import Iterable
from datetime import date, timedelta

from pellucid.interfaces.schedule import Schedule
from pellucid.interfaces.task import Task

__all__ = ["icalendar"]

_PRIORITIES = {"Immediate": 1, "Urgent": 2, "High": 4, "Normal": 5, "Low": 9}
"""RFC 5545, 3.8.1.9: 1 is the highest, 5 the normal one, 9 the lowest."""

_STATUSES = {"New": "TENTATIVE", "Rejected": "CANCELLED"}


def icalendar(tasks: Iterable[Task], schedule: Schedule) -> str:
    """Write all tasks with dates as events that last whole days.

    Parameters
    ----------
    tasks : iterable of Task
        What is written, in this order.
    schedule : Schedule
        When it takes place.

    Returns
    -------
    str
        An iCalendar stream. DTSTAMP, which has to be there, is the task's first day and no clock, so that the
        stream is the same for the same input.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Pellucid//Tasks of interfaces//EN",
        "CALSCALE:GREGORIAN",
    ]
    for task in tasks:
        slot = schedule.slots[task.id]
        if slot.start is not None and slot.due is not None:
            lines += _event(task, slot.start, slot.due)
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(task: Task, start: date, due: date) -> list[str]:
    about = (
        f"{task.id}\n{task.kind}, {task.phase}, {task.work_package}\n"
        f"{task.status}, {task.done} % done, {task.assignee or 'no assignee'}"
    )
    lines = [
        "BEGIN:VEVENT",
        f"UID:{task.id.replace('/', '.')}@pellucid",
        f"DTSTAMP:{start:%Y%m%d}T000000Z",
        f"DTSTART;VALUE=DATE:{start:%Y%m%d}",
        # the end is the first day after the event (RFC 5545, 3.6.1)
        f"DTEND;VALUE=DATE:{due + timedelta(1):%Y%m%d}",
        f"SUMMARY:{_text(task.title)}",
        f"DESCRIPTION:{_text(about)}",
        f"CATEGORIES:{_text(task.interface)},{_text(task.work_package)}",
        f"STATUS:{_STATUSES.get(task.status, 'CONFIRMED')}",
        f"PRIORITY:{_PRIORITIES[task.priority]}",
        "TRANSP:TRANSPARENT",
    ]
    lines += [f"RELATED-TO:{f.task.replace('/', '.')}@pellucid" for f in task.follows]
    return [*lines, "END:VEVENT"]


def _text(value: str) -> str:
    for special in ("\\", ";", ","):
        value = value.replace(special, "\\" + special)
    return value.replace("\n", "\\n")


def _folded(line: str) -> str:
    """Break a line after 75 bytes, as RFC 5545, 3.1 wants, never within a character."""
    parts, size = [""], 0
    for character in line:
        width = len(character.encode())
        if size + width > 75:
            parts.append("")
            size = 1
        parts[-1] += character
        size += width
    return "\r\n ".join(parts)
