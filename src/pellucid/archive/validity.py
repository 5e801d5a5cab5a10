# SPDX-License-Identifier: BSD-3-Clause
"""Calibrations in force: certified for a span of time in a collection, withdrawn again, never forgotten.

A row says: this product is valid during [start, stop), as the archive knew during [known_from, known_to).
The database itself refuses two rows of one slot (type, device, collection) that overlap in both.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, exc, insert, select, update

from pellucid.archive.engine import database_errors, transaction
from pellucid.archive.journal import act, next_tick
from pellucid.archive.moments import check_span, span_text
from pellucid.archive.part import Part
from pellucid.archive.product import Product, check_name
from pellucid.archive.rows import execute_many, not_registered, row_of, rows_of
from pellucid.archive.tables import ACTS, FOREVER, PRODUCTS, SLOTS, VALIDITY
from pellucid.errors import ConfigurationError, MissingInput

__all__ = [
    "ARRAY",
    "Certificate",
    "Validity",
    "ValidityOverlap",
    "certificates_query",
    "device_name",
    "devices_of",
]

ARRAY = "array"
"""The device of what belongs to the array as a whole."""

_V, _S, _P = VALIDITY.c, SLOTS.c, PRODUCTS.c
_COLUMNS = ("slot", "start", "stop", "product", "known_from", "known_to")


class ValidityOverlap(ConfigurationError):
    """Another calibration of this type and device is certified for a part of the span."""

    default_code = "validity-overlap"


class Certificate(NamedTuple):
    """One row of validity: what was valid when, and when the archive knew it.

    Attributes
    ----------
    product, name : str
        Id and file name of the product.
    product_type, device, collection : str
        What may be certified at most once for a moment.
    start, stop : int
        Half-open span of validity, in ns TAI since 1970.
    known_from, known_to : int
        Half-open span of knowledge, in ns UTC since 1970; `FOREVER` where it is in force.
    """

    product: str
    name: str
    product_type: str
    device: str
    collection: str
    start: int
    stop: int
    known_from: int
    known_to: int


def device_name(device: int | str) -> str:
    """Return the name under which a device is certified: ``tel-3`` for telescope 3."""
    if isinstance(device, int):
        return f"tel-{device}"
    check_name(device, "device")
    return device


def devices_of(product: Product) -> tuple[str, ...]:
    """Return the devices a product is certified for: its telescopes, else its device, else the array."""
    if product.telescopes:
        return tuple(map(device_name, product.telescopes))
    return (product.device or ARRAY,)


class Validity(Part):
    """What is certified in an index."""

    def certify(
        self, product: Product, collection: str, start: int, stop: int, *, because: str = ""
    ) -> tuple[list[Certificate], bool]:
        """Declare a product valid for [start, stop) in a collection, for each device it covers.

        Parameters
        ----------
        product : Product
            A registered product.
        collection : str
            Where it shall be found, e.g. ``B`` or ``C/2027``; any but ``raw``.
        start, stop : int
            Half-open span, in ns TAI since 1970.
        because : str
            Why, for those who ask later.

        Returns
        -------
        tuple of list of Certificate and bool
            What is in force now, one for each device, and whether it is new. The same again changes
            nothing.

        Raises
        ------
        ValidityOverlap
            Another is certified for a part of the span (``validity-overlap``); nothing was changed.
        ConfigurationError
            The span or the collection cannot be (see `pellucid.archive.moments.check_span`,
            ``ill-spelled-name``, ``collection-raw``).
        MissingInput
            The product is not registered (``unknown-product``).
        """
        _check_collection(collection)
        check_span(start, stop)
        with database_errors(self._where), transaction(self._engine) as connection:
            return _certified(connection, product, collection, start, stop, because)

    def certify_many(
        self, items: Sequence[tuple[Product, int, int]], collection: str, *, because: str = ""
    ) -> int:
        """Certify many products in one collection: all of them or none.

        Parameters
        ----------
        items : sequence of tuple of Product, int and int
            Product, start and stop of each, as `certify` takes them.
        collection, because : str
            As `certify`.

        Returns
        -------
        int
            How many are new.

        Raises
        ------
        ValidityOverlap, ConfigurationError, MissingInput
            As `certify`.
        """
        _check_collection(collection)
        for _, start, stop in items:
            check_span(start, stop)
        with database_errors(self._where):
            try:
                with transaction(self._engine) as connection:
                    return _insert_many(connection, items, collection, because)
            except exc.IntegrityError:
                # one is there or in the way: the slow way finds out which
                with transaction(self._engine) as connection:
                    done = (_certified(connection, p, collection, a, b, because) for p, a, b in items)
                    return sum(is_new for _, is_new in done)

    def decertify(
        self,
        product: Product,
        collection: str,
        start: int | None = None,
        stop: int | None = None,
        *,
        because: str = "",
    ) -> list[Certificate]:
        """Withdraw a product from a collection, for all time or for [start, stop) alone.

        That it was in force remains known: a look-up as of an earlier moment still finds it.

        Parameters
        ----------
        product : Product
            A registered product.
        collection, because : str
            As `certify`.
        start, stop : int, optional
            Half-open span, in ns TAI since 1970; what was certified outside of it stays.

        Returns
        -------
        list of Certificate
            What is no longer in force, as it was.

        Raises
        ------
        MissingInput
            It is not certified there and then (``not-certified``).
        ConfigurationError
            The span or the collection cannot be.
        """
        _check_collection(collection)
        span = None if start is None and stop is None else check_span(start, stop)
        with database_errors(self._where), transaction(self._engine) as connection:
            rows = _in_force(connection, product, collection, span)
            if not rows:
                raise _not_certified(product, collection, span)
            number = row_of(connection, product)
            tick = act(connection, "decertify", number, collection, because)
            for row, slot, certificate in rows:
                connection.execute(update(VALIDITY).where(_V.row == row).values(known_to=tick))
                kept = [(slot, a, b, number, tick, FOREVER) for a, b in _outside(certificate, span)]
                execute_many(connection, VALIDITY, _COLUMNS, kept)
            return [certificate._replace(known_to=tick) for _, _, certificate in rows]

    def certificates(self, product: Product, *, withdrawn: bool = False) -> list[Certificate]:
        """Return what a product is certified for, ordered by collection, device and time.

        Parameters
        ----------
        product : Product
            A registered product.
        withdrawn : bool
            Whether to tell what is no longer in force too.
        """
        query = certificates_query().where(_P.id == product.id)
        if not withdrawn:
            query = query.where(_V.known_to == FOREVER)
        query = query.order_by(_S.collection, _S.device, _V.start, _V.known_from)
        with database_errors(self._where), self._engine.connect() as connection:
            return [Certificate(*row[2:]) for row in connection.execute(query)]

    def standing(
        self, product_type: str, collection: str, start: int, stop: int
    ) -> set[tuple[str, str, int, int]]:
        """Return product, device, start and stop of each certificate in force now that touches a span.

        Parameters
        ----------
        product_type, collection : str
            Exactly as certified.
        start, stop : int
            Half-open, in ns TAI.
        """
        of = (_S.product_type == product_type, _S.collection == collection)
        touching = (_V.known_to == FOREVER, _V.start < stop, _V.stop > start)
        query = (
            select(_P.id, _S.device, _V.start, _V.stop)
            .join_from(VALIDITY, SLOTS, _V.slot == _S.slot)
            .join(PRODUCTS, _V.product == _P.row)
            .where(*of, *touching)
        )
        with database_errors(self._where), self._engine.connect() as connection:
            return {(id, device, first, last) for id, device, first, last in connection.execute(query)}


def certificates_query() -> Select[Any]:
    """Return the query for all certificates: row, slot, and then the values of `Certificate`."""
    return (
        select(
            _V.row,
            _V.slot,
            _P.id,
            _P.name,
            _S.product_type,
            _S.device,
            _S.collection,
            _V.start,
            _V.stop,
            _V.known_from,
            _V.known_to,
        )
        .join_from(VALIDITY, SLOTS, _V.slot == _S.slot)
        .join(PRODUCTS, _V.product == _P.row)
    )


def _certified(
    connection: Connection, product: Product, collection: str, start: int, stop: int, because: str
) -> tuple[list[Certificate], bool]:
    standing = []
    for device in devices_of(product):
        slot = (_S.product_type == product.product_type, _S.device == device, _S.collection == collection)
        query = certificates_query().where(*slot, _V.known_to == FOREVER, _V.start < stop, _V.stop > start)
        for row in connection.execute(query.order_by(_V.start)):
            certificate = Certificate(*row[2:])
            if certificate[0] != product.id or certificate[5:7] != (start, stop):
                raise _overlap(product, (start, stop), certificate)
            standing.append(certificate)
    if standing:
        return standing, False
    _insert_many(connection, [(product, start, stop)], collection, because)
    made = _in_force(connection, product, collection, (start, stop))
    return [certificate for *_, certificate in made], True


def _insert_many(
    connection: Connection, items: Sequence[tuple[Product, int, int]], collection: str, because: str
) -> int:
    numbers = rows_of(connection, {product.id for product, _, _ in items})
    for product, _, _ in items:
        if product.id not in numbers:
            raise not_registered(product)
    slots = _slots(connection, {(p.product_type, d, collection) for p, _, _ in items for d in devices_of(p)})
    first = next_tick(connection)
    acts = ((first + i, "certify", numbers[p.id], collection, because) for i, (p, _, _) in enumerate(items))
    execute_many(connection, ACTS, ("tick", "action", "product", "collection", "because"), acts)
    rows = (
        (slots[p.product_type, device, collection], start, stop, numbers[p.id], first + i, FOREVER)
        for i, (p, start, stop) in enumerate(items)
        for device in devices_of(p)
    )
    execute_many(connection, VALIDITY, _COLUMNS, rows)
    return len(items)


def _slots(connection: Connection, wanted: set[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    known: dict[tuple[str, str, str], int] = {}
    for type_name, device, collection in sorted(wanted):
        query = select(_S.slot).where(
            _S.product_type == type_name, _S.device == device, _S.collection == collection
        )
        slot = connection.scalar(query)
        if slot is None:
            values = {"product_type": type_name, "device": device, "collection": collection}
            inserted = connection.execute(insert(SLOTS).values(values)).inserted_primary_key
            assert inserted is not None
            slot = inserted[0]
        known[type_name, device, collection] = slot
    return known


def _in_force(
    connection: Connection, product: Product, collection: str, span: tuple[int, int] | None
) -> list[tuple[int, int, Certificate]]:
    query = certificates_query().where(
        _P.id == product.id, _S.collection == collection, _V.known_to == FOREVER
    )
    if span is not None:
        query = query.where(_V.start < span[1], _V.stop > span[0])
    rows = connection.execute(query.order_by(_S.device, _V.start))
    return [(row[0], row[1], Certificate(*row[2:])) for row in rows]


def _outside(certificate: Certificate, span: tuple[int, int] | None) -> list[tuple[int, int]]:
    if span is None:
        return []
    before, after = (certificate.start, span[0]), (span[1], certificate.stop)
    return [(a, b) for a, b in (before, after) if a < b]


def _check_collection(collection: str) -> None:
    check_name(collection, "collection")
    if collection == "raw":
        raise ConfigurationError(
            "Nothing can be certified in the collection 'raw': it holds what came from outside.",
            expected="a collection of calibrations, e.g. A, B or C/2027",
            got="raw",
            code="collection-raw",
        )


def _overlap(product: Product, span: tuple[int, int], there: Certificate) -> ValidityOverlap:
    return ValidityOverlap(
        f"Another calibration is in force for a part of the span in collection '{there.collection}'.",
        where=f"{there.product_type} of {there.device}",
        expected="no other product certified there for any part of it",
        got=f"{there.product[:12]} ({there.name}), valid {span_text(there.start, there.stop)}; "
        f"asked for {product.short_id} ({product.name}), {span_text(*span)}",
        mend=f"withdraw it first (pellucid decertify {there.product[:12]} --collection {there.collection}), "
        "or certify outside of it",
    )


def _not_certified(product: Product, collection: str, span: tuple[int, int] | None) -> MissingInput:
    return MissingInput(
        f"The product {product.short_id} ({product.name}) is not certified in collection '{collection}'"
        + (f" for any part of {span_text(*span)}." if span else "."),
        mend=f"see what it is certified for: pellucid show {product.short_id}",
        code="not-certified",
    )
