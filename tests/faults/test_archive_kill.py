# SPDX-License-Identifier: BSD-3-Clause
"""Processes die at any moment, and compete: a product is there whole or not at all, and none is lost."""

import hashlib
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from pellucid.archive import Workspace

TOY = Path(__file__).resolve().parent.parent / "toy"
FILES, PRODUCTS_PER_FILE = 2, 4


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Processes that start in milliseconds, the archive imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOY)
        patch.setenv("PYTHONPATH", str(TOY))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["toyjob"])
        warm_up = context.Process(target=time.sleep, args=(0,))
        warm_up.start()
        warm_up.join()
        yield context


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"run{number}.simtel" for number in range(FILES)]
    for number, path in enumerate(paths):
        path.write_bytes(b"\x37\x8a\x1f\xd4" + os.urandom(200_000) + bytes([number]))
    return paths


def told(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def check(root: Path, notes: Path) -> int:
    """Assert that the archive is whole; return how many products it has."""
    if not (root / "index.sqlite").exists():
        assert told(notes) == []
        return 0
    with Workspace.open(root, create=False) as workspace:
        products = {p.id: p for p in workspace.archive.find()}
        for product in products.values():
            assert workspace.archive.store.verify(product.sha256).size == product.size
            assert product.kind == "raw" or product.inputs
            assert all(i.product in products for i in product.inputs)
            if product.step == "toy-count":
                assert product.telescopes == (1, 3)
        lost = {line.split()[0] for line in told(notes) if line != "done"} - set(products)
        assert not lost
    store = root / "store"
    assert list((store / "staging").iterdir()) == []
    for path in store.glob("??/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.parent.name + path.name
    return len(products)


def finish(processes: ForkServerContext, root: Path, files: list[Path], notes: Path) -> None:
    """Run the job to its end, over whatever was left."""
    import toyjob

    process = processes.Process(target=toyjob.telling, args=(root, files, notes))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert check(root, notes) == FILES * PRODUCTS_PER_FILE


def test_kill_at_random_moments(
    processes: ForkServerContext, files: list[Path], tmp_path: Path, full: bool
) -> None:
    import toyjob

    kills = int(os.environ.get("PELLUCID_KILLS", "200" if full else "25"))
    chance = random.Random(20261123)
    start = time.perf_counter()
    finish(processes, tmp_path / "whole", files, tmp_path / "whole.notes")
    whole = time.perf_counter() - start
    reached = Counter[int]()
    for number in range(kills):
        # each archive is hit several times, beginning with its birth
        root, notes = tmp_path / f"ws{number // 4}", tmp_path / f"notes{number // 4}"
        process = processes.Process(target=toyjob.telling, args=(root, files, notes))
        process.start()
        time.sleep(chance.uniform(0, whole))
        process.kill()
        process.join()
        reached[check(root, notes)] += 1
        if number % 4 == 3 or number == kills - 1:
            finish(processes, root, files, notes)
    assert len(reached) > 2, f"all kills came at the same stage: {reached}"


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
        assert survived == (products == PRODUCTS_PER_FILE and told(notes)[-1] == "done")
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
        assert check(root, notes[0]) == FILES * PRODUCTS_PER_FILE
        ids = [[line.split()[0] for line in told(note)] for note in notes]
        assert all(other == ids[0] for other in ids)
        with Workspace.open(root) as workspace:
            raw = {p.id for p in workspace.archive.find(kind="raw")}
        new = Counter(line.split()[0] for note in notes for line in told(note) if line.endswith("True"))
        assert {id: new[id] for id in raw} == dict.fromkeys(raw, 1), "one process alone brought each file in"
