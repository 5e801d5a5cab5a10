# SPDX-License-Identifier: BSD-3-Clause
"""The index of products: registered whole or not at all, found by what they are and cover."""

import re
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import batched, islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from pellucid.archive.claims import Claims
from pellucid.archive.engine import database_errors, open_engine, transaction
from pellucid.archive.lineage import is_key
from pellucid.archive.lookup import LookUp
from pellucid.archive.product import Judgement, Product
from pellucid.archive.rows import insert_products, product_of, select_products
from pellucid.archive.tables import PRODUCT_TELESCOPES, PRODUCT_TYPES, PRODUCTS
from pellucid.archive.tags import Tags, in_tag
from pellucid.archive.validity import Validity
from pellucid.archive.verdicts import Verdict, Verdicts
from pellucid.errors import CorruptedInput, MissingInput, UsageError

__all__ = ["Catalogue"]

_P = PRODUCTS.c
type _Query = Select[tuple[Any, ...]]


class Catalogue:
    """The index of an archive; validity, look-up, verdicts, tags and claims are here too.

    Parameters
    ----------
    path : Path or str
        SQLite file, or URL ``postgresql://...`` of a database; made ready where it is not.

    Raises
    ------
    ConfigurationError, CorruptedInput, IntermittentError
        From any method: see `pellucid.archive.engine.open_engine`.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.engine = open_engine(path)
        self.validity = Validity(self.engine, path)
        self._lookup = LookUp(self.engine, path)
        self.certify = self.validity.certify
        self.decertify = self.validity.decertify
        self.lookup = self._lookup.lookup
        self.explain = self._lookup.explain
        self.claims = Claims(self.engine, path)
        self.opinions = Verdicts(self.engine, path)
        self.tags = Tags(self.engine, path)

    def close(self) -> None:
        """Give the database connections back."""
        self._lookup.close()
        self.engine.dispose()

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
        return self.register_many([product])[0]

    def register_many(self, products: Sequence[Product]) -> list[tuple[Product, bool]]:
        """Make many products visible in one transaction: all of them or none.

        Parameters
        ----------
        products : sequence of Product
            As `register` takes them; inputs may be among them, before what was made of them.

        Returns
        -------
        list of tuple of Product and bool
            For each, in order, what `register` returns.

        Raises
        ------
        CorruptedInput, MissingInput
            As `register`; then nothing was registered.
        """
        with database_errors(self.path), transaction(self.engine) as connection:
            return _registered(connection, products)

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
        with database_errors(self.path), self.engine.connect() as connection:
            if is_key(prefix):
                found = _load(connection, select_products().where(_P.id == prefix))
            else:
                found = _load(connection, _beginning_with(prefix).limit(5)) if _is_hex(prefix) else []
            if len(found) == 1:
                return found[0]
            if found:
                raise _ambiguous(id, found)
            raise _unknown(id, _nearest_to(connection, id.strip()))

    def get_many(self, ids: Sequence[str]) -> dict[str, Product]:
        """Return those of the products with these full ids that are registered, by id."""
        with database_errors(self.path), self.engine.connect() as connection:
            return _known(connection, ids)

    def find(
        self,
        *,
        product_type: str | None = None,
        obs_id: int | None = None,
        tel: int | None = None,
        device: str | None = None,
        name: str | None = None,
        step: str | None = None,
        collection: str | None = None,
        kind: str | None = None,
        category: str | None = None,
        night: int | None = None,
        quality: str | None = None,
        rights: str | None = None,
        tag: str | None = None,
        time: tuple[int, int] | None = None,
        covered: bool | None = None,
        sha256: str | None = None,
        limit: int | None = None,
    ) -> list[Product]:
        """Return the products that fulfil all conditions, newest first.

        Parameters
        ----------
        product_type, name : str, optional
            With ``*``, ``?`` and ``[...]`` as in a shell; ``*`` passes over slashes. Case counts.
        obs_id, tel : int, optional
            Observation; telescope that the product covers.
        device, step, collection, kind, category, quality, rights : str, optional
            Exactly as registered.
        night : int, optional
            Night YYYYMMDD.
        tag : str, optional
            Tagged set that the product is in now.
        time : tuple of int, optional
            Half-open span (start, stop) in ns TAI that the product's cover must touch. Products
            without a cover never do.
        covered : bool, optional
            Whether it says which time it covers.
        sha256 : str, optional
            Hash of its bytes.
        limit : int, optional
            At most so many.
        """
        query = select_products().order_by(_P.row.desc())
        exactly = {
            "obs_id": obs_id,
            "device": device,
            "step": step,
            "collection": collection,
            "kind": kind,
            "category": category,
            "night": night,
            "quality": quality,
            "rights": rights,
        }
        for column, value in exactly.items():
            if value is not None:
                query = query.where(_P[column] == value)
        if tel is not None:
            covering = select(PRODUCT_TELESCOPES.c.product).where(PRODUCT_TELESCOPES.c.tel_id == tel)
            query = query.where(_P.row.in_(covering))
        if tag is not None:
            query = query.where(in_tag(tag))
        if time is not None:
            query = query.where(_P.time_start < time[1], _P.time_stop > time[0])
        if covered is not None:
            query = query.where(_P.time_start.is_not(None) if covered else _P.time_start.is_(None))
        if sha256 is not None:
            query = query.where(or_(_P.id == sha256, _P.sha256 == sha256))  # of raw products only the first
        with database_errors(self.path), self.engine.connect() as connection:
            if product_type is not None:
                names = [n for n in self._types(connection) if fnmatchcase(n, product_type)]
                query = query.where(_P.product_type.in_(names))
            if name is None:
                return _load(connection, query.limit(limit))
            return _load_named(connection, query, name, limit)

    def judge(
        self, product_id: str, *, party: str, verdict: Judgement, reason: str, signature: str = ""
    ) -> Verdict:
        """Note a party's verdict on a product, given by its id or the first digits of it.

        Parameters, return and errors are those of `pellucid.archive.verdicts.Verdicts.judge` and `get`.
        """
        product = self.get(product_id)
        return self.opinions.judge(product, party=party, verdict=verdict, reason=reason, signature=signature)

    def verdicts(self, product_id: str) -> list[Verdict]:
        """Return all that was ever said of a product, in the order of time."""
        return self.opinions.verdicts(self.get(product_id))

    def tag(self, name: str, ids: Sequence[str], *, because: str = "") -> int:
        """Put products into a tagged set, by their ids; see `pellucid.archive.tags.Tags.tag`."""
        return self.tags.tag(name, [self.get(id) for id in ids], because=because)

    def untag(self, name: str, ids: Sequence[str], *, because: str = "") -> int:
        """Take products out of a tagged set, by their ids; see `pellucid.archive.tags.Tags.untag`."""
        return self.tags.untag(name, [self.get(id) for id in ids], because=because)

    def product_types(self) -> list[str]:
        """Return the product types there have been in this archive, sorted."""
        with database_errors(self.path), self.engine.connect() as connection:
            return self._types(connection)

    def _types(self, connection: Connection) -> list[str]:
        return list(connection.scalars(select(PRODUCT_TYPES.c.name).order_by(PRODUCT_TYPES.c.name)))


def _registered(connection: Connection, products: Sequence[Product]) -> list[tuple[Product, bool]]:
    now = time.time_ns()
    there = _known(connection, [p.id for p in products])
    new: dict[str, Product] = {}
    answers = []
    for product in products:
        known = there.get(product.id) or new.get(product.id)
        if known is None:
            known = new[product.id] = product.registered(now)
            answers.append((known, True))
        else:
            _check_same_bytes(known, product)
            answers.append((known, False))
    if new:
        try:
            insert_products(connection, list(new.values()), _next_rows(connection, len(new)))
        except KeyError as error:
            raise _unknown(error.args[0], []) from None
    return answers


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, Product]:
    return {
        known.id: known
        for batch in batched(ids, 500)
        for known in _load(connection, select_products().where(_P.id.in_(batch)))
    }


def _next_rows(connection: Connection, count: int) -> range:
    # there is one writer at a time, and rows are never removed
    last = connection.scalar(select(func.max(_P.row))) or 0
    return range(last + 1, last + 1 + count)


def _load(connection: Connection, query: _Query) -> list[Product]:
    return [product_of(row) for row in connection.execute(query)]


def _load_named(connection: Connection, query: _Query, name: str, limit: int | None) -> list[Product]:
    head = re.split(r"[*?[]", name, maxsplit=1)[0]
    if head == name:
        return _load(connection, query.where(_P.name == name).limit(limit))
    # engines differ in how they match patterns, so they only narrow down and Python decides
    rows = connection.execute(query.where(_P.name.startswith(head, autoescape=True)))
    return [product_of(r) for r in islice((r for r in rows if fnmatchcase(r.name, name)), limit)]


def _is_hex(text: str) -> bool:
    return 0 < len(text) < 64 and set(text) <= set("0123456789abcdef")


def _beginning_with(prefix: str) -> _Query:
    # 'g' sorts right after the last hexadecimal digit; a range uses the index, LIKE would not
    return select_products().where(_P.id >= prefix, _P.id < prefix + "g").order_by(_P.id)


def _nearest_to(connection: Connection, text: str) -> list[Product]:
    if named := _load(connection, select_products().where(_P.name == text).limit(3)):
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
