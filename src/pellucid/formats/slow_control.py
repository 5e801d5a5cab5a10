# SPDX-License-Identifier: BSD-3-Clause
"""Readings of a camera's slow control as Parquet: time, voltage of each pixel, temperatures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid.camera.slow_control import SlowControl
from pellucid.errors import CorruptedInput
from pellucid.formats.delivery.parquet import read_parquet, write_parquet
from pellucid.formats.delivery.table import WrittenColumn

__all__ = ["read_slow_control", "write_slow_control"]

_UNITS = {"time": "ns", "voltage": "V", "temperature": "deg_C"}


def write_slow_control(path: Path, readings: SlowControl, tel_id: int) -> None:
    """Write the readings of the camera of a telescope."""
    columns = {
        name: WrittenColumn(getattr(readings, name), unit, "tai" if name == "time" else "")
        for name, unit in _UNITS.items()
    }
    write_parquet(path, {"tel_id": tel_id}, columns)


def read_slow_control(paths: Sequence[Path], tel_id: int) -> SlowControl:
    """Read the readings of the camera of a telescope, from files that follow each other in any order.

    Raises
    ------
    CorruptedInput
        A file is damaged, lacks a column or its unit (``bad-slow-control``), or is of another telescope
        (``other-camera``).
    """
    parts = []
    for path in paths:
        delivered = read_parquet(path)
        units = {name: column.unit for name, column in delivered.columns.items()}
        if any(units.get(name) != unit for name, unit in _UNITS.items()):
            raise CorruptedInput(
                "The file holds no readings of a camera's slow control.",
                where=str(path),
                expected=", ".join(f"{name} in {unit}" for name, unit in _UNITS.items()),
                got=", ".join(f"{name} in {unit or 'no unit'}" for name, unit in units.items()),
                mend="name the columns and their units so, or leave the readings out",
                code="bad-slow-control",
            )
        if (found := delivered.metadata.get("tel_id")) != tel_id:
            raise CorruptedInput(
                "The readings are those of another camera.",
                where=str(path),
                expected=f"telescope {tel_id}",
                got=f"telescope {found}",
                mend="give the readings of the telescope that took the data",
                code="other-camera",
            )
        parts += [{name: batch[name].data for name in _UNITS} for batch in delivered.batches()]
    if len({part["voltage"].shape[1:] for part in parts}) != 1:
        raise CorruptedInput(
            "The readings are of different cameras, or there is none.",
            where=", ".join(map(str, paths)),
            expected="voltages of one number of pixels",
            got=", ".join(str(part["voltage"].shape[1:]) for part in parts) or "no row",
            mend="give the readings of one camera",
            code="bad-slow-control",
        )
    parts.sort(key=lambda part: int(part["time"][0]))
    time, voltage, temperature = (np.concatenate([part[name] for part in parts]) for name in _UNITS)
    return SlowControl(
        time.astype(np.int64),
        voltage.astype(np.float64),
        temperature.reshape(len(time), -1).astype(np.float64),
    )
