# SPDX-License-Identifier: BSD-3-Clause
"""Where stars were found against where a telescope was sent: delivered as Parquet, or a product in HDF5.

One entry for each look: ``time`` (ns TAI); ``azimuth``, ``altitude``, where the drive's encoders read (deg);
``across``, ``upward``, where the star was found minus that, dA cos E and dE, with ``across_error`` and
``upward_error`` (arcsec); ``n_stars``. The product tells beside it the camera's ``rotation`` and
``rotation_error`` (arcsec, counter-clockwise), ``scale`` and ``scale_error`` (relative stretch), ``chi2``
and ``degrees``, ``n_maps`` of the look, and, where it was fitted, how the offsets drift in it,
``across_drift`` and ``upward_drift`` with their errors (arcsec / h). Bytes follow from the content alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.formats.delivery.whole import is_parquet, read_columns
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["COLUMNS", "StarOffsets", "read_star_offsets", "write_star_offsets"]

KIND = ("pellucid star offsets", 1)

COLUMNS = ("time", "azimuth", "altitude", "across", "upward", "across_error", "upward_error", "n_stars")
"""What every file of star offsets has."""

_UNITS = {
    "time": "ns",
    **dict.fromkeys(("azimuth", "altitude"), "deg"),
    **dict.fromkeys(
        ("across", "upward", "across_error", "upward_error", "rotation", "rotation_error"), "arcsec"
    ),
    **dict.fromkeys(
        ("across_drift", "upward_drift", "across_drift_error", "upward_drift_error"), "arcsec / h"
    ),
}


@dataclass(frozen=True, eq=False)
class StarOffsets:
    """Offsets of a telescope.

    Attributes
    ----------
    tel_id : int or None
        Telescope; None where the file does not say.
    columns : dict of str to ndarray, shape (n,)
        `COLUMNS` at least, in the units of the module.
    """

    tel_id: int | None
    columns: dict[str, npt.NDArray[np.generic]]


def write_star_offsets(path: Path, offsets: StarOffsets, provenance: Mapping[str, object]) -> None:
    """Write offsets as a product with its provenance."""
    write_contents(path, KIND, Contents(offsets.columns, _UNITS, {"tel_id": offsets.tel_id}), provenance)


def read_star_offsets(path: Path) -> StarOffsets:
    """Read offsets, delivered or made.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        See `read_columns` and `read_contents` (``bad-star-offsets``).
    """
    if path.is_file() and is_parquet(path):
        metadata, columns = read_columns(path, {name: _UNITS.get(name, "") for name in COLUMNS})
    else:
        contents = read_contents(path, KIND, "make it: step star-offsets", "bad-star-offsets")
        metadata, columns = contents.attributes, contents.arrays
    tel_id = metadata.get("tel_id")
    return StarOffsets(tel_id if isinstance(tel_id, int) else None, columns)
