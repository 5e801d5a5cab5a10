# SPDX-License-Identifier: BSD-3-Clause
"""A PostgreSQL server of our own, for as long as the tests run: loopback, no root, nothing left behind."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

__all__ = ["Server", "server"]


class Server:
    """A running server; each database it makes is new and empty."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port = port
        self.process = process
        self._numbers = count(1)

    def database(self) -> str:
        """Make a database and return its URL."""
        import psycopg

        name = f"archive{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def cut_connections(self) -> None:
        """End every connection to every database, as a server does that goes down."""
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


@contextmanager
def server() -> Iterator[Server]:
    """Start a server; where PostgreSQL is not installed, skip with words, or fail if CI is set."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="pellucid-pg-"))
    try:
        user = _unprivileged()
        if user is not None:
            os.chown(folder, user, -1)
        data, sockets = folder / "data", folder
        make = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, user=user, stdout=subprocess.DEVNULL, cwd="/")
        port = _free_port()
        run = [binaries / "postgres", "-D", data, "-p", str(port), "-k", sockets, "-h", "127.0.0.1", "-F"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(run, user=user, stdout=log, stderr=log, cwd="/")
        try:
            ready = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            while subprocess.run(ready, check=False).returncode:
                assert process.poll() is None, (folder / "log").read_text()
            yield Server(port, process)
        finally:
            process.send_signal(signal.SIGINT)  # open connections are cut, not waited for
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    try:
        told = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        folder = Path(told.stdout.strip())
        missing = [name for name in ("initdb", "postgres", "pg_isready") if not (folder / name).exists()]
        words = f"no {', '.join(missing)} in {folder}" if missing else ""
    except (OSError, subprocess.CalledProcessError) as error:
        words = f"pg_config --bindir: {error}"
    if find_spec("psycopg") is None:
        words = "no driver psycopg"
    if not words:
        return folder
    words = f"PostgreSQL is not installed ({words}): apt-get install postgresql, pip install psycopg[binary]"
    if os.environ.get("CI"):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def _unprivileged() -> int | None:
    """Return the user who runs the server where we are root, who may not."""
    if os.getuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    pytest.fail("no user 'postgres' or 'nobody' to run a server as", pytrace=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
