# SPDX-License-Identifier: BSD-3-Clause
"""Who works on what: claims that are renewed while their owner lives, and taken over when it is gone."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pellucid.archive.archive import Archive
from pellucid.errors import IntermittentError, PellucidError

__all__ = ["LEASE_S", "claimed", "claimed_where_free", "is_gone", "owner"]

LEASE_S = 30.0
"""How long a claim lasts that nobody renews; it is renewed three times as often."""

_POLL_S = 0.05


@contextmanager
def claimed(archive: Archive, key: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the claim on a piece of work, once nobody else does.

    The claim of a process of this machine that is no more is taken over at once; that of a process
    elsewhere when its lease has run out.

    Parameters
    ----------
    archive : Archive
        Whose claims.
    key : str
        The work.
    wait : bool
        Whether to wait for it.

    Raises
    ------
    IntermittentError
        Somebody else holds it and it is not to be waited for (``claimed``).
    """
    me = owner(os.getpid(), threading.get_ident())
    while not archive.claims.take(key, me, LEASE_S):
        holder = archive.claims.holder(key)
        if holder is not None and is_gone(holder.owner):
            archive.claims.release(key, holder.owner)
        elif holder is not None and not wait:
            raise IntermittentError(
                "Somebody else is at it.",
                where=key,
                got=f"held by {holder.owner}",
                mend="let that one do it, or end it first",
                code="claimed",
            )
        else:
            time.sleep(_POLL_S)
    with _renewed(archive, key, me):
        try:
            yield
        finally:
            archive.claims.release(key, me)


@contextmanager
def claimed_where_free(archive: Archive, keys: Sequence[str]) -> Iterator[set[str]]:
    """Hold the claims on those pieces of work that nobody holds; give them.

    Parameters
    ----------
    archive : Archive
        Whose claims.
    keys : sequence of str
        The work, each once.
    """
    me = owner(os.getpid(), threading.get_ident())
    mine = archive.claims.take_many(keys, me, LEASE_S)
    for key in mine:
        _heartbeat.add(archive, key, me)
    try:
        yield mine
    finally:
        for key in mine:
            _heartbeat.remove(archive, key)
        archive.claims.release_many(sorted(mine), me)


@cache
def owner(pid: int, thread: int = 0) -> str:
    """Return the name under which a process of this machine claims work."""
    return f"{socket.gethostname()}:{pid}:{_began(pid)}:{thread}"


def is_gone(name: str) -> bool:
    """Return whether an owner was a process of this machine that is no more."""
    host, _, rest = name.partition(":")
    pid, _, rest = rest.partition(":")
    return host == socket.gethostname() and pid.isdigit() and _began(int(pid)) != rest.partition(":")[0]


def _began(pid: int) -> str:
    """Return when a process began, so that a later one with its number is not taken for it; empty if gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"


class _Heartbeat:
    """One thread that renews the claims that this process holds."""

    def __init__(self) -> None:
        self.held: dict[tuple[int, str], tuple[Archive, str]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, archive: Archive, key: str, me: str) -> None:
        with self._lock:
            self.held[id(archive), key] = (archive, me)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, name="claims", daemon=True)
                self._thread.start()

    def remove(self, archive: Archive, key: str) -> None:
        with self._lock:
            self.held.pop((id(archive), key), None)

    def _beat(self) -> None:
        idle = 0
        while idle < 3:
            time.sleep(LEASE_S / 3)
            with self._lock:
                held = list(self.held.items())
            idle = 0 if held else idle + 1
            for (_, key), (archive, me) in held:
                try:
                    archive.claims.renew(key, me, LEASE_S)
                except PellucidError:
                    continue  # the next beat may reach the index again, and the work is idempotent


_heartbeat = _Heartbeat()


@contextmanager
def _renewed(archive: Archive, key: str, me: str) -> Iterator[None]:
    _heartbeat.add(archive, key, me)
    try:
        yield
    finally:
        _heartbeat.remove(archive, key)
