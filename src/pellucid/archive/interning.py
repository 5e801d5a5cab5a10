# SPDX-License-Identifier: BSD-3-Clause
"""What many products have in common, written once in the index and known by its number.

There are few sorts of products, and the same code and parameters make many of them. Such a row never changes,
so a number that was read once may be remembered as long as the process lives.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import batched
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from pellucid.archive.lineage import canonical_json
from pellucid.archive.product import Product
from pellucid.archive.tables import MAKINGS, SORTS

__all__ = ["Common"]

type _Texts = tuple[str, ...]

_SORT = (
    "kind",
    "product_type",
    "format",
    "category",
    "collection",
    "device",
    "step",
    "step_version",
    "determinism",
    "quality",
    "rights",
)
_MAKING = ("parameters", "code", "software")
_sort_of = attrgetter(*_SORT)

REMEMBERED = 20_000
"""Rows of one table that a process remembers at most."""


class _Interned:
    """The rows of one such table: a number, a digest of the texts, and the texts."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        self._table = table
        self._number = next(iter(table.primary_key))
        self._names = tuple(names)
        self._numbers: dict[_Texts, int] = {}
        self.known: dict[int, dict[str, str | None]] = {}

    def load(self, connection: Connection, numbers: Iterable[int]) -> None:
        """Read those rows that are not remembered."""
        wanted = {*numbers} - self.known.keys()
        if len(self.known) + len(wanted) > REMEMBERED:
            wanted, self.known = {*numbers}, {}
        query = select(self._number, *(self._table.c[name] for name in self._names))
        for batch in batched(wanted, 500):
            for number, *texts in connection.execute(query.where(self._number.in_(batch))):
                self.known[number] = {n: t or None for n, t in zip(self._names, texts, strict=True)}

    def numbers(self, connection: Connection, wanted: set[_Texts]) -> Mapping[_Texts, int]:
        """Return the numbers of texts; those that are new are written."""
        if len(self._numbers) + len(wanted) > REMEMBERED:
            self._numbers = {}
        for batch in batched(sorted(wanted - self._numbers.keys()), 500):
            digests = {sha256("\x1f".join(texts).encode()).hexdigest(): texts for texts in batch}
            query = select(self._table.c.digest, self._number).where(self._table.c.digest.in_(digests))
            found = {row[0]: row[1] for row in connection.execute(query)}
            first = 1 + (connection.scalar(select(func.max(self._number))) or 0)
            new = [digest for digest in digests if digest not in found]
            found.update(zip(new, range(first, first + len(new)), strict=True))
            for digest in new:
                texts = dict(zip(self._names, digests[digest], strict=True))
                values = {self._number.name: found[digest], "digest": digest, **texts}
                connection.execute(insert(self._table).values(values))
            self._numbers.update((digests[digest], number) for digest, number in found.items())
        return self._numbers

    def forget(self) -> None:
        """Forget everything."""
        self._numbers, self.known = {}, {}


class Common:
    """Sorts and makings of the products in an index."""

    def __init__(self) -> None:
        self._sorts = _Interned(SORTS, _SORT)
        self._makings = _Interned(MAKINGS, _MAKING)
        self._longest: dict[int, int] = {}

    def numbers_of(self, connection: Connection, products: Sequence[Product]) -> list[tuple[int, int]]:
        """Return the numbers of sort and making of products, in a transaction of the only one who writes.

        What is new is written; how long a product of a sort covers at most is kept up.
        """
        # what is in common is compared as it is, the texts are made of one example of each
        like = [_likeness(p) for p in products]
        examples = dict(zip(like, products, strict=True))
        sorts = {key: tuple(text or "" for text in _sort_of(p)) for key, p in examples.items()}
        makings = {key: _making_of(p) for key, p in examples.items()}
        sort_numbers = self._sorts.numbers(connection, set(sorts.values()))
        making_numbers = self._makings.numbers(connection, set(makings.values()))
        pairs = {key: (sort_numbers[sorts[key]], making_numbers[makings[key]]) for key in examples}
        numbers = [pairs[key] for key in like]
        self._keep_longest(connection, products, numbers)
        return numbers

    def load(self, connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
        """Read those sorts and makings that are not remembered."""
        pairs = {*pairs}
        self._sorts.load(connection, {sort for sort, _ in pairs})
        self._makings.load(connection, {making for _, making in pairs})

    def attributes(self, sort: int, making: int) -> dict[str, Any]:
        """Return a new mapping of what a product has of them; parameters and software are JSON.

        Raises
        ------
        KeyError
            They are not remembered; see `load`.
        """
        return self._sorts.known[sort] | self._makings.known[making]

    def forget(self) -> None:
        """Forget everything: a transaction came to nothing, or the index is to be read as it is now."""
        self._sorts.forget()
        self._makings.forget()
        self._longest = {}

    def _keep_longest(
        self, connection: Connection, products: Sequence[Product], numbers: Sequence[tuple[int, int]]
    ) -> None:
        lengths = {
            (sort, p.time_stop - p.time_start)
            for (sort, _), p in zip(numbers, products, strict=True)
            if p.time_start is not None and p.time_stop is not None
        }
        for sort, length in dict(sorted(lengths)).items():  # of each sort the last
            if length > self._longest.get(sort, 0):
                shorter = (SORTS.c.sort == sort, SORTS.c.longest < length)
                connection.execute(update(SORTS).where(*shorter).values(longest=length))
                self._longest[sort] = length


def _likeness(p: Product) -> tuple[object, ...]:
    # many products share the very same mappings, or have none
    return (
        *_sort_of(p),
        p.code,
        id(p.parameters) if p.parameters else 0,
        id(p.software) if p.software else 0,
    )


def _making_of(product: Product) -> _Texts:
    return (canonical_json(product.parameters), product.code or "", canonical_json(product.software))
