# SPDX-License-Identifier: BSD-3-Clause
"""The index of products: registered whole or not at all, found by what they are and cover."""

import gc
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import batched, repeat
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, exc, func, select

from pellucid.archive.claims import Claims
from pellucid.archive.engine import database_errors, open_engine, transaction
from pellucid.archive.interning import Common
from pellucid.archive.lookup import LookUp
from pellucid.archive.product import Judgement, Product
from pellucid.archive.rows import insert_products, load_products, select_products
from pellucid.archive.seals import CollectionSealed, Seals, check_open
from pellucid.archive.search import beginning_with, is_beginning, matching, types_like
from pellucid.archive.settings import Settings
from pellucid.archive.summaries import SummaryCondition
from pellucid.archive.tables import PRODUCTS, SORTS
from pellucid.archive.tags import Tags
from pellucid.archive.validity import Validity
from pellucid.archive.verdicts import Verdict, Verdicts
from pellucid.errors import CorruptedInput, MissingInput, UsageError

__all__ = ["Catalogue"]

_P, _S = PRODUCTS.c, SORTS.c

MANY = 100
"""From so many products on they are taken for new, and looked for only if one of them is not."""

type _Query = Select[tuple[Any, ...]]
type _Register = Callable[[Connection, Sequence[Product], Common], list[tuple[Product, bool]]]


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
        self.common = Common()
        self.validity = Validity(self.engine, path, self.common)
        self._lookup = LookUp(self.engine, path, self.common)
        self.certify = self.validity.certify
        self.decertify = self.validity.decertify
        self.lookup = self._lookup.lookup
        self.explain = self._lookup.explain
        self.claims = Claims(self.engine, path, self.common)
        self.settings = Settings(self.engine, path, self.common)
        self.opinions = Verdicts(self.engine, path, self.common)
        self.sealing = Seals(self.engine, path, self.common)
        self.seal = self.sealing.seal
        self.seals = self.sealing.seals
        self.tags = Tags(self.engine, path, self.common)

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
        ConfigurationError
            The product is new, and its collection sealed (``collection-sealed``).
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
        CorruptedInput, MissingInput, ConfigurationError
            As `register`; then nothing was registered.
        """
        with database_errors(self.path):
            if len(products) >= MANY and len({p.id for p in products}) == len(products):
                try:
                    return self._in_transaction(_all_new, products)
                except (exc.IntegrityError, CollectionSealed):
                    pass  # one at least is there already
            return self._in_transaction(_registered, products)

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
        found = self._load(beginning_with(prefix).limit(5)) if is_beginning(prefix) else []
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(id, found)
        raise _unknown(id, self._nearest_to(id.strip()))

    def get_many(self, ids: Sequence[str]) -> dict[str, Product]:
        """Return those of the products with these full ids that are registered, by id."""
        with database_errors(self.path), self.engine.connect() as connection:
            return _known(connection, ids, self.common)

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
        summary: Sequence[SummaryCondition] = (),
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
        summary : sequence of SummaryCondition
            On the numbers and words in its summary; see `pellucid.archive.summaries`.
        limit : int, optional
            At most so many.
        """
        types = None
        if product_type is not None:
            with database_errors(self.path), self.engine.connect() as connection:
                types = types_like(connection, _S.product_type, product_type)
        query = matching(
            types=types,
            obs_id=obs_id,
            night=night,
            tel=tel,
            tag=tag,
            time=time,
            covered=covered,
            sha256=sha256,
            summary=summary,
            device=device,
            step=step,
            collection=collection,
            kind=kind,
            category=category,
            quality=quality,
            rights=rights,
        ).order_by(_P.row.desc())
        return self._load(query.limit(limit)) if name is None else self._load_named(query, name, limit)

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
            return types_like(connection, _S.product_type, "*")

    def _in_transaction(self, register: _Register, products: Sequence[Product]) -> list[tuple[Product, bool]]:
        try:
            with transaction(self.engine) as connection:
                return register(connection, products, self.common)
        except BaseException:
            self.common.forget()
            raise

    def _load(self, query: _Query) -> list[Product]:
        with database_errors(self.path), self.engine.connect() as connection:
            return load_products(connection, query, self.common)

    def _load_named(self, query: _Query, name: str, limit: int | None) -> list[Product]:
        head = re.split(r"[*?[]", name, maxsplit=1)[0]
        if head == name:
            return self._load(query.where(_P.name == name).limit(limit))
        # engines differ in how they match patterns, so they only narrow down and Python decides
        found = self._load(query.where(_P.name.startswith(head, autoescape=True)))
        return [product for product in found if fnmatchcase(product.name, name)][:limit]

    def _nearest_to(self, text: str) -> list[Product]:
        if named := self._load(select_products().where(_P.name == text).limit(3)):
            return named
        prefix = text.lower()
        for length in range(min(len(prefix), 63), 3, -1):
            if is_beginning(prefix[:length]) and (
                near := self._load(beginning_with(prefix[:length]).limit(3))
            ):
                return near
        return []


def _all_new(
    connection: Connection, products: Sequence[Product], common: Common
) -> list[tuple[Product, bool]]:
    now = time.time_ns()
    with _no_collection():
        new = [product.registered(now) for product in products]
        _insert(connection, new, common)
        return list(zip(new, repeat(True)))


@contextmanager
def _no_collection() -> Iterator[None]:
    # objects by the hundred thousand set off the search for cycles again and again, and none are made here
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _registered(
    connection: Connection, products: Sequence[Product], common: Common
) -> list[tuple[Product, bool]]:
    now = time.time_ns()
    there = _known(connection, [p.id for p in products], common)
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
        _insert(connection, list(new.values()), common)
    return answers


def _known(connection: Connection, ids: Sequence[str], common: Common) -> dict[str, Product]:
    return {
        known.id: known
        for batch in batched(ids, 500)
        for known in load_products(connection, select_products().where(_P.id.in_(batch)), common)
    }


def _insert(connection: Connection, products: Sequence[Product], common: Common) -> None:
    check_open(connection, products)
    try:
        insert_products(connection, products, _next_rows(connection, len(products)), common)
    except KeyError as error:
        raise _unknown(error.args[0], []) from None


def _next_rows(connection: Connection, count: int) -> range:
    # there is one writer at a time, and rows are never removed
    last = connection.scalar(select(func.max(_P.row))) or 0
    return range(last + 1, last + 1 + count)


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
