# SPDX-License-Identifier: BSD-3-Clause
"""Catalogues of bright stars as FITS tables, such as VizieR gives them."""

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.pointing.catalogue import StarCatalogue

__all__ = ["read_star_catalogue"]

_NAMES = {
    "right ascension": ("_RAJ2000", "RAJ2000", "_RAICRS", "RAICRS", "RA_ICRS", "RA"),
    "declination": ("_DEJ2000", "DEJ2000", "_DEICRS", "DEICRS", "DE_ICRS", "DEC"),
    "magnitude": ("Vmag", "VMAG"),
}
_MOTIONS = (("pmRA", "pmDE"), ("PMRA", "PMDEC"))


def read_star_catalogue(path: Path, epoch: float | None = None) -> StarCatalogue:
    """Read right ascension, declination (their units are in the table), V magnitude and, where given, motion.

    Stars without a magnitude are left out.

    Parameters
    ----------
    path : Path
        A FITS file; its first table is read.
    epoch : float, optional
        Julian year of the positions; the table's card EPOCH where not given.

    Raises
    ------
    MissingInput
        There is no such file.
    ConfigurationError
        Neither the table nor the caller tells the epoch (``no-epoch``).
    CorruptedInput
        It is no FITS table (``not-fits``), or lacks a column or its unit (``no-column``).
    """
    from astropy.io import fits

    if not path.is_file():
        raise MissingInput(
            "There is no such star catalogue.", where=str(path), mend="check the name", code="no-file"
        )
    try:
        with fits.open(path, memmap=False) as units:
            unit = next(x for x in units if isinstance(x, fits.BinTableHDU))
            table, header = np.array(unit.data), dict(unit.header)
            given = {c.name: c.unit for c in unit.columns}
    except (OSError, StopIteration, TypeError, ValueError) as error:
        raise CorruptedInput(
            "The file is no FITS table.",
            where=str(path),
            got=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            mend="export the catalogue as a FITS table",
            code="not-fits",
        ) from error
    ra, dec, magnitude = (_column(path, table, given, what) for what in _NAMES)
    bright = np.isfinite(magnitude)
    told = epoch if epoch is not None else header.get("EPOCH")
    motion = next((m for m in _MOTIONS if m[0] in given and m[1] in given), None)
    moving = None
    if motion is not None:
        moving = np.stack(
            [np.nan_to_num(_with_unit(path, table, given, m, "mas/yr")) for m in motion], axis=1
        )
        moving = moving[bright]
    return StarCatalogue.of(
        ra[bright] * u.deg,
        dec[bright] * u.deg,
        magnitude[bright],
        None if told is None else float(told),
        None if moving is None else moving * u.mas / u.yr,
    )


def _column(path: Path, table: Any, given: dict[str, Any], what: str) -> Any:
    name = next((n for n in _NAMES[what] if n in given), None)
    if name is None:
        raise _lacking(path, what, ", ".join(given))
    return _with_unit(path, table, given, name, "mag" if what == "magnitude" else "deg")


def _with_unit(path: Path, table: Any, given: dict[str, Any], name: str, unit: str) -> Any:
    """Return a column in a unit; one that does not tell its own unit is not guessed at."""
    if given[name] is None:
        raise _lacking(path, f"unit of the column {name}", "none")
    values = np.asarray(table[name], np.float64)
    return values if unit == "mag" else u.Quantity(values, given[name]).to_value(unit)


def _lacking(path: Path, what: str, got: str) -> CorruptedInput:
    return CorruptedInput(
        f"The star catalogue does not tell the {what}.",
        where=str(path),
        expected="right ascension, declination and V magnitude, with units",
        got=got,
        mend="export these columns with their units",
        code="no-column",
    )
