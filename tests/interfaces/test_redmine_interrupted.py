# SPDX-License-Identifier: BSD-3-Clause
"""Tasks in a row, which Redmine moves one after the other, and runs that are interrupted at any request."""

from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pellucid.errors import IntermittentError
from pellucid.interfaces.ledger import read_ledger
from pellucid.interfaces.redmine_sync import Report, synchronise
from support.redmine_double import Double
from support.tasks import TITLES, chained


def push(there: Any, folder: Path) -> Report:
    return synchronise(there, read_ledger(folder), chained(), "per-task", TITLES, push=True, pull=False)


def begun(folder: Path, stage: str) -> Double:
    """Return a project and make its workspace: nothing is there, or all is and the first task got later."""
    there = Double()
    folder.mkdir()
    if stage == "later":
        push(there, folder)
        book = read_ledger(folder)
        book.change(book.applied(chained())[0], {"due": "2016-10-14"})
        book.save()
    there.writes = 0
    return there


def survives(tmp_path: Path, stage: str, after: bool, step: int) -> None:
    whole = begun(tmp_path / "whole", stage)
    push(whole, tmp_path / "whole")
    for failures in product(range(1, whole.writes + 1, step), repeat=2):
        folder = tmp_path / "-".join(map(str, failures))
        there = begun(folder, stage)
        for fail_at in failures:
            there.fail_at, there.after, there.writes = fail_at, after, 0
            with suppress(IntermittentError):
                push(there, folder)
        there.fail_at = None
        report = push(there, folder)
        assert (report.conflicts, report.held, report.waiting) == ([], [], 0), failures
        again = push(there, folder)
        assert (again.changes, again.waiting) == (0, 0), failures
        assert there.wires() == whole.wires(), failures


@pytest.mark.parametrize("stage", ["new", "later"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_tasks_that_redmine_moves_survive_two_interruptions(tmp_path: Path, stage: str, after: bool) -> None:
    survives(tmp_path, stage, after, 6)


@pytest.mark.full
@pytest.mark.parametrize("stage", ["new", "later"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_tasks_that_redmine_moves_survive_any_two_interruptions(
    tmp_path: Path, stage: str, after: bool
) -> None:
    survives(tmp_path, stage, after, 1)
