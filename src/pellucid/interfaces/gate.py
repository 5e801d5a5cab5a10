# SPDX-License-Identifier: BSD-3-Clause
"""The gate of the archive: a delivered file is held against the interface that covers it, if one does."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.errors import CorruptedInput
from pellucid.interfaces.findings import Report
from pellucid.interfaces.vocabulary import FORMATS

if TYPE_CHECKING:
    from pellucid.interfaces.contract import Delivery, Interface

__all__ = ["judge", "summary_of"]

_SNIFFED = {"fits": "fits-image"}
"""What the first bytes call a format, where deliveries call it otherwise."""


def judge(path: Path, format: str | None, product_type: str | None) -> Report | None:
    """Check a file against the interface that covers it.

    A file that names its interface is held against that one, whatever product type it says that it is. Else
    the product type and the format tell; where several interfaces share these, the file is as agreed if it
    is so for one of them.

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

    best: Report | None = None
    for interface, delivery in _candidates(_told(path, format), format, product_type):
        report = check_files(interface, [path], delivery=delivery.name)
        if report.ok:
            return report
        if best is None or len(report.findings) < len(best.findings):
            best = report
    return best


def summary_of(report: Report) -> dict[str, JSON]:
    """Return what a product remembers of its check: the whole report where something is wrong."""
    held_against: dict[str, JSON] = {
        "interface": report.interface,
        "interface_version": report.version,
        "interface_content": report.digest,
        "check": "passed" if report.ok else "failed",
    }
    if report.ok:
        return held_against
    return held_against | {
        "delivery": report.delivery,
        "rows": report.rows,
        "findings": [finding.as_dict() for finding in report.findings],
    }


def _candidates(
    told: Mapping[str, Any], format: str | None, product_type: str | None
) -> "list[tuple[Interface, Delivery]]":
    """Return what a file may have to be held against, with what it says about itself."""
    from pellucid.interfaces.registry import all_interfaces, covering

    named = all_interfaces().get(str(told.get("interface")))
    if product_type is None and named is not None:
        own = [(named, d) for d in named.deliveries if d.format == format]
        return [c for c in own if c[1].product_type == told.get("product_type")] or own
    product_type = product_type or told.get("product_type")
    found = [] if product_type is None else covering(product_type, format)
    return [c for c in found if c[0].id == told.get("interface")] or found


def _told(path: Path, format: str | None) -> Mapping[str, Any]:
    """Return what a file says about itself, as far as its format lets it and damage leaves it."""
    from pellucid.formats.delivery import read_delivery
    from pellucid.formats.delivery.fits_image import read_cards
    from pellucid.interfaces.metadata_check import SELF_TOLD

    if format is None or format not in SELF_TOLD:
        return {}
    try:
        return read_delivery(path, format).metadata
    except CorruptedInput:
        # what an image says stands before it
        return read_cards(path) if format == "fits-image" else {}
