# SPDX-License-Identifier: BSD-3-Clause
"""Content-addressed bytes: written once, named by their sha256; what all stores share."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pellucid.archive.files import Progress, copy_hashed, hash_file, storage_errors
from pellucid.archive.lineage import is_key
from pellucid.archive.staging import Staging
from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["Blob", "Store", "check_name", "damaged_object", "is_object_name", "missing_object"]


@dataclass(frozen=True)
class Blob:
    """Bytes in the store: sha256 in 64 hexadecimal digits, and size in bytes."""

    sha256: str
    size: int


class Store(ABC):
    """Immutable objects named by their content.

    ``ab/cdef…`` holds the object with hash abcdef…, in a folder (`pellucid.archive.folder_store`) or in a
    bucket (`pellucid.archive.bucket_store`).

    Parameters
    ----------
    work : Path
        Folder on a local disk for files under construction.

    Raises
    ------
    IntermittentError
        From any method that writes: the disk is full or read-only, or the bucket is out of reach.
    """

    def __init__(self, work: Path) -> None:
        self._staging = Staging(work)

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
            self._settle(copy, blob)
        return blob

    def put_bytes(self, content: bytes) -> Blob:
        """Take bytes in, which must not be empty; they are an object like any other."""
        with self.staging() as folder:
            path = folder / "object"
            with storage_errors(path):
                path.write_bytes(content)
            return self.adopt(path)

    def adopt(self, path: Path) -> Blob:
        """Move a finished file from a staging folder in; errors as `put_file`."""
        if not self._staging.holds(path):
            raise ValueError(f"{path} is not in a staging folder of this store")
        blob = Blob(*hash_file(path))
        with storage_errors(path):
            os.chmod(path, 0o444)
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._settle(path, blob)
        return blob

    def staging(self) -> AbstractContextManager[Path]:
        """Give a private folder for files under construction; it goes at the end."""
        return self._staging.folder()

    def verify(self, sha256: str) -> Blob:
        """Read an object again and compare its hash with its name.

        Raises
        ------
        MissingInput
            ``object-missing``.
        CorruptedInput
            ``damaged-object``: the bytes are not what they were when they came in.
        """
        blob = self.measure(sha256)
        if blob.sha256 != sha256:
            raise damaged_object(sha256, self.place(sha256), blob)
        return blob

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the store is, without secrets."""

    @abstractmethod
    def place(self, sha256: str) -> Path | str:
        """Return where an object lies, or would."""

    @abstractmethod
    def path(self, sha256: str) -> Path:
        """Return a file with the bytes of an object, for reading.

        Raises
        ------
        MissingInput
            The object is not in the store (``object-missing``).
        """

    @abstractmethod
    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return some bytes of an object, from ``start`` to before ``stop``; errors as `path`."""

    @abstractmethod
    def has(self, sha256: str, size: int | None = None) -> bool:
        """Return whether an object is there, and has the size (bytes) it should have."""

    @abstractmethod
    def measure(self, sha256: str) -> Blob:
        """Read an object again and return what its bytes are.

        Raises
        ------
        MissingInput
            ``object-missing``.
        CorruptedInput
            There is something else of this name, or it is ``empty``.
        """

    @abstractmethod
    def objects(self) -> Iterator[Blob]:
        """Yield all objects by their names, with the sizes they have."""

    @abstractmethod
    def strays(self) -> Iterator[str]:
        """Yield the places of what is no object."""

    @abstractmethod
    def age(self, sha256: str) -> float:
        """Return for how long an object has been there, in s; 0 if it is not."""

    @abstractmethod
    def remove(self, sha256: str) -> None:
        """Remove an object; nothing happens where there is none."""

    @abstractmethod
    def _settle(self, finished: Path, blob: Blob) -> None:
        """Move a finished file, flushed and hashed, to its place."""


def check_name(sha256: str) -> str:
    """Return a hash, or raise `ValueError` where it is none, so that no other path is ever touched."""
    if not is_key(sha256):
        raise ValueError(f"not a sha256 in 64 lower-case hexadecimal digits: {sha256!r}")
    return sha256


def is_object_name(folder: str, name: str) -> bool:
    """Return whether a folder and a name in it are those of an object."""
    return len(folder) == 2 and is_key(folder + name)


def missing_object(sha256: str, where: object) -> MissingInput:
    """Return the error that tells that an object is not there."""
    return MissingInput(
        f"The store has no object {sha256[:12]}.",
        where=str(where),
        expected=f"an object with sha256 {sha256}",
        mend="ingest the original file again, or replay the product",
        code="object-missing",
    )


def damaged_object(sha256: str, where: object, got: Blob) -> CorruptedInput:
    """Return the error that tells that the bytes of an object are not those that came in."""
    return CorruptedInput(
        f"The object {sha256[:12]} in the store is damaged.",
        where=str(where),
        expected=f"sha256 {sha256}",
        got=f"sha256 {got.sha256}, {got.size} bytes",
        mend="ingest the original file again, or replay the product",
        code="damaged-object",
    )
