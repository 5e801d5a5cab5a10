# SPDX-License-Identifier: BSD-3-Clause
"""A workspace: the folder with the configuration, the index and the store of one archive."""

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pellucid.archive.files import storage_errors
from pellucid.archive.stores import NOTE, open_store
from pellucid.errors import ConfigurationError, MissingInput

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive
    from pellucid.archive.catalogue import Catalogue

__all__ = ["Workspace", "is_server", "joined_folder"]

CONFIGURATION, INDEX, CACHE = "pellucid.toml", "index.sqlite", "cache"

SERVER = "index.url"
"""File with the URL of the index, where that is a database on a server."""


class Workspace:
    """An open workspace; use it in a ``with`` statement, or close it.

    Attributes
    ----------
    path : Path
        The folder.
    archive : Archive
        Its products.
    """

    def __init__(self, path: Path, archive: "Archive") -> None:
        self.path = path
        self.archive = archive

    @classmethod
    def open(
        cls, path: str | Path, create: bool = True, index: str | None = None, store: str | None = None
    ) -> Self:
        """Open the workspace in a folder, or make one.

        Parameters
        ----------
        path : str or Path
            The folder; or the URL ``postgresql://user@host:port/database`` of an index that was made with
            some workspace, as `join` takes it.
        create : bool
            Whether to make a workspace where there is none.
        index : str, optional
            URL ``postgresql://user@host:port/database`` of the index of a new workspace, which remembers
            it in a file that only its owner can read; without it the index is a file of SQLite.
        store : str, optional
            URL ``s3://bucket/prefix`` of the store of a new workspace, see
            `pellucid.archive.stores.open_store`; without it the store is a folder in the workspace.

        Raises
        ------
        MissingInput
            There is none and it may not be made (``no-workspace``).
        ConfigurationError
            The path is a file, or a folder with other things in it (``not-a-workspace``), or the
            archive was written by a newer version (``future-schema``), or it has another index or store
            than the one given (``other-index``, ``other-store``).
        CorruptedInput
            The index is damaged (``damaged-index``).
        IntermittentError
            The disk is full or read-only, or the index is locked.
        """
        if is_server(path):
            return cls.join(str(path))
        path = Path(path)
        if not ((path / INDEX).exists() or (path / SERVER).exists()):
            _check_place(path, create)
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        # the database library takes most of a command's start-up; errors above come without it
        from pellucid.archive.archive import Archive
        from pellucid.archive.catalogue import Catalogue

        objects = open_store(path, store)
        where = _index(path, index)
        catalogue = Catalogue(where)
        if isinstance(where, str) and not (path / SERVER).exists():
            _remember(where, path / SERVER)
        if isinstance(where, str):
            _tell_where(objects.url, catalogue)
        return cls(path, Archive(objects, catalogue, path / CACHE))

    @classmethod
    def join(cls, url: str) -> Self:
        """Open the archive whose index a server has, wherever its workspace was made.

        The index knows where the store is: a bucket, or a folder that this machine has to see under the same
        name. Configuration and cache are this user's own, in `joined_folder`.

        Parameters
        ----------
        url : str
            ``postgresql://user@host:port/database``

        Raises
        ------
        ConfigurationError
            The index knows no store, or one that is not here (``store-unknown``); it is no URL
            (``index-url``); as `open`.
        """
        from pellucid.archive.archive import Archive
        from pellucid.archive.catalogue import Catalogue
        from pellucid.archive.engine import shown
        from pellucid.archive.folder_store import FolderStore
        from pellucid.archive.settings import STORE

        catalogue = Catalogue(url)
        known = catalogue.settings.get(STORE)
        if known is None or not (known.startswith("s3://") or Path(known).is_dir()):
            catalogue.close()
            raise ConfigurationError(
                "The index does not tell where its store is, or the store is not on this machine.",
                where=shown(url),
                expected="a bucket, or a folder that is here under the same name",
                got=known or "no store",
                mend="make the workspace once: pellucid archive init --index URL --store s3://bucket/prefix",
                code="store-unknown",
            )
        folder = joined_folder(url)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        objects = open_store(folder, known) if known.startswith("s3://") else FolderStore(Path(known))
        return cls(folder, Archive(objects, catalogue, folder / CACHE))

    @property
    def configuration_path(self) -> Path:
        """Where the configuration of this workspace is, if it has one."""
        return self.path / CONFIGURATION

    def close(self) -> None:
        """Give the connections to the index back."""
        self.archive.catalogue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def is_server(place: str | Path) -> bool:
    """Return whether a workspace is named by the URL of its index."""
    return str(place).startswith(("postgresql:", "postgresql+"))


def joined_folder(url: str) -> Path:
    """Return the folder for configuration and cache of an archive that is named by its index's URL.

    It is ``pellucid/`` and a digest of the URL, in ``XDG_DATA_HOME`` or ``~/.local/share``.
    """
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "pellucid" / sha256(url.encode()).hexdigest()[:16]


def _tell_where(store: str, catalogue: "Catalogue") -> None:
    """Let the index know where the store is, for those who name no folder."""
    from pellucid.archive.settings import STORE

    here = store if store.startswith("s3://") else str(Path(store).resolve())
    known = catalogue.settings.get(STORE)
    if known is None or not (known.startswith("s3://") or Path(known).is_dir()):
        catalogue.settings.set(STORE, here)


def _check_place(path: Path, create: bool) -> None:
    if path.exists() and not path.is_dir():
        raise ConfigurationError(
            "The workspace is not a folder.",
            where=str(path),
            mend="name another with --workspace or PELLUCID_WORKSPACE",
            code="not-a-workspace",
        )
    if not create:
        raise MissingInput(
            "There is no workspace here.",
            where=str(path),
            expected=f"a folder with {INDEX} or {SERVER}",
            mend="ingest or process a file first, or name another with --workspace or PELLUCID_WORKSPACE",
            code="no-workspace",
        )
    # a mistyped path must not scatter an archive into somebody's home
    own = {CONFIGURATION, "store", "work", CACHE, f"{INDEX}.lock", f"{SERVER}.part", NOTE, f"{NOTE}.part"}
    # another process may be making the workspace right now
    own |= {SERVER, INDEX, f"{INDEX}-journal", f"{INDEX}-wal", f"{INDEX}-shm"}
    if path.is_dir() and (strange := sorted(p.name for p in path.iterdir() if p.name not in own)):
        raise ConfigurationError(
            "The folder holds other things and no workspace.",
            where=str(path),
            expected="an empty or a new folder",
            got=", ".join(strange[:4]) + (", …" if len(strange) > 4 else ""),
            mend="name another with --workspace or PELLUCID_WORKSPACE",
            code="not-a-workspace",
        )


def _index(path: Path, given: str | None) -> Path | str:
    """Return where the index is, or shall be."""
    from pellucid.archive.engine import check_url, shown

    there: Path | str = path / INDEX
    if (path / SERVER).exists():
        there = (path / SERVER).read_text().strip()
    if given is None or given == there:
        return there
    check_url(given)
    if (path / SERVER).exists() or (path / INDEX).exists():
        raise ConfigurationError(
            "The workspace has another index.",
            where=str(path),
            expected=shown(there),
            got=shown(given),
            mend="leave --index out, or name another workspace",
            code="other-index",
        )
    return given


def _remember(url: str, note: Path) -> None:
    hidden = note.with_name(f"{SERVER}.part")
    with storage_errors(note):
        hidden.touch(0o600)
        hidden.write_text(url + "\n")
        os.replace(hidden, note)
