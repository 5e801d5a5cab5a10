# SPDX-License-Identifier: BSD-3-Clause
"""Files as they land in a folder: which ones are whole, and which were seen before.

A file is whole when it took its name by renaming from an unfinished one, or when neither its size nor its
date has changed for a while and nobody has it open for writing. All waiting is measured by a clock that
nobody sets.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from pellucid.pipeline.journal import Arrival, Journal

__all__ = ["Arrivals"]

_UNFINISHED = (".part", ".tmp", ".temp", ".writing", ".incomplete", ".filepart", ".crdownload")


@dataclass(slots=True)
class _Growing:
    state: tuple[int, int]
    since: float


@dataclass
class Arrivals:
    """Looks for whole files in a folder and all folders below.

    Attributes
    ----------
    folder : Path
        Where they land.
    journal : Journal
        Which ones are done with.
    settle : float
        Seconds for which a file must not change.
    clock : callable
        Gives seconds that only grow.
    closed : set of str
        Folders that could not be read at the last look.
    """

    folder: Path
    journal: Journal
    settle: float = 1.0
    clock: Callable[[], float] = monotonic
    closed: set[str] = field(default_factory=set)
    _growing: dict[str, _Growing] = field(default_factory=dict)
    _unfinished: set[tuple[int, int]] = field(default_factory=set)
    _whole: dict[str, Arrival] = field(default_factory=dict)

    @property
    def growing(self) -> int:
        """How many files are there that are not whole yet."""
        return len(self._growing)

    def look(self) -> list[Arrival]:
        """Return the whole files that the journal does not know, the oldest first."""
        now = self.clock()
        present: set[str] = set()
        self.closed = set()
        # paths stay text until a file is whole: there are thousands that are over and done with
        for path, name, status in _files(self.folder, self.closed):
            if _is_unfinished(name):
                self._unfinished.add((status.st_dev, status.st_ino))
                continue
            state = (status.st_size, status.st_mtime_ns)
            if self.journal.knows(path, state):
                self._whole.pop(path, None)
                continue
            present.add(path)
            if self._is_whole(path, status, state, now):
                old = self._whole.get(path)
                if old is None or old.state != state:
                    self._whole[path] = Arrival(Path(path), *state, seen=now)
                self._growing.pop(path, None)
            else:
                self._whole.pop(path, None)
        self._growing = {p: g for p, g in self._growing.items() if p in present}
        self._whole = {p: a for p, a in self._whole.items() if p in present}
        return sorted(self._whole.values(), key=lambda a: (a.changed, str(a.path)))

    def _is_whole(self, path: str, status: os.stat_result, state: tuple[int, int], now: float) -> bool:
        if path in self._whole and self._whole[path].state == state:
            return True
        if (status.st_dev, status.st_ino) in self._unfinished:
            self._unfinished.discard((status.st_dev, status.st_ino))
            return True  # whoever wrote it gave it its name once it was ready
        known = self._growing.get(path)
        if known is None or known.state != state:
            self._growing[path] = _Growing(state, now)
            return self.settle <= 0 and _nobody_writes(path)
        return now - known.since >= self.settle and _nobody_writes(path)


def _files(folder: Path, closed: set[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """All files in a folder and below, with their names; folders that may not be read go into ``closed``."""
    folders = [str(folder)]
    while folders:
        try:
            entries = sorted(os.scandir(folders[-1]), key=lambda entry: entry.name)
        except FileNotFoundError:  # removed since it was listed
            entries = []
        except PermissionError:
            closed.add(folders[-1])
            entries = []
        folders.pop()
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        folders.append(entry.path)
                elif entry.is_file():
                    yield entry.path, entry.name, entry.stat()


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") or name.endswith(("~", *_UNFINISHED))


def _nobody_writes(path: str) -> bool:
    """Return whether nobody has a file open for writing, as far as the system tells us."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return True  # whoever takes it in tells why it cannot be read
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)  # refused while it is open for writing
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return False
    except OSError:
        return True  # another's file, or a network disk: there that it does not change must do
    finally:
        os.close(descriptor)
    return True
