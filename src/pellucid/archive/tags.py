# SPDX-License-Identifier: BSD-3-Clause
"""Tagged sets: products under a name that somebody gave them, whatever collection they came in.

What is in a run collection stays there; a tag is what people use to gather products from many, and to let
them go again. What was tagged at any earlier moment remains known.
"""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, literal, select, update

from pellucid.archive.engine import database_errors, transaction
from pellucid.archive.journal import act
from pellucid.archive.part import Part
from pellucid.archive.product import Product, check_name
from pellucid.archive.rows import execute_many, load_products, not_registered, rows_of, select_products
from pellucid.archive.tables import FOREVER, PRODUCTS, TAGGED

__all__ = ["Tags", "in_tag"]

_T = TAGGED.c
_COLUMNS = ("name", "product", "known_from", "known_to")


class Tags(Part):
    """The tagged sets of an index."""

    def tag(self, name: str, products: Sequence[Product], *, because: str = "") -> int:
        """Put products into a tagged set, all of them or none.

        Parameters
        ----------
        name : str
            The set; made where there is none.
        products : sequence of Product
            Registered products; those that are in it already stay.
        because : str
            Why, for those who ask later.

        Returns
        -------
        int
            How many are new in it.

        Raises
        ------
        ConfigurationError
            The name is ill-spelled (``ill-spelled-name``).
        MissingInput
            A product is not registered (``unknown-product``); then nothing was tagged.
        """
        check_name(name, "tag")
        with database_errors(self._where), transaction(self._engine) as connection:
            there = set(connection.scalars(select(PRODUCTS.c.id).where(in_tag(name))))
            new = _rows(connection, [product for product in products if product.id not in there])
            ticks = [act(connection, "tag", row, name, because) for row in new]
            tagged = ((name, row, tick, FOREVER) for row, tick in zip(new, ticks, strict=True))
            execute_many(connection, TAGGED, _COLUMNS, tagged)
        return len(new)

    def untag(self, name: str, products: Sequence[Product], *, because: str = "") -> int:
        """Take products out of a tagged set; those that are not in it are passed over.

        Parameters are those of `tag`.

        Returns
        -------
        int
            How many were in it.
        """
        check_name(name, "tag")
        with database_errors(self._where), transaction(self._engine) as connection:
            there = {row.product for row in connection.execute(_members(name))}
            rows = _rows(connection, products)
            gone = [row for row in rows if row in there]
            for row in gone:
                tick = act(connection, "untag", row, name, because)
                now = (_T.name == name, _T.product == row, _T.known_to == FOREVER)
                connection.execute(update(TAGGED).where(*now).values(known_to=tick))
        return len(gone)

    def tagged(self, name: str, as_of: int | None = None) -> list[Product]:
        """Return the products of a tagged set, newest first.

        Parameters
        ----------
        name : str
            The set; without products where nobody tagged any.
        as_of : int, optional
            What was in it then, in ns UTC since 1970.
        """
        query = select_products().where(in_tag(name, as_of)).order_by(PRODUCTS.c.row.desc())
        with database_errors(self._where), self._engine.connect() as connection:
            return load_products(connection, query, self._common)

    def tags(self) -> list[str]:
        """Return the names of all tagged sets that have products, sorted."""
        query = select(_T.name).where(_T.known_to == FOREVER).distinct().order_by(_T.name)
        with database_errors(self._where), self._engine.connect() as connection:
            return list(connection.scalars(query))


def in_tag(name: str, as_of: int | None = None) -> ColumnElement[bool]:
    """Return the condition that a product of a query is in a tagged set."""
    return PRODUCTS.c.row.in_(_members(name, as_of))


def _rows(connection: Connection, products: Sequence[Product]) -> list[int]:
    """Return the rows of products, each once; `MissingInput` where one is not registered."""
    known = rows_of(connection, [product.id for product in products])
    for product in products:
        if product.id not in known:
            raise not_registered(product)
    return list(dict.fromkeys(known[product.id] for product in products))


def _members(name: str, as_of: int | None = None) -> Select[tuple[int]]:
    moment = literal(as_of, BigInteger)
    known = _T.known_to == FOREVER if as_of is None else and_(_T.known_from <= moment, _T.known_to > moment)
    return select(_T.product).where(_T.name == name, known)
