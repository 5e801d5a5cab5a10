# SPDX-License-Identifier: BSD-3-Clause
"""Camera files from before DL0: messages ``DataModel.CameraEvent`` of NectarCAM and SST-1M."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.formats.zfits_file import MessageFile
from pellucid.times import from_unix_utc, to_tai_ns

__all__ = ["CameraEvents", "read_camera_events"]

type U16 = npt.NDArray[np.uint16]

_TYPES = {1: np.int8, 2: np.uint8, 3: np.int16, 4: np.uint16, 5: np.int32, 6: np.uint32, 7: np.int64,
          8: np.uint64, 9: np.float32, 10: np.float64}  # fmt: skip
"""Codes of the messages' arrays."""

_BASELINE_STEPS = 16.0
"""DigiCam counts baselines in sixteenths of an ADC count."""


@dataclass(frozen=True, eq=False)
class CameraEvents:
    """All events of a file.

    Attributes
    ----------
    waveforms : ndarray of int32, shape (n_events, n_channels, n_pixels, n_samples)
        In ADC counts, high gain first; pixels in the order of the file.
    pixels : ndarray of int64, shape (n_pixels,)
        Number of each pixel in the camera; no unit.
    integrals : ndarray of int64, shape (n_events, n_channels, n_pixels), or None
        Charges that the camera itself summed, in ADC counts.
    baselines : ndarray of float64, shape (n_events, n_channels, n_pixels), or None
        That the camera itself follows, in ADC counts.
    event_number, event_type : ndarray of int64, shape (n_events,)
        As the camera counts and names them; no unit.
    time : ndarray of int64, shape (n_events,), or None
        By the camera's clock, in ns TAI; None where the file has no time.
    tel_id : int
        Telescope.
    """

    waveforms: npt.NDArray[np.int32]
    pixels: npt.NDArray[np.int64]
    integrals: npt.NDArray[np.int64] | None
    baselines: npt.NDArray[np.float64] | None
    event_number: npt.NDArray[np.int64]
    event_type: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64] | None
    tel_id: int

    def rate(self) -> float:
        """Return the mean trigger rate, in Hz: events over the time from the first to the last.

        That is how cameras count the exposure in their files; it is high by one part in n.
        """
        if self.time is None or self.time.size < 2:
            raise CorruptedInput(
                "The events have no times to tell a rate from.",
                expected="at least two events with times",
                code="no-times",
            )
        return float(self.time.size / (1e-9 * (self.time[-1] - self.time[0])))


def read_camera_events(path: Path) -> CameraEvents:
    """Read a file of ``DataModel.CameraEvent`` messages (NectarCAM, SST-1M; 2017 and 2018).

    Raises
    ------
    MissingInput
        No such file.
    CorruptedInput
        Damaged, of other messages, empty, or events of several shapes (``mixed-events``), or times that go
        backwards (``time-backwards``).
    """
    file = MessageFile(path, {"Events": "DataModel.CameraEvent"})
    messages = list(file.rows("Events"))
    if not messages:
        file.first("Events")
    waveforms = [_waveforms(m) for m in messages]
    shapes = {w.shape for w in waveforms}
    if len(shapes) > 1:
        raise CorruptedInput(
            "The events of the file have several shapes.",
            where=str(path),
            expected="channels, pixels and samples the same in all",
            got=", ".join(map(str, sorted(shapes))),
            mend="read events of one camera and one reduction at a time",
            code="mixed-events",
        )
    n_pixels = waveforms[0].shape[1]
    return CameraEvents(
        waveforms=np.stack(waveforms),
        pixels=_pixels(messages[0], n_pixels),
        integrals=_gathered(messages, lambda gain: _array(gain.integrals.gains)),
        baselines=_baselines(messages),
        event_number=np.array([m.eventNumber for m in messages], np.int64),
        event_type=np.array([m.eventType or m.event_type for m in messages], np.int64),
        time=_times(path, messages),
        tel_id=int(messages[0].telescopeID),
    )


def _gains(message: Any) -> list[Any]:
    return [message.hiGain, message.loGain] if message.HasField("loGain") else [message.hiGain]


def _waveforms(message: Any) -> npt.NDArray[np.int32]:
    samples = [_array(gain.waveforms.samples).astype(np.int32) for gain in _gains(message)]
    n_samples = int(message.hiGain.waveforms.num_samples)
    n_pixels = _array(message.hiGain.waveforms.pixelsIndices).size
    if not n_samples:
        n_samples = samples[0].size // n_pixels
    return np.stack([s.reshape(-1, n_samples) for s in samples])


def _pixels(message: Any, n_pixels: int) -> npt.NDArray[np.int64]:
    listed = _array(message.hiGain.waveforms.pixelsIndices).astype(np.int64)
    return listed if listed.size else np.arange(n_pixels)


def _gathered(messages: list[Any], part: Any) -> npt.NDArray[np.int64] | None:
    rows = [[part(gain) for gain in _gains(message)] for message in messages]
    return np.array(rows, np.int64) if rows[0][0].size else None


def _baselines(messages: list[Any]) -> npt.NDArray[np.float64] | None:
    counted = _gathered(messages, lambda gain: _array(gain.waveforms.baselines))
    return None if counted is None else counted / _BASELINE_STEPS


def _times(path: Path, messages: list[Any]) -> npt.NDArray[np.int64] | None:
    seconds = np.array([m.local_time_sec for m in messages], np.int64)
    if not seconds.any():
        return None
    time = to_tai_ns(from_unix_utc(seconds, [m.local_time_nanosec for m in messages]))
    if (back := np.flatnonzero(np.diff(time) < 0)).size:
        raise CorruptedInput(
            "The time of the events goes backwards.",
            where=f"{path}, event {back[0] + 2}",
            expected="ascending times",
            got=f"{int(time[back[0]] - time[back[0] + 1])} ns earlier than the event before",
            mend="sort the events, or look at the camera's clock",
            code="time-backwards",
        )
    return time


def _array(message: Any) -> npt.NDArray[Any]:
    """Return the numbers of an ``AnyArray``; an absent one is empty."""
    return np.frombuffer(message.data, _TYPES.get(int(message.type), np.uint8))
