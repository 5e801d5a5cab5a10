# SPDX-License-Identifier: BSD-3-Clause
"""The short way to the database for look-ups that must be quick.

A statement is written once by SQLAlchemy, for whichever engine, and then given to the driver as it is:
its connection keeps the statement prepared. Each thread has a connection of its own, outside of every
transaction, so each look-up sees what is registered at that moment.
"""

import os
import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Select, exc

__all__ = ["Reader", "Statement"]

MAPPED = 2**31
"""Bytes of a file of SQLite that are read where the system has them, a copy and a call less for each page."""


class Statement:
    """A query as text for one engine, with the values that never change filled in.

    Parameters
    ----------
    engine : Engine
        Whose dialect it is written in.
    query : Select
        With a `bindparam` for each value that changes, and some value in it.
    names : sequence of str
        Names of these, in the order in which `Reader.rows` is given them.
    """

    def __init__(self, engine: Engine, query: Select[Any], names: Sequence[str]) -> None:
        compiled = query.compile(dialect=engine.dialect, compile_kwargs={"render_postcompile": True})
        self.text = compiled.string
        positions = compiled.positiontup or []
        self._fixed = [compiled.params[name] for name in positions]
        self._given = [(i, names.index(name)) for i, name in enumerate(positions) if name in names]

    def values(self, given: Sequence[Any]) -> list[Any]:
        """Return the values of all places of the text."""
        values = self._fixed.copy()
        for place, number in self._given:
            values[place] = given[number]
        return values


class Reader:
    """Connections of the driver, one for each thread, for reading alone.

    Parameters
    ----------
    engine : Engine
        Where they come from.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._own = threading.local()
        self._all: list[Any] = []
        self._failure: type[Exception] = engine.dialect.loaded_dbapi.Error

    def rows(self, statement: Statement, *given: Any) -> list[tuple[Any, ...]]:
        """Return what a statement finds for the given values.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            The database failed; a server's connection that was lost is opened again once.
        """
        values = statement.values(given)
        try:
            return self._fetch(statement.text, values)
        except self._failure as error:
            if not getattr(self._connection(), "broken", False):
                raise self._wrapped(statement, error) from error
        self._own.pid = None
        try:
            return self._fetch(statement.text, values)
        except self._failure as error:
            raise self._wrapped(statement, error) from error

    def close(self) -> None:
        """Close all connections, those of other threads too."""
        while self._all:
            self._all.pop().close()
        self._own = threading.local()

    def _wrapped(self, statement: Statement, error: Exception) -> BaseException:
        return exc.DBAPIError.instance(statement.text, None, error, self._failure)

    def _fetch(self, text: str, values: list[Any]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection().execute(text, values).fetchall()
        return rows

    def _connection(self) -> Any:
        own = self._own
        # a connection must not be shared with a process that was forked
        if getattr(own, "pid", None) != os.getpid():
            pooled = self._engine.raw_connection()
            own.connection = pooled.driver_connection
            pooled.detach()
            if self._engine.dialect.name == "sqlite":
                own.connection.execute(f"PRAGMA mmap_size = {MAPPED}")
            else:
                own.connection.autocommit = True
                # planning anew for each value takes longer than the look-up
                own.connection.execute("SET plan_cache_mode = force_generic_plan")
            own.pid = os.getpid()
            self._all.append(pooled)
        return own.connection
