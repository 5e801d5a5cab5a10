# SPDX-License-Identifier: BSD-3-Clause
"""Eight processes work in one archive; afterwards everything is counted."""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.context import ForkServerContext
from pathlib import Path

from pellucid.archive import Workspace
from pellucid.archive.tables import FOREVER
from pellucid.archive.verify import verify

__all__ = ["Account", "crowd"]

PROCESSES = 8


@dataclass(frozen=True)
class Account:
    """What came of it: pieces done, and how much of it is not as it should be."""

    pieces: int
    errors: int
    twice: int
    overlaps: int
    unaccounted: int


def crowd(processes: ForkServerContext, folder: Path, index: str | None, seconds: float) -> Account:
    """Let them work for some seconds, on a fresh archive, and count."""
    import crowd as job

    root = folder / "ws"
    Workspace.open(root, index=index).close()
    notes = [folder / f"notes{n}.json" for n in range(PROCESSES)]
    barrier = processes.Barrier(PROCESSES)
    pieces = int(seconds * 400)
    running = [
        processes.Process(target=job.work, args=(root, note, seconds, pieces, n, barrier))
        for n, note in enumerate(notes)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join(seconds + 120)
    told = [line for note in notes for line in json.loads(note.read_text())]
    errors = sum("error" in line for line in told) + sum(p.exitcode != 0 for p in running)
    done = [line for line in told if "piece" in line]
    times = Counter(line["piece"] for line in done)
    with Workspace.open(root) as workspace:
        products = {p.id: p for p in workspace.archive.find()}
        overlaps = sum(not line["refused"] for line in done)
        spans = []
        for piece in done:
            made = workspace.archive.catalogue.validity.certificates(products[piece["products"][1]])
            overlaps += len(made) != 2  # one for each of the two telescopes
            spans += [(c.device, c.start, c.stop) for c in made if c.known_to == FOREVER]
        overlaps += sum(a[0] == b[0] and b[1] < a[2] for a, b in pairwise(sorted(spans)))
        expected = {id for line in done for id in line["products"]}
        unaccounted = len(expected ^ set(products)) + len(verify(workspace.archive).problems)
        held = [n for n in range(pieces) if workspace.archive.claims.holder(f"piece-{n}")]
    twice = sum(n - 1 for n in times.values()) + sum(not line["new"] for line in done) + len(held)
    return Account(len(done), errors, twice, overlaps, unaccounted)
