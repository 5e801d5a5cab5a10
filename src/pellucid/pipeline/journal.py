# SPDX-License-Identifier: BSD-3-Clause
"""What became of each file that arrived, kept so that a watch that is restarted goes on where it was."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from pellucid.archive.files import storage_errors
from pellucid.archive.lineage import JSON

__all__ = ["Arrival", "Journal", "journal_of"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole file.

    Attributes
    ----------
    path : Path
        Where it lies.
    size, changed : int
        Bytes, and date of the last change in ns.
    seen : float
        When it was first seen whole, by the monotonic clock, s.
    """

    path: Path
    size: int
    changed: int
    seen: float

    @property
    def state(self) -> tuple[int, int]:
        """What tells this content from a later one under the same name."""
        return self.size, self.changed


class Journal:
    """What became of each file, and of which of them not all is made yet.

    A line is written once a file is in the archive, or refused for good, and one more once nothing waits
    for it any longer. Where the last lines are lost, their files are taken in again, which changes nothing.

    Parameters
    ----------
    path : Path
        File with a line of JSON for each.

    Attributes
    ----------
    unfinished : dict of str to float or None
        Products that were taken and are not over, and when their files were seen whole by the monotonic
        clock; None where that ran before this machine was started.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unfinished: dict[str, float | None] = {}
        self._known: dict[str, tuple[int, int]] = {}
        with suppress(FileNotFoundError):
            for line in path.read_text().splitlines():
                with suppress(ValueError, KeyError, TypeError):  # a kill may cut the last line short
                    self._read(json.loads(line))
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a")
            if path.stat().st_size and not path.read_text().endswith("\n"):
                self._file.write("\n")

    def _read(self, line: dict[str, JSON]) -> None:
        if isinstance(over := line.get("over"), list):
            for product in over:
                self.unfinished.pop(str(product), None)
            return
        self._known[str(line["file"])] = (int(str(line["size"])), int(str(line["changed"])))
        if isinstance(seen := line.get("seen"), float):
            self.unfinished[str(line["product"])] = seen if line.get("boot") == _boot() else None

    def knows(self, path: str | Path, state: tuple[int, int]) -> bool:
        """Return whether a file in this state is over and done with."""
        return self._known.get(os.fspath(path)) == state

    def replaced(self, arrival: Arrival) -> bool:
        """Return whether a file of this name was taken with other content."""
        return str(arrival.path) in self._known and not self.knows(arrival.path, arrival.state)

    def note(self, arrival: Arrival, became: str, product: str = "", *, over: bool = False) -> None:
        """Note what became of a file; its product is unfinished, unless that is all that becomes of it."""
        line: dict[str, JSON] = {
            "file": str(arrival.path),
            "size": arrival.size,
            "changed": arrival.changed,
            "became": became,
            "product": product,
        }
        unfinished = bool(product) and not over
        if unfinished:
            line |= {"seen": float(arrival.seen), "boot": _boot()}
        self._write(line)
        self._known[str(arrival.path)] = arrival.state
        if unfinished:
            self.unfinished[product] = arrival.seen

    def over(self, products: Iterable[str]) -> None:
        """Note that all is made of products that will be, or that it was told what is not."""
        ended = sorted(self.unfinished.keys() & set(products))
        if ended:
            self._write({"over": [*ended]})
            for product in ended:
                del self.unfinished[product]

    def _write(self, line: dict[str, JSON]) -> None:
        with storage_errors(self.path):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def journal_of(workspace: Path, folder: Path) -> Path:
    """Return where the journal of a watched folder is kept in a workspace."""
    name = sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return workspace / "watch" / f"{name}.jsonl"


@cache
def _boot() -> str:
    """Return what tells one run of this machine from another: the monotonic clock begins anew with each."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
