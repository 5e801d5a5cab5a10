# SPDX-License-Identifier: BSD-3-Clause
"""A store in a local folder: an object appears whole, by renaming, once its bytes are on the disk."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pellucid.archive.files import hash_file, storage_errors, sync_folder
from pellucid.archive.staging import LOCK, STAGING
from pellucid.archive.store import Blob, Store, check_name, is_object_name, missing_object
from pellucid.errors import MissingInput

__all__ = ["FolderStore"]


class FolderStore(Store):
    """A folder of immutable objects.

    Parameters
    ----------
    root : Path
        The folder, made where missing; ``staging`` in it holds what is under construction.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._folder = str(self.root)
        super().__init__(self.root)

    @property
    def url(self) -> str:
        """The folder."""
        return str(self.root)

    def place(self, sha256: str) -> Path:
        """Return where an object lies, or would."""
        check_name(sha256)
        return self.root / sha256[:2] / sha256[2:]

    def path(self, sha256: str) -> Path:
        """Return the file of an object, for reading; errors as `Store.path`."""
        path = self.place(sha256)
        if not path.is_file():
            raise missing_object(sha256, path)
        return path

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return some bytes of an object, from ``start`` to before ``stop``; errors as `path`."""
        with self.path(sha256).open("rb") as file:
            file.seek(start)
            return file.read() if stop is None else file.read(max(0, stop - start))

    def has(self, sha256: str, size: int | None = None) -> bool:
        """Return whether an object is there, and has the size (bytes) it should have."""
        name = check_name(sha256)
        try:
            # no Path is built: a plan asks this for every product there is
            return os.stat(f"{self._folder}/{name[:2]}/{name[2:]}").st_size == size or size is None
        except FileNotFoundError:
            return False

    def measure(self, sha256: str) -> Blob:
        """Read an object again; errors as `Store.measure`."""
        path = self.place(sha256)
        try:
            return Blob(*hash_file(path))
        except MissingInput as error:
            raise missing_object(sha256, path) from error

    def objects(self) -> Iterator[Blob]:
        """Yield all objects by their names, with the sizes they have."""
        for path in self._files():
            if self._is_object(path):
                yield Blob(path.parent.name + path.name, path.lstat().st_size)

    def strays(self) -> Iterator[str]:
        """Yield the paths of what is no object."""
        for path in self._files():
            if not (self._is_object(path) or path == self.root / LOCK):
                yield str(path)

    def age(self, sha256: str) -> float:
        """Return for how long an object has been there, in s; 0 if it is not."""
        try:
            # the time of change cannot be set back, unlike that of modification
            return time.time() - self.place(sha256).stat().st_ctime
        except FileNotFoundError:
            return 0.0

    def remove(self, sha256: str) -> None:
        """Remove an object; nothing happens where there is none."""
        path = self.place(sha256)
        with storage_errors(path), suppress(FileNotFoundError):
            os.unlink(path)

    def _settle(self, finished: Path, blob: Blob) -> None:
        place = self.place(blob.sha256)
        with storage_errors(place):
            if not place.parent.is_dir():
                place.parent.mkdir(exist_ok=True)
                sync_folder(self.root)
            # replacing is safe: under this name there can only be the same bytes, or damaged ones
            os.replace(finished, place)
            sync_folder(place.parent)

    def _files(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self.root):
            if Path(folder) == self.root and STAGING in folders:
                folders.remove(STAGING)
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names))

    def _is_object(self, path: Path) -> bool:
        return path.parent.parent == self.root and is_object_name(path.parent.name, path.name)
