# SPDX-License-Identifier: BSD-3-Clause
"""What a delivered file says it covers: observation, telescopes or device, and time.

Outside packages bring formats of their own through entry points of the group ``pellucid.formats``, each
naming a `Format`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from pellucid.errors import ConfigurationError

__all__ = ["Cover", "Format", "cover_of", "outside_formats"]


@dataclass(frozen=True, kw_only=True)
class Cover:
    """What a file covers, as far as it says so; attributes as of `pellucid.archive.Product`."""

    obs_id: int | None = None
    telescopes: tuple[int, ...] = ()
    device: str | None = None
    time_start: int | None = None
    time_stop: int | None = None


@dataclass(frozen=True)
class Format:
    """A format that an outside package brings.

    Attributes
    ----------
    name : str
        Short, e.g. ``hail-json``.
    product_type : str
        What its files hold.
    recognise : callable
        Given the first 64 KiB of a file, decompressed; returns whether it is one of these.
    cover : callable
        Given the path of such a file; returns its `Cover`.
    """

    name: str
    product_type: str
    recognise: Callable[[bytes], bool]
    cover: Callable[[Path], Cover] = field(default=lambda _path: Cover())


def cover_of(path: Path, format: str) -> Cover:
    """Return what a file covers; formats that do not say so give an empty answer.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        As `pellucid.archive.ingest.sniff` tells it.

    Raises
    ------
    CorruptedInput
        The file is damaged where it would say so.
    """
    if format in _COVERS:
        return _COVERS[format](path)
    outside = outside_formats().get(format)
    return Cover() if outside is None else outside.cover(path)


@cache
def outside_formats() -> Mapping[str, Format]:
    """Return the formats of installed packages, by name.

    Raises
    ------
    ConfigurationError
        One announces something else, or two have one name (``bad-format``).
    """
    formats: dict[str, Format] = {}
    for entry in entry_points(group="pellucid.formats"):
        brought = entry.load()
        if not isinstance(brought, Format) or brought.name in {*formats, *_COVERS}:
            raise ConfigurationError(
                "A package brings a format that is none, or that is there already.",
                where=f"entry point {entry.name} = {entry.value}",
                got=repr(brought),
                mend="mend or remove the package",
                code="bad-format",
            )
        formats[brought.name] = brought
    return formats


def _zfits(path: Path) -> Cover:
    from pellucid.formats.zfits_file import MessageFile

    file = MessageFile(path, {})
    table = "Events" if file.has("Events") else "SubarrayEvents"
    if not file.has("DataStream") or not file.has(table) or not file.length(table):
        return Cover()
    stream = file.first("DataStream")
    telescopes = (int(stream.tel_id),) if hasattr(stream, "tel_id") else ()
    ends = file.rows(table, (1, file.length(table)))
    times = [event.event_time_s * 10**9 + event.event_time_qns // 4 for event in ends]
    return Cover(
        obs_id=int(stream.obs_id), telescopes=telescopes, time_start=min(times), time_stop=max(times) + 1
    )


def _licel(path: Path) -> Cover:
    from pellucid.formats.licel import read_licel

    file = read_licel(path, check=False)
    return Cover(time_start=file.start, time_stop=max(file.stop, file.start + 1))


def _ecsv(path: Path) -> Cover:
    from pellucid.formats.air_profile import air_profile_time

    start = air_profile_time(path)
    return Cover() if start is None else Cover(time_start=start, time_stop=start + 1)


def _fact_drive(path: Path) -> Cover:
    from pellucid.formats.fact_drive import read_drive_log

    time = read_drive_log(path).time
    return Cover(time_start=int(time[0]), time_stop=int(time[-1]) + 1) if time.size else Cover()


_COVERS: dict[str, Callable[[Path], Cover]] = {
    "zfits": _zfits,
    "licel": _licel,
    "ecsv": _ecsv,
    "fact-drive": _fact_drive,
}
