# SPDX-License-Identifier: BSD-3-Clause
"""The graph of steps, built from what they declare; wiring that cannot be is an error naming the steps."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError, MissingInput, nearest
from pellucid.pipeline.step import Step

__all__ = ["Edge", "Graph", "build"]

_DELIVERED = ("R0", "R1", "DL0", "SIM", "SciOps")
"""Levels whose products come from devices and people; what lies above is made, or declared as delivered."""


@dataclass(frozen=True)
class Edge:
    """What one step makes and another takes: their names, and the role."""

    producer: str
    consumer: str
    role: str


@dataclass(frozen=True)
class Graph:
    """Steps in an order in which they can run.

    Attributes
    ----------
    steps : tuple of Step
        Producers before consumers, else by name.
    edges : tuple of Edge
        Who feeds whom.
    others : mapping of str to tuple of str
        Steps that are not taken, by the type of product that they would make: those that something else was
        taken for, and, where no steps were named, those that only run where they are asked for.
    """

    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def delivered(self) -> tuple[str, ...]:
        """Types of product that no step makes, sorted."""
        fed = {(edge.consumer, edge.role) for edge in self.edges}
        return tuple(
            sorted(
                {
                    taken.type
                    for step in self.steps
                    for role, taken in step.roles.items()
                    if (step.name, role) not in fed
                }
            )
        )

    def as_dict(self) -> dict[str, JSON]:
        """Return the graph as a JSON-ready mapping."""
        return {
            "steps": [
                {
                    "name": step.name,
                    "version": step.version,
                    "inputs": {role: taken.type for role, taken in step.roles.items()},
                    "output": step.output,
                    "levels": list(step.levels),
                    "determinism": step.determinism,
                }
                for step in self.steps
            ],
            "edges": [{"producer": e.producer, "consumer": e.consumer, "role": e.role} for e in self.edges],
            "delivered": list(self.delivered),
            "others": {output: list(names) for output, names in self.others.items()},
        }


def build(
    steps: Iterable[Step],
    *,
    level: str | None = None,
    wanted: Sequence[str] = (),
    algorithms: Mapping[str, str] | None = None,
    delivered: Callable[[], Collection[str]] = tuple,
) -> Graph:
    """Wire steps together.

    Parameters
    ----------
    steps : iterable of Step
        All that are known.
    level : str, optional
        Only those that belong to it: A, B or C.
    wanted : sequence of str
        Names; only these, and what they need. All where empty.
    algorithms : mapping of str to str, optional
        Name of the step to take for a type of product that several make.
    delivered : callable
        Gives the types that come from outside; asked where one above DL0 has no step that makes it.

    Raises
    ------
    ConfigurationError
        Two steps make one type of product and none is chosen (``two-producers``), a choice names a step
        that does not make it (``unknown-algorithm``), steps feed each other in a circle (``cycle``), or
        nothing makes what a step cannot do without (``no-producer``).
    MissingInput
        A wanted step is not known, or not at this level (``unknown-step``).
    """
    named = {*wanted, *(algorithms or {}).values()}
    here = [s for s in steps if level is None or level in s.levels]
    chosen = {s.name: s for s in here if not s.alternative or s.name in named}
    for name in wanted:
        if name not in chosen:
            raise MissingInput(
                f"There is no step '{name}'" + (f" at level {level}." if level else "."),
                expected="the name of a step of Pellucid or of an installed package",
                mend=nearest(name, list(chosen)) if chosen else "install the package that brings it",
                code="unknown-step",
            )
    makers = _makers(chosen, algorithms or {}, wanted)
    # what was chosen against is out, unless it is asked for by name
    kept = {s.name: s for made in makers.values() for s in made}
    edges = _edges(kept.values())
    if wanted:
        kept = {name: kept[name] for name in _closure(wanted, edges)}
        edges = [e for e in edges if e.consumer in kept]
    _check_two_producers(kept.values())
    _check_two_feeders(kept.values(), edges)
    _check_producers(kept.values(), edges, delivered)
    return Graph(
        _ordered(kept, edges),
        tuple(sorted(edges, key=lambda e: (e.consumer, e.role, e.producer))),
        _others(here, kept, everything=not wanted),
    )


def _others(
    here: Iterable[Step], kept: Mapping[str, Step], *, everything: bool
) -> dict[str, tuple[str, ...]]:
    made = {step.output for step in kept.values()}
    others: dict[str, list[str]] = defaultdict(list)
    for step in here:
        if step.name not in kept and (everything or step.output in made):
            others[step.output].append(step.name)
    return {output: tuple(sorted(others[output])) for output in sorted(others)}


def _makers(
    steps: Mapping[str, Step], algorithms: Mapping[str, str], wanted: Sequence[str]
) -> dict[str, list[Step]]:
    makers: dict[str, list[Step]] = defaultdict(list)
    for name in sorted(steps):
        makers[steps[name].output].append(steps[name])
    for output, name in algorithms.items():
        names = [s.name for s in makers.get(output, [])]
        if name not in names:
            raise ConfigurationError(
                f"The step '{name}' does not make {output}.",
                where=f'algorithms."{output}"',
                expected=f"one of {', '.join(names)}" if names else "a type of product that a step makes",
                got=name,
                mend=nearest(name, names) if names else nearest(output, list(makers)),
                code="unknown-algorithm",
            )
        makers[output] = [steps[name]]
    for name in wanted:
        step = steps[name]
        if step not in makers[step.output] or len(makers[step.output]) > 1:
            makers[step.output] = [steps[n] for n in wanted if steps[n].output == step.output]
    return makers


def _check_two_producers(steps: Iterable[Step]) -> None:
    makers: dict[str, list[str]] = defaultdict(list)
    for step in steps:
        makers[step.output].append(step.name)
    for output, names in makers.items():
        if len(names) > 1:
            raise ConfigurationError(
                f"Several steps make one type of product: {', '.join(sorted(names))}.",
                where=output,
                expected="one of them",
                mend=f'choose in the configuration: [algorithms] "{output}" = "{min(names)}"',
                code="two-producers",
            )


def _check_two_feeders(steps: Iterable[Step], edges: Sequence[Edge]) -> None:
    for step in steps:
        for role, taken in step.roles.items():
            feeders = [e.producer for e in edges if (e.consumer, e.role) == (step.name, role)]
            if len(feeders) > 1 and not taken.many and role != step.leader:
                raise ConfigurationError(
                    f"Several steps feed one input that takes one product: {', '.join(sorted(feeders))}.",
                    where=f"step {step.name}, input '{role}'",
                    expected="one of them",
                    mend="leave one out: --steps, or make it an alternative",
                    code="two-producers",
                )


def _edges(steps: Collection[Step]) -> list[Edge]:
    return [
        Edge(producer.name, consumer.name, role)
        for consumer in steps
        for role, taken in consumer.roles.items()
        for producer in steps
        if taken.fits(producer.output)
    ]


def _closure(wanted: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    needed: dict[str, None] = {}
    todo = list(wanted)
    while todo:
        name = todo.pop()
        if name not in needed:
            needed[name] = None
            todo += [e.producer for e in edges if e.consumer == name]
    return list(needed)


def _check_producers(
    steps: Collection[Step], edges: Sequence[Edge], delivered: Callable[[], Collection[str]]
) -> None:
    fed = {(e.consumer, e.role) for e in edges}
    for step in steps:
        for role, taken in step.roles.items():
            # a calibration may be certified by somebody else
            if not taken.required or taken.validity or (step.name, role) in fed:
                continue
            if taken.type.startswith((*_DELIVERED, "*", "?")):
                continue
            if any(fnmatchcase(kind, taken.type) for kind in delivered()):
                continue
            raise ConfigurationError(
                f"Nothing makes what the step '{step.name}' takes as '{role}'.",
                where=step.name,
                expected=f"a step that makes {taken.type}, or an interface that delivers it",
                mend=nearest(taken.type, sorted({s.output for s in steps})),
                code="no-producer",
            )


def _ordered(steps: Mapping[str, Step], edges: Sequence[Edge]) -> tuple[Step, ...]:
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(steps, ()))
    for edge in edges:
        sorter.add(edge.consumer, edge.producer)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        raise ConfigurationError(
            "Steps feed each other in a circle: " + " -> ".join(circle) + ".",
            expected="no step that needs, in the end, what it makes itself",
            mend="make one of these inputs a calibration in force (validity=True) or another type of product",
            code="cycle",
        ) from None
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return tuple(steps[name] for name in order)
