# SPDX-License-Identifier: BSD-3-Clause
"""Profiles of the air, of a radiosonde or a weather model: ECSV tables of height, pressure, temperature."""

from pathlib import Path

import numpy as np
from astropy.table import QTable
from astropy.units import UnitConversionError

from pellucid.atmosphere.molecular import Air
from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["read_air_profile", "write_air_profile"]

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


def write_air_profile(path: Path, air: Air) -> None:
    """Write a profile as ECSV: heights above sea level in m, pressures in hPa, temperatures in K."""
    table = QTable()
    table["height"] = np.asarray(air.height, np.float64)
    table["pressure"] = air.pressure / 100.0
    table["temperature"] = np.asarray(air.temperature, np.float64)
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
