# SPDX-License-Identifier: BSD-3-Clause
"""Why a task would run: what differs from what was made before of the same inputs."""

from collections import defaultdict

from pellucid.archive.archive import Archive
from pellucid.archive.product import Product
from pellucid.pipeline.plan import Plan, Task

__all__ = ["reasons"]


def reasons(archive: Archive, plan: Plan) -> dict[int, str]:
    """Return for each task of a plan, by its number, why it would run or need not.

    Parameters
    ----------
    archive : Archive
        With what was made before.
    plan : Plan
        What would run.
    """
    wide = (plan.span[0] - plan.level.window_ns, plan.span[1] + plan.level.window_ns)
    before: dict[tuple[str, str], list[Product]] = defaultdict(list)
    for step in plan.graph.steps:
        role = step.leader or next(iter(step.roles), "")
        for product in archive.find(step=step.name, kind="derived", time=wide):
            for reference in product.inputs:
                if reference.role == role:
                    before[step.name, reference.product].append(product)
    tasks = {task.number: task for task in plan.tasks}
    return {number: _reason(archive, plan, task, tasks, before) for number, task in tasks.items()}


def _reason(
    archive: Archive,
    plan: Plan,
    task: Task,
    tasks: dict[int, Task],
    before: dict[tuple[str, str], list[Product]],
) -> str:
    if task.problem is not None:
        return f"cannot run: {task.problem.what}"
    if task.product is not None:
        return f"there: {task.product.short_id}, of these inputs, parameters and code"
    if waiting := sorted(task.needs):
        names = sorted({tasks[n].step.name for n in waiting})
        return f"waits for {', '.join(names)}"
    leading = task.leader.product.id if task.leader.product is not None else ""
    others = before.get((task.step.name, leading), [])
    same = next((p for p in others if p.id == task.key), None)
    if same is not None and not archive.has_bytes(same):
        return f"its bytes are gone: {same.short_id}"
    if not others:
        return "new: nothing was made of this input"
    return f"changed since {others[0].short_id}: {_difference(plan, task, others[0])}"


def _difference(plan: Plan, task: Task, old: Product) -> str:
    found = []
    if old.step_version != task.step.version:
        found.append(f"version {old.step_version} to {task.step.version}")
    elif old.code != plan.recipes.code(task.step):
        found.append("code")
    new = plan.recipes.parameters(task.step)
    found += [
        f"parameter {name} {old.parameters.get(name)!r} to {new.get(name)!r}"
        for name in sorted({*new, *old.parameters})
        if old.parameters.get(name) != new.get(name)
    ]
    mine = {(role, i.product.id) for role, items in task.inputs.items() for i in items if i.product}
    theirs = {(reference.role, reference.product) for reference in old.inputs}
    found += [f"input {role}" for role in sorted({role for role, _ in mine ^ theirs})]
    return ", ".join(found) or "the bytes of an input"
