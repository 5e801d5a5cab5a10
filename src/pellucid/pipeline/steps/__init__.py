# SPDX-License-Identifier: BSD-3-Clause
"""All wiring, readable on a page each: every module here declares its steps in a tuple ``STEPS``.

Outside packages add theirs through entry points of the group ``pellucid.steps``, each naming such a
tuple, e.g. ``mine = "my_package.steps:STEPS"``.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from pellucid.errors import ConfigurationError, MissingInput, nearest
from pellucid.pipeline.step import Step

__all__ = ["all_steps", "step_named"]


def all_steps() -> dict[str, Step]:
    """Return every known step by name, sorted.

    Raises
    ------
    ConfigurationError
        Two steps have one name (``two-steps``), or an outside package declares something else.
    """
    steps: dict[str, Step] = {}
    for origin, declared in _declarations():
        for step in declared:
            if not isinstance(step, Step):
                raise ConfigurationError(
                    "An entry point declares something that is no step.", where=origin, got=repr(step)
                )
            if steps.setdefault(step.name, step) is not step:
                raise ConfigurationError(
                    f"Two steps have the name '{step.name}'.",
                    where=origin,
                    mend="rename one, or remove the package that brings it",
                    code="two-steps",
                )
    return dict(sorted(steps.items()))


def step_named(name: str) -> Step:
    """Return the step with a name.

    Raises
    ------
    MissingInput
        There is none (``unknown-step``); the nearest names are told.
    """
    steps = all_steps()
    if name not in steps:
        raise MissingInput(
            f"There is no step '{name}' here.",
            expected="a step of Pellucid or of an installed package",
            mend=nearest(name, list(steps)) if steps else "install the package that brings it",
            code="unknown-step",
        )
    return steps[name]


def _declarations() -> Iterator[tuple[str, Iterable[Step]]]:
    for module in iter_modules(__path__):
        name = f"{__name__}.{module.name}"
        yield name, import_module(name).STEPS
    for entry in entry_points(group="pellucid.steps"):
        yield f"entry point {entry.name} = {entry.value}", entry.load()
