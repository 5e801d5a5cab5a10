# SPDX-License-Identifier: BSD-3-Clause
"""Private folders for files under construction, one a job, locked by its owner for as long as it lives."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from pellucid.archive.files import storage_errors

__all__ = ["LOCK", "STAGING", "Staging"]

STAGING, LOCK = "staging", "staging.lock"


class Staging:
    """The folder ``staging`` in a folder, made where missing.

    Parameters
    ----------
    root : Path
        Where it is. What crashed jobs left in it is removed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / STAGING
        with storage_errors(root):
            self._folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # a store on a read-only disk can still be read
            self._remove_leftovers()

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Give a private folder; it goes at the end."""
        with storage_errors(self._folder), self._guard():
            folder = Path(mkdtemp(dir=self._folder))
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def holds(self, path: Path) -> bool:
        """Return whether a file lies in one of the folders."""
        return Path(path).resolve().is_relative_to(self._folder.resolve())

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Keep making and removing of folders apart, between processes and threads."""
        descriptor = os.open(self._root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _remove_leftovers(self) -> None:
        if not any(self._folder.iterdir()):
            return
        with self._guard():
            for folder in self._folder.iterdir():
                if _has_no_owner(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _has_no_owner(folder: Path) -> bool:
    with suppress(FileNotFoundError):  # its owner has just finished
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True
    return False
