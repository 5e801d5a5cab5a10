# SPDX-License-Identifier: BSD-3-Clause
"""What the configuration says of the pipeline: the graph of a level, and the parameters of its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pellucid.archive.lineage import JSON
from pellucid.config import Effective
from pellucid.errors import ConfigurationError, nearest
from pellucid.pipeline.graph import Graph, build
from pellucid.pipeline.step import Step
from pellucid.pipeline.steps import all_steps

__all__ = ["delivered_types", "graph_of", "parameters_of"]


def graph_of(
    effective: Effective,
    level: str | None = None,
    wanted: Sequence[str] = (),
    steps: Mapping[str, Step] | None = None,
) -> Graph:
    """Return the graph of a level, with the algorithms that are configured.

    Parameters
    ----------
    effective : Effective
        The configuration.
    level : str, optional
        A, B or C; all steps where not given.
    wanted : sequence of str
        Names of steps; only these and what they need.
    steps : mapping of str to Step, optional
        Those that are known; all of Pellucid and of installed packages where not given.

    Raises
    ------
    ConfigurationError, MissingInput
        As `pellucid.pipeline.graph.build`.
    """
    known = all_steps() if steps is None else steps
    algorithms = {str(kind): str(name) for kind, name in effective.tables.get("algorithms", {}).items()}
    here = {kind: name for kind, name in algorithms.items() if _at_level(known.get(name), level)}
    return build(known.values(), level=level, wanted=wanted, algorithms=here, delivered=delivered_types)


def _at_level(step: Step | None, level: str | None) -> bool:
    # a choice among steps of one level is none at another; an unknown name is refused at all of them
    return step is None or level is None or level in step.levels


def delivered_types() -> tuple[str, ...]:
    """Return the types of product that interfaces deliver."""
    from pellucid.interfaces.registry import all_interfaces

    return tuple(sorted({d.product_type for i in all_interfaces().values() for d in i.deliveries}))


def parameters_of(
    effective: Effective, graph: Graph, telescopes: Sequence[int] = ()
) -> dict[str, dict[str, JSON]]:
    """Return what the configuration gives each step of a graph over its defaults.

    Parameters
    ----------
    effective : Effective
        Its table ``steps``, and the sections that steps name.
    graph : Graph
        The steps.
    telescopes : sequence of int
        Told to steps that choose among telescopes by themselves.

    Raises
    ------
    ConfigurationError
        The table names a step that there is not (``unknown-key``).
    """
    table: dict[str, Any] = effective.tables.get("steps", {})
    known = sorted({step.name for step in graph.steps} | set(all_steps()))
    for name, given in table.items():
        if name not in known or not isinstance(given, Mapping):
            raise ConfigurationError(
                f"There is no step '{name}' to set parameters of.",
                where=f"steps.{name}",
                expected='a table for a step, e.g. [steps.camera-coefficients] and below it "width = 18"',
                mend=nearest(name, known),
                code="unknown-key",
            )
    parameters: dict[str, dict[str, JSON]] = {}
    for step in graph.steps:
        own: dict[str, JSON] = {}
        if step.section:
            section = asdict(getattr(effective.config, step.section))
            own |= {key: value for key, value in section.items() if key in step.parameters}
        if telescopes and "telescopes" in step.parameters:
            own["telescopes"] = sorted(telescopes)
        parameters[step.name] = own | dict(table.get(step.name, {}))
    return parameters
