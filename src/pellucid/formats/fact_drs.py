# SPDX-License-Identifier: BSD-3-Clause
"""FACT's calibrations of its chips (``.drs.fits.gz``): offset and gain of capacitors, offset of samples."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["FactDrs", "read_fact_drs"]

type F8 = npt.NDArray[np.float64]

_PIXELS, _CELLS = 1440, 1024
_MILLIVOLTS, _COUNTS, _NOMINAL = 2000.0, 4096.0, 1907.35
"""Range of the converter, and what a gain of 1 is called in the file, in mV."""


@dataclass(frozen=True, eq=False)
class FactDrs:
    """A calibration, in ADC counts.

    Attributes
    ----------
    offset, offset_std : ndarray of float64, shape (1440, 1024)
        Mean offset of each capacitor and scatter of a reading, in ADC counts.
    gain : ndarray of float64, shape (1440, 1024)
        Amplitude of each capacitor over the nominal one; dimensionless.
    sample_offset : ndarray of float64, shape (1440, n_samples)
        What each sample of a window has beside, in ADC counts.
    n : int
        Events behind the offsets.
    """

    offset: F8
    offset_std: F8
    gain: F8
    sample_offset: F8
    n: int


def read_fact_drs(path: Path) -> FactDrs:
    """Read a calibration: V = raw 2000 / 4096 - B[cell] - T[sample], times 1907.35 / G[cell], in mV there.

    Raises
    ------
    MissingInput
        No such file (``no-file``).
    CorruptedInput
        It is no such table, or has gains that are not above 0 (``not-fact``).
    """
    from astropy.io import fits

    if not path.is_file():
        raise MissingInput("There is no such file.", where=str(path), mend="check the name", code="no-file")
    try:
        with fits.open(path) as units:
            (unit,) = [u for u in units[1:] if u.name.lower() == "drscalibration"]
            row, header = unit.data[0], unit.header
            offset, std, gain = (
                np.asarray(row[name], np.float64).reshape(_PIXELS, _CELLS)
                for name in ("BaselineMean", "BaselineRms", "GainMean")
            )
            sample_offset = np.asarray(row["TriggerOffsetMean"], np.float64).reshape(_PIXELS, -1)
            n = int(header["NBOFFSET"])
    except (OSError, ValueError, KeyError) as error:
        raise _wrong(path, str(error).splitlines()[0] if str(error) else "another table") from error
    if not (gain > 0.0).all():
        raise _wrong(path, f"a gain of {gain.min():g} mV")
    counts = _COUNTS / _MILLIVOLTS
    return FactDrs(offset * counts, std * counts, gain / _NOMINAL, sample_offset * counts, n)


def _wrong(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is no calibration of FACT's chips.",
        where=str(path),
        expected="a table DrsCalibration with offset and gain of 1440 x 1024 capacitors",
        got=got,
        mend="name a file .drs.fits.gz of FACT",
        code="not-fact",
    )
