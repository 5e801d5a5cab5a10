# SPDX-License-Identifier: BSD-3-Clause
"""Runs of the miniature night: files delivered in any order, all levels, any executor."""

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.archive import Workspace
from pellucid.archive.files import hash_file
from pellucid.config import load
from pellucid.pipeline.executors import Executor, InProcess
from pellucid.pipeline.graph import Graph, build
from pellucid.pipeline.intake import take_in
from pellucid.pipeline.levels import Level, level_of
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import Plan, make_plan
from pellucid.pipeline.report import RunReport
from pellucid.pipeline.run import carry_out

TOY = Path(__file__).resolve().parent.parent / "toy"


def python_path(folder: Path = TOY) -> str:
    """Return the PYTHONPATH for processes that are to find an outside package too."""
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([str(folder), *(place for place in before if place not in ("", str(TOY)))])


def graph(*names: str, cost: float = 1.0) -> Graph:
    """Wire the steps of the miniature night; those that say they cost little go in groups at once."""
    import toynight

    return build([replace(step, cost=cost) for step in toynight.STEPS], wanted=names)


def level(name: str = "B", *settings: str) -> Level:
    return level_of(load(settings=settings).config, name, "2027" if name == "C" else None)


def plan(
    workspace: Workspace,
    policy: Level | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    telescopes: Sequence[int] = (),
    steps: Graph | None = None,
    keep_going: bool = False,
) -> Plan:
    import toynight

    return make_plan(
        workspace.archive,
        steps or graph(),
        policy or level(),
        Night(toynight.NIGHT).span,
        telescopes=telescopes,
        parameters=parameters,
        keep_going=keep_going,
    )


def run(
    workspace: Workspace,
    policy: Level | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    executor: Executor | None = None,
    effort: Mapping[str, int] | None = None,
    **choices: Any,
) -> RunReport:
    made = plan(workspace, policy, parameters, **choices)
    keep_going = choices.get("keep_going", False)
    doer = executor or InProcess(workspace.archive)
    return carry_out(workspace.archive, made, doer, keep_going=keep_going, effort=effort)


def take_all(workspace: Workspace, files: Iterable[Path], seed: int | None = None) -> None:
    """Take files in, in a random order where a seed is given."""
    order = list(files)
    if seed is not None:
        random.Random(seed).shuffle(order)
    for path in order:
        take_in(workspace.archive, path)


def outcome(workspace: Workspace) -> dict[str, str]:
    """Return what was made: product id and sha256 of the bytes as they lie on the disk."""
    found = workspace.archive.find(kind="derived")
    return {p.id: hash_file(workspace.archive.path(p))[0] for p in found}
