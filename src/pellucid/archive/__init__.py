# SPDX-License-Identifier: BSD-3-Clause
"""The archive: content-addressed bytes, an index of products, and their lineage.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive
    from pellucid.archive.folder_store import FolderStore
    from pellucid.archive.lineage import JSON, canonical_json, derived_key, raw_key
    from pellucid.archive.product import InputReference, Product
    from pellucid.archive.replay import ReplayReport
    from pellucid.archive.store import Blob, Store
    from pellucid.archive.why import Lineage, lineage_of
    from pellucid.archive.workspace import Workspace

__all__ = [
    "JSON",
    "Archive",
    "Blob",
    "FolderStore",
    "InputReference",
    "Lineage",
    "Product",
    "ReplayReport",
    "Store",
    "Workspace",
    "canonical_json",
    "derived_key",
    "lineage_of",
    "raw_key",
]

_HOME = {
    "archive": ("Archive",),
    "folder_store": ("FolderStore",),
    "lineage": ("JSON", "canonical_json", "derived_key", "raw_key"),
    "product": ("InputReference", "Product"),
    "replay": ("ReplayReport",),
    "store": ("Blob", "Store"),
    "why": ("Lineage", "lineage_of"),
    "workspace": ("Workspace",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"pellucid.archive.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
