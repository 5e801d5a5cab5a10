# SPDX-License-Identifier: BSD-3-Clause
"""A delivery held against its interface: metadata, columns, numbers, times; in one pass, batch by batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import CorruptedInput
from pellucid.formats.delivery import read_delivery
from pellucid.formats.delivery.table import Batch, ColumnInfo, Delivered
from pellucid.interfaces.column_check import ColumnCheck, Rows
from pellucid.interfaces.contract import Delivery, Interface
from pellucid.interfaces.findings import Finding, Report, sorted_findings
from pellucid.interfaces.metadata_check import metadata_findings
from pellucid.interfaces.time_check import TimeCheck

__all__ = ["Progress", "check_delivered", "check_files"]

type Progress = Callable[[int, int, str], object]


def check_files(
    interface: Interface,
    paths: Sequence[Path],
    *,
    delivery: str | None = None,
    delivered: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check files, which together are one delivery.

    Parameters
    ----------
    interface : Interface
        What was agreed.
    paths : sequence of Path
        The files, in the order of time.
    delivery : str, optional
        Which delivery of the interface; needed where it has several.
    delivered : int, optional
        When they arrived, ns TAI; where not given, what the files say; without either, lateness is not
        judged.
    progress : callable, optional
        Called with (files done, files in all, "files").

    Raises
    ------
    MissingInput
        A file is not there.
    ConfigurationError
        The interface has no such delivery.
    """
    agreed = interface.delivery(delivery)
    check = _Check(interface, agreed, delivered)
    for i, path in enumerate(paths):
        try:
            check.add(read_delivery(path, agreed.format), path.name)
        except CorruptedInput as error:
            check.say(error, path.name)
        if progress:
            progress(i + 1, len(paths), "files")
    return check.report(tuple(path.name for path in paths))


def check_delivered(
    interface: Interface,
    delivered: Iterable[tuple[str, Delivered]],
    *,
    delivery: str | None = None,
    arrived: int | None = None,
) -> Report:
    """Check what is open already: names and contents of files, or of what is in memory; see `check_files`."""
    check = _Check(interface, interface.delivery(delivery), arrived)
    names = []
    for name, content in delivered:
        names.append(name)
        check.add(content, name)
    return check.report(tuple(names))


class _Check:
    """The state of a check."""

    def __init__(self, interface: Interface, delivery: Delivery, arrived: int | None) -> None:
        self.interface, self.delivery, self.arrived = interface, delivery, arrived
        sizes: dict[str, int] = {}
        self.columns = {c.name: ColumnCheck(c, sizes) for c in delivery.columns}
        self.times = TimeCheck(delivery)
        self.found: list[Finding] = []
        self.rows = 0
        self.metadata: Mapping[str, Any] = {}

    def add(self, opened: Delivered, file: str) -> None:
        """Look through one file."""
        self.metadata = self.metadata or opened.metadata
        self.found += metadata_findings(self.interface, self.delivery, opened.metadata, file)
        for problem in opened.problems:
            self.say(problem, file)
        self._open(opened.columns, file)
        present = [c for c in self.columns if c in opened.columns]
        first = 0
        try:
            for batch in opened.batches():
                first += self._batch(batch, present, file, first)
        except CorruptedInput as error:
            self.say(error, file)
        self.rows += first
        if first == 0 and not any(f.where == file for f in self.found):
            self.found.append(
                Finding(code="empty", what="There are no rows.", where=file, expected="at least one row",
                        got="none", mend="deliver a file when there is something in it")
            )  # fmt: skip
        arrived = self.arrived if self.arrived is not None else opened.metadata.get("delivered")
        self.times.arrived(arrived, file)

    def _open(self, columns: Mapping[str, ColumnInfo], file: str) -> None:
        known = ", ".join(columns)
        for name, check in self.columns.items():
            if name in columns:
                check.open(columns[name], file)
            else:
                self.found.append(
                    Finding(code="missing-column", what=f"The column '{name}' is missing.", where=file,
                            expected=name, got=known or "no column", mend="deliver it, under this name")
                )  # fmt: skip
        for name in columns:
            if name not in self.columns:
                self.found.append(
                    Finding(code="unexpected-column", what=f"Nobody agreed on '{name}'.", where=file,
                            expected=", ".join(self.columns), got=name,
                            mend="leave it out, or agree on it in a new version of the interface")
                )  # fmt: skip

    def _batch(self, batch: Batch, present: Sequence[str], file: str, first: int) -> int:
        time = self.delivery.time
        times = batch[time].data if time is not None and time in batch else None
        if times is not None and times.dtype != np.int64:
            times = None
        rows = Rows(file, first, times)
        for name in present:
            self.columns[name].update(batch[name], rows)
        if times is not None:
            self.times.update(times, rows)
        return len(next(iter(batch.values())).data) if batch else 0

    def say(self, error: CorruptedInput | Any, file: str) -> None:
        """Take an error of the format as a finding."""
        self.found.append(
            Finding(code=error.code, what=error.what, where=file, expected=error.expected, got=error.got,
                    mend=error.mend)
        )  # fmt: skip

    def report(self, files: tuple[str, ...]) -> Report:
        """Return what was found."""
        found = [*self.found, *self.times.findings()]
        for check in self.columns.values():
            found += check.findings()
        return Report(
            interface=self.interface.id,
            version=self.interface.version,
            digest=self.interface.digest,
            delivery=self.delivery.name,
            product_type=self.delivery.product_type,
            files=files,
            rows=self.rows,
            findings=sorted_findings(found),
            start=self.times.start,
            stop=self.times.stop,
            metadata=self.metadata,
        )
