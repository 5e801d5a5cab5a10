# SPDX-License-Identifier: BSD-3-Clause
"""Trigger rates of telescopes, slice by slice of time: as delivered by I-DATA-COM-0006, or made of triggers.

Files that Pellucid makes are HDF5 with the provenance inside; their columns have the names and units of the
interface. Beside these stand, in s, ``elapsed``, the time without gaps, ``live_time_by_arrivals`` with its
error, and ``live_pairs``, the live time with each partner.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.formats.delivery.parquet import read_parquet
from pellucid.formats.delivery.whole import is_parquet
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["COLUMNS", "read_trigger_rates", "write_trigger_rates"]

type Columns = dict[str, npt.NDArray[np.generic]]

KIND = ("pellucid trigger rates", 1)

COLUMNS = (
    "time",
    "duration",
    "live_time",
    "n_stereo",
    "n_pairs",
    "zenith",
    "azimuth",
    "muon_efficiency",
    "muon_efficiency_error",
    "gain",
    "night_sky",
)

_UNITS = {
    "time": "ns",
    "duration": "s",
    "live_time": "s",
    "live_time_by_arrivals": "s",
    "live_time_by_arrivals_error": "s",
    "elapsed": "s",
    "live_pairs": "s",
    "zenith": "deg",
    "azimuth": "deg",
    "night_sky": "MHz",
}


def write_trigger_rates(path: Path, tel_id: int, columns: Columns, provenance: Mapping[str, object]) -> None:
    """Write the rates of a telescope: columns of shape (n_slices, ...), in the units of the interface."""
    write_contents(path, KIND, Contents(columns, _UNITS, {"tel_id": tel_id}), provenance)


def read_trigger_rates(path: Path) -> tuple[int, Columns]:
    """Read telescope and columns, shape (n_slices, ...), in the units of the interface.

    Live times of pairs are only in files that Pellucid made.

    Raises
    ------
    MissingInput, CorruptedInput
        As `pellucid.formats.product_hdf5.read_contents` and `pellucid.formats.delivery.parquet.read_parquet`.
    """
    if path.exists() and is_parquet(path):
        delivered = read_parquet(path)
        batches = list(delivered.batches())
        columns = {name: np.concatenate([b[name].data for b in batches]) for name in COLUMNS}
        return int(delivered.metadata["tel_id"]), columns
    contents = read_contents(path, KIND, "make it: step trigger-rates", "bad-trigger-rates")
    tel_id: object = contents.attributes["tel_id"]
    assert isinstance(tel_id, int)
    return tel_id, {name: contents.arrays[name] for name in (*COLUMNS, "live_pairs")}
