# SPDX-License-Identifier: BSD-3-Clause
"""Products as rows of the index: written from their attributes, read back whole in one statement."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, Table, Text, cast, func, insert, select

from pellucid.archive.lineage import canonical_json
from pellucid.archive.product import InputReference, Product
from pellucid.archive.tables import INPUTS, PRODUCT_TELESCOPES, PRODUCT_TYPES, PRODUCTS
from pellucid.errors import MissingInput

__all__ = [
    "SELECTED",
    "execute_many",
    "insert_products",
    "not_registered",
    "product_of",
    "row_of",
    "rows_of",
    "select_products",
]

_P = PRODUCTS.c
_MADE_FROM = PRODUCTS.alias("made_from")
_JSON_COLUMNS = ("parameters", "software", "flags", "summary")
_COLUMNS = tuple(c.name for c in PRODUCTS.columns if c.name != "row")
_JSON_PLACES = tuple(1 + _COLUMNS.index(name) for name in _JSON_COLUMNS)
_attributes = attrgetter(*_COLUMNS)
_decoded = json.JSONDecoder().raw_decode
_PART, _END = "\x1f", "\x1e"  # ASCII's own separators of units and records

_telescopes = (
    select(func.aggregate_strings(cast(PRODUCT_TELESCOPES.c.tel_id, Text), ","))
    .where(PRODUCT_TELESCOPES.c.product == _P.row)
    .scalar_subquery()
)
_inputs = (
    select(
        func.aggregate_strings(
            INPUTS.c.role + _PART + cast(INPUTS.c.position, Text) + _PART + _MADE_FROM.c.id, _END
        )
    )
    .join_from(INPUTS, _MADE_FROM, INPUTS.c.input == _MADE_FROM.c.row)
    .where(INPUTS.c.product == _P.row)
    .scalar_subquery()
)

SELECTED = (*(_P[name] for name in _COLUMNS), _telescopes.label("telescopes"), _inputs.label("inputs"))
"""What `product_of` needs of a product, in this order."""

_NAMES = (*_COLUMNS, "telescopes", "inputs")


def select_products() -> Select[tuple[Any, ...]]:
    """Return the query for all products, for `product_of`."""
    return select(*SELECTED)


def product_of(row: Sequence[Any]) -> Product:
    """Return the product in a row that begins with what `SELECTED` names."""
    values = dict(zip(_NAMES, row, strict=False))
    for name in _JSON_COLUMNS:
        text = values[name]
        values[name] = {} if text == "{}" else [] if text == "[]" else _decoded(text)[0]
    values["flags"] = tuple(values["flags"])
    telescopes, inputs = values["telescopes"], values["inputs"]
    if telescopes is None:
        values["telescopes"] = ()
    elif "," in telescopes:
        values["telescopes"] = tuple(sorted(map(int, telescopes.split(","))))
    else:
        values["telescopes"] = (int(telescopes),)
    values["inputs"] = () if inputs is None else tuple(_references(inputs))
    return Product.as_registered(values)


def _references(text: str) -> Iterator[InputReference]:
    parts = (item.split(_PART) for item in text.split(_END))
    for role, position, key in sorted((role, int(position), key) for role, position, key in parts):
        yield InputReference(role, position, key)


def insert_products(connection: Connection, products: Sequence[Product], numbers: Sequence[int]) -> None:
    """Write products under the given row numbers; the rows of their inputs are looked up.

    Raises
    ------
    KeyError
        An input is not registered; its argument is the input's key.
    """
    _insert_types(connection, {p.product_type for p in products})
    execute_many(connection, PRODUCTS, ("row", *_COLUMNS), map(_values, numbers, products))
    telescopes = ((t, n) for n, p in zip(numbers, products, strict=True) for t in sorted({*p.telescopes}))
    execute_many(connection, PRODUCT_TELESCOPES, ("tel_id", "product"), telescopes)
    if any(p.inputs for p in products):
        rows = rows_of(connection, {i.product for p in products for i in p.inputs})
        links = (
            (number, i.role, i.position, rows[i.product])
            for number, product in zip(numbers, products, strict=True)
            for i in product.inputs
        )
        execute_many(connection, INPUTS, ("product", "role", "position", "input"), links)


def rows_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Return the row numbers of those ids that are registered."""
    found: dict[str, int] = {}
    for batch in batched(ids, 500):
        found.update(
            (id, row) for id, row in connection.execute(select(_P.id, _P.row).where(_P.id.in_(batch)))
        )
    return found


def row_of(connection: Connection, product: Product) -> int:
    """Return the row number of a product; `MissingInput` where it is not registered."""
    try:
        return rows_of(connection, [product.id])[product.id]
    except KeyError:
        raise not_registered(product) from None


def not_registered(product: Product) -> MissingInput:
    """Return the error for a product that the index does not have (``unknown-product``)."""
    return MissingInput(
        f"The archive has no product '{product.short_id}'.",
        where=product.name,
        mend="register it first",
        code="unknown-product",
    )


def _insert_types(connection: Connection, names: set[str]) -> None:
    known = set(connection.scalars(select(PRODUCT_TYPES.c.name).where(PRODUCT_TYPES.c.name.in_(names))))
    if new := sorted(names - known):
        connection.execute(insert(PRODUCT_TYPES), [{"name": name} for name in new])


def _values(number: int, product: Product) -> tuple[Any, ...]:
    values = [number, *_attributes(product)]
    for place in _JSON_PLACES:
        values[place] = _written(values[place])
    return tuple(values)


def _written(value: Any) -> str:
    # most are empty, and canonical JSON takes its time
    return canonical_json(value) if value else ("[]" if value == () else "{}")


def execute_many(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert rows through the driver: SQLAlchemy writes the statement and does not touch the rows."""
    compiled = insert(table).compile(dialect=connection.dialect, column_keys=list(names))
    assert compiled.positiontup == list(names)
    for batch in batched(rows, 5000):
        connection.exec_driver_sql(compiled.string, list(batch))
