# SPDX-License-Identifier: BSD-3-Clause
"""Which calibration is right for a moment: one answer, or an error that says which kind of none it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Engine, Select, bindparam, exc, exists, select

from pellucid.archive.engine import database_errors
from pellucid.archive.explain import Explanation, explained
from pellucid.archive.interning import Common
from pellucid.archive.part import Part
from pellucid.archive.product import Product
from pellucid.archive.reading import Reader, Statement
from pellucid.archive.rows import SELECTED, product_of
from pellucid.archive.tables import FOREVER, PRODUCTS, SLOTS, VALIDITY, VERDICTS
from pellucid.archive.validity import device_name
from pellucid.archive.verdicts import is_rejection
from pellucid.errors import IntermittentError

__all__ = ["Calibration", "LookUp"]

_V, _S = VALIDITY.c, SLOTS.c

ATTEMPTS = 5
"""How often the direct question and the explanation may disagree, since others changed the index between."""


class Calibration(NamedTuple):
    """The calibration for a moment.

    Attributes
    ----------
    product : Product
        What to use.
    collection : str
        The collection of the search path that had it.
    start, stop : int
        Half-open span for which it is certified there, in ns TAI since 1970.
    """

    product: Product
    collection: str
    start: int
    stop: int


class LookUp(Part):
    """Looks calibrations up in an index."""

    def __init__(self, engine: Engine, where: Path | str, common: Common) -> None:
        super().__init__(engine, where, common)
        self._slots: dict[tuple[str, str, str], int] = {}
        self._reader = Reader(engine)
        self._slot = Statement(engine, _slot(), ("type", "device", "collection"))
        self._now = Statement(engine, _latest_before(as_of=False), ("slot", "at"))
        self._then = Statement(engine, _latest_before(as_of=True), ("slot", "at", "as_of"))

    def close(self) -> None:
        """Give the connections back."""
        self._reader.close()

    def lookup(
        self,
        product_type: str,
        device: int | str | None,
        at: int,
        path: str | Sequence[str],
        as_of: int | None = None,
    ) -> Calibration:
        """Return the calibration that is valid for a device at a moment.

        The collections of the path are asked in order; the first that has one answers.

        Parameters
        ----------
        product_type : str
            Of the calibration; with ``*`` and the like where only one type has one.
        device : int, str or None
            Telescope, name of a device, or ``array``; None where only one device has one.
        at : int
            Moment, in ns TAI since 1970.
        path : str or sequence of str
            Collection or collections, the most trusted first.
        as_of : int, optional
            What would have been found then, knowing what was known then: ns UTC since 1970.

        Raises
        ------
        CalibrationMissing
            None is certified (``calibration-missing``).
        CalibrationExpired
            The last one is no longer valid at that moment (``calibration-expired``).
        CalibrationAmbiguous
            Several types or devices have one (``calibration-ambiguous``).
        IntermittentError
            Others certify and withdraw it all the time (``index-changing``).
        """
        path = (path,) if isinstance(path, str) else path
        for _ in range(ATTEMPTS):
            if device is not None:
                name = device if isinstance(device, str) else f"tel-{device}"
                found = self._in_force(product_type, name, at, path, as_of)
                if found is not None:
                    return found
            explanation = self.explain(product_type, device, at, path, as_of)
            if explanation.error is not None:
                raise explanation.error
            assert explanation.chosen is not None
            only = explanation.chosen
            found = self._in_force(only.product_type, only.device, at, (only.collection,), as_of)
            if found is not None:
                return found
        raise IntermittentError(
            "What is certified changes faster than it can be looked up.",
            where=f"{product_type} in {','.join(path)}",
            mend="repeat",
            code="index-changing",
        )

    def _in_force(
        self, product_type: str, device: str, at: int, path: Sequence[str], as_of: int | None
    ) -> Calibration | None:
        for collection in path:
            row = self._latest_before(product_type, device, collection, at, as_of)
            # spans do not overlap: where the latest that began has ended, no other is valid
            if row is not None and row[-1] > at:
                return Calibration(self._product(row), collection, row[-2], row[-1])
        return None

    def _latest_before(
        self, product_type: str, device: str, collection: str, at: int, as_of: int | None
    ) -> tuple[Any, ...] | None:
        try:
            # a slot is never removed, so its number stays
            slot = self._slots.get((product_type, device, collection))
            if slot is None:
                numbers = self._reader.rows(self._slot, product_type, device, collection)
                if not numbers:
                    return None
                slot = self._slots[product_type, device, collection] = numbers[0][0]
            if as_of is None:
                rows = self._reader.rows(self._now, slot, at)
            else:
                rows = self._reader.rows(self._then, slot, at, as_of)
        except exc.DBAPIError:
            with database_errors(self._where):  # only now: entering it takes as long as finding the row
                raise
        return rows[0] if rows else None

    def _product(self, row: tuple[Any, ...]) -> Product:
        try:
            return product_of(row, self._common)
        except KeyError:
            with database_errors(self._where), self._engine.connect() as connection:
                self._common.load(connection, [(row[0], row[1])])
            return product_of(row, self._common)

    def explain(
        self,
        product_type: str,
        device: int | str | None,
        at: int,
        path: str | Sequence[str],
        as_of: int | None = None,
    ) -> Explanation:
        """Return what `lookup` finds and, for each candidate it does not, why; parameters are the same."""
        path = (path,) if isinstance(path, str) else tuple(path)
        name = None if device is None else device_name(device)
        with database_errors(self._where), self._engine.connect() as connection:
            return explained(connection, product_type, name, at, path, as_of)


def _slot() -> Select[Any]:
    return select(_S.slot).where(
        _S.product_type == bindparam("type", ""),
        _S.device == bindparam("device", ""),
        _S.collection == bindparam("collection", ""),
    )


def _latest_before(*, as_of: bool) -> Select[Any]:
    """Return the query for the certificate that began last, which one step down one index finds."""
    latest = select(_V.product, _V.start, _V.stop).where(
        _V.slot == bindparam("slot", 0, BigInteger), _V.start <= bindparam("at", 0, BigInteger)
    )
    moment = bindparam("as_of", 0, BigInteger) if as_of else None
    if moment is not None:
        latest = latest.where(_V.known_from <= moment, _V.known_to > moment)
    else:
        latest = latest.where(_V.known_to == FOREVER)
    row = latest.order_by(_V.start.desc()).limit(1).subquery("latest")
    rejection = exists().where(VERDICTS.c.product == row.c.product, is_rejection(moment))
    return (
        select(*SELECTED, row.c.start, row.c.stop)
        .join_from(row, PRODUCTS, PRODUCTS.c.row == row.c.product)
        .where(~rejection)
    )
