# SPDX-License-Identifier: BSD-3-Clause
"""The gate of the archive: a delivered file is held against the interface that covers it, if one does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.archive.lineage import JSON
from pellucid.errors import CorruptedInput
from pellucid.interfaces.findings import Report
from pellucid.interfaces.vocabulary import FORMATS

__all__ = ["judge", "summary_of"]

_SNIFFED = {"fits": "fits-image"}
"""What the first bytes call a format, where deliveries call it otherwise."""


def judge(path: Path, format: str | None, product_type: str | None) -> Report | None:
    """Check a file against the interface that covers it.

    A file that names its interface is held against that one. Else the product type and the format tell;
    where several interfaces share these, the file is as agreed if it is so for one of them.

    Parameters
    ----------
    path : Path
        The file.
    format : str or None
        As `pellucid.archive.ingest.sniff` tells it; None where the file is damaged beyond recognition.
    product_type : str or None
        Where it is known.

    Returns
    -------
    Report or None
        The report, of the interface that the file fits best; None where no interface covers it.
    """
    format = None if format is None else _SNIFFED.get(format, format)
    if format not in (*FORMATS, None):
        return None
    # the readers and the catalogue are needed for few of the files that an archive takes in
    from pellucid.interfaces.check import check_files
    from pellucid.interfaces.registry import covering

    told = _told(path, format)
    product_type = product_type or told.get("product_type")
    if product_type is None:
        return None
    candidates = covering(product_type, format)
    named = [c for c in candidates if c[0].id == told.get("interface")]
    best: Report | None = None
    for interface, delivery in named or candidates:
        report = check_files(interface, [path], delivery=delivery.name)
        if report.ok:
            return report
        if best is None or len(report.findings) < len(best.findings):
            best = report
    return best


def summary_of(report: Report) -> dict[str, JSON]:
    """Return what a product remembers of its check: all of it where something is wrong."""
    if report.ok:
        return {"interface": report.interface, "interface_version": report.version, "check": "passed"}
    return {
        "interface": report.interface,
        "interface_version": report.version,
        "check": "failed",
        "findings": [finding.as_dict() for finding in report.findings],
    }


def _told(path: Path, format: str | None) -> Mapping[str, Any]:
    """Return what a file says about itself, where its format lets it; nothing where it is damaged."""
    from pellucid.formats.delivery import read_delivery
    from pellucid.interfaces.metadata_check import SELF_TOLD

    if format is None or format not in SELF_TOLD:
        return {}
    try:
        return read_delivery(path, format).metadata
    except CorruptedInput:
        return {}
