# SPDX-License-Identifier: BSD-3-Clause
"""Work for several processes at once: each piece is claimed, ingested, derived, certified, and noted."""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

from toysteps import STEPS

from pellucid.archive import Archive, Workspace
from pellucid.archive.validity import ValidityOverlap
from pellucid.errors import MissingInput
from pellucid.pipeline.execute import execute

COLLECTION, SPAN, LEASE_S = "B", 100, 20.0


def work(root: Path, notes: Path, seconds: float, pieces: int, seed: int, barrier: Any) -> None:
    """Do pieces of work, in an order of one's own, until the time is over or nothing is left."""
    chance, owner = random.Random(seed), f"worker{seed}"
    order = chance.sample(range(pieces), pieces)
    told: list[dict[str, Any]] = []
    with Workspace.open(root) as workspace:
        barrier.wait()
        end = time.monotonic() + seconds
        try:
            for piece in order:
                if time.monotonic() > end:
                    break
                claims, key = workspace.archive.claims, f"piece-{piece}"
                if claims.take(key, owner, LEASE_S):
                    if not is_done(workspace.archive, piece):
                        told.append(do(workspace.archive, root, piece))
                    claims.release(key, owner)
        except BaseException as error:
            told.append({"error": repr(error)})
            raise
        finally:
            notes.write_text(json.dumps(told))


def is_done(archive: Archive, piece: int) -> bool:
    """Return whether what is certified last of a piece is in force."""
    try:
        archive.lookup(STEPS[0].output, 3, piece * SPAN, COLLECTION)
    except MissingInput:
        return False
    return True


def do(archive: Archive, root: Path, piece: int) -> dict[str, Any]:
    """Ingest, derive, certify; then try what the archive has to refuse."""
    path = root.parent / f"piece-{piece}-{os.getpid()}.simtel"
    path.write_bytes(b"\x37\x8a\x1f\xd4" + piece.to_bytes(4) * 500)
    raw, _ = archive.ingest(path)
    path.unlink()
    derived = execute(archive, STEPS[0], {"events": raw}).product
    _, is_new = archive.certify(derived, COLLECTION, piece * SPAN, (piece + 1) * SPAN)
    other = execute(archive, STEPS[0], {"events": raw}, {"factor": 3}).product
    refused = False
    try:
        archive.certify(other, COLLECTION, piece * SPAN + 1, (piece + 1) * SPAN - 1)
    except ValidityOverlap:
        refused = True
    return {"piece": piece, "products": [raw.id, derived.id, other.id], "new": is_new, "refused": refused}
