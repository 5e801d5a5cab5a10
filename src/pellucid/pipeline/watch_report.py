# SPDX-License-Identifier: BSD-3-Clause
"""What a watch has done so far, what waits, and how long all of it took."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from pellucid.archive.lineage import JSON

__all__ = ["WatchReport"]


@dataclass
class WatchReport:
    """What a watch has done so far.

    Attributes
    ----------
    taken, again, refused : int
        Files that came in as new products, that were there already, and that could not be taken.
    made : int
        Products.
    failed : dict of str to str
        Tasks that failed, and why.
    late : list of str
        What missed its deadline, in words.
    lags : dict of str to list of float
        For each step, and ``ingest``, seconds from a file being whole to its product being there.
    waiting, growing : int
        Whole files that wait to be taken in, and files that are not whole: the back-pressure.
    lacking : dict of str to str
        Tasks that wait for an input that may still arrive, and what they lack.
    refusals : dict of str to str
        Files that could not be taken, and why.
    trouble : str
        What keeps it from working at the moment, such as a full disk.
    """

    taken: int = 0
    again: int = 0
    refused: int = 0
    made: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    lags: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waiting: int = 0
    growing: int = 0
    lacking: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def exit_code(self) -> int:
        """0 where nothing was refused, failed or late, and no file waits."""
        return int(bool(self.refused or self.failed or self.late or self.waiting))

    def as_dict(self) -> dict[str, JSON]:
        """Return the report as a JSON-ready mapping."""
        return {
            "taken": self.taken,
            "again": self.again,
            "refused": self.refused,
            "made": self.made,
            "waiting": self.waiting,
            "growing": self.growing,
            "trouble": self.trouble,
            "lacking": dict(self.lacking),
            "late": list(self.late),
            "failed": dict(self.failed),
            "refusals": dict(self.refusals),
            "lag": {
                name: {"n": len(lags), "median": round(median(lags), 3), "most": round(max(lags), 3)}
                for name, lags in sorted(self.lags.items())
                if lags
            },
        }

    def as_text(self) -> str:
        """Return the report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.taken} files taken in, {self.again} there already, {self.refused} refused; "
            f"{self.made} products"
        )
        for name, lags in sorted(self.lags.items()):
            if lags:
                yield f"lag of {name}: median {median(lags):.2f} s, most {max(lags):.2f} s, {len(lags)} times"
        yield from (f"refused {file}: {why}" for file, why in self.refusals.items())
        yield from (f"failed {name}: {why}" for name, why in self.failed.items())
        yield from self.late
        yield from self.lacking.values()
        if self.waiting or self.growing:
            yield f"{self.waiting} files wait, {self.growing} are not whole"
