# SPDX-License-Identifier: BSD-3-Clause
"""A graph or a plan for people: as text, and as a picture (SVG)."""

from collections.abc import Mapping

from pellucid.archive.lineage import JSON
from pellucid.pipeline.graph import Graph
from pellucid.pipeline.plan import Plan
from pellucid.views.boxes import Box, boxes_svg

__all__ = ["graph_svg", "graph_text", "plan_document", "plan_svg", "plan_text"]


def graph_text(graph: Graph) -> str:
    """List the steps in the order in which they can run, with what each takes and makes."""
    lines: list[str] = []
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


def graph_svg(graph: Graph) -> str:
    """Draw the graph from left to right: what is delivered, and each step with what it makes."""
    return boxes_svg(_boxes(graph), _edges(graph))


def plan_text(plan: Plan, why: Mapping[int, str]) -> str:
    """List the tasks of a plan, each with why it would run or need not.

    Parameters
    ----------
    plan : Plan
        The plan.
    why : mapping of int to str
        What `pellucid.pipeline.reasons.reasons` returned.
    """
    lines: list[str] = []
    for task in plan.tasks:
        mark = "x" if task.problem is not None else " " if task.product is not None else "+"
        lines.append(f"{mark} {task.label}: {why[task.number]}")
        lines += [f"    without {words}" for words in task.without]
        lines += [f"    {role} by fallback: {how}" for role, how in task.fallback.items()]
    runs = sum(t.product is None and t.problem is None for t in plan.tasks)
    bad = sum(t.problem is not None for t in plan.tasks)
    if plan.left_out:
        lines.append("not asked for: " + ", ".join(f"tel-{t}" for t in plan.left_out))
    lines += _choices(plan)
    lines.append(
        f"{len(plan.tasks)} tasks: {runs} to run, {len(plan.tasks) - runs - bad} there, {bad} that cannot"
    )
    return "\n".join(lines)


def _choices(plan: Plan) -> list[str]:
    """Tell which steps were taken where others make the same, and which only run where they are asked for."""
    lines = []
    makers = {task.step.output: task.step.name for task in plan.tasks}
    made = {step.output for step in plan.graph.steps}
    for output, names in plan.graph.others.items():
        if output in makers:
            lines.append(
                f"{makers[output]} was chosen to make {output}; {', '.join(names)} would too: "
                f'--steps {names[0]}, or [algorithms] "{output}" = "{names[0]}" in the configuration'
            )
    asked = sorted(n for output, names in plan.graph.others.items() if output not in made for n in names)
    if asked:
        lines.append(f"run only where asked for (--steps): {', '.join(asked)}")
    return lines


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
                "time_start": task.begins,
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
    """Draw the plan's graph: how many files were delivered, how many tasks would run, are there, cannot."""
    boxes = _boxes(plan.graph)
    for step in plan.graph.steps:
        own = [t for t in plan.tasks if t.step is step]
        bad = sum(t.problem is not None for t in own)
        there = sum(t.product is not None for t in own)
        runs = len(own) - bad - there
        kind = "missing" if bad else "step" if runs else "done" if there else "idle"
        counts = ((runs, "to run"), (there, "there"), (bad, "cannot"))
        words = ", ".join(f"{n} {what}" for n, what in counts if n)
        boxes[step.name] = Box(kind, step.name, words or "nothing to do")
    taken: dict[str, set[str]] = {kind: set() for kind in plan.graph.delivered}
    for task in plan.tasks:
        for role, items in task.inputs.items():
            if (kind := task.step.roles[role].type) in taken:
                taken[kind] |= {i.product.id for i in items if i.product is not None}
    for kind, some in taken.items():
        box = boxes[kind]
        boxes[kind] = box._replace(title=f"{box.title} ({len(some)})") if some else box._replace(kind="idle")
    return boxes_svg(boxes, _edges(plan.graph))


def _boxes(graph: Graph) -> dict[str, Box]:
    boxes = {kind: Box("delivered", kind.rpartition("/")[2], kind) for kind in graph.delivered}
    return boxes | {step.name: Box("step", step.name, step.output) for step in graph.steps}


def _edges(graph: Graph) -> list[tuple[str, str]]:
    edges = {(e.producer, e.consumer) for e in graph.edges}
    fed = {(e.consumer, e.role) for e in graph.edges}
    for step in graph.steps:
        edges |= {(t.type, step.name) for role, t in step.roles.items() if (step.name, role) not in fed}
    return sorted(edges)
