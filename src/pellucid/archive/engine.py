# SPDX-License-Identifier: BSD-3-Clause
"""The database under the index: how it is opened, its layout checked, its failures told."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import Connection, Engine, create_engine, event, exc, insert, inspect, select
from sqlalchemy.engine import URL

from pellucid import __version__
from pellucid.archive.files import storage_errors
from pellucid.archive.tables import METADATA, SCHEMA_VERSION, SCHEMA_VERSIONS
from pellucid.errors import ConfigurationError, CorruptedInput, IntermittentError

__all__ = ["database_errors", "open_engine", "transaction"]

BUSY_SECONDS = 60


def open_engine(path: Path) -> Engine:
    """Open the index at a path, or make it.

    Raises
    ------
    ConfigurationError
        A newer version of the package wrote it (``future-schema``).
    CorruptedInput
        The file is no index (``damaged-index``).
    IntermittentError
        It is locked, or the disk is full or read-only.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    with database_errors(path):
        if _layout(engine) is None:
            with _only_creator(path):
                _create(engine)
        _check_layout(_layout(engine), path)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes: whole or not at all, one writer at a time."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def database_errors(where: Path) -> Iterator[None]:
    """Turn failures of the database into typed errors."""
    try:
        yield
    except exc.DBAPIError as error:
        text = str(error.orig)
        name = getattr(error.orig, "sqlite_errorname", "")
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            raise CorruptedInput(
                "The index of the archive is damaged, or this file is no index.",
                where=str(where),
                got=text,
                mend="restore it from a backup; the store's objects are not touched",
                code="damaged-index",
            ) from error
        if isinstance(error.orig, sqlite3.OperationalError):
            raise IntermittentError(
                "The index of the archive cannot be used now.",
                where=str(where),
                got=text,
                mend="check the disk and the permissions, or wait for other jobs to end, then repeat",
                code="index-unavailable",
            ) from error
        raise


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin(connection: Connection) -> None:
    # the driver would begin late and as a reader; a writer that was a reader first can be turned away
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _only_creator(path: Path) -> Iterator[None]:
    with storage_errors(path), path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create(engine: Engine) -> None:
    _switch_to_wal(engine)
    with transaction(engine) as connection:
        if inspect(connection).has_table(SCHEMA_VERSIONS.name):
            return  # another process was faster
        METADATA.create_all(connection)
        connection.execute(insert(SCHEMA_VERSIONS), {"version": SCHEMA_VERSION, "written_by": __version__})


def _switch_to_wal(engine: Engine) -> None:
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        deadline = monotonic() + BUSY_SECONDS
        while True:
            try:
                driver.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # this statement alone does not wait for readers, who only look for a moment here
                if error.sqlite_errorname != "SQLITE_BUSY" or monotonic() > deadline:
                    raise exc.OperationalError("PRAGMA journal_mode = WAL", None, error) from error
                sleep(0.01)


def _layout(engine: Engine) -> tuple[int, str] | None:
    try:
        with engine.connect() as connection:
            newest = select(SCHEMA_VERSIONS).order_by(SCHEMA_VERSIONS.c.version.desc()).limit(1)
            row = connection.execute(newest).one_or_none()
    except exc.OperationalError as error:
        if "no such table" in str(error.orig):
            return None
        raise
    return (0, "") if row is None else (row.version, row.written_by)


def _check_layout(layout: tuple[int, str] | None, path: Path) -> None:
    version, written_by = layout or (0, "")
    if version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"The archive was written by a newer Pellucid ({written_by}).",
            where=str(path),
            expected=f"layout {SCHEMA_VERSION} of the index or older",
            got=f"layout {version}",
            mend=f"use Pellucid {written_by} or newer",
            code="future-schema",
        )
    if version < 1:
        raise CorruptedInput(
            "The index of the archive does not tell the version of its layout.",
            where=str(path),
            expected=f"layout {SCHEMA_VERSION} or older",
            got=f"layout {version}",
            mend="restore it from a backup; the store's objects are not touched",
            code="damaged-index",
        )
