# SPDX-License-Identifier: BSD-3-Clause
"""The plan of a night: the graph laid over what there is, one task for each product that can be made."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from pellucid.archive.archive import Archive
from pellucid.archive.lineage import JSON
from pellucid.archive.moments import moment_text
from pellucid.archive.product import Product
from pellucid.errors import PellucidError
from pellucid.interfaces.evidence import QUARANTINE
from pellucid.pipeline.binding import Binder, Bound
from pellucid.pipeline.calibrations import Calibrations
from pellucid.pipeline.collector import uncollected
from pellucid.pipeline.execute import identity_of_code
from pellucid.pipeline.graph import Graph
from pellucid.pipeline.inputs import duration_ns
from pellucid.pipeline.items import Item, Shelf
from pellucid.pipeline.keys import Keys
from pellucid.pipeline.levels import Level
from pellucid.pipeline.step import FALLBACK, Step

__all__ = ["Plan", "Recipes", "Task", "in_force_until", "make_plan", "sources", "sources_of_task"]


@dataclass(slots=True)
class Task:
    """One run of one step.

    Attributes
    ----------
    number : int
        Its place in the plan; what it needs comes before it.
    step : Step
        What to run.
    leader : Item
        What it covers.
    inputs : mapping of str to tuple of Item
        What each role is filled with.
    fallback : mapping of str to str
        Roles that the level's fallback filled, and which one.
    without : list of str
        What it goes without, in words.
    problem : PellucidError or None
        Why it cannot run.
    key : str
        Lineage key of its product, where all inputs are there.
    product : Product or None
        What it makes, where that is there already.
    """

    number: int
    step: Step
    leader: Item
    inputs: dict[str, tuple[Item, ...]]
    fallback: dict[str, str] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    problem: PellucidError | None = None
    key: str = ""
    product: Product | None = None

    @property
    def name(self) -> str:
        """What it is, for people: the step and whose data."""
        return f"{self.step.name} {self.leader.owner}"

    @property
    def begins(self) -> int | None:
        """When its leading input begins, in ns TAI; None where it takes what there is in a span of time."""
        leads = self.leader.product is not None or self.leader.task is not None
        return self.leader.start if leads else None

    @property
    def label(self) -> str:
        """What tells it from other tasks, for people: its name, and when its leading input begins."""
        return self.name if self.begins is None else f"{self.name} of {moment_text(self.begins)}"

    @property
    def needs(self) -> set[int]:
        """Numbers of the tasks whose products it takes and that are still to be made."""
        return {
            i.task
            for items in self.inputs.values()
            for i in items
            if i.task is not None and i.product is None
        }


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    graph : Graph
        The steps.
    level : Level
        The policy.
    span : tuple of int
        Half-open span of time in ns TAI that the leading inputs begin in.
    tasks : list of Task
        Producers before consumers.
    telescopes : tuple of int
        Those asked for; empty for all.
    left_out : tuple of int
        Telescopes with data in the span that were not asked for.
    recipes : Recipes
        Parameters and code of the steps.
    """

    graph: Graph
    level: Level
    span: tuple[int, int]
    tasks: list[Task]
    telescopes: tuple[int, ...]
    left_out: tuple[int, ...]
    recipes: "Recipes"


class Recipes:
    """Parameters and code of steps, and the keys that follow; worked out once for each step.

    Parameters
    ----------
    archive : Archive
        Its cache remembers sources.
    parameters : mapping of str to mapping
        What each step is given over its defaults.
    """

    def __init__(self, archive: Archive, parameters: Mapping[str, Mapping[str, JSON]] | None = None) -> None:
        self._archive = archive
        self._given = parameters or {}
        self._parameters: dict[str, dict[str, JSON]] = {}
        self._codes: dict[str, str] = {}
        self._keys: dict[tuple[str, tuple[tuple[str, str], ...]], Keys] = {}

    def given(self, step: Step) -> Mapping[str, JSON]:
        """Return what a step is given over its defaults."""
        return self._given.get(step.name, {})

    def parameters(self, step: Step) -> dict[str, JSON]:
        """Return all parameters of a step."""
        if step.name not in self._parameters:
            self._parameters[step.name] = step.complete(self.given(step))
        return self._parameters[step.name]

    def code(self, step: Step) -> str:
        """Return the identity of a step's code."""
        if step.name not in self._codes:
            self._codes[step.name] = identity_of_code(self._archive, step)
        return self._codes[step.name]

    def key(self, step: Step, inputs: Mapping[str, Sequence[Product]], fallback: Mapping[str, str]) -> str:
        """Return the lineage key of what a step makes of products."""
        which = (step.name, tuple(sorted(fallback.items())))
        if which not in self._keys:
            parameters = dict(self.parameters(step))
            if fallback:
                parameters[FALLBACK] = dict(fallback)
            self._keys[which] = Keys(step.name, step.version, parameters, self.code(step))
        return self._keys[which].key({role: [p.sha256 for p in some] for role, some in inputs.items()})


