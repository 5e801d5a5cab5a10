# SPDX-License-Identifier: BSD-3-Clause
"""Logs of drives, whoever wrote them: deliveries of the interfaces ``I-DATA-xST-1001``, and FACT's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import MissingInput
from pellucid.formats.delivery.whole import is_parquet, read_columns
from pellucid.formats.fact_drive import read_drive_log

__all__ = ["Drive", "read_drive"]

type F8 = npt.NDArray[np.float64]

_COLUMNS = ("azimuth", "altitude", "azimuth_asked", "altitude_asked")


@dataclass(frozen=True, eq=False)
class Drive:
    """What a drive was asked for and what its encoders read.

    Attributes
    ----------
    tel_id : int or None
        Telescope; None where the log does not say.
    time : ndarray of int64, shape (n,)
        In ns TAI.
    azimuth, altitude : ndarray of float64, shape (n,)
        As the encoders read, in deg, azimuth from north over east.
    azimuth_asked, altitude_asked : ndarray of float64, shape (n,)
        In deg.
    tracking : ndarray of bool, shape (n,)
        Whether the drive followed the sky.
    """

    tel_id: int | None
    time: npt.NDArray[np.int64]
    azimuth: F8
    altitude: F8
    azimuth_asked: F8
    altitude_asked: F8
    tracking: npt.NDArray[np.bool_]

    @property
    def deviation(self) -> F8:
        """Distance on the sky of what was read from what was asked for, shape (n,), in arcsec."""
        a, e, a0, e0 = (np.radians(getattr(self, name)) for name in _COLUMNS)
        half = np.sin((e - e0) / 2) ** 2 + np.cos(e) * np.cos(e0) * np.sin((a - a0) / 2) ** 2
        return np.asarray(np.degrees(2.0 * np.arcsin(np.sqrt(half))) * 3600.0)


def read_drive(path: Path) -> Drive:
    """Read a drive's log: Parquet as delivered, or a FITS table of FACT's tracking.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        It is neither, or damaged, or not whole: see `read_drive_log` and `read_columns`.
    """
    if not path.is_file():
        raise MissingInput("There is no such log.", where=str(path), mend="check the name", code="no-file")
    return _parquet(path) if is_parquet(path) else _fact(path)


def _fact(path: Path) -> Drive:
    log = read_drive_log(path)
    asked = 90.0 - log.zenith
    return Drive(
        tel_id=None,
        time=log.time,
        azimuth=log.azimuth + log.azimuth_error,
        altitude=asked - log.zenith_error,
        azimuth_asked=log.azimuth,
        altitude_asked=asked,
        tracking=np.ones(log.time.size, np.bool_),
    )


def _parquet(path: Path) -> Drive:
    metadata, columns = read_columns(path, {"time": "ns", **dict.fromkeys(_COLUMNS, "deg"), "state": ""})
    tel_id = metadata.get("tel_id")
    return Drive(
        tel_id=tel_id if isinstance(tel_id, int) else None,
        time=columns["time"].astype(np.int64),
        tracking=columns["state"] == "tracking",
        **{name: columns[name].astype(np.float64) for name in _COLUMNS},
    )
