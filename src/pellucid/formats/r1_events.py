# SPDX-License-Identifier: BSD-3-Clause
"""Events corrected for their chips (R1) as a file: HDF5, written and read in batches.

Samples are stored as whole numbers, (sample + offset) x scale, as in DL0; what does not fit is clipped, and
counted. The provenance inside names the coefficients that were applied by their hashes.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tables

from pellucid.camera.drs4.events import Drs4Events
from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["R1Events", "R1Header", "R1Writer", "is_r1_events", "read_r1_events", "read_r1_header"]

FORMAT, VERSION = "pellucid r1 events", 2
_SIGNATURE = b"\x89HDF\r\n\x1a\n"

OFFSET, SCALE = 512.0, 8.0
"""In ADC counts, and stored numbers for each of them: rounding adds 0.04 ADC counts of noise."""

_LARGEST = 65535
_FILTERS = tables.Filters(complevel=1, complib="zlib", shuffle=True)


@dataclass(frozen=True, eq=False)
class R1Events:
    """Corrected events.

    Attributes
    ----------
    stored : ndarray of uint16, shape (n, n_channels, n_pixels, n_samples)
        Samples as stored; ``waveforms`` are they in ADC counts above the baseline.
    offset, scale : float
        ADC counts that were added, and stored numbers for each of them.
    first_cell : ndarray of int16, shape (n, n_channels, n_pixels)
        Capacitor of the first sample; no unit.
    time : ndarray of int64, shape (n,)
        In ns TAI.
    event_id : ndarray of int64, shape (n,)
        Identifiers; no unit.
    kind : ndarray of uint8, shape (n,)
        Codes of `pellucid.events.batch.EventType`; no unit.
    time_shift : ndarray of float32, shape (n, n_channels, n_pixels), or None
        To be subtracted from times of pulses, in ns; None where it is not known.
    """

    stored: npt.NDArray[np.uint16]
    offset: float
    scale: float
    first_cell: npt.NDArray[np.int16]
    time: npt.NDArray[np.int64]
    event_id: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]
    time_shift: npt.NDArray[np.float32] | None

    @property
    def waveforms(self) -> npt.NDArray[np.float32]:
        """Samples above the baseline, in ADC counts, shape (n, n_channels, n_pixels, n_samples)."""
        return self.stored.astype(np.float32) / np.float32(self.scale) - np.float32(self.offset)


@dataclass(frozen=True)
class R1Header:
    """What holds for all events of a file: numbers, ``shape`` of an event, offset and scale of samples."""

    tel_id: int
    obs_id: int
    sb_id: int
    n_events: int
    shape: tuple[int, int, int]
    offset: float
    scale: float


class R1Writer:
    """Writer of a file, batch by batch.

    Parameters
    ----------
    path : Path
        File to write.
    tel_id, obs_id, sb_id : int
        Telescope, observation and scheduling block.
    provenance : mapping
        Lineage, written into the file.

    Attributes
    ----------
    n_events, clipped : int
        Events so far, and samples that did not fit.
    """

    def __init__(
        self, path: Path, tel_id: int, obs_id: int, sb_id: int, provenance: Mapping[str, object]
    ) -> None:
        self.n_events = self.clipped = 0
        self._file = tables.open_file(str(path), "w")
        root = self._file.root._v_attrs
        root.format, root.format_version = FORMAT, np.int64(VERSION)
        root.tel_id, root.obs_id, root.sb_id = np.int64(tel_id), np.int64(obs_id), np.int64(sb_id)
        root.offset, root.scale = OFFSET, SCALE
        text = json.dumps(provenance, sort_keys=True, ensure_ascii=True).encode()
        self._file.create_array("/", "provenance", np.frombuffer(text, np.uint8), track_times=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(
        self,
        events: Drs4Events,
        waveforms: npt.NDArray[np.float32],
        time_shift: npt.NDArray[np.float32] | None,
    ) -> None:
        """Write corrected events.

        Parameters
        ----------
        events : Drs4Events
            What they were.
        waveforms : ndarray of float32, shape (n, n_channels, n_pixels, n_samples)
            Samples above the baseline, in ADC counts.
        time_shift : ndarray of float32, shape (n, n_channels, n_pixels), or None
            To be subtracted from times of pulses, in ns: in all calls or in none.
        """
        numbers = np.rint((waveforms + np.float32(OFFSET)) * np.float32(SCALE))
        self.clipped += int(((numbers < 0) | (numbers > _LARGEST)).sum())
        self._append("waveform", np.clip(numbers, 0, _LARGEST).astype(np.uint16))
        self._append("first_cell", events.first_cell.astype(np.int16))
        for name in ("time", "event_id", "kind"):
            self._append(name, getattr(events, name))
        if time_shift is not None:
            self._append("time_shift", time_shift)
        self.n_events += len(events.time)

    def _append(self, name: str, values: npt.NDArray[np.generic]) -> None:
        if name not in self._file.root:
            # one event a chunk, whatever the batches: equal bytes
            chunk = (1, *values.shape[1:]) if values.ndim > 1 else (1024,)
            self._file.create_earray(
                "/",
                name,
                tables.Atom.from_dtype(values.dtype),
                (0, *values.shape[1:]),
                filters=_FILTERS,
                chunkshape=chunk,
                track_times=False,
            )
        self._file.get_node("/", name).append(values)


def is_r1_events(path: Path) -> bool:
    """Return whether a file is HDF5, as corrected events are; never raises for files that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def read_r1_header(path: Path) -> R1Header:
    """Read what holds for all events.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_r1_events`; also where there are no events.
    """
    with _opened(path) as root:
        attributes = root._v_attrs
        numbers = {name: int(attributes[name]) for name in ("tel_id", "obs_id", "sb_id")}
        n_events, *shape = root.waveform.shape
        return R1Header(
            **numbers,
            n_events=int(n_events),
            shape=(int(shape[0]), int(shape[1]), int(shape[2])),
            offset=float(attributes.offset),
            scale=float(attributes.scale),
        )


def read_r1_events(path: Path, batch: int = 50) -> Iterator[R1Events]:
    """Yield the events of a file in batches.

    Raises
    ------
    MissingInput
        There is no such file (``no-file``).
    CorruptedInput
        It is another file, or damaged (``bad-events``).
    """
    with _opened(path) as root:
        for start in range(0, root.time.nrows if "time" in root else 0, batch):
            rows = slice(start, start + batch)
            yield R1Events(
                stored=root.waveform[rows],
                offset=float(root._v_attrs.offset),
                scale=float(root._v_attrs.scale),
                first_cell=root.first_cell[rows],
                time=root.time[rows],
                event_id=root.event_id[rows],
                kind=root.kind[rows],
                time_shift=root.time_shift[rows] if "time_shift" in root else None,
            )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise MissingInput(
            "There is no such file.", where=str(path), mend="make it: step drs4-r1", code="no-file"
        )
    try:
        with tables.open_file(str(path)) as file:
            root: Any = file.root
            found = str(root._v_attrs.format), int(root._v_attrs.format_version)
            if found != (FORMAT, VERSION):
                raise _wrong(path, f"{found[0]}, version {found[1]}")
            yield root
    except (tables.HDF5ExtError, tables.NoSuchNodeError, AttributeError, KeyError) as error:
        raise _wrong(path, str(error).splitlines()[0]) from error


def _wrong(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file holds no corrected events.",
        where=str(path),
        expected=f"{FORMAT}, version {VERSION}",
        got=got,
        mend="make it again: step drs4-r1",
        code="bad-events",
    )
