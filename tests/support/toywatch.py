# SPDX-License-Identifier: BSD-3-Clause
"""Watches of a folder into which the miniature night's files are delivered."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from pellucid.archive import Workspace
from pellucid.pipeline.arrivals import Arrivals
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.graph import Graph
from pellucid.pipeline.journal import Journal, journal_of
from pellucid.pipeline.levels import Level
from pellucid.pipeline.watch import Watch
from support import toyrun

type Make = Callable[..., Watch]


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def watch_of(
    workspace: Workspace,
    inbox: Path,
    *settings: str,
    settle: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    graph: Graph | None = None,
    policy: Level | None = None,
) -> Watch:
    """Return a watch of level A that begins where the last one of this folder was."""
    place = journal_of(workspace.path, inbox)
    return Watch(
        workspace.archive,
        Arrivals(inbox, Journal(place), settle, clock),
        graph or toyrun.graph(),
        policy or toyrun.level("A", *settings),
        InProcess(workspace.archive),
        status=place.with_suffix(".json"),
    )


def minutes_of(toy: ModuleType, path: Path) -> float:
    """Return how many minutes after the beginning of the night what a file covers begins."""
    since: int = toy.read(path)["start"] - toy.START
    return since / toy.MINUTE


def feed(toy: ModuleType, inbox: Path, seconds: float, rate: float) -> None:
    """Write files as devices would: some renamed when whole, some growing under their name."""
    chance, begun = random.Random(7), time.monotonic()
    for tel in (1, 2, 3):
        toy.deliver(inbox, "pedestal", tel, 0)
    for number in range(round(seconds * rate)):
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        tel, minute = 1 + number % 3, 1 + (number // 3) * 0.1
        whole = toy.deliver(inbox.parent, "events", tel, minute, seed=number).read_bytes()
        target = inbox / f"events{number}.toy"
        if chance.random() < 0.5:
            (inbox / f".{target.name}.part").write_bytes(whole)
            (inbox / f".{target.name}.part").rename(target)
        else:
            with target.open("wb") as file:
                file.write(whole[:50])
                file.flush()
                file.write(whole[50:])
