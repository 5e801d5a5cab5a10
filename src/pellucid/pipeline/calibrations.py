# SPDX-License-Identifier: BSD-3-Clause
"""The calibration in force for a task, and what a level falls back on where there is none."""

from collections.abc import Callable, Sequence
from functools import partial

from pellucid.archive.archive import Archive
from pellucid.archive.product import Product
from pellucid.archive.validity import ARRAY
from pellucid.errors import MissingInput, PellucidError, UsageError
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.items import Item
from pellucid.pipeline.levels import CLIMATOLOGY, Level

__all__ = ["Calibrations"]


class Calibrations:
    """Finds calibrations by a level's search path and fallbacks.

    Parameters
    ----------
    archive : Archive
        Where they are certified.
    level : Level
        The policy.
    telescopes : sequence of int
        Telescopes whose calibrations a neighbour's may stand in for.
    """

    def __init__(self, archive: Archive, level: Level, telescopes: Sequence[int] = ()) -> None:
        self._archive = archive
        self._level = level
        self._telescopes = tuple(telescopes)
        self._known: dict[tuple[str, int | str, int], tuple[Product, str] | PellucidError] = {}

    def find(self, taken: Input, leader: Item, where: str) -> tuple[Product, str]:
        """Return the calibration for a task, and in a word how it was come by where it is not in force.

        Parameters
        ----------
        taken : Input
            The role.
        leader : Item
            The task's leading input; its start is the moment, its telescope or device the device.
        where : str
            The task and role, for errors.

        Raises
        ------
        UsageError
            The leader has no time, or the calibration is ambiguous.
        MissingInput
            None is in force and the level's fallbacks have none either.
        """
        if leader.start is None:
            raise UsageError(
                "Nobody can say which calibration was in force: the input has no time.",
                where=where,
                got=leader.label,
                mend="ingest it with its time",
                code="no-time",
            )
        question = (taken.type, self._device(taken, leader, where), leader.start)
        if question not in self._known:
            self._known[question] = self._found(*question)
        answer = self._known[question]
        if isinstance(answer, PellucidError):
            raise answer
        return answer

    def _device(self, taken: Input, leader: Item, where: str) -> int | str:
        if taken.unit == "array":
            return ARRAY
        if taken.unit == "device":
            return leader.device or ARRAY
        if len(leader.telescopes) != 1:
            raise UsageError(
                "A calibration of one telescope is needed where there are several or none.",
                where=where,
                expected="an input of one telescope",
                got=leader.label,
                code="no-telescope",
            )
        return leader.telescopes[0]

    def _found(self, kind: str, device: int | str, at: int) -> tuple[Product, str] | PellucidError:
        try:
            return self._archive.lookup(kind, device, at, self._level.path).product, ""
        except MissingInput as error:
            refusal: PellucidError = error
        except PellucidError as error:
            return error
        ways: dict[str, Callable[[], tuple[Product, str] | None]] = {
            "last-valid": partial(self._last_valid, kind, device, at),
            "neighbour": partial(self._neighbour, kind, device, at),
            "climatology": partial(self._climatology, kind, device, at),
        }
        for word in self._level.fallback:
            if word == "refuse":
                break
            if found := ways[word]():
                return found
        return refusal

    def _last_valid(self, kind: str, device: int | str, at: int) -> tuple[Product, str] | None:
        explained = self._archive.explain(kind, device, at, self._level.path)
        ended = [c for c in explained.rejected if c.reason == "expired" and c.stop > at - self._level.hold_ns]
        if not ended:
            return None
        last = max(ended, key=lambda c: (c.stop, -self._level.path.index(c.collection), c.product))
        return self._archive.get(last.product), "last-valid"

    def _neighbour(self, kind: str, device: int | str, at: int) -> tuple[Product, str] | None:
        if not isinstance(device, int):
            return None
        alike = [t for t in self._telescopes if t != device and self._level.alike(device, t)]
        for other in sorted(alike, key=lambda t: (abs(t - device), t)):
            if product := self._quietly(kind, other, at, self._level.path):
                return product, f"neighbour tel-{other}"
        return None

    def _climatology(self, kind: str, device: int | str, at: int) -> tuple[Product, str] | None:
        for who in dict.fromkeys((device, ARRAY)):
            if product := self._quietly(kind, who, at, (CLIMATOLOGY,)):
                return product, "climatology"
        return None

    def _quietly(self, kind: str, device: int | str, at: int, path: Sequence[str]) -> Product | None:
        try:
            return self._archive.lookup(kind, device, at, path).product
        except MissingInput:
            return None
