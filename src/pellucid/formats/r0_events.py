# SPDX-License-Identifier: BSD-3-Clause
"""Raw events (R0) of cameras with DRS4 chips, from files of FACT and of the messages of DL0v1.

Messages tell the capacitor of the first sample for each channel and pixel, or for the eight chips of each
module, as the LST does.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.events import Drs4Events
from pellucid.errors import CorruptedInput
from pellucid.events.batch import EventType
from pellucid.formats.fact import FactRun, read_fact_run
from pellucid.formats.zfits_file import TELESCOPE_TABLES, MessageFile, array_of

__all__ = ["R0File", "cells_of_pixels"]

type I8 = npt.NDArray[np.int64]

_BATCH = 50
"""Events that are in memory together."""

_PIXELS_OF_MODULE, _CHIPS_OF_MODULE = 7, 8
_CHIP_OF_PIXEL = np.array([[0, 0, 1, 1, 2, 2, 3], [4, 4, 5, 5, 6, 6, 7]])
"""Chip of a module that reads each of its pixels, high and low gain (LST)."""

_KNOWN = {int(kind) for kind in EventType}


class R0File:
    """A raw file.

    Parameters
    ----------
    path : Path
        FACT's (``.fits.fz`` with its cells' offsets), or one with DL0v1 messages of a telescope.

    Attributes
    ----------
    tel_id, obs_id, sb_id : int
        Telescope (1 for FACT, which has one), observation or number of the run in its night, and scheduling
        block (0 for FACT, which has none).
    n_pixels : int
        Pixels that are read out.
    sampling_rate : float
        In GHz.
    offsets : ndarray of float64, shape (n_channels, n_pixels, n_cells), or None
        Offsets that the camera's own program took off, in ADC counts, where the file has them. The events
        of such a file have them put back, so that nothing is taken off twice.

    Raises
    ------
    MissingInput, CorruptedInput
        It is not there, is another file, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run: FactRun | None = None
        self.offsets: npt.NDArray[np.float64] | None = None
        if _is_fact(path):
            self._run = read_fact_run(path)
            self.tel_id, self.obs_id, self.sb_id = 1, self._run.run, 0
            self.sampling_rate = self._run.sampling_rate
            self.n_pixels = len(self._run.offsets)
            self.offsets = self._run.offsets[None].astype(np.float64)
            return
        self._file = MessageFile(path, TELESCOPE_TABLES)
        stream, self._configuration = self._file.first("DataStream"), self._file.first("CameraConfiguration")
        self.tel_id, self.obs_id, self.sb_id = int(stream.tel_id), int(stream.obs_id), int(stream.sb_id)
        self._order = array_of(self._configuration.pixel_id_map).astype(np.int64)
        self.n_pixels = self._order.size
        self.sampling_rate = float(self._configuration.sampling_frequency) / 1000.0

    def batches(self) -> Iterator[Drs4Events]:
        """Yield all events in batches, from the start at each call.

        Raises
        ------
        CorruptedInput
            An event was corrected in the camera already (``already-calibrated``), has not all pixels, or
            does not tell its capacitors (``inconsistent-events``).
        """
        if self._run is not None:
            run = self._run
            yield Drs4Events(
                adc=run.raw[:, None],
                first_cell=run.first_cell[:, None].astype(np.int64),
                time=run.time,
                event_id=run.event_number,
                kind=np.full(len(run.time), EventType.UNKNOWN, np.uint8),
            )
            return
        gathered: list[Any] = []
        for message in self._file.rows("Events"):
            gathered.append(message)
            if len(gathered) == _BATCH:
                yield self._batch(gathered)
                gathered = []
        if gathered:
            yield self._batch(gathered)

    def _batch(self, messages: list[Any]) -> Drs4Events:
        adc, first = zip(*(self._samples(m) for m in messages), strict=True)
        kinds = [int(m.event_type) for m in messages]
        seconds, quarters = (
            np.array([int(getattr(m, name)) for m in messages], np.int64)
            for name in ("event_time_s", "event_time_qns")
        )
        return Drs4Events(
            adc=np.stack(adc),
            first_cell=np.stack(first),
            time=1_000_000_000 * seconds + quarters // 4,
            event_id=np.array([int(m.event_id) for m in messages], np.int64),
            kind=np.array([k if k in _KNOWN else EventType.UNKNOWN for k in kinds], np.uint8),
        )

    def _samples(self, message: Any) -> tuple[npt.NDArray[np.int32], I8]:
        """Samples of an event and its first capacitors, in the order of the camera's pixels."""
        event_id = int(message.event_id)
        if message.calibration_monitoring_id:
            raise CorruptedInput(
                "The camera corrected these events already.",
                where=f"{self.path}, event {event_id}",
                expected="raw events",
                got=f"samples of calibration {int(message.calibration_monitoring_id)}",
                mend="use them as they are: nothing may be taken off twice",
                code="already-calibrated",
            )
        order = self._order
        shape = int(message.num_channels), order.size, int(message.num_samples)
        stored, told = array_of(message.waveform), array_of(message.first_cell_id).astype(np.int64)
        if int(message.num_pixels_survived) != order.size or stored.size != np.prod(shape):
            raise self._wrong("samples of all pixels", f"{stored.size} samples", event_id)
        adc, first = np.empty(shape, np.int32), np.empty(shape[:2], np.int64)
        adc[:, order] = stored.reshape(shape)
        cells = cells_of_pixels(told, *shape[:2])
        if cells is None:
            expected = f"{shape[0] * shape[1]} first capacitors, or {_CHIPS_OF_MODULE} for each module"
            raise self._wrong(expected, str(told.size), event_id)
        first[:, order] = cells
        return adc, first

    def _wrong(self, expected: str, got: str, event_id: int) -> CorruptedInput:
        return CorruptedInput(
            "A raw event is not whole.",
            where=f"{self.path}, event {event_id}",
            expected=expected,
            got=got,
            mend="deliver the file again; raw events of DRS4 cameras need all their pixels",
            code="inconsistent-events",
        )


def cells_of_pixels(told: I8, n_channels: int, n_pixels: int) -> I8 | None:
    """Return the first capacitor of each pixel, in the order of the read-out.

    Parameters
    ----------
    told : ndarray of int64, shape (n,)
        One for each channel and pixel, or eight for each module; no unit.
    n_channels, n_pixels : int
        Size of the camera.

    Returns
    -------
    ndarray of int64, shape (n_channels, n_pixels), or None
        No unit; None where their number fits neither.
    """
    if told.size == n_channels * n_pixels:
        return told.reshape(n_channels, n_pixels)
    if n_channels == 2 and told.size * _PIXELS_OF_MODULE == n_pixels * _CHIPS_OF_MODULE:
        modules = told.reshape(-1, _CHIPS_OF_MODULE)
        return np.stack([modules[:, chips].ravel() for chips in _CHIP_OF_PIXEL])
    return None


def _is_fact(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"'ZDrsCellOffsets'" in file.read(64 * 1024)
