# SPDX-License-Identifier: BSD-3-Clause
"""Two layouts of the same tasks: each task under its kind of calibration, or under its interface."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pellucid.interfaces.task import Task

__all__ = ["CATEGORIES", "LAYOUTS", "Row", "category", "rows"]

LAYOUTS = ("per-task", "per-interface")

CATEGORIES = {
    "0": "Camera Calibration",
    "1": "Pointing Calibration",
    "2": "Array Calibration",
    "3": "Atmosphere Calibration",
    "5": "Array Control",
}
"""What the first digit of an interface's number stands for."""

OTHER = "Other Interfaces"


@dataclass(frozen=True)
class Row:
    """One line of a layout: a task, or (where ``task`` is None) a heading; ``depth`` counts from 0."""

    depth: int
    id: str
    title: str
    task: Task | None = None


def category(interface: str) -> str:
    """Return the kind of calibration that an interface belongs to, by the first digit of its number.

    The interfaces of the common devices (COM) that are older than the scheme are about the atmosphere.
    """
    _, side, number = interface.rsplit("-", 2)
    if side == "COM" and number.startswith("0"):
        return CATEGORIES["3"]
    return CATEGORIES.get(number[:1], OTHER)


def rows(tasks: Iterable[Task], layout: str, titles: Mapping[str, str]) -> list[Row]:
    """Lay tasks out.

    Parameters
    ----------
    tasks : iterable of Task
        They keep their order below their heading; subtasks stand below their task.
    layout : str
        ``per-task``: below kinds of calibration. ``per-interface``: below their interface.
    titles : mapping of str to str
        Titles of the interfaces, by id.
    """
    chosen = list(tasks)
    if layout == "per-interface":
        heading = {i: (i, titles.get(i, i)) for i in dict.fromkeys(sorted(t.interface for t in chosen))}
        groups = [(name, [t for t in chosen if t.interface == i]) for i, name in heading.items()]
    else:
        groups = [
            ((name, name), [t for t in chosen if category(t.interface) == name])
            for name in (*CATEGORIES.values(), OTHER)
        ]
    return [row for head, members in groups if members for row in _group(head, members)]


def _group(head: tuple[str, str], members: list[Task]) -> list[Row]:
    here = {t.id for t in members}
    found = [Row(0, *head)]

    def add(task: Task, depth: int) -> None:
        found.append(Row(depth, task.id, task.title, task))
        for part in members:
            if part.parent == task.id:
                add(part, depth + 1)

    for task in members:
        if task.parent not in here:
            add(task, 1)
    return found
