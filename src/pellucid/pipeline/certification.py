# SPDX-License-Identifier: BSD-3-Clause
"""Calibrations of a run put in force: each from its start until the next begins or its time is over."""

from collections import defaultdict
from collections.abc import Sequence

from pellucid.archive.archive import Archive
from pellucid.archive.explain import CalibrationExpired, CalibrationMissing
from pellucid.archive.product import Product
from pellucid.archive.validity import ValidityOverlap, device_name, devices_of
from pellucid.errors import PellucidError
from pellucid.pipeline.items import Item
from pellucid.pipeline.plan import Plan, in_force_until
from pellucid.pipeline.report import Entry

__all__ = ["publish"]

type Span = tuple[Product, int, int, Entry]


def publish(archive: Archive, plan: Plan, entries: Sequence[Entry]) -> None:
    """Certify what the steps of a plan made as calibrations, in the level's collection.

    Where the level replaces calibrations, older ones give way for the spans that are taken from them;
    where it does not, an overlap is the failure of the task.

    Parameters
    ----------
    archive : Archive
        Where they are.
    plan : Plan
        Of the run.
    entries : sequence of Entry
        What came of its tasks.
    """
    for product, start, stop, entry in _spans(plan, entries):
        collection = plan.level.collection
        if _in_force(archive, product, collection, start, stop):
            continue
        try:
            try:
                archive.certify(product, collection, start, stop, because=f"run at level {plan.level.name}")
            except ValidityOverlap:
                if not plan.level.replaces:
                    raise
                _give_way(archive, product, collection, start, stop)
                archive.certify(product, collection, start, stop, because=f"run at level {plan.level.name}")
        except PellucidError as error:
            entry.state, entry.error = "failed", error


def _spans(plan: Plan, entries: Sequence[Entry]) -> list[Span]:
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[int, int, Entry]]] = defaultdict(list)
    for entry in entries:
        product = entry.product
        if product is None or not entry.task.step.valid or product.time_start is None:
            continue
        until = in_force_until(entry.task.step, Item.of(product), plan.span)
        if until is not None and until > product.time_start:
            groups[product.product_type, devices_of(product)].append((product.time_start, until, entry))
    spans: list[Span] = []
    for group in groups.values():
        group.sort(key=lambda s: s[0])
        following = [start for start, _, _ in group[1:]] + [None]
        for (start, until, entry), after in zip(group, following, strict=True):
            stop = until if after is None else min(until, after)
            if entry.product is not None and stop > start:
                spans.append((entry.product, start, stop, entry))
    return spans


def _in_force(archive: Archive, product: Product, collection: str, start: int, stop: int) -> bool:
    for device in devices_of(product):
        try:
            found = archive.lookup(product.product_type, device, start, collection)
        except (CalibrationMissing, CalibrationExpired):
            return False
        if (found.product.id, found.start, found.stop) != (product.id, start, stop):
            return False
    return True


def _give_way(archive: Archive, product: Product, collection: str, start: int, stop: int) -> None:
    for device in devices_of(product):
        while True:
            other = _overlapping(archive, product.product_type, device, collection, start, stop)
            if other is None:
                break
            id, first, last = other
            archive.decertify(
                archive.get(id),
                collection,
                max(first, start),
                min(last, stop),
                because=f"replaced by {product.short_id}",
            )


def _overlapping(
    archive: Archive, kind: str, device: str, collection: str, start: int, stop: int
) -> tuple[str, int, int] | None:
    explained = archive.explain(kind, device, start, collection)
    for c in (explained.chosen, *explained.rejected):
        if c is None or c.reason not in ("chosen", "not-yet-valid", "rejected"):
            continue
        here = (c.collection, c.device) == (collection, device_name(device))
        if here and c.start < stop and c.stop > start:
            return c.product, c.start, c.stop
    return None
