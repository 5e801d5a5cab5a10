# SPDX-License-Identifier: BSD-3-Clause
"""Watches of a folder into which the miniature night's files are delivered."""

import time
from collections.abc import Callable
from pathlib import Path

from pellucid.archive import Workspace
from pellucid.pipeline.arrivals import Arrivals
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.graph import Graph
from pellucid.pipeline.journal import Journal, journal_of
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
) -> Watch:
    """Return a watch of level A that begins where the last one of this folder was."""
    place = journal_of(workspace.path, inbox)
    return Watch(
        workspace.archive,
        Arrivals(inbox, Journal(place), settle, clock),
        graph or toyrun.graph(),
        toyrun.level("A", *settings),
        InProcess(workspace.archive),
        status=place.with_suffix(".json"),
    )
