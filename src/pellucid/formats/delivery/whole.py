# SPDX-License-Identifier: BSD-3-Clause
"""Whole columns of a delivery in Parquet, for steps that need all of its rows at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.formats.delivery.parquet import read_parquet

__all__ = ["is_parquet", "read_columns"]


def is_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet does."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def read_columns(path: Path, units: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read the metadata and some columns, of shape (n_rows, ...) each, in the units asked for.

    Parameters
    ----------
    path : Path
        The delivery.
    units : mapping of str to str
        Columns and their units; empty for what has none.

    Raises
    ------
    CorruptedInput
        It is no Parquet, or damaged; a column is not there (``no-column``), has entries missing
        (``missing-values``), or does not tell a unit that converts to the one asked for (``unit-needed``).
    """
    delivered = read_parquet(path)
    if absent := [name for name in units if name not in delivered.columns]:
        raise CorruptedInput(
            "The delivery lacks columns.",
            where=str(path),
            expected=", ".join(units),
            got="without " + ", ".join(absent),
            mend="check it against its interface: pellucid interfaces check",
            code="no-column",
        )
    columns = {}
    batches = list(delivered.batches())
    for name, unit in units.items():
        if any(b[name].missing is not None for b in batches):
            raise CorruptedInput(
                "The delivery has rows with entries missing.",
                where=f"{path}, column {name}",
                expected="an entry in each row",
                mend="leave these rows out",
                code="missing-values",
            )
        values = np.concatenate([b[name].data for b in batches]) if batches else np.zeros(0)
        columns[name] = _converted(values, delivered.columns[name].unit or "", unit, f"{path}, column {name}")
    return dict(delivered.metadata), columns


def _converted(values: npt.NDArray[Any], told: str, wanted: str, where: str) -> npt.NDArray[Any]:
    if told == wanted or not wanted:
        return values
    import astropy.units as u

    try:
        if not told:
            raise ValueError("no unit is told")
        return np.asarray(u.Quantity(values, told).to_value(wanted))
    except (ValueError, TypeError, u.UnitConversionError) as error:
        raise CorruptedInput(
            "Nobody knows what the numbers of a column mean.",
            where=where,
            expected=f"{wanted}, or a unit like it, told beside the column",
            got=repr(told),
            mend="write the unit into the metadata of the column",
            code="unit-needed",
        ) from error
