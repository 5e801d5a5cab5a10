# SPDX-License-Identifier: BSD-3-Clause
"""What the fingerprint of code stands for, kept: which functions, files and packages it was made of.

A fingerprint is the hash of the text of the identity, so the text is an object of the store under that very
name. It is no part of any product; where it is lost, products and their keys stay what they are.
"""

import json
from typing import TYPE_CHECKING

from pellucid.archive.fingerprint import CodeIdentity, code_identity
from pellucid.errors import CorruptedInput, MissingInput

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["record_code", "recorded_code", "restore_code"]


def record_code(archive: "Archive", function: str, code: str) -> None:
    """Keep the identity of a function's code, if it is the code with this fingerprint.

    Parameters
    ----------
    archive : Archive
        Where it is kept.
    function : str
        ``package.module:name``.
    code : str
        The fingerprint that a product was made with.
    """
    if archive.store.has(code):
        return
    identity = code_identity(function, archive.cache and archive.cache / "sources.json")
    if identity.fingerprint == code:
        archive.store.put_bytes(identity.text.encode("ascii"))


def recorded_code(archive: "Archive", code: str) -> CodeIdentity | None:
    """Return the identity of code with this fingerprint; None where it was not kept, or is damaged."""
    try:
        archive.store.verify(code)
        content = json.loads(archive.store.read(code))
        return CodeIdentity(content["definitions"], content["files"], content["packages"])
    except (CorruptedInput, MissingInput, ValueError, KeyError):
        return None


def restore_code(archive: "Archive", code: str) -> bool:
    """Replace a damaged record, if a step of today still has that code; else remove it.

    Parameters
    ----------
    archive : Archive
        Where it is kept.
    code : str
        Fingerprint.

    Returns
    -------
    bool
        Whether it is whole again.
    """
    from pellucid.pipeline.steps import all_steps

    archive.store.remove(code)
    for step in all_steps().values():
        record_code(archive, step.function, code)
        if archive.store.has(code):
            return True
    return False
