# SPDX-License-Identifier: BSD-3-Clause
"""Work for processes that are killed or compete: take files in, run two steps over each, certify."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from toysteps import STEPS

from pellucid.archive import Workspace
from pellucid.pipeline.execute import execute

COUNT, ADD = STEPS[0], STEPS[1]
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def work(
    root: Path, files: Sequence[Path], told: Callable[[str, object], object], where: Mapping[str, str]
) -> None:
    """Do the whole job, telling the id of each product once it should be safe, and whether it was new."""
    os.environ.update(KEYS)  # for a store in a bucket; the server of tests takes any
    with Workspace.open(root, **where) as workspace:
        for number, path in enumerate(files):
            raw, is_new = workspace.archive.ingest(path)
            told(raw.id, is_new)
            counts = []
            for factor in (1, 2):
                outcome = execute(workspace.archive, COUNT, {"events": raw}, {"factor": factor})
                told(outcome.product.id, not outcome.reused)
                counts.append(outcome.product)
            span = (number * 100, (number + 1) * 100)
            workspace.archive.certify(counts[0], "B", *span)
            told(counts[0].id, "certified")
            outcome = execute(workspace.archive, ADD, {"left": counts[0], "right": counts[1]})
            told(outcome.product.id, not outcome.reused)


def telling(
    root: Path, files: Sequence[Path], notes: Path, barrier: Any = None, where: Mapping[str, str] = {}
) -> None:
    """Do the job, leaving a note of each product that outlives the process.

    ``where`` names an index on a server and a store in a bucket, as `Workspace.open` takes them.
    """
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if barrier is not None:
        barrier.wait()
    work(root, files, lambda id, what: os.write(descriptor, f"{id} {what}\n".encode()), where)
    os.write(descriptor, b"done\n")


def dying(root: Path, files: Sequence[Path], notes: Path, moment: int) -> None:
    """Do the job, but die right before the ``moment``-th call that changes a file or the index."""
    calls = 0

    def tick(*_args: object) -> None:
        nonlocal calls
        calls += 1
        if calls == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            tick()
            return function(*args, **kwargs)

        return call

    for name in ("mkdir", "write", "fsync", "replace", "link", "chmod", "unlink", "rmdir", "close"):
        setattr(os, name, counted(getattr(os, name)))
    event.listen(Engine, "before_cursor_execute", tick)
    event.listen(Engine, "commit", tick)
    telling(root, files, notes)
