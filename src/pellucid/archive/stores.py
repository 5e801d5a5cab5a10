# SPDX-License-Identifier: BSD-3-Clause
"""Which store a workspace has: its own folder, or a bucket that it remembers."""

import os
from pathlib import Path

from pellucid.archive.files import storage_errors
from pellucid.archive.folder_store import FolderStore
from pellucid.archive.store import Store
from pellucid.errors import ConfigurationError

__all__ = ["NOTE", "open_store"]

NOTE = "store.url"
"""File with the URL of the store, where that is a bucket."""


def open_store(workspace: Path, url: str | None = None) -> Store:
    """Open the store of a workspace.

    Parameters
    ----------
    workspace : Path
        Folder of the workspace.
    url : str, optional
        ``s3://bucket/prefix`` for the store of a new workspace, which remembers it; see
        `pellucid.archive.bucket_store.BucketStore`. Without it a store is the folder ``store``.

    Raises
    ------
    ConfigurationError
        The workspace has another store (``other-store``); as `BucketStore`.
    """
    note, folder = workspace / NOTE, workspace / "store"
    known = note.read_text().strip() if note.exists() else None
    if url is not None and url != known and (known is not None or folder.exists()):
        raise ConfigurationError(
            "The workspace has another store.",
            where=str(workspace),
            expected=known or str(folder),
            got=url,
            mend="leave --store out, or name another workspace",
            code="other-store",
        )
    if url is None and known is None:
        return FolderStore(folder)
    from pellucid.archive.bucket_store import BucketStore

    store = BucketStore(url or known or "", workspace / "work", workspace / "cache" / "objects")
    if known is None:
        hidden = note.with_name(f"{NOTE}.part")
        with storage_errors(note):
            hidden.write_text(f"{url}\n")
            os.replace(hidden, note)
    return store
