# SPDX-License-Identifier: BSD-3-Clause
"""What a check finds wrong with a delivery, so that the team that made it can mend it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pellucid.archive.lineage import JSON
from pellucid.times import to_utc_iso

__all__ = ["FIRST", "Finding", "Place", "Report", "sorted_findings", "time_text"]

FIRST = 5
"""So many places are told of each finding."""


@dataclass(frozen=True)
class Place:
    """Where something is wrong: a file, its row counted from 0, the row's time in ns TAI where it has one."""

    file: str
    row: int
    time: int | None = None

    def in_file(self) -> str:
        """Return the place without its file."""
        return f"row {self.row}" + ("" if self.time is None else f" ({time_text(self.time)})")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, however often it occurs.

    Attributes
    ----------
    code : str
        Name of the kind of mistake, stable.
    what : str
        One sentence.
    where : str
        Column, metadata key or file.
    expected, got : str
        What the interface asks for and what is there; of many, the worst.
    mend : str
        What the device team can do.
    count : int
        How often it occurs.
    places : tuple of Place
        The first of them.
    """

    code: str
    what: str
    where: str
    expected: str = ""
    got: str = ""
    mend: str = ""
    count: int = 1
    places: tuple[Place, ...] = ()

    def as_dict(self) -> dict[str, JSON]:
        """Return the finding JSON-ready."""
        places = [
            {"file": p.file, "row": p.row, "time": None if p.time is None else time_text(p.time)}
            for p in self.places
        ]
        own: dict[str, JSON] = {
            name: getattr(self, name)
            for name in ("code", "what", "where", "expected", "got", "mend", "count")
        }
        return own | {"places": places}

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.what}" + (f" ({self.count} times)" if self.count > 1 else "")]
        for name in ("where", "expected", "got", "mend"):
            if value := getattr(self, name):
                lines.append(f"    {name + ':':<10}{value}")
        if self.places:
            more = f" and {self.count - len(self.places)} more" if self.count > len(self.places) else ""
            lines.append("    first:    " + _places(self.places) + more)
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The answer of a check.

    Attributes
    ----------
    interface, version, digest : str
        What the delivery was held against.
    delivery, product_type : str
        Which of its deliveries.
    files : tuple of str
        What was looked at.
    rows : int
        How many rows there are.
    findings : tuple of Finding
        What is wrong; nothing where the delivery is as agreed.
    start, stop : int or None
        Time of the first and of the last row, ns TAI.
    metadata : mapping
        What the first file says about itself.
    """

    interface: str
    version: str
    digest: str
    delivery: str
    product_type: str
    files: tuple[str, ...]
    rows: int
    findings: tuple[Finding, ...] = ()
    start: int | None = None
    stop: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def codes(self) -> tuple[str, ...]:
        """Kinds of mistakes, each once, sorted."""
        return tuple(sorted({f.code for f in self.findings}))

    def as_dict(self) -> dict[str, JSON]:
        """Return the report JSON-ready."""
        return {
            "interface": self.interface,
            "version": self.version,
            "digest": self.digest,
            "delivery": self.delivery,
            "product_type": self.product_type,
            "files": list(self.files),
            "rows": self.rows,
            "start": None if self.start is None else time_text(self.start),
            "stop": None if self.stop is None else time_text(self.stop),
            "ok": self.ok,
            "findings": [f.as_dict() for f in self.findings],
        }

    def text(self) -> str:
        """Return the report for people."""
        head = f"{self.interface} {self.version}, delivery '{self.delivery}' ({self.product_type})"
        span = "" if self.start is None or self.stop is None else f", {_span(self.start, self.stop)}"
        size = f"{_number(len(self.files), 'file')}, {_number(self.rows, 'row')}{span}"
        if self.ok:
            return f"{head}\n{size}: as agreed"
        counted = f"{_number(len(self.findings), 'finding')}"
        return "\n".join(
            [head, f"{size}: {counted}", *(f"  {f}".replace("\n", "\n  ") for f in self.findings)]
        )


def _places(places: Sequence[Place]) -> str:
    by_file = groupby(places, key=lambda place: place.file)
    return "; ".join(f"{file} {', '.join(p.in_file() for p in found)}" for file, found in by_file)


def _number(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"


def _span(start: int, stop: int) -> str:
    return f"{time_text(start)} to {time_text(stop)}"


def time_text(tai_ns: int) -> str:
    """Return a time (ns TAI since 1970) as people read it, in UTC."""
    # what a damaged clock says may lie outside all calendars
    return to_utc_iso(tai_ns) if 0 <= tai_ns < 4_000_000_000_000_000_000 else f"{tai_ns} ns"


def sorted_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings by place and kind, so that equal deliveries give equal reports."""
    return tuple(sorted(findings, key=lambda f: (f.where, f.code)))
