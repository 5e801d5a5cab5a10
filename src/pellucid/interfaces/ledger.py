# SPDX-License-Identifier: BSD-3-Clause
"""What a workspace knows about tasks beyond their interface files: progress, proofs, synchronisations.

Interface files are signed; the daily life of a task is not. Changes of tasks lie over the files, in one
JSON file of the workspace.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pellucid.archive.files import storage_errors
from pellucid.errors import CorruptedInput, IntermittentError
from pellucid.interfaces.task import Task
from pellucid.interfaces.tasks import changed

__all__ = ["Ledger", "ledger", "read_ledger"]

NAME = "tasks.json"
FORMAT = 1


class Ledger:
    """The file, read; changes are written with `save`.

    Attributes
    ----------
    path : Path
        Where it is.
    changes : dict
        Values that replace those of the interface file, by id of the task and key.
    projects : dict
        What was synchronised with Redmine, by URL and number of the project.
    """

    def __init__(self, path: Path, document: Mapping[str, Any]) -> None:
        self.path = path
        self.changes: dict[str, dict[str, Any]] = document.get("changes", {})
        self.projects: dict[str, dict[str, Any]] = document.get("redmine", {})

    def applied(self, tasks: Iterable[Task]) -> tuple[Task, ...]:
        """Return tasks as they are now; changes of tasks that no file has any more are left out."""
        return tuple(
            changed(t, self.changes[t.id], f"{self.path}: {t.id}") if t.id in self.changes else t
            for t in tasks
        )

    def change(self, task: Task, values: Mapping[str, Any]) -> Task:
        """Give a task other values, which are checked, and return it as it is then."""
        after = changed(task, values, task.id)
        known = after.as_dict()
        mine = self.changes.setdefault(task.id, {})
        mine.update({key: known[key] for key in values})
        return after

    def project(self, url: str, number: int) -> dict[str, Any]:
        """Return what is known about a project; a new one knows nothing."""
        state: dict[str, Any] = self.projects.setdefault(url, {}).setdefault(str(number), {})
        for key in ("issues", "agreed", "conflicts"):
            state.setdefault(key, {})
        return state

    def number_of(self, url: str, identifier: str) -> int | None:
        """Return the number of a project that was synchronised under an identifier; None for a new one."""
        known = self.projects.get(url.rstrip("/"), {})
        return next((int(n) for n, state in known.items() if state.get("identifier") == identifier), None)

    def save(self) -> None:
        """Write the file, whole or not at all."""
        document = {"format": FORMAT, "changes": self.changes, "redmine": self.projects}
        part = self.path.with_suffix(".part")
        with storage_errors(self.path):
            part.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
            os.replace(part, self.path)


def read_ledger(workspace: Path) -> Ledger:
    """Read what a workspace knows about tasks; nothing where there is no such file.

    Raises
    ------
    CorruptedInput
        The file is damaged (``damaged-ledger``).
    """
    path = workspace / NAME
    if not path.exists():
        return Ledger(path, {})
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']}")
        return Ledger(path, document)
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptedInput(
            "The file with the state of the tasks is damaged.",
            where=str(path),
            expected=f"JSON in format {FORMAT}",
            got=str(error),
            mend="put it back from a backup; without it, what differs from Redmine is listed as a conflict",
            code="damaged-ledger",
        ) from None


@contextmanager
def ledger(workspace: Path) -> Iterator[Ledger]:
    """Hold what a workspace knows about tasks for writing, alone.

    Raises
    ------
    IntermittentError
        Another process holds it (``ledger-in-use``).
    CorruptedInput
        As `read_ledger`.
    """
    import fcntl

    with storage_errors(workspace), (workspace / f"{NAME}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IntermittentError(
                "Another process changes the tasks of this workspace.",
                where=str(workspace),
                mend="wait until it has finished, then repeat",
                code="ledger-in-use",
            ) from None
        yield read_ledger(workspace)
