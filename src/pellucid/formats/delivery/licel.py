# SPDX-License-Identifier: BSD-3-Clause
"""A recording of a LIDAR as one row: when, where to, and the sums of all channels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import CorruptedInput, PellucidError
from pellucid.formats.delivery.table import Batch, ColumnInfo, Delivered, Values
from pellucid.formats.licel import LicelFile, problems, read_licel

__all__ = ["as_row", "read_licel_row"]


def read_licel_row(path: Path) -> Delivered:
    """Open a recording; what `pellucid.formats.licel.problems` finds is told, not raised.

    Raises
    ------
    CorruptedInput
        See `pellucid.formats.licel.read_licel`.
    """
    file = read_licel(path, check=False)
    found: tuple[PellucidError, ...] = tuple(problems(file, str(path)))
    lengths = sorted({raw.size for raw in file.raw})
    if len(lengths) != 1:
        raise CorruptedInput(
            "The channels of a recording differ in length.",
            where=str(path),
            expected="the same number of bins in all channels",
            got=", ".join(map(str, lengths)) or "no channel",
            mend="record all channels over the same range",
            code="licel-lengths",
        )
    metadata, row = as_row(file)
    columns = {name: ColumnInfo(value.dtype.name, value.shape) for name, value in row.items()}

    def batches() -> Iterator[Batch]:
        yield {name: Values(value[None]) for name, value in row.items()}

    return Delivered(metadata, columns, batches, found)


def as_row(file: LicelFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a recording says about itself, and its row: arrays, each without the axis of rows."""
    h = file.header
    metadata = {"site": h.site, "altitude": h.altitude, "longitude": h.longitude, "latitude": h.latitude}
    row = {
        "start": np.array(file.start, np.int64),
        "duration": np.array((h.stop - h.start).total_seconds()),
        "zenith": np.array(h.zenith),
        "wavelength": np.array([d.wavelength for d in h.active], np.int32),
        "photon": np.array([d.mode == 1 for d in h.active]),
        "bin_width": np.array([d.bin_width for d in h.active]),
        "shots": np.array([d.shots for d in h.active], np.int32),
        "raw": np.stack(file.raw),
    }
    return metadata, row