def make_plan(
    archive: Archive,
    graph: Graph,
    level: Level,
    span: tuple[int, int],
    *,
    telescopes: Sequence[int] = (),
    parameters: Mapping[str, Mapping[str, JSON]] | None = None,
    keep_going: bool = False,
    recipes: Recipes | None = None,
) -> Plan:
    """Lay a graph over what an archive holds of a span of time.

    Parameters
    ----------
    archive : Archive
        Where the raw products are, and what was made before.
    graph : Graph
        The steps.
    level : Level
        The policy.
    span : tuple of int
        Half-open, in ns TAI; leading inputs begin in it, their companions within the level's window.
    telescopes : sequence of int
        Only these; all where empty.
    parameters : mapping of str to mapping, optional
        What each step is given over its defaults.
    keep_going : bool
        Whether fewer inputs than a step's minimum are taken where some cannot be made.
    recipes : Recipes, optional
        Parameters and code as an earlier plan worked them out.

    Returns
    -------
    Plan
        Tasks that cannot run are in it, each with its problem.

    Raises
    ------
    ConfigurationError
        A parameter is wrong.
    """
    recipes = recipes or Recipes(archive, parameters)
    for step in graph.steps:
        recipes.parameters(step)  # a wrong one stops the run before any work is done
    with uncollected():
        items, left_out = _raw_items(archive, level, span, set(telescopes))
        present = sorted({t for some in items.values() for i in some for t in i.telescopes})
        binder = Binder(level, Calibrations(archive, level, present), left_out, keep_going)
        tasks: list[Task] = []
        numbers = count()
        for step in graph.steps:
            own = [Task(next(numbers), step, b.leader, *b[1:]) for b in _bound(step, items, binder, span)]
            _look_up(archive, recipes, own)
            items[step.output] += [_made(task, span) for task in own if task.problem is None]
            tasks += own
    return Plan(graph, level, span, tasks, tuple(sorted(set(telescopes))), tuple(left_out), recipes)


def _raw_items(
    archive: Archive, level: Level, span: tuple[int, int], telescopes: set[int]
) -> tuple[dict[str, list[Item]], list[int]]:
    wide = (span[0] - level.window_ns, span[1] + level.window_ns)
    found = archive.find(kind="raw", time=wide) + archive.find(kind="raw", covered=False)
    items: dict[str, list[Item]] = defaultdict(list)
    left_out: set[int] = set()
    for product in found:
        if product.collection == QUARANTINE:
            continue  # it is not as its interface says: nothing is made of it
        if telescopes and product.telescopes and not telescopes & {*product.telescopes}:
            left_out |= {*product.telescopes}
            continue
        items[product.product_type].append(Item.of(product))
    return items, sorted(left_out)


def _bound(
    step: Step, items: Mapping[str, list[Item]], binder: Binder, span: tuple[int, int]
) -> Iterator[Bound]:
    shelves = {
        role: Shelf((i for kind, some in items.items() if taken.fits(kind) for i in some), taken)
        for role, taken in step.roles.items()
    }
    for leader in _leaders(step, shelves, span):
        yield binder.bind(step, leader, shelves)


def _leaders(step: Step, shelves: Mapping[str, Shelf], span: tuple[int, int]) -> list[Item]:
    """Return what a step runs once for: its leading inputs in a span, or the groups of its first role."""
    if step.leader is not None:
        some = [i for group in shelves[step.leader].groups.values() for i in group]
        return sorted(
            (i for i in some if i.start is not None and span[0] <= i.start < span[1]), key=lambda i: i.order
        )
    first = next(iter(step.roles), None)
    if first is None:
        return [Item(step.output, (), None, None, *span)]
    groups = []
    for group in shelves[first].groups.values():
        timed = [i for i in group if i.start is not None and span[0] <= i.start < span[1]]
        if timed:
            kept = timed[0]
            telescopes = kept.telescopes if step.roles[first].unit == "telescope" else ()
            device = kept.device if step.roles[first].unit != "array" else None
            groups.append(Item(kept.product_type, telescopes, device, None, *span))
    return sorted(groups, key=lambda i: (i.telescopes, i.device or ""))


def _look_up(archive: Archive, recipes: Recipes, tasks: Sequence[Task]) -> None:
    """Find out for each task whose inputs are there whether its product is there too."""
    for task in tasks:
        products = {role: [i.product for i in some] for role, some in task.inputs.items()}
        whole = {role: [p for p in some if p is not None] for role, some in products.items()}
        if task.problem is None and all(len(whole[r]) == len(products[r]) for r in products):
            task.key = recipes.key(task.step, whole, task.fallback)
    there = archive.catalogue.get_many([task.key for task in tasks if task.key])
    for task in tasks:
        known = there.get(task.key)
        if known is not None and archive.has_bytes(known):
            task.product = known


def _made(task: Task, span: tuple[int, int]) -> Item:
    leader = task.leader
    until = in_force_until(task.step, leader, span)
    if task.product is not None:
        return Item.of(task.product, task.number, until)
    return Item(
        task.step.output,
        leader.telescopes,
        leader.device,
        leader.obs_id,
        leader.start,
        leader.stop,
        None,
        task.number,
        until,
    )


def in_force_until(step: Step, cover: Item, span: tuple[int, int]) -> int | None:
    """Return until when what a step makes is in force as a calibration, if nothing ends it early."""
    if step.valid in ("", "cover"):
        return cover.stop
    if step.valid == "night":
        return span[1]
    return None if cover.start is None else cover.start + duration_ns(step.valid)


def sources(tasks: Mapping[int, Task], item: Item) -> dict[str, Product]:
    """Return the products, by id, that an item rests on and that no task of its plan makes.

    Parameters
    ----------
    tasks : mapping of int to Task
        Those of the plan, by number.
    item : Item
        What one of them takes.
    """
    if item.task is not None and item.task in tasks:
        return sources_of_task(tasks, tasks[item.task])
    return {} if item.product is None else {item.product.id: item.product}


def sources_of_task(tasks: Mapping[int, Task], task: Task) -> dict[str, Product]:
    """Return the `sources` of all that a task takes."""
    found: dict[str, Product] = {}
    for items in task.inputs.values():
        for item in items:
            found |= sources(tasks, item)
    return found
