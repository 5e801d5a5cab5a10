# SPDX-License-Identifier: BSD-3-Clause
"""The database under the index: how it is opened, its layout checked, its failures told."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import Connection, Engine, create_engine, event, exc, select, text
from sqlalchemy.engine import URL, make_url

from pellucid.archive.files import storage_errors
from pellucid.archive.tables import SCHEMA_VERSION, SCHEMA_VERSIONS
from pellucid.errors import ConfigurationError, CorruptedInput, IntermittentError

__all__ = ["check_url", "database_errors", "open_engine", "shown", "transaction"]

BUSY_SECONDS = 60

# any number will do, as long as all who write to one database know it
_WRITERS_LOCK = 0x70656C6C


def open_engine(where: Path | str) -> Engine:
    """Open an index and lead it to today's layout, or make it.

    Parameters
    ----------
    where : Path or str
        A file for SQLite; the URL ``postgresql://...`` of a database for PostgreSQL.

    Raises
    ------
    ConfigurationError
        A newer version of the package wrote it (``future-schema``); the URL is none, the driver is not
        installed, or the database may not be set up (``index-url``, ``index-driver``, ``index-rights``).
    CorruptedInput
        The file is no index (``damaged-index``).
    IntermittentError
        It is locked or out of reach, or the disk is full or read-only (``index-unavailable``).
    """
    engine = _postgresql(where) if isinstance(where, str) else _sqlite(where)
    event.listen(engine, "begin", _begin)
    with database_errors(where):
        layout = _layout(engine)
        if layout is None or 0 < layout[0] < SCHEMA_VERSION:
            with _only_creator(where):
                _upgrade(engine, where)
            layout = _layout(engine)
        _check_layout(layout, where)
    return engine


@contextmanager
def transaction(engine: Engine, *, alone: bool = True) -> Iterator[Connection]:
    """Open a transaction that writes: whole or not at all.

    Parameters
    ----------
    engine : Engine
        The database.
    alone : bool
        Whether no other may write meanwhile, where the engine can have several; what numbers rows or
        tells the archive's time has to be alone.
    """
    with engine.connect().execution_options(writes=True, alone=alone) as connection, connection.begin():
        yield connection


@contextmanager
def database_errors(where: Path | str) -> Iterator[None]:
    """Turn failures of the database into typed errors."""
    try:
        yield
    except exc.DBAPIError as error:
        text = str(error.orig).strip()
        name = getattr(error.orig, "sqlite_errorname", "")
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            raise CorruptedInput(
                "The index of the archive is damaged, or this file is no index.",
                where=shown(where),
                got=text,
                mend="restore it from a backup; the store's objects are not touched",
                code="damaged-index",
            ) from error
        if isinstance(error, exc.OperationalError | exc.InterfaceError):
            place = "check the server" if isinstance(where, str) else "check the disk and the permissions"
            raise IntermittentError(
                "The index of the archive cannot be used now.",
                where=shown(where),
                got=text,
                mend=f"{place}, or wait for other jobs to end, then repeat",
                code="index-unavailable",
            ) from error
        raise


def shown(where: Path | str) -> str:
    """Return the place of an index as it may be shown: without a password."""
    return make_url(where).render_as_string() if isinstance(where, str) else str(where)


def check_url(url: str) -> URL:
    """Return the URL of a PostgreSQL database in parts; `ConfigurationError` where it is none."""
    try:
        parts = make_url(url)
    except (exc.ArgumentError, ValueError):
        parts = None
    if parts is None or parts.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ConfigurationError(
            "This is not the URL of a database for an index.",
            expected="postgresql://user@host:port/database",
            got=parts.render_as_string() if parts else "a text that is no URL",
            mend="for SQLite name no URL: the index is a file in the workspace",
            code="index-url",
        )
    return parts


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _postgresql(url: str) -> Engine:
    parts = check_url(url)
    try:
        return create_engine(
            parts.set(drivername="postgresql+psycopg"),
            connect_args={"options": f"-c lock_timeout={BUSY_SECONDS}s", "connect_timeout": 10},
            paramstyle="format",  # by position, as SQLite's: prepared statements take plain tuples
            pool_pre_ping=True,
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "The driver for PostgreSQL is not installed.",
            where=shown(url),
            mend="pip install 'pellucid[postgres]'",
            code="index-driver",
        ) from error


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA page_size = 8192")  # bytes, of a new file; a tenth faster to fill than 4096
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")  # KiB
    connection.execute("PRAGMA wal_autocheckpoint = 8000")  # pages; a few MB at a time go to the file


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    writes = options.get("writes", False)
    if connection.dialect.name == "sqlite":
        # the driver would begin late and as a reader; a writer that was a reader first can be turned away
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes and options["alone"]:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITERS_LOCK})


@contextmanager
def _only_creator(where: Path | str) -> Iterator[None]:
    if isinstance(where, str):
        yield  # the lock of writers is enough where there is no journal to switch
        return
    with storage_errors(where), where.with_name(where.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _upgrade(engine: Engine, where: Path | str) -> None:
    # alembic takes half a second to import, and is needed once in the life of an archive
    from pellucid.archive.migrations import upgrade

    if engine.dialect.name == "sqlite":
        _switch_to_wal(engine)
    try:
        with _foreign_keys_off(engine), transaction(engine) as connection:
            layout = _layout_in(connection)  # another process may have been faster
            if layout is None or 0 < layout[0] < SCHEMA_VERSION:
                upgrade(connection, layout[0] if layout else 0)
    except (exc.ProgrammingError, exc.NotSupportedError) as error:
        raise ConfigurationError(
            "The database may not or cannot be set up as an index.",
            where=shown(where),
            expected="the right to make tables, and PostgreSQL's extension btree_gist",
            got=str(error.orig).strip(),
            mend="let the database's owner do it once: CREATE EXTENSION btree_gist",
            code="index-rights",
        ) from error


@contextmanager
def _foreign_keys_off(engine: Engine) -> Iterator[None]:
    """Let SQLite rebuild tables that others refer to, which it allows no other way."""

    def switch(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")

    if engine.dialect.name != "sqlite":
        yield
        return
    event.listen(engine, "checkout", switch)
    try:
        yield
    finally:
        event.remove(engine, "checkout", switch)
        engine.dispose()  # the next connection watches foreign keys again


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
    with engine.connect() as connection:
        return _layout_in(connection)


def _layout_in(connection: Connection) -> tuple[int, str] | None:
    if not connection.dialect.has_table(connection, SCHEMA_VERSIONS.name):
        return None
    newest = select(SCHEMA_VERSIONS).order_by(SCHEMA_VERSIONS.c.version.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return (0, "") if row is None else (row.version, row.written_by)


def _check_layout(layout: tuple[int, str] | None, where: Path | str) -> None:
    version, written_by = layout or (0, "")
    if version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"The archive was written by a newer Pellucid ({written_by}).",
            where=shown(where),
            expected=f"layout {SCHEMA_VERSION} of the index or older",
            got=f"layout {version}",
            mend=f"use Pellucid {written_by} or newer",
            code="future-schema",
        )
    if version < 1:
        raise CorruptedInput(
            "The index of the archive does not tell the version of its layout.",
            where=shown(where),
            expected=f"layout {SCHEMA_VERSION} or older",
            got=f"layout {version}",
            mend="restore it from a backup; the store's objects are not touched",
            code="damaged-index",
        )
