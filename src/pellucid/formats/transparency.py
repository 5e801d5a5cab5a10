# SPDX-License-Identifier: BSD-3-Clause
"""The transparency of the air in time, from an array's own rates, as a file: HDF5 with the provenance inside.

Arrays over slices of time: ``time`` and ``duration`` (ns TAI), ``eta`` with its errors, ``chi2``, ``ndf``,
``p_value``, ``n_events``, ``anchored`` (1 where muons tell its scale), ``status``; over slices and telescopes
``throughput`` and its error, ``too_busy`` (rates above what the dead time allows); the full ``covariance`` of
ln eta and ln e; in the form of H.E.S.S. ``t`` and ``t_error`` of each telescope, and ``t_mean`` and
``t_mean_error`` of the array, which are T and its error. Bytes follow from the content alone.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_transparency", "write_transparency"]

KIND = ("pellucid cherenkov transparency", 3)


def write_transparency(
    path: Path, arrays: Mapping[str, npt.NDArray[np.generic]], provenance: Mapping[str, object]
) -> None:
    """Write arrays by name, of shape (n_slices, ...), units as in the module; with their provenance."""
    begin: dict[str, object] = {"time_start": int(arrays["time"][0])}
    write_contents(path, KIND, Contents(dict(arrays), {"time": "ns", "duration": "ns"}, begin), provenance)


def read_transparency(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read the arrays by name, of shape (n_slices, ...), units as in the module.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents` (``bad-transparency``).
    """
    return read_contents(path, KIND, "make it: step transparency", "bad-transparency").arrays
