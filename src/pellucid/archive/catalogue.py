# SPDX-License-Identifier: BSD-3-Clause
"""The index of products: registered whole or not at all, found by what they are and cover."""

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import batched, islice
from pathlib import Path

from sqlalchemy import Connection, Row, Select, Text, exists, insert, literal, select

from pellucid.archive.engine import database_errors, open_engine, transaction
from pellucid.archive.lineage import JSON, canonical_json, is_key
from pellucid.archive.product import InputReference, Product
from pellucid.archive.tables import INPUTS, PRODUCT_TELESCOPES, PRODUCT_TYPES, PRODUCTS
from pellucid.errors import CorruptedInput, MissingInput, UsageError

__all__ = ["Catalogue"]

_P = PRODUCTS.c
_JSON_COLUMNS = ("parameters", "software", "flags", "summary")
_PLAIN_COLUMNS = tuple(c.name for c in PRODUCTS.columns if c.name not in ("row", *_JSON_COLUMNS))


class Catalogue:
    """The index of an archive.

    Parameters
    ----------
    path : Path
        SQLite file, made where missing.

    Raises
    ------
    ConfigurationError, CorruptedInput, IntermittentError
        From any method: see `pellucid.archive.engine.open_engine`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = open_engine(path)

    def close(self) -> None:
        """Give the database connections back."""
        self._engine.dispose()

    def register(self, product: Product) -> tuple[Product, bool]:
        """Make a product visible, in one transaction; its bytes must be in the store already.

        Parameters
        ----------
        product : Product
            ``created_ns`` is filled in. Its inputs must be registered.

        Returns
        -------
        tuple of Product and bool
            The product as the index now has it, and whether it is new. The same product again
            changes nothing.

        Raises
        ------
        CorruptedInput
            The index has this product with other bytes (``not-reproducible``).
        MissingInput
            An input is not registered (``unknown-product``).
        """
        with database_errors(self.path), transaction(self._engine) as connection:
            if known := _load(connection, select(PRODUCTS).where(_P.id == product.id)):
                _check_same_bytes(known[0], product)
                return known[0], False
            stamped = replace(product, created_ns=time.time_ns())
            _insert(connection, stamped)
            return stamped, True

    def get(self, id: str) -> Product:
        """Return the product with an id, or with the only id that begins so.

        Parameters
        ----------
        id : str
            Full id, or the first digits of it.

        Raises
        ------
        MissingInput
            No product has it (``unknown-product``); the nearest ids are told.
        UsageError
            Several have it (``ambiguous-product``).
        """
        prefix = id.strip().lower()
        with database_errors(self.path), self._engine.connect() as connection:
            if is_key(prefix):
                found = _load(connection, select(PRODUCTS).where(_P.id == prefix))
            else:
                found = _load(connection, _beginning_with(prefix).limit(5)) if _is_hex(prefix) else []
            if len(found) == 1:
                return found[0]
            if found:
                raise _ambiguous(id, found)
            raise _unknown(id, _nearest_to(connection, id.strip()))

    def find(
        self,
        *,
        product_type: str | None = None,
        obs_id: int | None = None,
        tel: int | None = None,
        name: str | None = None,
        step: str | None = None,
        collection: str | None = None,
        kind: str | None = None,
        time: tuple[int, int] | None = None,
        limit: int | None = None,
    ) -> list[Product]:
        """Return the products that fulfil all conditions, newest first.

        Parameters
        ----------
        product_type, name : str, optional
            With ``*``, ``?`` and ``[...]`` as in a shell; ``*`` passes over slashes. Case counts.
        obs_id, tel : int, optional
            Observation; telescope that the product covers.
        step, collection, kind : str, optional
            Exactly as registered.
        time : tuple of int, optional
            Half-open span (start, stop) in ns TAI that the product's cover must touch. Products
            without a cover never do.
        limit : int, optional
            At most so many.
        """
        query = select(PRODUCTS).order_by(_P.created_ns.desc(), _P.row.desc())
        exactly = {"obs_id": obs_id, "step": step, "collection": collection, "kind": kind}
        for column, value in exactly.items():
            if value is not None:
                query = query.where(_P[column] == value)
        if tel is not None:
            covering = select(PRODUCT_TELESCOPES.c.product).where(PRODUCT_TELESCOPES.c.tel_id == tel)
            query = query.where(_P.row.in_(covering))
        if time is not None:
            query = query.where(_P.time_start < time[1], _P.time_stop > time[0])
        with database_errors(self.path), self._engine.connect() as connection:
            if product_type is not None:
                names = [n for n in self._types(connection) if fnmatchcase(n, product_type)]
                query = query.where(_P.product_type.in_(names))
            if name is None:
                return _load(connection, query.limit(limit))
            return _load_named(connection, query, name, limit)

    def product_types(self) -> list[str]:
        """Return the product types there have been in this archive, sorted."""
        with database_errors(self.path), self._engine.connect() as connection:
            return self._types(connection)

    def _types(self, connection: Connection) -> list[str]:
        return list(connection.scalars(select(PRODUCT_TYPES.c.name).order_by(PRODUCT_TYPES.c.name)))


def _insert(connection: Connection, product: Product) -> None:
    type_name = literal(product.product_type, Text)
    is_known = exists().where(PRODUCT_TYPES.c.name == type_name)
    connection.execute(insert(PRODUCT_TYPES).from_select(["name"], select(type_name).where(~is_known)))
    values: dict[str, JSON] = {name: getattr(product, name) for name in _PLAIN_COLUMNS}
    values |= {name: canonical_json(getattr(product, name)) for name in _JSON_COLUMNS}
    inserted = connection.execute(insert(PRODUCTS).values(values)).inserted_primary_key
    assert inserted is not None
    row = inserted.row
    if product.telescopes:
        telescopes = [{"product": row, "tel_id": t} for t in sorted(set(product.telescopes))]
        connection.execute(insert(PRODUCT_TELESCOPES), telescopes)
    if product.inputs:
        rows = _rows_of(connection, [i.product for i in product.inputs])
        inputs = [
            {"product": row, "role": i.role, "position": i.position, "input": rows[i.product]}
            for i in product.inputs
        ]
        connection.execute(insert(INPUTS), inputs)


def _rows_of(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    found = connection.execute(select(_P.id, _P.row).where(_P.id.in_(set(ids))))
    rows = {row.id: row.row for row in found}
    for id in ids:
        if id not in rows:
            raise _unknown(id, [])
    return rows


def _load(connection: Connection, query: Select[tuple[object, ...]]) -> list[Product]:
    return list(_hydrate(connection, connection.execute(query)))


def _load_named(
    connection: Connection, query: Select[tuple[object, ...]], name: str, limit: int | None
) -> list[Product]:
    head = re.split(r"[*?[]", name, maxsplit=1)[0]
    if head == name:
        return _load(connection, query.where(_P.name == name).limit(limit))
    # engines differ in how they match patterns, so they only narrow down and Python decides
    rows = connection.execute(query.where(_P.name.startswith(head, autoescape=True)))
    return list(_hydrate(connection, islice((r for r in rows if fnmatchcase(r.name, name)), limit)))


def _hydrate(connection: Connection, rows: Iterable[Row[tuple[object, ...]]]) -> Iterator[Product]:
    """Turn rows of the products table into products, telescopes and inputs included."""
    for batch in batched(rows, 500):
        numbers = [r.row for r in batch]
        telescopes: dict[int, list[int]] = defaultdict(list)
        columns = PRODUCT_TELESCOPES.c
        wanted = select(columns.product, columns.tel_id).where(columns.product.in_(numbers))
        for product, tel_id in connection.execute(wanted.order_by(columns.tel_id)):
            telescopes[product].append(tel_id)
        inputs: dict[int, list[InputReference]] = defaultdict(list)
        links = select(INPUTS.c.product, INPUTS.c.role, INPUTS.c.position, _P.id).join_from(
            INPUTS, PRODUCTS, INPUTS.c.input == _P.row
        )
        links = links.where(INPUTS.c.product.in_(numbers)).order_by(INPUTS.c.role, INPUTS.c.position)
        for product, role, position, key in connection.execute(links):
            inputs[product].append(InputReference(role, position, key))
        for r in batch:
            values = {name: getattr(r, name) for name in _PLAIN_COLUMNS}
            values |= {name: json.loads(getattr(r, name)) for name in _JSON_COLUMNS}
            values["flags"] = tuple(values["flags"])
            yield Product(**values, telescopes=tuple(telescopes[r.row]), inputs=tuple(inputs[r.row]))


def _is_hex(text: str) -> bool:
    return 0 < len(text) < 64 and set(text) <= set("0123456789abcdef")


def _beginning_with(prefix: str) -> Select[tuple[object, ...]]:
    # 'g' sorts right after the last hexadecimal digit; a range uses the index, LIKE would not
    return select(PRODUCTS).where(_P.id >= prefix, _P.id < prefix + "g").order_by(_P.id)


def _nearest_to(connection: Connection, text: str) -> list[Product]:
    if named := _load(connection, select(PRODUCTS).where(_P.name == text).limit(3)):
        return named
    prefix = text.lower()
    for length in range(min(len(prefix), 63), 3, -1):
        if _is_hex(prefix[:length]) and (
            near := _load(connection, _beginning_with(prefix[:length]).limit(3))
        ):
            return near
    return []


def _ambiguous(id: str, found: Sequence[Product]) -> UsageError:
    return UsageError(
        f"Several products have an id that begins with '{id}'.",
        expected="enough digits to tell one product",
        got=", ".join(f"{p.short_id} ({p.name})" for p in found[:4]) + (", …" if len(found) > 4 else ""),
        mend="give more digits",
        code="ambiguous-product",
    )


def _unknown(id: str, near: Sequence[Product]) -> MissingInput:
    near_text = " or ".join(f"{p.short_id} ({p.name})" for p in near)
    return MissingInput(
        f"The archive has no product '{id}'.",
        expected="the id of a product, or its first digits",
        mend=f"did you mean {near_text}?" if near else "list what is there: pellucid find",
        code="unknown-product",
    )


def _check_same_bytes(known: Product, again: Product) -> None:
    if known.sha256 != again.sha256:
        raise CorruptedInput(
            f"The product {known.short_id} was made again and came out different.",
            where=known.name,
            expected=f"sha256 {known.sha256}, {known.size} bytes",
            got=f"sha256 {again.sha256}, {again.size} bytes",
            mend="the step is not deterministic, or depends on something its lineage does not name",
            code="not-reproducible",
        )
