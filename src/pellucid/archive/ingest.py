# SPDX-License-Identifier: BSD-3-Clause
"""What a file is, told from its first bytes: its format and its product type.

`FORMATS` holds one function per format of ours, outside packages bring theirs (see
`pellucid.formats.cover.Format`); each looks at the head of a file, decompressed where it was
compressed, and says what it is or None.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pellucid.archive.files import open_source
from pellucid.errors import CorruptedInput
from pellucid.formats.cover import outside_formats

__all__ = ["FORMATS", "RECOGNISED", "FileKind", "sniff"]

HEAD = 64 * 1024

EVENTIO_MARKER = 0xD41F8A37
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

_LICEL_SITE = re.compile(rb"(\d\d/\d\d/\d{4} +\d\d:\d\d:\d\d +){2}")
_LICEL_SHOTS = re.compile(rb"( *\d+){5}( |$)")


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes
    ----------
    format : str
        Short name of the format, e.g. ``eventio``.
    product_type : str or None
        Product type where the head of the file tells it.
    """

    format: str
    product_type: str | None


def sniff(path: Path) -> FileKind:
    """Tell what a file is from its first 64 KiB.

    Raises
    ------
    CorruptedInput
        No known format begins so (``unknown-format``), or there is nothing to read: see
        `pellucid.archive.files.open_source`.
    MissingInput
        There is no such file, or it may not be read.
    ConfigurationError
        An installed package brings a format that is none (``bad-format``).
    """
    with open_source(path), path.open("rb") as file:
        head = file.read(HEAD)
    content = _decompressed(head)
    for recognise in FORMATS:
        if kind := recognise(content):
            return kind
    for brought in outside_formats().values():
        if brought.recognise(content):
            return FileKind(brought.name, brought.product_type)
    raise CorruptedInput(
        "This file has no format that Pellucid knows.",
        where=str(path),
        expected="EventIO (plain, gzip or zstd), FITS (zfits DL0 too), HDF5, Parquet, ECSV or Licel",
        got=f"first bytes {head[:8].hex(' ')}",
        mend="check that the file is whole and not wrapped in an archive such as tar or zip",
        code="unknown-format",
    )


def _eventio(head: bytes) -> FileKind | None:
    marker = EVENTIO_MARKER.to_bytes(4, "little")
    if head.startswith((marker, marker[::-1])):
        return FileKind("eventio", "DL0/Event/Subarray/ObservationSim")
    return None


def _zfits_dl0(head: bytes) -> FileKind | None:
    if not head.startswith(b"SIMPLE  ="):
        return None
    for association in ("Telescope", "Subarray"):
        if f"DL0v1.{association}.".encode() in head:
            return FileKind("zfits", f"DL0/Event/{association}/Observation")
    return None


def _camera_raw(head: bytes) -> FileKind | None:
    """Raw files of cameras and drives from before DL0, by the names of their tables and messages."""
    if not head.startswith(b"SIMPLE  ="):
        return None
    if b"'DataModel.Camera" in head:
        return FileKind("protobuf-zfits", "R0/Event/Telescope/Observation")
    if b"'ZDrsCellOffsets'" in head:
        return FileKind("fact-zfits", "R0/Event/Telescope/Observation")
    if b"'DRIVE_CONTROL_TRACKING_POSITION'" in head:
        return FileKind("fact-drive", "R0/Monitoring/Telescope/Drive")
    return None


def _fits(head: bytes) -> FileKind | None:
    return FileKind("fits", None) if head.startswith(b"SIMPLE  =") else None


def _hdf5(head: bytes) -> FileKind | None:
    return FileKind("hdf5", None) if head.startswith(b"\x89HDF\r\n\x1a\n") else None


def _parquet(head: bytes) -> FileKind | None:
    return FileKind("parquet", None) if head.startswith(b"PAR1") else None


def _description(head: bytes) -> FileKind | None:
    described = head.startswith(b'{"format": "pellucid subarray description"')
    return FileKind("json", "DL0/Service/Subarray/Description") if described else None


def _licel(head: bytes) -> FileKind | None:
    lines = head.split(b"\r\n", 3)
    if len(lines) > 3 and _LICEL_SITE.search(lines[1]) and _LICEL_SHOTS.match(lines[2]):
        return FileKind("licel", "DL0/Monitoring/Subarray/Lidar")
    return None


def _air_profile(head: bytes) -> FileKind | None:
    if not head.startswith(b"# %ECSV"):
        return None
    yaml = b"".join(line for line in head.splitlines(keepends=True) if line.startswith(b"#"))
    if all(b"name: " + name in yaml for name in (b"pressure", b"temperature")):
        return FileKind("ecsv", "DL0/Monitoring/Array/AirProfile")
    return FileKind("ecsv", None)


FORMATS: tuple[Callable[[bytes], FileKind | None], ...] = (
    _eventio,
    _zfits_dl0,
    _camera_raw,
    _fits,
    _hdf5,
    _parquet,
    _description,
    _licel,
    _air_profile,
)
"""Asked in this order; the first that answers is right."""

RECOGNISED = frozenset(
    {
        "eventio",
        "zfits",
        "protobuf-zfits",
        "fact-zfits",
        "fact-drive",
        "fits",
        "hdf5",
        "parquet",
        "licel",
        "ecsv",
    }
)
"""Formats whose files always tell themselves by how they begin."""


def _decompressed(head: bytes) -> bytes:
    """Return what of a compressed file's head can be decompressed; nothing where it is damaged."""
    if head.startswith(_GZIP):
        try:
            return zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return b""
    if head.startswith(_ZSTD):
        import zstandard

        try:
            return bytes(zstandard.ZstdDecompressor().stream_reader(BytesIO(head)).read(HEAD))
        except zstandard.ZstdError:
            return b""
    return head
