# SPDX-License-Identifier: BSD-3-Clause
"""FACT's drive: what it tracked line by line, and the sources it was sent to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.times import from_unix_utc, to_tai_ns

__all__ = ["DriveLog", "SourceCommands", "read_drive_log", "read_source_commands"]

type F8 = npt.NDArray[np.float64]

_TRACKING, _SOURCE = "DRIVE_CONTROL_TRACKING_POSITION", "DRIVE_CONTROL_SOURCE_POSITION"


@dataclass(frozen=True, eq=False)
class DriveLog:
    """A night of tracking.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        In ns TAI.
    zenith, azimuth : ndarray of float64, shape (n,)
        Where the drive was sent, in deg; azimuth 0 is north, 90 east.
    zenith_error, azimuth_error : ndarray of float64, shape (n,)
        Where it was minus where it was sent, by its encoders, in deg.
    deviation : ndarray of float64, shape (n,)
        Distance of both, as the drive reports it, in arcsec.
    right_ascension, declination : ndarray of float64, shape (n,)
        Of the source, in h and deg.
    night : int
        YYYYMMDD.
    """

    time: npt.NDArray[np.int64]
    zenith: F8
    azimuth: F8
    zenith_error: F8
    azimuth_error: F8
    deviation: F8
    right_ascension: F8
    declination: F8
    night: int


@dataclass(frozen=True, eq=False)
class SourceCommands:
    """Sources the drive was sent to.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        In ns TAI.
    name : tuple of str
        Of the sources.
    right_ascension, declination : ndarray of float64, shape (n,)
        Of the sources, in h and deg.
    offset, angle : ndarray of float64, shape (n,)
        Wobble: distance and position angle of the telescope's axis from the source, in deg.
    """

    time: npt.NDArray[np.int64]
    name: tuple[str, ...]
    right_ascension: F8
    declination: F8
    offset: F8
    angle: F8


def read_drive_log(path: Path) -> DriveLog:
    """Read a night of tracking (``DRIVE_CONTROL_TRACKING_POSITION``).

    Raises
    ------
    MissingInput
        No such file.
    CorruptedInput
        No FITS file, or another table (``unknown-table``).
    """
    table, header = _table(path, _TRACKING)
    return DriveLog(
        time=_time(table, header),
        zenith=_column(table, "Zd"),
        azimuth=_column(table, "Az"),
        zenith_error=_column(table, "dZd"),
        azimuth_error=_column(table, "dAz"),
        deviation=_column(table, "dev"),
        right_ascension=_column(table, "Ra"),
        declination=_column(table, "Dec"),
        night=int(header["NIGHT"]),
    )


def read_source_commands(path: Path) -> SourceCommands:
    """Read the sources of a night (``DRIVE_CONTROL_SOURCE_POSITION``); errors as `read_drive_log`."""
    table, header = _table(path, _SOURCE)
    return SourceCommands(
        time=_time(table, header),
        name=tuple(n.decode("ascii", "replace").strip() for n in table["Name"]),
        right_ascension=_column(table, "Ra_src"),
        declination=_column(table, "Dec_src"),
        offset=_column(table, "Offset"),
        angle=_column(table, "Angle"),
    )


def _table(path: Path, name: str) -> tuple[Any, Any]:
    from astropy.io import fits

    if not path.is_file():
        raise MissingInput("There is no such file.", where=str(path), mend="check the name", code="no-file")
    try:
        with fits.open(path, memmap=False) as units:
            found = [unit for unit in units if unit.name == name]
            names = [unit.name for unit in units]
            if found:
                return np.array(found[0].data), dict(found[0].header)
    except (OSError, TypeError, ValueError) as error:
        raise CorruptedInput(
            "The file cannot be read as FITS.",
            where=str(path),
            got=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            mend="copy the file again",
            code="not-fits",
        ) from error
    raise CorruptedInput(
        "The file does not hold the table that is needed.",
        where=str(path),
        expected=name,
        got=", ".join(n for n in names if n != "PRIMARY") or "no table",
        mend="name a file of FACT's drive",
        code="unknown-table",
    )


def _time(table: Any, header: Any) -> npt.NDArray[np.int64]:
    days = _column(table, "Time") + float(header["MJDREF"]) - 40587.0
    seconds = np.floor(days * 86400.0)
    # days in a double are good to a microsecond
    micro = np.rint((days * 86400.0 - seconds) * 1e6).astype(np.int64)
    return to_tai_ns(from_unix_utc(seconds.astype(np.int64), micro * 1000))


def _column(table: Any, name: str) -> F8:
    return np.asarray(table[name], np.float64)
