# SPDX-License-Identifier: BSD-3-Clause
"""Light yield of a telescope in time, as a file: HDF5 with the provenance inside.

``edges`` of the slices in ns TAI; for each slice ``value`` and ``error`` of the yield, the spectrum at zenith
behind it (``rate`` in events / s / p.e., ``index``), ``n`` events, ``live_time`` (s), ``zenith`` (deg) and
``status``: 0 good, 1 no spectrum, 2 no pointing. Bytes follow from the content alone.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_light_yield", "write_light_yield"]

KIND = ("pellucid light yield", 1)

_UNITS = {"edges": "ns", "live_time": "s", "zenith": "deg", "rate": "1/s"}


def write_light_yield(
    path: Path,
    arrays: Mapping[str, npt.NDArray[np.generic]],
    tel_id: int,
    provenance: Mapping[str, object],
) -> None:
    """Write arrays by name, of shape (n_slices,), units as in the module, of a telescope."""
    write_contents(path, KIND, Contents(dict(arrays), _UNITS, {"tel_id": tel_id}), provenance)


def read_light_yield(path: Path) -> tuple[int, dict[str, npt.NDArray[np.generic]]]:
    """Read the telescope and the arrays, of shape (n_slices,), units as in the module.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents` (``bad-light-yield``).
    """
    contents = read_contents(path, KIND, "make it: step light-yield", "bad-light-yield")
    tel_id = contents.attributes["tel_id"]
    assert isinstance(tel_id, int)
    return tel_id, contents.arrays
