# SPDX-License-Identifier: BSD-3-Clause
"""A graph or a plan for people: as text, and as a picture (SVG)."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from pellucid.archive.lineage import JSON
from pellucid.pipeline.graph import Graph
from pellucid.pipeline.plan import Plan

__all__ = ["graph_svg", "graph_text", "plan_document", "plan_svg", "plan_text"]

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 250, 46, 70, 16, 20
_STYLE = (
    "text{font:13px sans-serif;fill:#1a1a1a}.small{font-size:10.5px;fill:#555}"
    ".step{fill:#dbe9f6;stroke:#3b6ea5}.delivered{fill:#f4efe1;stroke:#a08a4b}"
    ".edge{fill:none;stroke:#888;stroke-width:1.3}"
)


class _Box(NamedTuple):
    kind: str
    title: str
    below: str


def graph_text(graph: Graph) -> str:
    """List the steps in the order in which they can run, with what each takes and makes."""
    lines = []
    for step in graph.steps:
        lines.append(f"{step.name} {step.version}  ({', '.join(step.levels)})  makes {step.output}")
        for role, taken in step.roles.items():
            words = [
                "optional" if not taken.required else "",
                "in force" if taken.validity else "",
                "many" if taken.many else "",
                f"at least {taken.minimum}" if taken.minimum > 1 else "",
                f"within {taken.window}" if taken.window else "",
            ]
            extra = ", ".join(w for w in words if w)
            lines.append(f"    {role}: {taken.type} by {taken.unit}" + (f", {extra}" if extra else ""))
    return "\n".join(lines) or "no steps"


def graph_svg(graph: Graph, notes: Mapping[str, str] | None = None) -> str:
    """Draw the graph from left to right: what is delivered, and each step with what it makes.

    Parameters
    ----------
    graph : Graph
        The graph.
    notes : mapping of str to str, optional
        A line below each step's name, instead of what it makes.
    """
    boxes, edges = _boxes(graph, notes or {})
    columns = _columns(boxes, edges)
    places: dict[str, tuple[int, int]] = {}
    tallest = max((len(column) for column in columns), default=0)
    for x, column in enumerate(columns):
        shift = (tallest - len(column)) * (_HEIGHT + _GAP_Y) // 2
        for y, name in enumerate(column):
            places[name] = (
                _MARGIN + x * (_WIDTH + _GAP_X),
                _MARGIN + shift + y * (_HEIGHT + _GAP_Y),
            )
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + tallest * (_HEIGHT + _GAP_Y) - _GAP_Y
    return "\n".join(_svg(boxes, edges, places, max(width, 100), max(height, 60))) + "\n"


def plan_text(plan: Plan, why: Mapping[int, str]) -> str:
    """List the tasks of a plan, each with why it would run or need not.

    Parameters
    ----------
    plan : Plan
        The plan.
    why : mapping of int to str
        What `pellucid.pipeline.reasons.reasons` returned.
    """
    lines = []
    for task in plan.tasks:
        mark = "x" if task.problem is not None else " " if task.product is not None else "+"
        lines.append(f"{mark} {task.name}: {why[task.number]}")
        lines += [f"    without {words}" for words in task.without]
        lines += [f"    {role} by fallback: {how}" for role, how in task.fallback.items()]
    runs = sum(t.product is None and t.problem is None for t in plan.tasks)
    bad = sum(t.problem is not None for t in plan.tasks)
    if plan.left_out:
        lines.append("not asked for: " + ", ".join(f"tel-{t}" for t in plan.left_out))
    lines.append(
        f"{len(plan.tasks)} tasks: {runs} to run, {len(plan.tasks) - runs - bad} there, {bad} that cannot"
    )
    return "\n".join(lines)


def plan_document(plan: Plan, why: Mapping[int, str]) -> dict[str, JSON]:
    """Return a plan as a JSON-ready mapping; parameters as of `plan_text`."""
    return {
        "graph": plan.graph.as_dict(),
        "policy": plan.level.as_dict(),
        "left_out": list(plan.left_out),
        "tasks": [
            {
                "number": task.number,
                "step": task.step.name,
                "of": task.leader.owner,
                "state": "cannot" if task.problem else "there" if task.product else "to run",
                "why": why[task.number],
                "product": task.product.id if task.product else None,
                "needs": sorted(task.needs),
                "inputs": {
                    role: [i.product.id if i.product else f"task {i.task}" for i in items]
                    for role, items in task.inputs.items()
                },
                "fallback": dict(task.fallback),
                "without": list(task.without),
                "error": {**task.problem.as_dict()} if task.problem else None,
            }
            for task in plan.tasks
        ],
    }


def plan_svg(plan: Plan) -> str:
    """Draw the plan's graph, each step with how many of its tasks would run, are there, or cannot."""
    notes = {}
    for step in plan.graph.steps:
        own = [t for t in plan.tasks if t.step is step]
        bad = sum(t.problem is not None for t in own)
        there = sum(t.product is not None for t in own)
        notes[step.name] = f"{len(own) - bad - there} to run, {there} there" + (
            f", {bad} cannot" if bad else ""
        )
    return graph_svg(plan.graph, notes)


def _boxes(graph: Graph, notes: Mapping[str, str]) -> tuple[dict[str, _Box], list[tuple[str, str]]]:
    boxes = {kind: _Box("delivered", kind.rpartition("/")[2], kind) for kind in graph.delivered}
    boxes |= {step.name: _Box("step", step.name, notes.get(step.name, step.output)) for step in graph.steps}
    edges = {(e.producer, e.consumer) for e in graph.edges}
    fed = {(e.consumer, e.role) for e in graph.edges}
    for step in graph.steps:
        edges |= {(t.type, step.name) for role, t in step.roles.items() if (step.name, role) not in fed}
    return boxes, sorted(edges)


def _columns(boxes: Mapping[str, _Box], edges: list[tuple[str, str]]) -> list[list[str]]:
    depth = dict.fromkeys(boxes, 0)
    for _ in boxes:
        for first, second in edges:
            depth[second] = max(depth[second], depth[first] + 1)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    rank: dict[str, float] = {}
    for level, column in enumerate(columns):
        own = sorted(name for name in boxes if depth[name] == level)
        # beside what feeds it, so that few edges cross
        for name in own:
            feeders = [rank[a] for a, b in edges if b == name and a in rank]
            rank[name] = sum(feeders) / len(feeders) if feeders else float(own.index(name))
        column += sorted(own, key=lambda n: (rank[n], n))
        rank |= {name: float(place) for place, name in enumerate(column)}
    return columns


def _svg(
    boxes: Mapping[str, _Box],
    edges: list[tuple[str, str]],
    places: Mapping[str, tuple[int, int]],
    width: int,
    height: int,
) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{_STYLE}</style>'
    )
    yield f'<rect width="{width}" height="{height}" fill="white"/>'
    for first, second in edges:
        x0, y0 = places[first][0] + _WIDTH, places[first][1] + _HEIGHT // 2
        x1, y1 = places[second][0], places[second][1] + _HEIGHT // 2
        bend = max(_GAP_X // 2, (x1 - x0) // 2)
        yield f'<path class="edge" d="M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}"/>'
    for name, box in boxes.items():
        x, y = places[name]
        yield f'<rect class="{box.kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        yield f'<text x="{x + 10}" y="{y + 19}">{escape(_cut(box.title, 32))}</text>'
        yield f'<text class="small" x="{x + 10}" y="{y + 36}">{escape(_cut(box.below, 44))}</text>'
    yield "</svg>"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
