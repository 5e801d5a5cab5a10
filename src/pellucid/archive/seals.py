# SPDX-License-Identifier: BSD-3-Clause
"""Sealed collections: what a run has put there is all there will ever be.

Products are never changed or removed; a seal says that none are added either. It is for good, and the
database itself refuses what would break it. What is there already may be registered again, which changes
nothing.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from pellucid.archive.engine import database_errors, transaction
from pellucid.archive.part import Part
from pellucid.archive.product import Product, check_name
from pellucid.archive.tables import SEALED, SORTS
from pellucid.errors import ConfigurationError, MissingInput, UsageError, nearest

__all__ = ["ALWAYS_OPEN", "CollectionSealed", "Seal", "Seals", "check_open"]

ALWAYS_OPEN = ("raw", "quarantine")
"""Where devices deliver, day after day."""

# a trigger doubles the time that a product takes, so an archive gets it with its first seal
_SQLITE_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS products_not_into_sealed BEFORE INSERT ON products
WHEN EXISTS (SELECT 1 FROM sealed JOIN sorts USING (collection) WHERE sorts.sort = NEW.sort)
BEGIN SELECT RAISE(ABORT, 'products_not_into_sealed: the collection is sealed'); END
"""


class CollectionSealed(ConfigurationError):
    """A product was to come into a collection that is sealed."""

    default_code = "collection-sealed"


class Seal(NamedTuple):
    """A collection that is sealed: since when (ns since 1970 UTC), and why."""

    collection: str
    sealed_ns: int
    because: str


class Seals(Part):
    """The sealed collections of an index."""

    def seal(self, collection: str, *, because: str = "") -> tuple[Seal, bool]:
        """Seal a collection for good.

        Parameters
        ----------
        collection : str
            A collection that has products.
        because : str
            Why, for those who ask later.

        Returns
        -------
        tuple of Seal and bool
            The seal, and whether it is new. To seal again changes nothing.

        Raises
        ------
        ConfigurationError
            The name is ill-spelled (``ill-spelled-name``).
        UsageError
            The collection is one that always stays open (``always-open``).
        MissingInput
            Nothing is in it (``no-such-collection``).
        """
        check_name(collection, "collection")
        if collection in ALWAYS_OPEN:
            raise UsageError(
                f"The collection '{collection}' stays open: devices deliver into it.",
                expected="a collection of a run, e.g. C/2026-1",
                got=collection,
                code="always-open",
            )
        with database_errors(self._where), transaction(self._engine) as connection:
            known = connection.execute(select(SEALED).where(SEALED.c.collection == collection)).one_or_none()
            if known is not None:
                return Seal(*known), False
            there = list(connection.scalars(select(SORTS.c.collection).distinct()))
            if collection not in there:
                raise MissingInput(
                    f"There is no collection '{collection}'.",
                    expected="a collection that has products",
                    mend=nearest(collection, sorted({*there} - {*ALWAYS_OPEN})),
                    code="no-such-collection",
                )
            new = Seal(collection, time.time_ns(), because)
            connection.execute(insert(SEALED).values(new._asdict()))
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(_SQLITE_TRIGGER)
        return new, True

    def seals(self) -> list[Seal]:
        """Return the sealed collections, in the order of their names."""
        query = select(SEALED).order_by(SEALED.c.collection)
        with database_errors(self._where), self._engine.connect() as connection:
            return [Seal(*row) for row in connection.execute(query)]


def check_open(connection: Connection, products: Sequence[Product]) -> None:
    """Refuse new products of which one belongs to a sealed collection (`CollectionSealed`)."""
    sealed = {row.collection: Seal(*row) for row in connection.execute(select(SEALED))}
    if not sealed:
        return
    for product in products:
        if product.collection in sealed:
            raise CollectionSealed(
                f"The collection '{product.collection}' is sealed: nothing new may come into it.",
                where=product.name,
                got=f"sealed because: {sealed[product.collection].because or 'no reason given'}",
                mend="put it into another collection, e.g. of the next release",
            )
