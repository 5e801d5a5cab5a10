# SPDX-License-Identifier: BSD-3-Clause
"""Write CTAO DL0 event files (DL0v1, protobuf in compressed FITS) with protozfits' own writer.

Folders and names follow the interface between array control and data processing, so that any reader
of such data finds the telescope files from the subarray's. The writer stamps the time of day on its
headers; it is replaced by the observation's begin, so that equal events give equal bytes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError
from pellucid.formats.fits_checksum import checksum_cards, read_units
from pellucid.times import to_utc_iso

__all__ = ["DL0Names", "SubarrayWriter", "TelescopeWriter", "quiet"]

DATA_MODEL_VERSION = "1.0"
ALL_STORED = 0b1101
"""Pixel status: identified as signal, high and low gain stored."""

_TILES, _ROWS = 4096, 20
"""Tiles that a file has place for in its catalogue, which is made when it is opened, and events in each."""


@dataclass(frozen=True)
class DL0Names:
    """Where the files of an observation lie.

    Attributes
    ----------
    root : Path
        Folder that holds ``DL0``.
    sb_id, obs_id, subarray_id : int
        Scheduling block, observation and subarray.
    start_ns : int
        Begin, in ns since 1970-01-01T00:00:00 TAI.
    """

    root: Path
    sb_id: int
    obs_id: int
    subarray_id: int
    start_ns: int

    @property
    def start_utc(self) -> str:
        """Begin as UTC, ISO 8601, to the second."""
        return to_utc_iso(self.start_ns)[:19]

    def _folder(self, element: str, kind: str) -> Path:
        # a night is named by the day it began: noon to noon UTC serves for both sites
        night = str((np.datetime64(self.start_utc) - np.timedelta64(12, "h")).astype("datetime64[D]"))
        return self.root / "DL0" / element / "ctao-acada-n" / "acada-adh" / kind / night.replace("-", "/")

    def _stem(self) -> str:
        stamp = self.start_utc.replace("-", "").replace(":", "")
        return f"{stamp}_SBID{self.sb_id:019d}_OBSID{self.obs_id:019d}"

    def trigger(self) -> Path:
        """File of the subarray's events."""
        name = f"SUB{self.subarray_id:03d}_SWAT001_{self._stem()}_SUBARRAY_CHUNK000.fits.fz"
        return self._folder("ARRAY", "triggers") / name

    def telescope(self, tel_id: int, element: str) -> Path:
        """File of a telescope's events; ``element`` is the telescope's name, e.g. LSTN-01."""
        return (
            self._folder(element, "events")
            / f"TEL{tel_id:03d}_SDH0001_{self._stem()}_TEL_SHOWER_CHUNK000.fits.fz"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the C++ writer, which reports on the process's standard output."""
    kept = os.dup(1)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class _Writer:
    """One file under a temporary name, which gets its own name when it is complete.

    The file is opened with the first event: the library that writes it may not return from closing a
    table without rows. So there is no file without events.
    """

    def __init__(self, path: Path, start_utc: str, head: dict[str, Any], table: str) -> None:
        self._path, self._start = path, start_utc
        self._part = path.with_name(path.name + ".part")
        self._head, self._table = head, table
        self._file: Any = None
        self._events = 0

    def _open(self) -> Any:
        from protozfits import FlatProtobufZOFits

        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._part.unlink(missing_ok=True)
        file = FlatProtobufZOFits(
            n_tiles=_TILES,
            rows_per_tile=_ROWS,
            max_compression_memory=2_000_000,
            compression_block_size_kb=65536,
        )
        file.open(str(self._part))
        for name, message in self._head.items():
            file.move_to_new_table(name)
            file.write_message(message)
        file.move_to_new_table(self._table)
        return file

    def _write(self, message: Any) -> None:
        if self._file is None:
            self._file = self._open()
        if self._events == _TILES * _ROWS:
            raise ConfigurationError(
                "A file of simulated events is full.",
                where=str(self._path),
                expected=f"{_TILES * _ROWS} events at most",
                got="one more",
                mend="simulate several shorter runs",
                code="too-many-events",
            )
        self._file.write_message(message)
        self._events += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        self._file.close()
        if kind is not None:
            self._part.unlink(missing_ok=True)
            return
        _restamp(self._part, self._start)
        self._part.replace(self._path)


class SubarrayWriter(_Writer):
    """Writer of the subarray's event file.

    Parameters
    ----------
    names : DL0Names
        Where it goes.
    """

    def __init__(self, names: DL0Names) -> None:
        from protozfits import DL0v1_Subarray_pb2 as messages

        stream = messages.DataStream(
            subarray_id=names.subarray_id,
            sb_id=names.sb_id,
            obs_id=names.obs_id,
            producer_id=1,
            sb_creator_id=1,
        )
        super().__init__(names.trigger(), names.start_utc, {"DataStream": stream}, "SubarrayEvents")
        self._names, self._messages = names, messages

    def write(
        self, event_id: int, time: npt.NDArray[np.uint32], tel_ids: list[int], trigger_type: int
    ) -> None:
        """Write one array event: identifier, stamp of shape (2,), telescopes with data, kind of trigger."""
        from protozfits import numpy_to_any_array

        telescopes = numpy_to_any_array(np.array(tel_ids, dtype=np.uint16))
        self._write(
            self._messages.Event(
                event_id=event_id,
                trigger_type=trigger_type,
                sb_id=self._names.sb_id,
                obs_id=self._names.obs_id,
                event_time_s=int(time[0]),
                event_time_qns=int(time[1]),
                trigger_ids=numpy_to_any_array(np.array([event_id], dtype=np.uint64)),
                tel_ids_with_trigger=telescopes,
                tel_ids_with_data=telescopes,
            )
        )


class TelescopeWriter(_Writer):
    """Writer of one telescope's event file.

    Parameters
    ----------
    names : DL0Names
        Where it goes.
    tel_id : int
        Telescope.
    element : str
        Name of the telescope, e.g. LSTN-01.
    shape : tuple of int
        Channels, pixels and samples of an event.
    sampling_rate : float
        In GHz.
    pixel_order, module_order : ndarray of int, shapes (n_pixels,) and (n_modules,)
        Pixel and module read out at each place.
    scale, offset : float
        Stored sample = (value + offset) * scale.
    calibration_id : int
        Number of the calibration that the camera applied to the samples; 0 for raw ones.
    """

    def __init__(
        self,
        names: DL0Names,
        tel_id: int,
        element: str,
        shape: tuple[int, int, int],
        sampling_rate: float,
        pixel_order: npt.NDArray[np.int64],
        module_order: npt.NDArray[np.int64],
        scale: float = 1.0,
        offset: float = 0.0,
        calibration_id: int = 0,
    ) -> None:
        from protozfits import DL0v1_Telescope_pb2 as messages
        from protozfits import numpy_to_any_array

        self._messages, self._tel_id, self._order = messages, tel_id, pixel_order
        self._calibration_id = calibration_id
        stream = messages.DataStream(
            tel_id=tel_id,
            sb_id=names.sb_id,
            obs_id=names.obs_id,
            waveform_scale=scale,
            waveform_offset=offset,
            sb_creator_id=1,
        )
        configuration = messages.CameraConfiguration(
            tel_id=tel_id,
            local_run_id=names.obs_id,
            config_time_s=names.start_ns / 1e9,
            camera_config_id=1,
            pixel_id_map=numpy_to_any_array(pixel_order.astype(np.uint16)),
            module_id_map=numpy_to_any_array(module_order.astype(np.uint16)),
            num_pixels=shape[1],
            num_channels=shape[0],
            num_samples_nominal=shape[2],
            num_modules=module_order.size,
            sampling_frequency=round(1000.0 * sampling_rate),
            data_model_version=DATA_MODEL_VERSION,
        )
        head = {"DataStream": stream, "CameraConfiguration": configuration}
        super().__init__(names.telescope(tel_id, element), names.start_utc, head, "Events")
        self._status = numpy_to_any_array(np.full(shape[1], ALL_STORED, dtype=np.uint8))

    def _open(self) -> Any:
        file = super()._open()
        # 40 % of the size, and read twice as fast as with the Huffman coding of differences
        file.request_explicit_compression("waveform", "zstd1")
        return file

    def write(
        self,
        event_id: int,
        event_type: int,
        time: npt.NDArray[np.uint32],
        adc: npt.NDArray[np.uint16],
        first_cell: npt.NDArray[np.integer] | None = None,
    ) -> None:
        """Write one event.

        Parameters
        ----------
        event_id, event_type : int
            Identifier and kind.
        time : ndarray of uint32, shape (2,)
            Stamp: s and quarter ns since 1970-01-01T00:00:00 TAI.
        adc : ndarray of uint16, shape (n_channels, n_pixels, n_samples)
            In ADC counts.
        first_cell : ndarray of int, shape (n_channels, n_pixels), optional
            Capacitor of the first sample, where chips of capacitors read the camera; no unit.
        """
        from protozfits import numpy_to_any_array

        n_channels, n_pixels, n_samples = adc.shape
        cells = (
            {}
            if first_cell is None
            else {"first_cell_id": numpy_to_any_array(first_cell[:, self._order].ravel().astype(np.uint16))}
        )
        self._write(
            self._messages.Event(
                event_id=event_id,
                tel_id=self._tel_id,
                event_type=event_type,
                event_time_s=int(time[0]),
                event_time_qns=int(time[1]),
                pixel_status=self._status,
                num_channels=n_channels,
                num_samples=n_samples,
                num_pixels_survived=n_pixels,
                calibration_monitoring_id=self._calibration_id,
                waveform=numpy_to_any_array(adc[:, self._order].ravel()),
                **cells,
            )
        )


def _restamp(path: Path, start_utc: str) -> None:
    """Put the observation's begin in place of the time of writing, and the checksums right again."""
    units = read_units(path)
    with path.open("r+b") as file:
        for unit in units:
            file.seek(unit.offset)
            header = file.read(unit.data_offset - unit.offset)
            for key in (b"DATE    ", b"DATE-END"):
                start = header.find(key + b"= '")
                if start >= 0:
                    start += len(key) + 3
                    header = header[:start] + start_utc.encode() + header[start + 19 :]
            file.seek(unit.offset)
            file.write(checksum_cards(header, int(unit.header["DATASUM"])))
