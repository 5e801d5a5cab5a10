# SPDX-License-Identifier: BSD-3-Clause
"""FACT's tables of when the capacitors of its chips open (``.time.drs.fits``)."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["read_fact_cell_times"]

_COLUMNS = ("CellOffset", "SamplingTimeDeviation")
"""How the column is called in files of different years."""

_CHIPS, _CELLS, _PIXELS_OF_CHIP = 160, 1024, 9


def read_fact_cell_times(path: Path) -> npt.NDArray[np.float64]:
    """Return how much later than in even sampling the capacitors of every pixel open.

    The nine pixels of a chip have its clock in common; pixels are numbered chip by chip.

    Returns
    -------
    ndarray of float64, shape (1440, 1024)
        In units of the mean sampling interval.

    Raises
    ------
    MissingInput
        No such file (``no-file``).
    CorruptedInput
        It is no such table (``not-fact``).
    """
    from astropy.io import fits

    if not path.is_file():
        raise MissingInput("There is no such file.", where=str(path), mend="check the name", code="no-file")
    try:
        with fits.open(path) as units:
            tables = [unit.data for unit in units[1:] if unit.data is not None]
            columns = [table[c] for table in tables for c in _COLUMNS if c in (table.dtype.names or ())]
    except OSError as error:
        columns, got = [], str(error).splitlines()[0]
    else:
        got = "another table"
    if not columns or columns[0].size != _CHIPS * _CELLS:
        raise CorruptedInput(
            "The file is no table of cell times of FACT.",
            where=str(path),
            expected=f"{_CHIPS} x {_CELLS} numbers in a column {' or '.join(_COLUMNS)}",
            got=got,
            mend="name a file .time.drs.fits of FACT",
            code="not-fact",
        )
    times = np.asarray(columns[0], np.float64).reshape(_CHIPS, _CELLS)
    return np.repeat(times, _PIXELS_OF_CHIP, axis=0)
