# SPDX-License-Identifier: BSD-3-Clause
"""Products as rows of the index: written from their attributes, read back whole in one statement."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import Connection, LargeBinary, Select, Table, Text, cast, func, insert, select, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from pellucid.archive.interning import Common
from pellucid.archive.lineage import canonical_json, canonical_json_many
from pellucid.archive.product import InputReference, Product
from pellucid.archive.tables import INPUTS, PRODUCT_TELESCOPES, PRODUCTS
from pellucid.errors import MissingInput

__all__ = [
    "SELECTED",
    "execute_many",
    "insert_products",
    "load_products",
    "not_registered",
    "product_of",
    "row_of",
    "rows_of",
    "select_products",
]

_P = PRODUCTS.c
_MADE_FROM = PRODUCTS.alias("made_from")
_COLUMNS = tuple(column.name for column in PRODUCTS.columns)
_decoded = json.JSONDecoder().raw_decode
_bytes = bytes.fromhex
_PART, _END = "\x1f", "\x1e"  # ASCII's own separators of units and records


_INSERTS: dict[tuple[str, str, tuple[str, ...]], str] = {}
"""Statements as text, which take longer to write than to execute."""


class _Digits(FunctionElement[str]):
    """A hash as hexadecimal digits, in whichever case."""

    inherit_cache = True
    type = Text()


@compiles(_Digits, "sqlite")
def _hex(element: _Digits, compiler: SQLCompiler, **options: Any) -> str:
    return f"hex({compiler.process(element.clauses, **options)})"


@compiles(_Digits, "postgresql")
def _encode(element: _Digits, compiler: SQLCompiler, **options: Any) -> str:
    return f"encode({compiler.process(element.clauses, **options)}, 'hex')"


_inputs = (
    select(
        func.aggregate_strings(
            INPUTS.c.role + _PART + cast(INPUTS.c.position, Text) + _PART + _Digits(_MADE_FROM.c.id), _END
        )
    )
    .join_from(INPUTS, _MADE_FROM, INPUTS.c.input == _MADE_FROM.c.row)
    .where(INPUTS.c.product == _P.row)
    .scalar_subquery()
)

SELECTED = (
    _P.sort,
    _P.making,
    type_coerce(_P.id, LargeBinary).label("id"),
    type_coerce(_P.sha256, LargeBinary).label("sha256"),
    _P.size,
    _P.name,
    _P.obs_id,
    _P.night,
    _P.time_start,
    _P.time_stop,
    _P.release_date,
    _P.tel,
    _P.telescopes,
    _P.flags,
    _P.summary,
    _P.created_ns,
    _P.started_ns,
    _inputs.label("inputs"),
)
"""What `product_of` needs of a product, in this order."""


def select_products() -> Select[tuple[Any, ...]]:
    """Return the query for all products, for `load_products`."""
    return select(*SELECTED)


def load_products(connection: Connection, query: Select[Any], common: Common) -> list[Product]:
    """Return the products that a query from `select_products` finds."""
    rows = connection.execute(query).all()
    common.load(connection, {(row[0], row[1]) for row in rows})
    return [product_of(row, common) for row in rows]


def product_of(row: Sequence[Any], common: Common) -> Product:
    """Return the product in a row that begins with what `SELECTED` names.

    Raises
    ------
    KeyError
        Its sort or making is not remembered; see `Common.load`.
    """
    (
        sort,
        making,
        key,
        content,
        size,
        name,
        obs_id,
        night,
        start,
        stop,
        release,
        tel,
        telescopes,
        flags,
        summary,
        created,
        started,
        inputs,
    ) = row[:18]
    values = common.attributes(sort, making)
    values["parameters"] = _read(values["parameters"], {})
    values["software"] = _read(values["software"], {})
    values["id"] = digits = key.hex()
    values["sha256"] = digits if content is None else content.hex()
    values["size"] = size
    values["name"] = name
    values["obs_id"] = obs_id
    values["night"] = night
    values["time_start"] = start
    values["time_stop"] = stop
    values["release_date"] = release
    if tel is not None:
        values["telescopes"] = (tel,)
    else:
        values["telescopes"] = tuple(map(int, telescopes.split(","))) if telescopes else ()
    values["flags"] = tuple(_read(flags, ()))
    values["summary"] = _read(summary, {})
    values["created_ns"] = created
    values["started_ns"] = started
    values["inputs"] = () if inputs is None else tuple(_references(inputs))
    return Product.as_registered(values)


def _read(text: str, empty: Any) -> Any:
    return _decoded(text)[0] if len(text) > 2 else empty


def _references(text: str) -> Iterator[InputReference]:
    parts = (item.split(_PART) for item in text.split(_END))
    for role, position, key in sorted((role, int(position), key) for role, position, key in parts):
        yield InputReference(role, position, key.lower())


def insert_products(
    connection: Connection, products: Sequence[Product], numbers: Sequence[int], common: Common
) -> None:
    """Write products under the given row numbers; the rows of their inputs are looked up.

    Raises
    ------
    KeyError
        An input is not registered; its argument is the input's key.
    sqlalchemy.exc.IntegrityError
        One of them is registered already.
    """
    pairs = common.numbers_of(connection, products)
    summaries = canonical_json_many([p.summary for p in products])
    execute_many(connection, PRODUCTS, _COLUMNS, map(_values, numbers, pairs, summaries, products))
    telescopes = [
        (t, n)
        for n, p in zip(numbers, products, strict=True)
        if len(p.telescopes) > 1
        for t in sorted({*p.telescopes})
    ]
    execute_many(connection, PRODUCT_TELESCOPES, ("tel_id", "product"), telescopes)
    if any(p.inputs for p in products):
        rows = rows_of(connection, {i.product for p in products for i in p.inputs})
        links = (
            (number, i.role, i.position, rows[i.product])
            for number, product in zip(numbers, products, strict=True)
            for i in product.inputs
        )
        execute_many(connection, INPUTS, ("product", "role", "position", "input"), links)


def _values(number: int, common: tuple[int, int], summary: str, p: Product) -> tuple[Any, ...]:
    telescopes = p.telescopes
    alone = len(telescopes) == 1
    return (
        number,
        _bytes(p.id),
        None if p.sha256 == p.id else _bytes(p.sha256),
        common[0],
        common[1],
        p.size,
        p.name,
        p.obs_id,
        p.night,
        p.time_start,
        p.time_stop,
        p.release_date,
        # a product that one telescope delivered is the common case
        "" if alone or not telescopes else ",".join(map(str, sorted({*telescopes}))),
        canonical_json(p.flags) if p.flags else "",
        "" if summary == "{}" else summary,
        p.created_ns,
        telescopes[0] if alone else None,
        p.started_ns,
    )


def rows_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Return the row numbers of those ids that are registered."""
    found: dict[str, int] = {}
    for batch in batched(ids, 500):
        query = select(_P.id, _P.row).where(_P.id.in_(batch))
        found.update((id, row) for id, row in connection.execute(query))
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


def execute_many(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert rows through the driver: SQLAlchemy writes the statement and does not touch the rows."""
    key = (connection.dialect.name, table.name, tuple(names))
    if key not in _INSERTS:
        compiled = insert(table).compile(dialect=connection.dialect, column_keys=list(names))
        assert compiled.positiontup == list(names)
        _INSERTS[key] = compiled.string
    for batch in batched(rows, 5000):
        connection.exec_driver_sql(_INSERTS[key], list(batch))
