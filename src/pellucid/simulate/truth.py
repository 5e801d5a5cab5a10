# SPDX-License-Identifier: BSD-3-Clause
"""Truth of a simulated telescope, kept beside its events: HDF5, written as a stream, to equal bytes.

Groups: ``pixels`` (arrays of `CameraResponse`), ``events`` (table ``index``; arrays ``true_image`` in
photo-electrons and ``true_time`` in ns, one row per event of the index).
"""

from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import tables

from pellucid.errors import MissingInput
from pellucid.simulate.camera import CameraEvent
from pellucid.simulate.plan import PlannedEvent
from pellucid.simulate.response import CameraResponse

__all__ = ["TRUTH_INDEX", "TelescopeTruth", "TruthWriter", "read_truth"]

_ONE_AT_A_TIME = Lock()
"""HDF5 is not thread-safe, and telescopes are simulated in threads."""

_SHOWER = ("energy", "core_x", "core_y", "fov_lon", "fov_lat")
_MUON = ("fov_lon", "fov_lat", "radius", "width", "impact", "azimuth", "charge")

TRUTH_INDEX = np.dtype(
    [("event_id", "<i8"), ("event_type", "u1")]
    + [(f"shower_{n}", "<f8") for n in _SHOWER]
    + [(f"muon_{n}", "<f8") for n in _MUON]
)
"""Columns of the index: identifier, code of `EventType`, and the fields of `Shower` and `Muon` in their
units; NaN in events that have none."""


@dataclass(frozen=True, eq=False)
class TelescopeTruth:
    """Truth of one telescope.

    Attributes
    ----------
    response : CameraResponse
        Its pixels.
    index : structured ndarray of `TRUTH_INDEX`, shape (n,)
        Its events.
    true_image : ndarray of int32, shape (n, n_pixels)
        Photo-electrons of the light.
    true_time : ndarray of float32, shape (n, n_pixels)
        Their mean arrival time, in ns; NaN where there are none.
    """

    response: CameraResponse
    index: npt.NDArray[np.void]
    true_image: npt.NDArray[np.int32]
    true_time: npt.NDArray[np.float32]


class TruthWriter:
    """Writer of one telescope's truth.

    Parameters
    ----------
    path : Path
        File to write.
    response : CameraResponse
        The telescope's pixels.
    """

    def __init__(self, path: Path, response: CameraResponse) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._part = path, path.with_name(path.name + ".part")
        with _ONE_AT_A_TIME:
            self._create(response)

    def _create(self, response: CameraResponse) -> None:
        self._file = tables.open_file(str(self._part), "w")
        pixels = self._file.create_group("/", "pixels")
        for field in fields(response):
            self._file.create_array(pixels, field.name, getattr(response, field.name), track_times=False)
        events = self._file.create_group("/", "events")
        pack = tables.Filters(complevel=1, complib="zlib", shuffle=True)
        n_pixels = response.dead.size
        self._index = self._file.create_table(events, "index", TRUTH_INDEX, filters=pack, track_times=False)
        self._image, self._time = (
            self._file.create_earray(
                events, name, atom, (0, n_pixels), filters=pack, chunkshape=(16, n_pixels), track_times=False
            )
            for name, atom in (("true_image", tables.Int32Atom()), ("true_time", tables.Float32Atom()))
        )

    def write(self, planned: PlannedEvent, event: CameraEvent) -> None:
        """Append one event."""
        row = np.zeros(1, dtype=TRUTH_INDEX)
        row["event_id"], row["event_type"] = planned.event_id, planned.event_type
        for prefix, names, source in (("shower", _SHOWER, planned.shower), ("muon", _MUON, planned.muon)):
            for name in names:
                row[f"{prefix}_{name}"] = getattr(source, name) if source is not None else np.nan
        with _ONE_AT_A_TIME:
            self._index.append(row)
            self._image.append(event.true_image[None])
            self._time.append(event.true_time[None])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _ONE_AT_A_TIME:
            self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def read_truth(path: Path) -> TelescopeTruth:
    """Read the truth of a telescope; a file that is not there is a `MissingInput`."""
    if not path.is_file():
        raise MissingInput(
            "There is no truth for this telescope.",
            where=str(path),
            expected="the file that `pellucid simulate` wrote beside the events",
            mend="simulate the run again with the same seed: it comes out the same",
            code="no-truth",
        )
    with tables.open_file(str(path)) as file:
        pixels = {f.name: file.get_node("/pixels", f.name).read() for f in fields(CameraResponse)}
        events = file.root.events
        return TelescopeTruth(
            CameraResponse(**pixels), events.index.read(), events.true_image.read(), events.true_time.read()
        )
