# SPDX-License-Identifier: BSD-3-Clause
"""Calibrations of a run put in force: each from its start until the next begins or its time is over."""

from collections import defaultdict
from collections.abc import Sequence

from pellucid.archive.archive import Archive
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
    collection, because = plan.level.collection, f"run at level {plan.level.name}"
    spans = _not_standing(archive, collection, _spans(plan, entries))
    try:
        archive.catalogue.validity.certify_many([span[:3] for span in spans], collection, because=because)
    except PellucidError:
        pass  # one of them cannot be, or is in the way of an older one: each is seen to by itself
    else:
        return
    for product, start, stop, entry in spans:
        try:
            try:
                archive.certify(product, collection, start, stop, because=because)
            except ValidityOverlap:
                if not plan.level.replaces:
                    raise
                _give_way(archive, product, collection, start, stop)
                archive.certify(product, collection, start, stop, because=because)
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


def _not_standing(archive: Archive, collection: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans that are not certified as they are; one look for each type, since there are many."""
    types = {product.product_type for product, *_ in spans}
    whole = min((s[1] for s in spans), default=0), max((s[2] for s in spans), default=0)
    standing = {kind: archive.catalogue.validity.standing(kind, collection, *whole) for kind in types}

    def stands(product: Product, start: int, stop: int) -> bool:
        known = standing[product.product_type]
        return all((product.id, device, start, stop) in known for device in devices_of(product))

    return [span for span in spans if not stands(*span[:3])]


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
