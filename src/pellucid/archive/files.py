# SPDX-License-Identifier: BSD-3-Clause
"""Files read and written so that a crash, a full disk or a changing source can never pass unnoticed."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from pellucid.errors import CorruptedInput, IntermittentError, MissingInput, PellucidError

__all__ = [
    "Progress",
    "copy_hashed",
    "hash_file",
    "open_source",
    "room_errors",
    "storage_errors",
    "sync_folder",
]

BLOCK = 1 << 20

type Progress = Callable[[int, int, str], object]
"""Called with (done, total, unit) now and then."""

_ROOM = 1 << 20
"""Bytes that a disk with room for anything takes."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def open_source(path: Path) -> Iterator[int]:
    """Open a file that is to be read whole, and make sure that it stayed what it was.

    Yields
    ------
    int
        A file descriptor.

    Raises
    ------
    MissingInput
        There is no such file, or it may not be read.
    CorruptedInput
        It is a directory, a device or empty, or it changed between opening and closing
        (code ``changed-while-read``).
    """
    try:
        # a pipe without a writer must not block us
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unopened(path, error) from error
    try:
        before = os.fstat(descriptor)
        _check_regular(path, before)
        yield descriptor
        try:
            after, named = os.fstat(descriptor), os.stat(path)
        except FileNotFoundError:
            raise _changed(path, "it was removed or renamed") from None
        if _state(after) != _state(before):
            raise _changed(path, f"{before.st_size} bytes before, {after.st_size} after, or a newer date")
        if (named.st_dev, named.st_ino) != (before.st_dev, before.st_ino):
            raise _changed(path, "another file now has its name")
    finally:
        os.close(descriptor)


def copy_hashed(
    path: Path, target: int | None = None, *, progress: Progress | None = None
) -> tuple[str, int]:
    """Read a file once, hash it, and write it to an open descriptor.

    Parameters
    ----------
    path : Path
        File to read.
    target : int, optional
        Descriptor to write to; without it the file is only hashed.
    progress : callable, optional
        Called with (bytes done, bytes in all, "B").

    Returns
    -------
    tuple of str and int
        sha256 in hexadecimal digits, and the size in bytes.

    Raises
    ------
    MissingInput, CorruptedInput
        As `open_source`; a read that ends early counts as changed.
    IntermittentError
        The target cannot be written.
    """
    digest = sha256()
    with open_source(path) as source:
        total = os.fstat(source).st_size
        done = 0
        while block := _read(path, source):
            digest.update(block)
            if target is not None:
                with storage_errors(path):
                    _write_all(target, block)
            done += len(block)
            if progress is not None:
                progress(done, total, "B")
        if done != total:
            raise _changed(path, f"{total} bytes announced, {done} read")
    return digest.hexdigest(), done


def hash_file(path: Path) -> tuple[str, int]:
    """Return (sha256, size in bytes) of a file; errors as `copy_hashed`."""
    return copy_hashed(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn failures to write (full disk, read-only disk, device errors) into `IntermittentError`."""
    try:
        yield
    except PellucidError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            what, mend, code = "There is no space left to write.", "free some space, then repeat", "disk-full"
        elif error.errno in _READ_ONLY:
            what, code = "The place to write to is read-only.", "read-only"
            mend = "check the mount and the permissions, then repeat"
        else:
            what, mend, code = "Writing failed.", "check the disk, then repeat", "write-failed"
        at = f"{error.filename or where}"
        raise IntermittentError(
            what, where=at, got=os.strerror(error.errno or 0), mend=mend, code=code
        ) from error


@contextmanager
def room_errors(folder: Path) -> Iterator[None]:
    """Turn what fails for want of room into `IntermittentError` (``disk-full``).

    Libraries do not always say why they could not write: where one failed, it is tried whether the folder
    still takes a file.
    """
    try:
        yield
    except PellucidError:
        raise
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in _FULL
        if full or not _has_room(folder):
            with storage_errors(folder):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def _has_room(folder: Path) -> bool:
    probe = folder / "room"
    try:
        probe.write_bytes(bytes(_ROOM))
    except OSError as error:
        return error.errno not in _FULL
    finally:
        probe.unlink(missing_ok=True)
    return True


def _read(path: Path, descriptor: int) -> bytes:
    try:
        return os.read(descriptor, BLOCK)
    except OSError as error:
        raise IntermittentError(
            "Reading failed.",
            where=str(path),
            got=os.strerror(error.errno or 0),
            mend="check the disk or the network mount, then repeat",
            code="read-failed",
        ) from error


def _write_all(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _check_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        got, code = "a directory", "directory"
    elif not stat.S_ISREG(status.st_mode):
        got, code = "a pipe, socket or device", "not-a-file"
    elif status.st_size == 0:
        got, code = "an empty file (0 bytes)", "empty"
    else:
        return
    raise CorruptedInput(
        f"This is not a file with data: {got}.",
        where=str(path),
        expected="a regular file that is not empty",
        got=got,
        mend="name the file itself" if code != "empty" else "fetch the file again from where it was made",
        code=code,
    )


def _unopened(path: Path, error: OSError) -> PellucidError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return MissingInput(
            "There is no such file.",
            where=str(path),
            mend="check the spelling of the path",
            code="no-such-file",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return MissingInput(
            "The file may not be read.",
            where=str(path),
            got=os.strerror(error.errno),
            mend="ask its owner for permission to read it",
            code="unreadable",
        )
    if error.errno == errno.ENXIO:
        return CorruptedInput("This is not a file with data: a socket.", where=str(path), code="not-a-file")
    return IntermittentError(
        "The file cannot be opened.",
        where=str(path),
        got=os.strerror(error.errno or 0),
        mend="check the disk or the network mount, then repeat",
        code="read-failed",
    )


def _changed(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file changed while it was read.",
        where=str(path),
        expected="the same file from the first to the last byte",
        got=got,
        mend="wait until whatever writes it has finished, then repeat",
        code="changed-while-read",
    )
