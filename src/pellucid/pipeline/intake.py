# SPDX-License-Identifier: BSD-3-Clause
"""Taking a delivered file into the archive: past its interface's check, with what it says it covers."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.archive.archive import Archive
from pellucid.archive.files import Progress, hash_file
from pellucid.archive.ingest import FileKind, sniff
from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.errors import ConfigurationError, CorruptedInput
from pellucid.formats.cover import Cover, cover_of
from pellucid.interfaces.ctao import recorded_product, told
from pellucid.interfaces.evidence import QUARANTINE
from pellucid.interfaces.findings import Report
from pellucid.interfaces.gate import judge, summary_of

__all__ = ["findings_of", "take_again", "take_in", "take_in_sound"]

UNKNOWN = "unknown"
"""Format of a file that is damaged beyond recognition."""


def take_in(
    archive: Archive,
    path: Path,
    product_type: str | None = None,
    *,
    given: Mapping[str, Any] | None = None,
    metadata: Mapping[str, JSON] | None = None,
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
    given : mapping, optional
        Attributes of `Product` such as ``obs_id`` and ``rights``, over what the file and its metadata say.
    metadata : mapping, optional
        What CTAO metadata say of it, as `pellucid.interfaces.ctao.read_metadata` returns them; over what the
        file says. Those that an archive of ours has written make the file the product that it was there.
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
        files that no interface covers; of metadata, what `pellucid.interfaces.ctao.told` and
        `take_again` raise. The archive has these bytes, or the metadata are those of a product of ours, with
        other attributes than given (``attribute-conflict``).
    """
    given = given or {}
    said = told(metadata) if metadata is not None else {}
    if metadata is not None and (record := recorded_product(metadata)) is not None:
        _check_given(path, record, given)
        return take_again(archive, path, record, progress)
    product_type = product_type or said.pop("product_type", None)
    kind, report = _judged(path, product_type)
    cover = _cover(path, kind, report)
    failed = report is not None and not report.ok
    summary = {"check": "no interface covers this"} if report is None else summary_of(report)
    attributes: dict[str, Any] = asdict(cover) | {n: v for n, v in said.items() if v is not None}
    attributes["summary"] = summary | said.get("summary", {})
    product, is_new = archive.ingest(
        path,
        product_type or (report.product_type if report is not None else None),
        collection=QUARANTINE if failed else "raw",
        flags=(QUARANTINE,) if failed else (),
        format=None if kind is not None else UNKNOWN,
        progress=progress,
        **attributes | dict(given),
    )
    _check_given(path, product, given)
    return product, is_new


def take_in_sound(
    archive: Archive, path: Path, *, obs_id: int | None = None, progress: Progress | None = None
) -> Product:
    """Take a file in that work is to be done on at once.

    Parameters
    ----------
    archive, path, progress
        As `take_in`.
    obs_id : int, optional
        Observation, over what the file says.

    Raises
    ------
    CorruptedInput
        It is not what its interface asks for, and in quarantine now (``quarantined``); and as `take_in`.
    MissingInput, ConfigurationError
        As `take_in`.
    """
    given = {} if obs_id is None else {"obs_id": obs_id}
    product, _ = take_in(archive, path, given=given, progress=progress)
    if product.collection == QUARANTINE:
        raise CorruptedInput(
            "The file is not as its interface says, and is in quarantine.",
            where=str(path),
            got=findings_of(product),
            mend=f"see what was found: pellucid show {product.short_id}",
            code="quarantined",
        )
    return product


def findings_of(product: Product) -> str:
    """Return the codes of what was found wrong with a product in quarantine, for people."""
    found = product.summary.get("findings")
    codes = [f["code"] for f in found if isinstance(f, Mapping)] if isinstance(found, list) else []
    return ", ".join(str(code) for code in codes) or "see pellucid show " + product.short_id


def take_again(
    archive: Archive, path: Path, product: Product, progress: Progress | None = None
) -> tuple[Product, bool]:
    """Take a product that another archive exported into this one, with its lineage.

    Parameters
    ----------
    archive : Archive
        Where it goes.
    path : Path
        Its bytes.
    product : Product
        As the other archive knew it.
    progress : callable, optional
        As `take_in`.

    Returns
    -------
    tuple of Product and bool
        The product, registered now, and whether it is new here.

    Raises
    ------
    CorruptedInput
        The file holds other bytes than the product's (``other-bytes``).
    MissingInput
        What it was made of is not in this archive (``unknown-product``).
    """
    sha256, size = hash_file(path)
    if sha256 != product.sha256:
        raise CorruptedInput(
            "The metadata are those of other bytes.",
            where=str(path),
            expected=f"sha256 {product.sha256}, {product.size} bytes",
            got=f"sha256 {sha256}, {size} bytes",
            mend="name the file that was exported with them",
            code="other-bytes",
        )
    archive.store.put_file(path, progress=progress)
    return archive.catalogue.register(product)


def _check_given(path: Path, product: Product, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if (registered := getattr(product, name)) != value:
            raise ConfigurationError(
                f"These bytes are product {product.short_id}, with another {name} than given.",
                where=str(path),
                expected=f"{name} {registered}",
                got=f"{value}",
                mend="leave it out, or correct it: what is in the archive does not change",
                code="attribute-conflict",
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
