# SPDX-License-Identifier: BSD-3-Clause
"""Tasks of an interface: what a team has to do, in which order, and how far it is.

Work on an interface begins either with people of the calibration group (CCF) or without them: where CCF
has priority a task is *Assigned* to nobody yet; where CCF lacks people it is *New*, has no assignee, and is
open for expressions of interest.
"""

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal, get_args

from pellucid.errors import ConfigurationError

__all__ = [
    "CCF",
    "KINDS",
    "PHASES",
    "PRIORITIES",
    "PROOFS",
    "RULE",
    "STATUSES",
    "UNITS",
    "WORK_PACKAGES",
    "Evidence",
    "Follows",
    "Task",
    "with_interest",
]

KINDS = (
    "integrate-device",
    "implement-algorithm",
    "integrate-algorithm",
    "test-partial-array",
    "construct-data-structure",
    "give-feedback",
    "test-data-integration",
)
PHASES = ("pre-production", "production")
WORK_PACKAGES = ("DM", "ARCH", "PIPE-CAL", "MC", "COM-CCF", "ACTL")
STATUSES = ("New", "Assigned", "In Progress", "Closed", "Rejected")
PRIORITIES = ("Low", "Normal", "High", "Urgent", "Immediate")
CCF = ("priority", "no-manpower")

type Unit = Literal["calendar", "working"]
UNITS: tuple[str, ...] = get_args(Unit.__value__)

type Proof = Literal["delivery", "step", "test"]
PROOFS: tuple[Proof, ...] = get_args(Proof.__value__)

RULE = {"priority": "Assigned", "no-manpower": "New", None: "New"}
"""Status of a task that nobody has yet, by what CCF says of it."""


@dataclass(frozen=True, order=True)
class Follows:
    """A task that has to end first: its full id, and how many days lie between, calendar or working ones."""

    task: str
    delay: int = 0
    unit: Unit = "calendar"


@dataclass(frozen=True)
class Evidence:
    """What proves that a task is done.

    Attributes
    ----------
    kind : str
        ``delivery``: an archived delivery that passed the check of its interface. ``step``: a registered
        step. ``test``: an archived product of a run on a partial array.
    name : str
        Id of the product, or name of the step.
    array : str
        Name of the partial array (``test`` only).
    telescopes : tuple of int
        Telescopes of the partial array (``test`` only).
    """

    kind: Proof
    name: str
    array: str = ""
    telescopes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of an interface.

    Attributes
    ----------
    interface, key : str
        The interface, and the name of the task in it; together its `id`.
    kind, phase, work_package, status, priority : str
        One of `KINDS`, `PHASES`, `WORK_PACKAGES`, `STATUSES`, `PRIORITIES`.
    title : str
        What has to be done, in a line.
    assignee : str or None
        Who does it, by full name.
    start, due : date or None
        First and last day.
    done : int
        How much of it is done, in percent.
    estimated_hours : float or None
        Work it needs.
    spent_hours : float
        Work that went into it.
    parent : str or None
        Id of the task that this one is a part of.
    follows : tuple of Follows
        Tasks that end before this one starts, by id.
    watchers, interested : tuple of str
        Who wants to be told, and who offered to do it, by full name.
    ccf : str or None
        Whether CCF has priority (``priority``) or lacks people (``no-manpower``); None where it says nothing.
    evidence : tuple of Evidence
        What proves that it is done.
    """

    interface: str
    key: str
    kind: str
    title: str
    phase: str
    work_package: str
    status: str = "New"
    priority: str = "Normal"
    assignee: str | None = None
    start: date | None = None
    due: date | None = None
    done: int = 0
    estimated_hours: float | None = None
    spent_hours: float = 0.0
    parent: str | None = None
    follows: tuple[Follows, ...] = ()
    watchers: tuple[str, ...] = ()
    interested: tuple[str, ...] = ()
    ccf: str | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def id(self) -> str:
        """Interface and key, e.g. ``I-DATA-COM-3201/implement``."""
        return f"{self.interface}/{self.key}"

    @property
    def is_open(self) -> bool:
        """Whether work on it is still to come."""
        return self.status not in ("Closed", "Rejected")

    @property
    def is_open_for_interest(self) -> bool:
        """Whether CCF lacks people for it and nobody else does it yet."""
        return self.ccf == "no-manpower" and self.status == "New" and self.assignee is None

    def as_dict(self) -> dict[str, Any]:
        """Return the task as a JSON-ready mapping with the keys of the interface file, and its id."""
        document: dict[str, Any] = {"id": self.id}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, date):
                value = value.isoformat()
            elif isinstance(value, tuple):
                value = [v if isinstance(v, str) else _plain(v) for v in value]
            document[f.name] = value
        return document


def _plain(item: Follows | Evidence) -> dict[str, Any]:
    if isinstance(item, Follows):
        return {"task": item.task, "delay": item.delay, "unit": item.unit}
    table: dict[str, Any] = {item.kind: item.name}
    return table | ({"array": item.array, "telescopes": list(item.telescopes)} if item.array else {})


def with_interest(task: Task, name: str) -> Task:
    """Return the task with one more person who offered to do it.

    Raises
    ------
    ConfigurationError
        It is not open for expressions of interest (``not-open-for-interest``).
    """
    if not task.is_open_for_interest:
        raise ConfigurationError(
            f"The task {task.id} is not open for expressions of interest.",
            expected="status New, no assignee, and ccf = 'no-manpower'",
            got=f"status {task.status}, assignee {task.assignee or 'none'}, ccf {task.ccf or 'not said'}",
            mend="ask the work package " + task.work_package,
            code="not-open-for-interest",
        )
    return replace(task, interested=tuple(sorted({*task.interested, name.strip()})))
