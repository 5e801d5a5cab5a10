# SPDX-License-Identifier: BSD-3-Clause
"""Claims on work: of several processes one does it, and another may when that one is gone.

A claim is a lease. Who takes it has to renew it before it ends; who dies lets it run out. Time is the
database server's, so that the clocks of several machines need not agree; with SQLite it is this machine's.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Engine, cast, delete, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pellucid.archive.engine import database_errors, transaction
from pellucid.archive.part import Part
from pellucid.archive.tables import CLAIMS
from pellucid.errors import UsageError

__all__ = ["Claims", "Holder"]

_C = CLAIMS.c


class Holder(NamedTuple):
    """Who holds a claim, and until when if it is not renewed, in ns since 1970 UTC."""

    owner: str
    until_ns: int


class Claims(Part):
    """What is being worked on in an archive."""

    def take(self, key: str, owner: str, lease_s: float) -> bool:
        """Claim a piece of work: it succeeds where nobody holds it, the lease ran out, or it is one's own.

        Parameters
        ----------
        key : str
            The work, e.g. a lineage key.
        owner : str
            Who takes it; different for every process that works.
        lease_s : float
            For how long, in s.

        Returns
        -------
        bool
            Whether it is the owner's now. Of several that ask at once, one gets it.

        Raises
        ------
        UsageError
            A name is empty, or the lease is not positive and finite (``claim``).
        """
        return bool(self.take_many([key], owner, lease_s))

    def take_many(self, keys: Sequence[str], owner: str, lease_s: float) -> set[str]:
        """Claim many pieces of work at once, different ones; return those that are the owner's now.

        Parameters and errors are those of `take`.
        """
        for key in keys:
            _check(key, owner, lease_s)
        until = self._now(lease_s)
        rows = [{"key": key, "owner": owner, "until_ns": until} for key in keys]
        new = _insert(self._engine)(CLAIMS).values(rows)
        free = or_(_C.until_ns <= self._now(), _C.owner == owner)
        taken = new.on_conflict_do_update(
            index_elements=[_C.key],
            set_={"owner": new.excluded.owner, "until_ns": new.excluded.until_ns},
            where=free,
        ).returning(_C.key)
        with database_errors(self._where), transaction(self._engine, alone=False) as connection:
            return set(connection.scalars(taken)) if rows else set()

    def renew(self, key: str, owner: str, lease_s: float) -> bool:
        """Make a claim last until ``lease_s`` seconds from now.

        Returns
        -------
        bool
            Whether it is still the owner's; if not, another may have begun the work, and it is to be
            left. Parameters and errors are those of `take`.
        """
        _check(key, owner, lease_s)
        longer = (
            update(CLAIMS)
            .where(_C.key == key, _C.owner == owner)
            .values(until_ns=self._now(lease_s))
            .returning(_C.key)
        )
        with database_errors(self._where), transaction(self._engine, alone=False) as connection:
            return connection.scalar(longer) is not None

    def release(self, key: str, owner: str) -> None:
        """Give a claim back; one that is another's by now is left alone."""
        self.release_many([key], owner)

    def release_many(self, keys: Sequence[str], owner: str) -> None:
        """Give many claims back; those that are another's by now are left alone."""
        with database_errors(self._where), transaction(self._engine, alone=False) as connection:
            connection.execute(delete(CLAIMS).where(_C.key.in_(keys), _C.owner == owner))

    def holder(self, key: str) -> Holder | None:
        """Return who holds a claim now; None where nobody does or the lease ran out."""
        query = select(_C.owner, _C.until_ns).where(_C.key == key, _C.until_ns > self._now())
        with database_errors(self._where), self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Holder(*row)

    def _now(self, later_s: float = 0.0) -> ColumnElement[int]:
        """Return the time on the clock that all who share the database share."""
        later = round(later_s * 1e9)
        if self._engine.dialect.name == "sqlite":
            return literal(time.time_ns() + later, BigInteger)
        micro = func.floor(func.extract("epoch", func.clock_timestamp()) * 1_000_000)
        return cast(micro, BigInteger) * 1000 + literal(later, BigInteger)


def _insert(engine: Engine) -> Any:
    return {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[engine.dialect.name]


def _check(key: str, owner: str, lease_s: float) -> None:
    if not key or not owner or not 0 < lease_s <= 10**9:
        raise UsageError(
            "This claim cannot be.",
            expected="a name of the work, a name of the owner, and a lease of more than 0 s",
            got=f"key {key!r}, owner {owner!r}, lease {lease_s!r} s",
            code="claim",
        )
