# SPDX-License-Identifier: BSD-3-Clause
"""Processes that start in milliseconds, are killed, and leave an archive that is looked at closely."""

import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from pellucid.archive import Workspace
from support.postgres import Server
from support.s3 import Buckets

__all__ = [
    "FILES",
    "PRODUCTS_PER_FILE",
    "check",
    "finish",
    "fresh_processes",
    "kill_at_random",
    "make_files",
    "places",
    "told",
]

TOY = Path(__file__).resolve().parent.parent / "toy"
FILES, PRODUCTS_PER_FILE, KILLS_PER_ARCHIVE = 2, 4, 4

type Where = Mapping[str, str]
NOWHERE_ELSE: Where = {}


@contextmanager
def fresh_processes() -> Iterator[ForkServerContext]:
    """Yield what starts processes that have the archive and the outside package imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOY)
        patch.setenv("PYTHONPATH", str(TOY))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["toyjob", "crowd"])
        warm_up = context.Process(target=time.sleep, args=(0,))
        warm_up.start()
        warm_up.join()
        yield context


def make_files(folder: Path) -> list[Path]:
    paths = [folder / f"run{number}.simtel" for number in range(FILES)]
    for number, path in enumerate(paths):
        path.write_bytes(b"\x37\x8a\x1f\xd4" + os.urandom(200_000) + bytes([number]))
    return paths


def told(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def check(root: Path, notes: Path, where: Where = NOWHERE_ELSE) -> int:
    """Assert that the archive is whole; return how many products and certificates it has."""
    if not (root / ("index.url" if "index" in where else "index.sqlite")).exists():
        assert told(notes) == []
        return 0
    with Workspace.open(root, create=False) as workspace:
        products = {p.id: p for p in workspace.archive.find()}
        certified = set()
        for product in products.values():
            assert workspace.archive.store.verify(product.sha256).size == product.size
            assert product.kind == "raw" or product.inputs
            assert all(i.product in products for i in product.inputs)
            if product.step == "toy-count":
                assert product.telescopes == (1, 3)
            made = workspace.archive.catalogue.validity.certificates(product)
            assert len(made) in (0, 2), "certified for both telescopes or for none"
            certified |= {c.product for c in made}
        lost = {line.split()[0] for line in told(notes) if line != "done"} - set(products)
        assert not lost
        assert {line.split()[0] for line in told(notes) if line.endswith("certified")} <= certified
        for blob in workspace.archive.store.objects():
            assert workspace.archive.store.measure(blob.sha256) == blob
    assert list((root / ("work" if "store" in where else "store") / "staging").iterdir()) == []
    return len(products) + len(certified)


def finish(
    processes: ForkServerContext, root: Path, files: list[Path], notes: Path, where: Where = NOWHERE_ELSE
) -> None:
    """Run the job to its end, over whatever was left."""
    import toyjob

    process = processes.Process(target=toyjob.telling, args=(root, files, notes, None, where))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert check(root, notes, where) == FILES * (PRODUCTS_PER_FILE + 1)


def places(kind: str, request: pytest.FixtureRequest) -> Callable[[], Where]:
    """Return what gives each archive its index on a server, or its store in a bucket, or neither."""
    if kind == "server":
        server: Server = request.getfixturevalue("postgres")
        return lambda: {"index": server.database()}
    if kind == "bucket":
        request.getfixturevalue("bucket")  # with the credentials
        buckets: Buckets = request.getfixturevalue("s3")
        return lambda: {"store": buckets.bucket().url}
    return dict


def kill_at_random(
    processes: ForkServerContext, folder: Path, kills: int, places: Callable[[], Where] = dict
) -> Counter[int]:
    """Kill the job at random moments, look at what is left, and finish it.

    Parameters
    ----------
    processes, folder, kills
        What starts them, where, how many times.
    places
        Gives an empty database or bucket for each archive, as `Workspace.open` takes them; an empty mapping
        where the archive is a folder.

    Returns
    -------
    Counter
        How many products and certificates there were at each kill.
    """
    import toyjob

    files = make_files(folder)
    chance = random.Random(20261123)
    start = time.perf_counter()
    finish(processes, folder / "whole", files, folder / "whole.notes", places())
    whole = time.perf_counter() - start
    reached = Counter[int]()
    where: Where = {}
    for number in range(kills):
        # each archive is hit several times, beginning with its birth
        root = folder / f"ws{number // KILLS_PER_ARCHIVE}"
        notes = folder / f"notes{number // KILLS_PER_ARCHIVE}"
        if number % KILLS_PER_ARCHIVE == 0:
            where = places()
        process = processes.Process(target=toyjob.telling, args=(root, files, notes, None, where))
        process.start()
        time.sleep(whole * chance.random() ** 2)  # most of the job is short against its start
        process.kill()
        process.join()
        reached[check(root, notes, where)] += 1
        if number % KILLS_PER_ARCHIVE == KILLS_PER_ARCHIVE - 1 or number == kills - 1:
            finish(processes, root, files, notes, where)
    return reached
