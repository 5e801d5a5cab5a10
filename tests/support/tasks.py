# SPDX-License-Identifier: BSD-3-Clause
"""Tasks of two interfaces that have everything a task can have."""

from itertools import pairwise
from typing import Any

from pellucid.interfaces.task import Task
from pellucid.interfaces.tasks import read_tasks

__all__ = ["CTC", "LIDAR", "TITLES", "chained", "tables", "tasks"]

LIDAR, CTC = "I-DATA-COM-3001", "I-DATA-COM-3201"
TITLES = {LIDAR: "Raman LIDAR", CTC: "CTC algorithm implementation"}


def tables() -> dict[str, list[dict[str, Any]]]:
    """Return the ``[[tasks]]`` by interface; new ones each time."""
    pipeline = {"phase": "production", "work_package": "PIPE-CAL"}
    lidar = [
        {
            "key": "integrate",
            "kind": "integrate-device",
            "title": "Integrate the Raman LIDAR",
            "phase": "production",
            "work_package": "DM",
            "status": "In Progress",
            "assignee": "Raquel de los Reyes",
            "start": "2016-03-01",
            "due": "2016-07-29",
            "done": 40,
            "spent_hours": 12.5,
            "watchers": ["Markus Gaug"],
        },
        {"key": "algorithms", "kind": "implement-algorithm", "title": "Algorithms", **pipeline},
        {
            "key": "elastic",
            "kind": "implement-algorithm",
            "title": "Elastic inversion",
            "parent": "algorithms",
            "start": "2016-09-01",
            "due": "2016-12-01",
            "estimated_hours": 200,
            "done": 10,
            "priority": "High",
            "follows": [{"task": "integrate", "delay": 10, "unit": "working"}],
            **pipeline,
        },
        {
            "key": "raman",
            "kind": "implement-algorithm",
            "title": "Raman inversion",
            "parent": "algorithms",
            "start": "2016-09-15",
            "due": "2017-01-31",
            "ccf": "no-manpower",
            "interested": ["Lluis Font", "Markus Gaug"],
            "follows": [{"task": "integrate"}],
            **pipeline,
        },
    ]
    ctc = [
        {
            "key": "develop",
            "kind": "implement-algorithm",
            "title": "Develop CTC algorithms for atmospheric calibration",
            "phase": "pre-production",
            "work_package": "COM-CCF",
            "start": "2015-06-01",
            "due": "2016-07-01",
        },
        {
            "key": "implement",
            "kind": "implement-algorithm",
            "title": "Implementation of CTC algorithms",
            "start": "2016-08-01",
            "due": "2017-06-02",
            "estimated_hours": 475,
            "ccf": "priority",
            "follows": [{"task": "develop", "delay": 30}],
            **pipeline,
        },
    ]
    return {LIDAR: lidar, CTC: ctc}


def tasks() -> tuple[Task, ...]:
    """Return the tasks."""
    return tuple(t for interface, found in tables().items() for t in read_tasks(found, interface, interface))


CHAIN: list[dict[str, Any]] = [
    {"key": "root", "start": "2016-08-01", "due": "2016-09-02"},
    *({"key": key, "follows": [{"task": before}]} for before, key in pairwise(("root", "a", "b", "c"))),
    {
        "key": "d",
        "start": "2017-01-02",
        "due": "2017-01-13",
        "follows": [{"task": "a", "delay": 3}, {"task": "c"}],
    },
]


def chained() -> tuple[Task, ...]:
    """Return tasks without dates in a row behind one with dates: Redmine moves each when it is related."""
    whole = {"kind": "integrate-device", "phase": "production", "work_package": "DM"}
    return read_tasks([{**whole, "title": t["key"], **t} for t in CHAIN], LIDAR, "f")
