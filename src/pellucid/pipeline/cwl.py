# SPDX-License-Identifier: BSD-3-Clause
"""A plan as a workflow in the Common Workflow Language (CWL v1.2), for grid systems.

Every task is a step of the workflow, every step of ours a command-line tool that calls ``pellucid step``.
The workflow starts from the bytes that came from outside and makes everything anew.
"""

from collections.abc import Mapping
from typing import Any

from pellucid.archive.archive import Archive
from pellucid.archive.lineage import JSON, canonical_json
from pellucid.archive.product import Product
from pellucid.errors import MissingInput
from pellucid.pipeline.items import Item
from pellucid.pipeline.plan import Plan, Task
from pellucid.pipeline.step import FALLBACK, Step

__all__ = ["output_name", "workflow", "workflow_inputs"]


def workflow(plan: Plan) -> dict[str, JSON]:
    """Return the workflow of a plan: a packed document with tools and one workflow ``#main``.

    Parameters
    ----------
    plan : Plan
        Its tasks that cannot run are left out, and what needs them.

    Raises
    ------
    MissingInput
        Nothing of the plan can run (``empty-workflow``).
    """
    tasks = _runnable(plan)
    if not tasks:
        raise MissingInput(
            "There is nothing in this night that a workflow could make.",
            mend="see why: pellucid run --plan",
            code="empty-workflow",
        )
    given = {_given_id(i.product) for task in tasks for i in _given(task) if i.product is not None}
    main: dict[str, JSON] = {
        "class": "Workflow",
        "id": "#main",
        "requirements": [{"class": "MultipleInputFeatureRequirement"}],
        "inputs": dict.fromkeys(sorted(given), "File"),
        "outputs": {
            f"made-{_id(task)}": {"type": "File", "outputSource": f"{_id(task)}/product"} for task in tasks
        },
        "steps": {_id(task): _step(plan, task) for task in tasks},
    }
    used = {task.step.name: task.step for task in tasks}
    tools: list[JSON] = [_tool(used[name]) for name in sorted(used)]
    return {"cwlVersion": "v1.2", "$graph": [*tools, main]}


def workflow_inputs(plan: Plan, archive: Archive) -> dict[str, JSON]:
    """Return the job document that goes with `workflow`: where the bytes lie that it starts from."""
    products = {_given_id(i.product): i.product for t in _runnable(plan) for i in _given(t) if i.product}
    return {
        name: {"class": "File", "location": archive.path(product).resolve().as_uri()}
        for name, product in sorted(products.items())
    }


def output_name(task: Task) -> str:
    """Return the name of the file that the workflow leaves for a task."""
    return _id(task) + task.step.suffix


def _runnable(plan: Plan) -> list[Task]:
    return [task for task in plan.tasks if task.problem is None]


def _given(task: Task) -> list[Item]:
    return [i for items in task.inputs.values() for i in items if i.task is None]


def _id(task: Task) -> str:
    return f"{task.number:05d}-{task.step.name}-{task.leader.owner}".replace("+", "-").replace("/", "-")


def _given_id(product: Product) -> str:
    return f"given-{product.short_id}"


def _step(plan: Plan, task: Task) -> dict[str, JSON]:
    numbers = {t.number: t for t in plan.tasks}

    def source(item: Item) -> str:
        if item.task is not None:
            return f"{_id(numbers[item.task])}/product"
        assert item.product is not None
        return _given_id(item.product)

    parameters = dict(plan.recipes.given(task.step))
    if task.fallback:
        parameters[FALLBACK] = dict(task.fallback)
    inputs: dict[str, JSON] = {}
    for role, items in task.inputs.items():
        sources: list[JSON] = [source(i) for i in items]
        many = task.step.roles[role].many
        inputs[role] = {"source": sources, "linkMerge": "merge_flattened"} if many else {"source": sources[0]}
    types = {role: [i.product_type for i in items] for role, items in task.inputs.items()}
    inputs["_parameters"] = {"default": canonical_json(parameters)}
    inputs["_types"] = {"default": canonical_json(types)}
    inputs["_output"] = {"default": output_name(task)}
    return {"run": f"#{task.step.name}", "in": inputs, "out": ["product"]}


def _tool(step: Step) -> dict[str, JSON]:
    inputs: dict[str, Any] = {}
    for role, taken in step.roles.items():
        binding: Mapping[str, JSON] = {"prefix": "--in", "valueFrom": f"{role}=$(self.path)"}
        kind: JSON = {"type": "array", "items": "File", "inputBinding": binding} if taken.many else "File"
        inputs[role] = {"type": kind if taken.required else ["null", kind]}
        if not taken.many:
            inputs[role]["inputBinding"] = binding
    for name, prefix in (("_parameters", "--parameters"), ("_types", "--types"), ("_output", "--output")):
        inputs[name] = {"type": "string", "inputBinding": {"prefix": prefix}}
    return {
        "class": "CommandLineTool",
        "id": f"#{step.name}",
        "label": f"{step.name} {step.version}: {step.output}",
        "baseCommand": ["pellucid", "step", step.name],
        "inputs": inputs,
        "outputs": {"product": {"type": "File", "outputBinding": {"glob": "$(inputs._output)"}}},
        "successCodes": [0],
        "temporaryFailCodes": [100],
        "permanentFailCodes": [1, 2, 101, 104, 105, 106],
    }
