# SPDX-License-Identifier: BSD-3-Clause
"""The history of some products: they and all they were made of, in the words all exports share."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pellucid.archive.product import Product

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["History", "began", "generated", "history_of"]


@dataclass(frozen=True)
class History:
    """Products with everything they were made of.

    Attributes
    ----------
    wanted : tuple of Product
        Those that were asked for.
    products : tuple of Product
        They and all they were made of, each once, inputs before what was made of them.
    """

    wanted: tuple[Product, ...]
    products: tuple[Product, ...]

    @property
    def derived(self) -> tuple[Product, ...]:
        """Products that a step has made."""
        return tuple(p for p in self.products if p.kind == "derived")

    @property
    def software(self) -> tuple[tuple[str, str], ...]:
        """All packages with their versions that had a part in it, sorted."""
        return tuple(sorted({item for p in self.derived for item in p.software.items()}))


def history_of(archive: "Archive", wanted: Iterable[Product]) -> History:
    """Return the history of some products; `MissingInput` where an ancestor is not in the index."""
    wanted = tuple(wanted)
    found: dict[str, Product] = {}
    # a stack, not recursion: chains of products may be long
    todo: list[tuple[Product, bool]] = [(p, False) for p in reversed(wanted)]
    while todo:
        product, inputs_are_done = todo.pop()
        if product.id in found:
            continue
        if inputs_are_done:
            found[product.id] = product
            continue
        todo.append((product, True))
        todo += [(archive.get(i.product), False) for i in reversed(product.inputs) if i.product not in found]
    return History(wanted, tuple(found.values()))


def generated(product: Product) -> datetime:
    """Return when a product was registered, UTC, to the microsecond."""
    return _moment(product.created_ns)


def began(product: Product) -> datetime | None:
    """Return when the step that made a product began, UTC; None where it was not noted."""
    return None if product.started_ns is None else _moment(product.started_ns)


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 10**9, UTC).replace(microsecond=ns // 1000 % 10**6)
