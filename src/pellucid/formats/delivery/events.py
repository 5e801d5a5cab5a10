# SPDX-License-Identifier: BSD-3-Clause
"""Telescope events in DL0v1 files as rows: one row an event, rows of one shape together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.formats.delivery.table import Batch, ColumnInfo, Delivered, Values
from pellucid.formats.zfits_file import MessageFile

__all__ = ["read_events"]

_ROWS = 64
"""Events that are in memory at once; one may have a megabyte."""

_TABLES = {
    "DataStream": "DL0v1.Telescope.DataStream",
    "CameraConfiguration": "DL0v1.Telescope.CameraConfiguration",
    "Events": "DL0v1.Telescope.Event",
}


def read_events(path: Path) -> Delivered:
    """Open a file of events.

    Raises
    ------
    CorruptedInput
        See `pellucid.formats.zfits_file.MessageFile`.
    """
    file = MessageFile(path, _TABLES)
    stream, camera = file.first("DataStream"), file.first("CameraConfiguration")
    metadata = {
        "tel_id": int(stream.tel_id),
        "obs_id": int(stream.obs_id),
        "sb_id": int(stream.sb_id),
        "num_channels": int(camera.num_channels),
        "num_pixels": int(camera.num_pixels),
        "num_samples": int(camera.num_samples_nominal),
        "sampling_frequency": float(camera.sampling_frequency),
        "data_model_version": str(camera.data_model_version),
    }
    columns = {
        "time": ColumnInfo("int64"),
        "event_id": ColumnInfo("uint64"),
        "event_type": ColumnInfo("int32"),
        "pixel_status": ColumnInfo("uint8", None),
        "waveform": ColumnInfo("uint16", None),
    }
    return Delivered(metadata, columns, lambda: _batches(file))


def _batches(file: MessageFile) -> Iterator[Batch]:
    from protozfits import any_array_to_numpy

    rows: list[tuple[Any, ...]] = []
    shapes: tuple[Any, ...] = ()
    for e in file.rows("Events"):
        waveform = any_array_to_numpy(e.waveform)
        shape = (int(e.num_channels), int(e.num_pixels_survived), int(e.num_samples))
        if waveform.size == np.prod(shape):
            waveform = waveform.reshape(shape)
        status = any_array_to_numpy(e.pixel_status)
        # DL0 counts from 1970 TAI, in quarters of a nanosecond below the second
        time = int(e.event_time_s) * 1_000_000_000 + int(e.event_time_qns) // 4
        if rows and (len(rows) == _ROWS or shapes != (waveform.shape, status.shape)):
            yield _batch(rows)
            rows = []
        shapes = waveform.shape, status.shape
        rows.append((time, int(e.event_id), int(e.event_type), status, waveform))
    if rows:
        yield _batch(rows)


def _batch(rows: list[tuple[Any, ...]]) -> Batch:
    time, event_id, event_type, status, waveform = zip(*rows, strict=True)
    return {
        "time": Values(np.array(time, np.int64)),
        "event_id": Values(np.array(event_id, np.uint64)),
        "event_type": Values(np.array(event_type, np.int32)),
        "pixel_status": Values(np.stack(status)),
        "waveform": Values(np.stack(waveform)),
    }
