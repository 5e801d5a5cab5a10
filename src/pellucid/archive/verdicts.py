# SPDX-License-Identifier: BSD-3-Clause
"""What people say of a product: accepted or rejected, by whom and why, and never forgotten.

A rejected product stays where it is, but no look-up offers it, until the party that rejected it accepts it.
"""

from typing import NamedTuple, get_args

from sqlalchemy import BigInteger, ColumnElement, and_, insert, literal, select, update

from pellucid.archive.engine import database_errors, transaction
from pellucid.archive.journal import act
from pellucid.archive.part import Part
from pellucid.archive.product import Judgement, Product
from pellucid.archive.rows import row_of
from pellucid.archive.tables import FOREVER, PRODUCTS, VERDICTS
from pellucid.errors import UsageError

__all__ = ["Verdict", "Verdicts", "is_rejection"]

_V, _P = VERDICTS.c, PRODUCTS.c


class Verdict(NamedTuple):
    """What a party said of a product.

    Attributes
    ----------
    product : str
        Id of the product.
    party : str
        Who judged it, e.g. ``LST`` or ``calibration-coordinator``.
    verdict : str
        ``accepted`` or ``rejected``.
    reason : str
        Why.
    signature : str
        What proves who judged it, if anything does.
    known_from, known_to : int
        Half-open span of knowledge, in ns UTC since 1970: the next verdict of the same party ends it, and
        it is `pellucid.archive.tables.FOREVER` where there is none yet.
    """

    product: str
    party: str
    verdict: Judgement
    reason: str
    signature: str
    known_from: int
    known_to: int


class Verdicts(Part):
    """What was said of the products in an index."""

    def judge(
        self, product: Product, *, party: str, verdict: Judgement, reason: str, signature: str = ""
    ) -> Verdict:
        """Note a party's verdict on a product; it takes the place of the party's last one.

        Parameters
        ----------
        product : Product
            A registered product.
        party, verdict, reason, signature : str
            As in `Verdict`.

        Raises
        ------
        UsageError
            The verdict is none, or party or reason are empty (``verdict``).
        MissingInput
            The product is not registered (``unknown-product``).
        """
        if verdict not in get_args(Judgement) or not party.strip() or not reason.strip():
            raise UsageError(
                "This is no verdict.",
                expected=f"a party, one of {', '.join(get_args(Judgement))}, and the reason",
                got=f"party {party!r}, verdict {verdict!r}, reason {reason!r}",
                mend="say who judges, how, and why",
                code="verdict",
            )
        with database_errors(self._where), transaction(self._engine) as connection:
            row = row_of(connection, product)
            tick = act(connection, "judge", row, "", reason)
            last = (_V.product == row, _V.party == party, _V.known_to == FOREVER)
            connection.execute(update(VERDICTS).where(*last).values(known_to=tick))
            said = Verdict(product.id, party, verdict, reason, signature, tick, FOREVER)
            connection.execute(insert(VERDICTS).values(said._asdict() | {"product": row}))
        return said

    def verdicts(self, product: Product) -> list[Verdict]:
        """Return all that was ever said of a product, in the order of time."""
        query = (
            select(_P.id, _V.party, _V.verdict, _V.reason, _V.signature, _V.known_from, _V.known_to)
            .join_from(VERDICTS, PRODUCTS, _V.product == _P.row)
            .where(_P.id == product.id)
            .order_by(_V.known_from)
        )
        with database_errors(self._where), self._engine.connect() as connection:
            return [Verdict(*row) for row in connection.execute(query)]


def is_rejection(as_of: ColumnElement[int] | int | None) -> ColumnElement[bool]:
    """Return the condition that a verdict of a query is a rejection, and known now or at a moment."""
    if as_of is None:
        known = _V.known_to == FOREVER
    else:
        moment = literal(as_of, BigInteger) if isinstance(as_of, int) else as_of
        known = and_(_V.known_from <= moment, _V.known_to > moment)
    return and_(_V.verdict == "rejected", known)
