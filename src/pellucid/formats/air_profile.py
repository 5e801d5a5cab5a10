# SPDX-License-Identifier: BSD-3-Clause
"""Profiles of the air, of a radiosonde or a weather model: ECSV tables of height, pressure, temperature."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from astropy.table import QTable, Table
from astropy.units import UnitConversionError

from pellucid.atmosphere.molecular import Air
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.times import from_unix_utc, to_tai_ns

__all__ = ["air_profile_time", "read_air_profile", "write_air_profile"]

_NAMES = {"height": ("height", "altitude"), "pressure": ("pressure",), "temperature": ("temperature",)}
_UNITS = {"height": "m", "pressure": "Pa", "temperature": "K"}


def read_air_profile(path: Path) -> Air:
    """Read an ECSV table with columns ``height`` (or ``altitude``), ``pressure`` and ``temperature``.

    Heights are above sea level; every column names its unit. Levels may be in any order; of levels at one
    height the first is taken, and levels without values are left out.

    Raises
    ------
    MissingInput
        There is no such file (``no-file``).
    CorruptedInput
        It is no such table (``bad-air-profile``), or no profile of the air (``bad-air``).
    """
    if not path.is_file():
        raise MissingInput(
            "There is no such profile of the air.", where=str(path), mend="check the path", code="no-file"
        )
    try:
        table = QTable.read(path, format="ascii.ecsv")
    except Exception as error:
        raise _bad(path, "an ECSV table", str(error).splitlines()[0][:120]) from error
    columns = []
    for name, known in _NAMES.items():
        found = next((n for n in known if n in table.colnames), None)
        if found is None:
            raise _bad(path, f"a column '{name}'", f"columns {', '.join(table.colnames)}")
        try:
            columns.append(np.asarray(table[found].to_value(_UNITS[name]), np.float64))
        except (AttributeError, UnitConversionError) as error:
            raise _bad(path, f"'{found}' in a unit like {_UNITS[name]}", str(error)[:120]) from error
    values = np.array(columns)
    values = values[:, np.isfinite(values).all(axis=0)]
    height, first = np.unique(values[0], return_index=True)
    return Air(height, values[1][first], values[2][first])


def air_profile_time(path: Path) -> int | None:
    """Return when a profile holds, in ns TAI, None where the table does not tell it.

    That is ``time`` in its meta data, ISO 8601; UTC if it names no zone.

    Raises
    ------
    CorruptedInput
        The time cannot be understood (``bad-air-profile``).
    """
    meta = Table.read(path, format="ascii.ecsv").meta
    if "time" not in meta:
        return None
    try:
        time = datetime.fromisoformat(str(meta["time"]))
    except ValueError as error:
        raise _bad(path, "a time such as 2026-11-23T18:00:00", str(meta["time"])) from error
    seconds = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    return int(to_tai_ns(from_unix_utc([seconds], [0]))[0])


def write_air_profile(path: Path, air: Air, time: str | None = None) -> None:
    """Write a profile as ECSV: heights above sea level in m, pressures in hPa, temperatures in K.

    ``time`` is when it holds, ISO 8601 in UTC.
    """
    table = Table(
        {"height": air.height, "pressure": air.pressure / 100.0, "temperature": air.temperature},
        meta={} if time is None else {"time": time},
    )
    for name, unit in (("height", "m"), ("pressure", "hPa"), ("temperature", "K")):
        table[name].unit = unit
    table.write(path, format="ascii.ecsv", overwrite=True)


def _bad(path: Path, expected: str, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is no profile of the air.",
        where=str(path),
        expected=expected,
        got=got,
        mend="write an ECSV table with the columns height, pressure and temperature, each with its unit",
        code="bad-air-profile",
    )
