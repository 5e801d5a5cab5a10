# SPDX-License-Identifier: BSD-3-Clause
"""Processes die at any moment, and compete: a product is there whole or not at all, and none is lost."""

import os
from collections import Counter
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from pellucid.archive import Workspace
from support.kills import (
    FILES,
    PRODUCTS_PER_FILE,
    check,
    finish,
    fresh_processes,
    kill_at_random,
    make_files,
    places,
    told,
)


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Processes that start in milliseconds, the archive imported."""
    with fresh_processes() as context:
        yield context


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return make_files(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "server", "bucket"])
def test_kill_at_random_moments(
    processes: ForkServerContext, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """PELLUCID_KILLS says how often; `make acceptance TOPIC=archive` kills 200 times."""
    kills = int(os.environ.get("PELLUCID_KILLS", "16" if kind == "folder" else "12"))
    reached = kill_at_random(processes, tmp_path, kills, places(kind, request))
    assert len(reached) > 1, f"all kills came at the same stage: {reached}"


def test_kill_right_before_a_write(
    processes: ForkServerContext, files: list[Path], tmp_path: Path, full: bool
) -> None:
    """Before each one of them in the long form, before every 13th else."""
    import toyjob

    step = 1 if full else 13
    moment, survived = 1 - step, False
    while not survived:
        moment += step
        root, notes = tmp_path / f"ws{moment}", tmp_path / f"notes{moment}"
        process = processes.Process(target=toyjob.dying, args=(root, files[:1], notes, moment))
        process.start()
        process.join(60)
        survived = process.exitcode == 0
        products = check(root, notes)
        assert survived == (products == PRODUCTS_PER_FILE + 1 and told(notes)[-1] == "done")
        if moment % 10 == 1:
            finish(processes, root, files, notes)
    assert moment > 150, "so many calls change something"


def test_several_at_once_make_each_product_once(
    processes: ForkServerContext, files: list[Path], tmp_path: Path
) -> None:
    import toyjob

    several = 4
    for number in range(3):
        root = tmp_path / f"ws{number}"
        barrier = processes.Barrier(several)
        notes = [tmp_path / f"notes{number}-{i}" for i in range(several)]
        running = [
            processes.Process(target=toyjob.telling, args=(root, files, note, barrier)) for note in notes
        ]
        for process in running:
            process.start()
        for process in running:
            process.join(60)
        assert [p.exitcode for p in running] == [0] * several
        assert check(root, notes[0]) == FILES * (PRODUCTS_PER_FILE + 1)
        ids = [[line.split()[0] for line in told(note)] for note in notes]
        assert all(other == ids[0] for other in ids)
        with Workspace.open(root) as workspace:
            raw = {p.id for p in workspace.archive.find(kind="raw")}
        new = Counter(line.split()[0] for note in notes for line in told(note) if line.endswith("True"))
        assert {id: new[id] for id in raw} == dict.fromkeys(raw, 1), "one process alone brought each file in"
