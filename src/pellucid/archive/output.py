# SPDX-License-Identifier: BSD-3-Clause
"""Files that commands write: refused before any work is done, and never half there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from pellucid.archive.files import storage_errors, sync_folder
from pellucid.errors import OutputExists, UsageError

__all__ = ["check_output", "new_file", "new_folder", "write_text"]


def check_output(path: Path, *, overwrite: bool = False) -> None:
    """Refuse an output path that cannot or may not be written, before any work is done for it.

    Raises
    ------
    OutputExists, UsageError
        The file is there and may not be overwritten; its folder is missing (``no-such-folder``), or it is a
        folder itself (``directory``).
    """
    if path.is_dir():
        raise UsageError(
            "The output is a folder.", where=str(path), mend="name the file to write", code="directory"
        )
    if not path.parent.is_dir():
        raise _no_folder(path)
    if os.path.lexists(path) and not overwrite:
        raise _exists(path)


@contextmanager
def new_file(path: Path, *, overwrite: bool = False) -> Iterator[int]:
    """Open a file for writing that appears whole or not at all.

    A hidden neighbour is written, which takes the final name once it is whole.

    Yields
    ------
    int
        A file descriptor.

    Raises
    ------
    OutputExists, UsageError
        As `check_output`.
    IntermittentError
        The disk is full or read-only.
    """
    check_output(path, overwrite=overwrite)
    with storage_errors(path), _replacing(path, overwrite) as descriptor:
        yield descriptor


@contextmanager
def _replacing(path: Path, overwrite: bool) -> Iterator[int]:
    hidden = path.with_name(f".{path.name}.{token_hex(6)}.part")
    descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if overwrite:
            os.replace(hidden, path)
        else:
            try:
                os.link(hidden, path)  # unlike a renaming, this fails if somebody made it meanwhile
            except FileExistsError:
                raise _exists(path) from None
        sync_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(hidden)


def _no_folder(path: Path) -> UsageError:
    return UsageError(
        "The folder of the output does not exist.",
        where=str(path.parent),
        mend="make it first, or check the spelling",
        code="no-such-folder",
    )


def _exists(path: Path) -> OutputExists:
    return OutputExists(
        "The output exists already.",
        where=str(path),
        mend="choose another name, or allow it to be replaced with --overwrite",
    )


def new_folder(path: Path) -> Path:
    """Make a folder for an output, where there is none or an empty one.

    Raises
    ------
    OutputExists, UsageError
        The folder holds something, or is a file; the folder it is to be in is missing (``no-such-folder``).
    IntermittentError
        The disk is full or read-only.
    """
    if not path.parent.is_dir():
        raise _no_folder(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputExists("The output exists already.", where=str(path), mend="name a new folder")
    with storage_errors(path):
        path.mkdir(exist_ok=True)
    return path


def write_text(path: Path, text: str, *, overwrite: bool = False) -> Path:
    """Write a text file that appears whole or not at all; errors as `new_file`."""
    with new_file(path, overwrite=overwrite) as descriptor, open(descriptor, "w", closefd=False) as file:
        file.write(text)
    return path
