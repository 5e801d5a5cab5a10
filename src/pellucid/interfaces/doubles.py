# SPDX-License-Identifier: BSD-3-Clause
"""Work that two work packages would do twice."""

import re
from collections.abc import Iterable

from pellucid.interfaces.task import Task

__all__ = ["doubled"]


def doubled(tasks: Iterable[Task]) -> list[tuple[Task, Task]]:
    """Return pairs of open tasks that two work packages would do twice.

    Two work packages implement or integrate the algorithms of one interface, or tasks of one kind have
    titles that share most of their words.
    """
    open_tasks = [t for t in tasks if t.is_open]
    return [
        (one, other)
        for i, one in enumerate(open_tasks)
        for other in open_tasks[i + 1 :]
        if one.kind == other.kind and one.work_package != other.work_package and _same_work(one, other)
    ]


def _same_work(one: Task, other: Task) -> bool:
    if one.interface == other.interface and one.kind in ("implement-algorithm", "integrate-algorithm"):
        return True
    words, others = _words(one.title), _words(other.title)
    return len(words & others) >= 0.6 * len(words | others)


def _words(title: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", title.lower())) - {
        "a",
        "an",
        "and",
        "for",
        "in",
        "of",
        "on",
        "the",
        "to",
    }
