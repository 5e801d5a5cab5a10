# SPDX-License-Identifier: BSD-3-Clause
"""A telescope's DL0v1 events: samples in the order of the camera's pixels, and what they mean."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.camera.series import SeriesInSteps
from pellucid.errors import CorruptedInput
from pellucid.events.batch import Coefficients, EventType
from pellucid.formats.telescope_events import (
    RawTelescopeEvent,
    SampleMeaning,
    described_telescope,
    inconsistent,
)
from pellucid.formats.zfits_file import TELESCOPE_TABLES, MessageFile, array_of
from pellucid.instrument import Subarray

__all__ = ["TelescopeFile"]

_STORED, _HIGH, _LOW = 0b11, 0b100, 0b1000
"""Bits of the pixel status: not removed as empty, high and low gain stored."""

_KNOWN_TYPES = {int(kind) for kind in EventType}
_TEN_PS = np.float32(0.01)


class TelescopeFile:
    """A DL0v1 event file of one telescope.

    A stored sample is in p.e. per sample where the camera server calibrated it and in ADC counts else.

    Parameters
    ----------
    path : Path
        The file.
    subarray : Subarray
        Description of the telescopes.
    calibration : dict of int to Coefficients or SeriesInSteps
        Calibration by telescope, in stored counts, instead of the file's own scale and offset.

    Attributes
    ----------
    telescope : Telescope
        Whose events they are.
    obs_id, sb_id : int
        Observation and scheduling block.
    """

    def __init__(
        self, path: Path, subarray: Subarray, calibration: dict[int, Coefficients | SeriesInSteps]
    ) -> None:
        self.path = path
        self._file = MessageFile(path, TELESCOPE_TABLES)
        stream = self._file.first("DataStream")
        self._configuration = self._file.first("CameraConfiguration")
        self.obs_id, self.sb_id = int(stream.obs_id), int(stream.sb_id)
        configured = self._configuration
        got = int(configured.num_channels), int(configured.num_samples_nominal)
        self.telescope = described_telescope(path, subarray, int(stream.tel_id), got)
        self._map = self._pixel_map()
        self._scale, self._offset = float(stream.waveform_scale), float(stream.waveform_offset)
        if not (np.isfinite([self._scale, self._offset]).all() and self._scale > 0.0):
            raise self._wrong("a finite offset and a scale above 0", f"{self._offset} and {self._scale}")
        self._zero = np.uint16(np.clip(np.rint(self._offset * self._scale), 0, 65535))
        self._meaning = SampleMeaning(path, self.telescope, calibration, self._scale, self._offset)
        self._base: Coefficients | None = None
        self._cache: dict[tuple[bytes, bytes, int, int], Coefficients] = {}

    @property
    def n_events(self) -> int:
        """Number of events in the file."""
        return self._file.length("Events")

    def events(self) -> Iterator[RawTelescopeEvent]:
        """Yield the events; their identifiers must ascend."""
        last = -1
        for message in self._file.rows("Events"):
            event = self._event(message)
            if event.event_id <= last:
                raise self._wrong(
                    "ascending event identifiers", f"{event.event_id} after {last}", event.event_id
                )
            last = event.event_id
            yield event

    def _pixel_map(self) -> npt.NDArray[np.int64]:
        pixels = array_of(self._configuration.pixel_id_map).astype(np.int64)
        n_pixels = self.telescope.readout.n_pixels
        unique = np.unique(pixels)
        if unique.size != pixels.size or unique.size == 0 or unique[0] < 0 or unique[-1] >= n_pixels:
            span = f"{pixels.min()} to {pixels.max()}" if pixels.size else "nothing"
            raise self._wrong(f"different pixels from 0 to {n_pixels - 1}", f"{pixels.size} pixels, {span}")
        return pixels

    def _event(self, message: Any) -> RawTelescopeEvent:
        n_channels, n_samples = int(message.num_channels), int(message.num_samples)
        stored_pixels, readout = int(message.num_pixels_survived), self.telescope.readout
        event_id = int(message.event_id)
        status, waveform = array_of(message.pixel_status), array_of(message.waveform)
        if status.size != self._map.size:
            raise self._wrong(f"{self._map.size} pixel states", str(status.size), event_id)
        stored = (status & _STORED) != 0
        # array control leaves the bits at 0 where no data were removed
        if stored_pixels == status.size and not stored.any():
            stored = np.ones(status.size, np.bool_)
        shape = (n_channels, stored_pixels, n_samples)
        if (
            int(stored.sum()) != stored_pixels
            or waveform.size != np.prod(shape)
            or waveform.dtype != np.uint16
        ):
            got = f"{waveform.size} samples ({waveform.dtype}), {int(stored.sum())} pixels marked as stored"
            raise self._wrong(
                f"{shape[0]} channels x {shape[1]} pixels x {shape[2]} samples (uint16)", got, event_id
            )
        if n_channels not in (1, readout.n_channels):
            raise self._wrong(f"1 or {readout.n_channels} channels", str(n_channels), event_id)
        adc = np.full((n_channels, readout.n_pixels, n_samples), self._zero, np.uint16)
        adc[:, self._map[stored]] = waveform.reshape(shape)
        kind = int(message.event_type)
        return RawTelescopeEvent(
            event_id=event_id,
            tel_id=self.telescope.tel_id,
            event_type=kind if kind in _KNOWN_TYPES else int(EventType.UNKNOWN),
            time=(int(message.event_time_s), int(message.event_time_qns)),
            adc=adc,
            coefficients=self._coefficients(message, status, stored, n_channels),
        )

    def _coefficients(
        self, message: Any, status: npt.NDArray[np.uint8], stored: npt.NDArray[np.bool_], n_channels: int
    ) -> Coefficients:
        """Coefficients of an event; events with equal states and time shifts share one object."""
        shifts, applied = message.pixel_time_shift.data, int(message.calibration_monitoring_id)
        time = int(message.event_time_s) * 1_000_000_000 + int(message.event_time_qns) // 4
        base = self._meaning.at(time, applied, int(message.event_id))
        if base is not self._base:
            self._base = base
            self._cache.clear()
        key = (status.tobytes(), shifts, n_channels, applied)
        if key not in self._cache:
            if len(self._cache) >= 64:
                self._cache.clear()
            self._cache[key] = self._make_coefficients(base, message, status, stored, n_channels)
        return self._cache[key]

    def _make_coefficients(
        self,
        base: Coefficients,
        message: Any,
        status: npt.NDArray[np.uint8],
        stored: npt.NDArray[np.bool_],
        n_channels: int,
    ) -> Coefficients:
        readout = self.telescope.readout
        states = np.zeros(readout.n_pixels, np.uint8)
        states[self._map] = status
        present = np.stack([(states & bit) != 0 for bit in (_HIGH, _LOW)[: readout.n_channels]])
        rows = np.arange(readout.n_channels)
        if n_channels < readout.n_channels:
            channel = np.where(present[0], 0, 1)
            columns = np.arange(readout.n_pixels)
            pick: Any = (channel[None], columns[None])
            present = present.any(axis=0)[None]
        else:
            pick = rows
        shift = base.time_shift[pick].copy()
        own = array_of(message.pixel_time_shift)
        if own.size:
            if own.size != n_channels * int(stored.sum()):
                raise self._wrong(
                    f"{n_channels * int(stored.sum())} time shifts", str(own.size), int(message.event_id)
                )
            shift[:, self._map[stored]] += own.reshape(n_channels, -1).astype(np.float32) * _TEN_PS
        return Coefficients(
            tel_id=base.tel_id,
            pedestal=base.pedestal[pick],
            factor=base.factor[pick],
            time_shift=shift,
            unusable=base.unusable[pick] | ~present,
            applied=int(message.calibration_monitoring_id),
        )

    def _wrong(self, expected: str, got: str, event_id: int | None = None) -> CorruptedInput:
        return inconsistent(self.path, expected, got, event_id)
