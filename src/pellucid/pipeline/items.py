# SPDX-License-Identifier: BSD-3-Clause
"""What a task may take: products that are there and those that other tasks will make, on shelves."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from pellucid.archive.product import Product
from pellucid.errors import UsageError
from pellucid.pipeline.inputs import Input

__all__ = ["Item", "Shelf", "nearest_in_time"]


@dataclass(frozen=True, slots=True)
class Item:
    """A product that is there, or one that a task will make and that covers what the task's leader covers.

    Attributes
    ----------
    product_type, telescopes, device, obs_id, start, stop
        As of `Product`; times in ns TAI, None where unknown.
    product : Product or None
        None where it is still to be made.
    task : int or None
        Number of the task that makes it.
    until : int or None
        Until when it is in force as a calibration, where it was made in this run; ns TAI.
    """

    product_type: str
    telescopes: tuple[int, ...]
    device: str | None
    obs_id: int | None
    start: int | None
    stop: int | None
    product: Product | None = None
    task: int | None = None
    until: int | None = None

    @classmethod
    def of(cls, product: Product, task: int | None = None, until: int | None = None) -> "Item":
        """Return a product that is there as an item."""
        return cls(
            product.product_type,
            product.telescopes,
            product.device,
            product.obs_id,
            product.time_start,
            product.time_stop,
            product,
            task,
            until,
        )

    @property
    def order(self) -> tuple[int, tuple[int, ...], str, int, str]:
        """By time, then by whose it is, whatever the order of arrival; products without a time first."""
        mine = "" if self.product is None else self.product.id
        start = self.start if self.start is not None else -1
        return (start, self.telescopes, self.device or "", self.task or 0, mine)

    @property
    def owner(self) -> str:
        """Whose it is, for people: ``tel-3``, the name of a device, or ``array``."""
        if len(self.telescopes) == 1:
            return f"tel-{self.telescopes[0]}"
        if self.telescopes:
            return "+".join(f"tel-{t}" for t in self.telescopes) if len(self.telescopes) < 5 else "array"
        return self.device or "array"

    @property
    def label(self) -> str:
        """What it is, for people."""
        if self.product is not None:
            return f"{self.product.short_id} ({self.product.name})"
        return f"{self.product_type} of {self.owner}"


class Shelf:
    """Items of the types that one role takes, grouped by whose they are, in order of time.

    Parameters
    ----------
    items : iterable of Item
        All that fit the role.
    taken : Input
        The role.
    """

    def __init__(self, items: Iterable[Item], taken: Input) -> None:
        self._taken = taken
        groups: dict[Hashable, list[Item]] = defaultdict(list)
        for item in items:
            groups[self._key(item)].append(item)
        self.groups = {key: sorted(group, key=lambda i: i.order) for key, group in groups.items()}
        self._starts = {
            key: [i.start if i.start is not None else -1 for i in group] for key, group in self.groups.items()
        }
        # covers differ in length: whoever began this long before a moment cannot reach it
        lengths = [i.stop - i.start for g in groups.values() for i in g if i.start is not None and i.stop]
        self._longest = max(lengths, default=0)

    def _key(self, item: Item) -> Hashable:
        if self._taken.unit == "telescope":
            return item.telescopes
        return item.device if self._taken.unit == "device" else None

    def timed(self, leader: Item, window: int) -> Iterator[Item]:
        """Yield the leader's items that touch its cover, widened by a window (ns) on both sides."""
        key = self._key(leader)
        group = self.groups.get(key, [])
        if leader.start is None:
            return
        stop = leader.stop if leader.stop is not None else leader.start + 1
        low, high = leader.start - window, stop + window
        starts = self._starts[key] if group else []
        for item in group[bisect_left(starts, low - self._longest) : bisect_right(starts, high)]:
            if item.start is not None and item.start < high and (item.stop or item.start + 1) > low:
                yield item

    def timeless(self, leader: Item) -> Iterator[Item]:
        """Yield the leader's items that have no time."""
        for item in self.groups.get(self._key(leader), []):
            if item.start is not None:
                return
            yield item

    def begun(self, leader: Item) -> Item | None:
        """Return the leader's item that began last at or before the leader's start and still is in force."""
        key = self._key(leader)
        group = self.groups.get(key, [])
        if not group or leader.start is None:
            return None
        place = bisect_right(self._starts[key], leader.start)
        item = group[place - 1] if place else None
        if item is None or item.start is None or (item.until is not None and item.until <= leader.start):
            return None
        return item


def nearest_in_time(leader: Item, candidates: Iterable[Item], where: str) -> Item | None:
    """Return the candidate nearest to the leader: of its observation first, then by the start.

    Raises
    ------
    UsageError
        Two are equally near (``ambiguous-input``).
    """
    ranked = sorted((_distance(leader, c), c.order, c) for c in candidates)
    if not ranked:
        return None
    if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
        raise UsageError(
            "Several products fit equally well.",
            where=where,
            expected="one that is nearest in time to " + leader.label,
            got=" and ".join(c.label for _, _, c in ranked[:2]),
            mend="give them times or observations that tell them apart (pellucid ingest --obs)",
            code="ambiguous-input",
        )
    return ranked[0][2]


def _distance(leader: Item, item: Item) -> tuple[bool, int]:
    other = item.obs_id is None or item.obs_id != leader.obs_id
    if leader.start is None or item.start is None:
        return other, -1
    return other, abs(item.start - leader.start)
