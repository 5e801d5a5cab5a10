# SPDX-License-Identifier: BSD-3-Clause
"""Content-addressed bytes in a local folder: written once, named by their sha256.

``<root>/ab/cdef…`` holds the object with hash abcdef…; ``<root>/staging/`` holds what is under
construction, one private folder per job, locked by its owner for as long as it lives.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from pellucid.archive.files import Progress, copy_hashed, hash_file, storage_errors, sync_folder
from pellucid.archive.lineage import is_key
from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["Blob", "Store"]


@dataclass(frozen=True)
class Blob:
    """Bytes in the store: sha256 in 64 hexadecimal digits, and size in bytes."""

    sha256: str
    size: int


class Store:
    """A folder of immutable objects named by their content.

    Parameters
    ----------
    root : Path
        Folder of the store, made where missing. What crashed jobs left in ``staging`` is removed.

    Raises
    ------
    IntermittentError
        From any method that writes: the disk is full or read-only.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._staging = self.root / "staging"
        with storage_errors(self.root):
            self._staging.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # a store on a read-only disk can still be read
            self._remove_leftovers()

    def put_file(self, path: Path, *, progress: Progress | None = None) -> Blob:
        """Copy a file in, hashing it on the way.

        The same bytes again change nothing (and mend an object that was damaged).

        Parameters
        ----------
        path : Path
            A regular file.
        progress : callable, optional
            Called with (bytes done, bytes in all, "B").

        Raises
        ------
        MissingInput
            ``no-such-file``, ``unreadable``.
        CorruptedInput
            ``directory``, ``not-a-file``, ``empty``, ``changed-while-read``.
        """
        with self.staging() as folder:
            copy = folder / "object"
            with storage_errors(copy):
                descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
            try:
                blob = Blob(*copy_hashed(Path(path), descriptor, progress=progress))
                with storage_errors(copy):
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._settle(copy, blob.sha256)
        return blob

    def adopt(self, path: Path) -> Blob:
        """Move a finished file from a staging folder in; errors as `put_file`."""
        if not Path(path).resolve().is_relative_to(self._staging.resolve()):
            raise ValueError(f"{path} is not in a staging folder of this store")
        blob = Blob(*hash_file(path))
        with storage_errors(path):
            os.chmod(path, 0o444)
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._settle(path, blob.sha256)
        return blob

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give a private folder on the store's disk for files under construction; it goes at the end."""
        with storage_errors(self._staging), self._guard():
            folder = Path(mkdtemp(dir=self._staging))
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def path(self, sha256: str) -> Path:
        """Return where an object lies, for reading.

        Raises
        ------
        MissingInput
            The object is not in the store (``object-missing``).
        """
        path = self.place(sha256)
        if not path.is_file():
            raise MissingInput(
                f"The store has no object {sha256[:12]}.",
                where=str(path),
                expected=f"a file with sha256 {sha256}",
                mend="ingest the original file again, or replay the product",
                code="object-missing",
            )
        return path

    def has(self, sha256: str, size: int) -> bool:
        """Return whether an object is there and has the size it should have."""
        try:
            return self.place(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def verify(self, sha256: str) -> Blob:
        """Read an object again and compare its hash with its name.

        Raises
        ------
        MissingInput
            ``object-missing``.
        CorruptedInput
            ``damaged-object``: the bytes are not what they were when they came in.
        """
        path = self.path(sha256)
        got, size = hash_file(path)
        if got != sha256:
            raise CorruptedInput(
                f"The object {sha256[:12]} in the store is damaged.",
                where=str(path),
                expected=f"sha256 {sha256}",
                got=f"sha256 {got}, {size} bytes",
                mend="ingest the original file again, or replay the product",
                code="damaged-object",
            )
        return Blob(got, size)

    def place(self, sha256: str) -> Path:
        """Return where an object lies, or would."""
        if not is_key(sha256):
            raise ValueError(f"not a sha256 in 64 lower-case hexadecimal digits: {sha256!r}")
        return self.root / sha256[:2] / sha256[2:]

    def _settle(self, finished: Path, sha256: str) -> None:
        place = self.place(sha256)
        with storage_errors(place):
            if not place.parent.is_dir():
                place.parent.mkdir(exist_ok=True)
                sync_folder(self.root)
            # replacing is safe: under this name there can only be the same bytes, or damaged ones
            os.replace(finished, place)
            sync_folder(place.parent)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Keep making and removing of staging folders apart, between processes and threads."""
        descriptor = os.open(self.root / "staging.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _remove_leftovers(self) -> None:
        if not any(self._staging.iterdir()):
            return
        with self._guard():
            for folder in self._staging.iterdir():
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
