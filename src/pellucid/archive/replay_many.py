# SPDX-License-Identifier: BSD-3-Clause
"""Make many products again, a night or all there are, in several fresh processes at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pellucid.archive.exports.history import history_of
from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.archive.replay import judged, restored, run_worker, write_plan
from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["ManyReplayed", "Replayed", "replay_many"]


@dataclass(frozen=True)
class Replayed:
    """What came of one product.

    Attributes
    ----------
    product, name : str
        Its id and file name.
    outcome : str
        ``identical``; ``within`` the tolerance of its step; ``different``; ``failed``.
    code_changed : bool
        Whether the step or its code is not what made the archived bytes.
    what : str
        The largest deviation, or why it failed.
    """

    product: str
    name: str
    outcome: str
    code_changed: bool
    what: str


@dataclass(frozen=True)
class ManyReplayed:
    """What came of many products.

    Attributes
    ----------
    products : tuple of Replayed
        One for each.
    seconds : float
        Time it took.
    """

    products: tuple[Replayed, ...]
    seconds: float

    @property
    def agree(self) -> bool:
        """Whether all are what their steps promise."""
        return all(p.outcome in ("identical", "within") for p in self.products)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many there are of each outcome."""
        return dict(sorted(Counter(p.outcome for p in self.products).items()))

    def as_dict(self) -> dict[str, JSON]:
        """Return the report as a JSON-ready mapping."""
        return {"agree": self.agree, "counts": self.counts, **asdict(self)}


def replay_many(
    archive: "Archive", products: Sequence[Product], *, workers: int = 1, progress: Progress | None = None
) -> ManyReplayed:
    """Make products again from raw bytes, each once, and compare.

    Products that share what lies between are made in one process, the others side by side.

    Parameters
    ----------
    archive : Archive
        Where they are; it does not change.
    products : sequence of Product
        Raw ones are passed over.
    workers : int
        Fresh processes at a time.
    progress : callable, optional
        Called with (products done, products in all, "products").

    Raises
    ------
    MissingInput, CorruptedInput
        Raw bytes are gone or damaged.
    """
    start = perf_counter()
    wanted = {p.id for p in products if p.kind != "raw"}
    history = {p.id: p for p in history_of(archive, products).products}
    told: dict[str, Replayed] = {}
    with ExitStack() as stack, ThreadPoolExecutor(max(1, workers)) as threads:
        running = {}
        for batch in _batches(history, workers):
            folder = stack.enter_context(archive.store.staging())
            raw = {i.product for p in batch for i in p.inputs if history[i.product].kind == "raw"}
            write_plan(archive, [history[id] for id in sorted(raw)], batch, folder)
            running[threads.submit(run_worker, folder)] = batch
        for done in as_completed(running):
            told |= _told(archive, running[done], done.result, history)
            if progress is not None:
                progress(len(told.keys() & wanted), len(wanted), "products")
    return ManyReplayed(tuple(told[id] for id in history if id in wanted), perf_counter() - start)


def _told(
    archive: "Archive", batch: Sequence[Product], result: Any, history: Mapping[str, Product]
) -> dict[str, Replayed]:
    told: dict[str, Replayed] = {}
    try:
        items = {item["product"]: item for item in result()["rebuilt"]}
    except PellucidError as error:  # the process itself died
        return {p.id: Replayed(p.id, p.name, "failed", False, error.what) for p in batch}
    for product in batch:
        item = items.get(product.id)
        if item is None or "error" in item:
            what = "what it is made of failed" if item is None else restored(**item["error"]).what
            told[product.id] = Replayed(product.id, product.name, "failed", False, what)
            continue
        comparison, agrees = judged(archive, history[product.id], item)
        outcome = "identical" if item["identical"] else "within" if agrees else "different"
        largest = comparison.largest if comparison is not None else None
        what = f"{largest.dataset}: {largest.relative:.3g} relative" if largest is not None else ""
        told[product.id] = Replayed(product.id, product.name, outcome, item["code_changed"], what)
        Path(item["file"]).unlink(missing_ok=True)
    return told


def _batches(history: Mapping[str, Product], workers: int) -> list[list[Product]]:
    """Split derived products, inputs first, so that none needs what another batch makes."""
    derived = [p for p in history.values() if p.kind != "raw"]
    leader = {p.id: p.id for p in derived}

    def first(id: str) -> str:
        while leader[id] != id:
            leader[id] = leader[leader[id]]
            id = leader[id]
        return id

    for product in derived:
        for reference in product.inputs:
            if reference.product in leader:
                leader[first(reference.product)] = first(product.id)
    groups: dict[str, list[Product]] = {}
    for product in derived:
        groups.setdefault(first(product.id), []).append(product)
    # a process takes a second to start: few large batches, enough of them to keep all workers busy
    size = ceil(len(derived) / (4 * max(1, workers)))
    batches: list[list[Product]] = []
    for group in groups.values():
        if batches and len(batches[-1]) + len(group) <= size:
            batches[-1] += group
        else:
            batches.append(list(group))
    return batches
