# SPDX-License-Identifier: BSD-3-Clause
"""Filling a step's roles for one run: what goes with the leading input, by the rules of step and level."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pellucid.errors import InsufficientStatistics, MissingInput, PellucidError
from pellucid.pipeline.calibrations import Calibrations
from pellucid.pipeline.inputs import Input, duration_ns
from pellucid.pipeline.items import Item, Shelf, nearest_in_time
from pellucid.pipeline.levels import Level
from pellucid.pipeline.step import Step

__all__ = ["Binder", "Bound", "check_enough"]


class Bound(NamedTuple):
    """A run of a step with its roles filled; fields as of `pellucid.pipeline.plan.Task`."""

    leader: Item
    inputs: dict[str, tuple[Item, ...]]
    fallback: dict[str, str]
    without: list[str]
    problem: PellucidError | None


class Binder:
    """Fills roles at a level.

    Parameters
    ----------
    level : Level
        The policy.
    calibrations : Calibrations
        Those certified.
    left_out : sequence of int
        Telescopes that nobody asked for.
    keep_going : bool
        Whether fewer inputs than the minimum will do.
    """

    def __init__(
        self, level: Level, calibrations: Calibrations, left_out: Sequence[int], keep_going: bool
    ) -> None:
        self._level = level
        self._calibrations = calibrations
        self._left_out = left_out
        self._keep_going = keep_going

    def bind(self, step: Step, leader: Item, shelves: Mapping[str, Shelf]) -> Bound:
        """Fill the roles of one run of a step; what cannot be filled is the run's problem."""
        inputs: dict[str, tuple[Item, ...]] = {}
        bound = Bound(leader, inputs, {}, [], None)
        for role, taken in step.roles.items():
            where = f"step {step.name}, input '{role}' of {leader.owner}"
            try:
                found = (leader,) if role == step.leader else self._filled(bound, role, taken, shelves, where)
            except PellucidError as error:
                if taken.required:
                    return bound._replace(problem=error)
                bound.without.append(f"{role}: {error.what}")
                continue
            if found:
                inputs[role] = found
            elif taken.required:
                return bound._replace(problem=_missing(step, taken, where))
            else:
                bound.without.append(f"{role}: there is no {taken.type}")
        return bound

    def _filled(
        self, bound: Bound, role: str, taken: Input, shelves: Mapping[str, Shelf], where: str
    ) -> tuple[Item, ...]:
        if taken.validity:
            item, how = self._in_force(taken, bound.leader, shelves[role], where)
            if how:
                bound.fallback[role] = how
            return (item,)
        window = duration_ns(taken.window) if taken.window else self._window(bound.leader)
        near = [i for i in shelves[role].timed(bound.leader, window) if _goes_with(bound.leader, i, taken)]
        if not taken.many:
            timeless = [i for i in shelves[role].timeless(bound.leader) if _goes_with(bound.leader, i, taken)]
            best = nearest_in_time(bound.leader, near or timeless, where)
            return () if best is None else (best,)
        if near:
            fewest = 1 if self._keep_going else self._level.enough(taken.minimum)
            check_enough(len(near), fewest, where)
            if self._left_out and any(i.telescopes for i in near) and taken.unit != "telescope":
                names = ", ".join(f"tel-{t}" for t in self._left_out)
                bound.without.append(f"{role}: {names}, which nobody asked for")
        return tuple(near)

    def _window(self, leader: Item) -> int:
        # what leads without being a product is a span of time, and that says all
        is_product = leader.product is not None or leader.task is not None
        return self._level.window_ns if is_product else 0

    def _in_force(self, taken: Input, leader: Item, shelf: Shelf, where: str) -> tuple[Item, str]:
        """Return the calibration made in this run that began last, else the one that is certified."""
        made = shelf.begun(leader)
        if made is not None:
            return made, ""
        product, how = self._calibrations.find(taken, leader, where)
        return Item.of(product), how


def check_enough(got: int, fewest: int, where: str) -> None:
    """Refuse too few inputs (`InsufficientStatistics`, ``too-few-inputs``)."""
    if got < fewest:
        raise InsufficientStatistics(
            "There are too few inputs.",
            where=where,
            expected=f"at least {fewest}",
            got=str(got),
            mend="wait for more, or lower the level's share of the minimum: levels.<level>.statistics",
            code="too-few-inputs",
        )


def _goes_with(leader: Item, item: Item, taken: Input) -> bool:
    """Return whether an item is of the leader's observation, as far as both say so and it matters."""
    if taken.many or item.obs_id is None or leader.obs_id is None:
        return True
    return item.obs_id == leader.obs_id


def _missing(step: Step, taken: Input, where: str) -> MissingInput:
    return MissingInput(
        f"There is no input for the step '{step.name}'.",
        where=where,
        expected=f"a product of type {taken.type}",
        got="none in the window",
        mend=f"ingest it, or look for it: pellucid find '{taken.type}'",
        code="no-input",
    )
