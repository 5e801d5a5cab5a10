# SPDX-License-Identifier: BSD-3-Clause
"""Taking a delivered file into the archive: past its interface's check, with what it says it covers."""

from pathlib import Path

from pellucid.archive.archive import Archive
from pellucid.archive.files import Progress
from pellucid.archive.ingest import FileKind, sniff
from pellucid.archive.product import Product
from pellucid.errors import CorruptedInput
from pellucid.formats.cover import Cover, cover_of
from pellucid.interfaces.evidence import QUARANTINE
from pellucid.interfaces.findings import Report
from pellucid.interfaces.gate import judge, summary_of

__all__ = ["take_in"]

UNKNOWN = "unknown"
"""Format of a file that is damaged beyond recognition."""


def take_in(
    archive: Archive,
    path: Path,
    product_type: str | None = None,
    *,
    obs_id: int | None = None,
    progress: Progress | None = None,
) -> tuple[Product, bool]:
    """Take a file into the archive, into quarantine where it is not what its interface asks for.

    A file that no interface covers is taken in as it is; its summary says so.

    Parameters
    ----------
    archive : Archive
        Where it goes.
    path : Path
        The file.
    product_type : str, optional
        Where the file does not tell it.
    obs_id : int, optional
        Observation, over what the file says.
    progress : callable, optional
        As `pellucid.archive.archive.Archive.ingest` takes it.

    Returns
    -------
    tuple of Product and bool
        The product, and whether it is new. The summary of one in quarantine holds what was found.

    Raises
    ------
    MissingInput, CorruptedInput, ConfigurationError
        As `pellucid.archive.archive.Archive.ingest`, and what `pellucid.formats.cover.cover_of` raises of
        files that no interface covers.
    """
    kind, report = _judged(path, product_type)
    cover = _cover(path, kind, report)
    failed = report is not None and not report.ok
    return archive.ingest(
        path,
        product_type or (report.product_type if report is not None else None),
        obs_id=cover.obs_id if obs_id is None else obs_id,
        telescopes=cover.telescopes,
        device=cover.device,
        time_start=cover.time_start,
        time_stop=cover.time_stop,
        collection=QUARANTINE if failed else "raw",
        flags=(QUARANTINE,) if failed else (),
        summary={"check": "no interface covers this"} if report is None else summary_of(report),
        format=None if kind is not None else UNKNOWN,
        progress=progress,
    )


def _judged(path: Path, product_type: str | None) -> tuple[FileKind | None, Report | None]:
    """Return what a file is, as far as its first bytes tell, and what its check found."""
    try:
        kind = sniff(path)
    except CorruptedInput as error:
        report = None if error.code != "unknown-format" else judge(path, None, product_type)
        if report is None:
            raise
        return None, report
    return kind, judge(path, kind.format, product_type or kind.product_type)


def _cover(path: Path, kind: FileKind | None, report: Report | None) -> Cover:
    if report is not None and report.ok and report.start is not None and report.stop is not None:
        said = report.metadata
        return Cover(
            obs_id=said.get("obs_id"),
            telescopes=(said["tel_id"],) if "tel_id" in said else (),
            device=said.get("device"),
            time_start=report.start,
            time_stop=report.stop + 1,
        )
    try:
        return Cover() if kind is None else cover_of(path, kind.format)
    except CorruptedInput:
        if report is None:
            raise
        return Cover()
