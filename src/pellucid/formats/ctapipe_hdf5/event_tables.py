# SPDX-License-Identifier: BSD-3-Clause
"""Event tables of a DL1 file: triggers, showers and, telescope by telescope, images and parameters."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.events import CameraImages, EventChunk
from pellucid.formats.ctapipe_hdf5 import rows, schema
from pellucid.formats.ctapipe_hdf5.blocks import BlockWriter
from pellucid.formats.ctapipe_hdf5.rows import CameraRows
from pellucid.formats.ctapipe_hdf5.schema import Schema, TableLayout, tel_table
from pellucid.formats.ctapipe_hdf5.tables import TableFile
from pellucid.instrument import Subarray

__all__ = ["EventTables"]

type I8 = npt.NDArray[np.int64]
type Bools = npt.NDArray[np.bool_]

_FIRST_OTHER_TYPE = 16  # event types below calibrate a camera
_SHOWER_COLUMNS = ("energy", "alt", "az", "core_x", "core_y", "h_first_int", "x_max", "starting_grammage")


class EventTables:
    """Take chunks of events apart into the rows of the tables.

    ctapipe's reader goes through all tables in step: each array event has a shower, each telescope that
    triggered has one row in each of its tables. So showers and images that are missing get blank rows, and
    events that calibrate a camera, which have neither parameters nor a shower, get tables of their own.

    Parameters
    ----------
    file : TableFile
        Where the tables go.
    layouts : Schema
        How they look.
    subarray : Subarray
        The array.
    corrected : bool
        Whether to tell row by row what images were corrected with, and where the telescope looked.
    """

    def __init__(
        self, file: TableFile, layouts: Schema, subarray: Subarray, *, corrected: bool = False
    ) -> None:
        self._file = file
        self._schema = layouts
        self._corrected = corrected
        self._telescopes = subarray.telescopes
        self._tel_ids = np.array(subarray.tel_ids, dtype=np.int64)
        self._blocks = BlockWriter(file)
        self._n_events = 0
        self._pointing: dict[int, tuple[float, float]] = {}
        self._make_groups()

    def pointing(self) -> Iterator[tuple[int, float, float]]:
        """Yield telescope, azimuth and altitude, in deg, of simulated telescopes as first seen."""
        for tel_id, (azimuth, altitude) in sorted(self._pointing.items()):
            yield tel_id, azimuth, altitude

    def add(self, chunk: EventChunk, images: Sequence[CameraImages]) -> None:
        """Add consecutive array events, after those of earlier calls."""
        calibration = chunk.events.event_type < _FIRST_OTHER_TYPE
        self._check(chunk, images, calibration)
        self._add_triggers(chunk, ~calibration, schema.TRIGGER, schema.TEL_TRIGGER)
        self._add_triggers(chunk, calibration, schema.CALIBRATION_TRIGGER, schema.CALIBRATION_TEL_TRIGGER)
        found = {camera.tel_id: camera for camera in CameraRows.by_telescope(images)}
        if self._schema.simulation:
            self._add_showers(chunk, ~calibration)
        for tel_id in sorted({*found, *np.unique(chunk.triggers.tel_id).tolist()}):
            triggered = np.sort(chunk.triggers.event_row[chunk.triggers.tel_id == tel_id])
            camera = found.get(tel_id) or CameraRows.none(tel_id)
            self._add_telescope(
                chunk, images, camera.only(~calibration).matched_to(triggered[~calibration[triggered]])
            )
            self._add_calibration(chunk, images, camera.only(calibration))
            if self._schema.simulation:
                self._remember_pointing(images, camera)
        self._blocks.flush()
        self._n_events += calibration.size

    def finish(self) -> None:
        """Write what is left, and empty tables where the readers of the format need one."""
        for path, layout in (
            (schema.TRIGGER, self._schema.trigger),
            (schema.TEL_TRIGGER, self._schema.tel_trigger),
            *([(schema.SHOWER, self._schema.shower)] if self._schema.simulation else []),
        ):
            if not self._blocks.has_rows(path):
                self._file.block_table(path, layout())
        self._blocks.finish()

    def _make_groups(self) -> None:
        self._file.group(schema.IMAGES)
        self._file.group(schema.PARAMETERS_GROUP)
        if self._schema.simulation:
            for group in (schema.IMPACT, schema.TRUE_IMAGES, schema.TRUE_PARAMETERS_GROUP):
                self._file.group(group)

    def _add(
        self, path: str, make: Callable[[], TableLayout], chunk: EventChunk, event: I8, **cells: object
    ) -> None:
        """Add rows of a table of numbers, one per given row of the chunk's array events."""
        values = np.zeros(event.size, self._blocks.layout(path, make).dtype)
        values["obs_id"] = chunk.obs_id
        values["event_id"] = chunk.events.event_id[event]
        for name, cell in cells.items():
            values[name] = cell
        self._blocks.add(path, self._n_events + event, rows.copied(values))

    def _add_triggers(self, chunk: EventChunk, wanted: Bools, array: str, telescopes: str) -> None:
        events, triggers = chunk.events, chunk.triggers
        mask = np.zeros((wanted.size, self._tel_ids.size), dtype=bool)
        mask[triggers.event_row, np.searchsorted(self._tel_ids, triggers.tel_id)] = True
        event = np.flatnonzero(wanted)
        self._add(
            array,
            self._schema.trigger,
            chunk,
            event,
            time=events.time[event],
            tels_with_trigger=mask[event],
            event_type=events.event_type[event],
        )
        order = np.lexsort((triggers.tel_id, triggers.event_row))
        order = order[wanted[triggers.event_row[order]]]
        self._add(
            telescopes,
            self._schema.tel_trigger,
            chunk,
            triggers.event_row[order],
            tel_id=triggers.tel_id[order],
            time=triggers.time[order],
            event_type=triggers.event_type[order],
            n_trigger_pixels=triggers.n_trigger_pixels[order],
        )

    def _add_showers(self, chunk: EventChunk, wanted: Bools) -> None:
        showers, triggers, event = chunk.showers, chunk.triggers, np.flatnonzero(wanted)
        known = np.full(wanted.size, -1)
        if showers is not None:
            known[showers.event_row] = np.arange(showers.event_row.size)
        cells: dict[str, object] = {
            f"true_{name}": _taken(getattr(showers, name, None), known[event], np.nan)
            for name in _SHOWER_COLUMNS
        }
        cells["true_shower_primary_id"] = _taken(getattr(showers, "primary_id", None), known[event], -1)
        self._add(schema.SHOWER, self._schema.shower, chunk, event, **cells)
        for column, tel_id in enumerate(self._tel_ids.tolist()):
            event = np.sort(triggers.event_row[triggers.tel_id == tel_id])
            event = event[wanted[event]]
            if event.size == 0:
                continue
            distance = None if showers is None else showers.impact_distance[:, column]
            self._add(
                tel_table(schema.IMPACT, tel_id),
                self._schema.impact,
                chunk,
                event,
                tel_id=tel_id,
                true_impact_distance=_taken(distance, known[event], np.nan),
                true_impact_distance_uncert=0.0,
            )

    def _add_telescope(self, chunk: EventChunk, images: Sequence[CameraImages], camera: CameraRows) -> None:
        readout = self._telescopes[camera.tel_id].readout
        n_pixels, n_channels = readout.n_pixels, readout.n_channels
        tables: list[tuple[str, Callable[[], TableLayout], rows.Copy]] = [
            (schema.IMAGES, lambda: self._schema.images(n_pixels, n_channels), rows.copy_image),
            (schema.PARAMETERS_GROUP, self._schema.parameters, rows.copy_parameters),
        ]
        if self._schema.simulation:
            tables += [
                (schema.TRUE_IMAGES, lambda: self._schema.true_images(n_pixels), rows.copy_true_image),
                (schema.TRUE_PARAMETERS_GROUP, self._schema.true_parameters, rows.copy_true_parameters),
            ]
        if self._corrected:
            tables.append((schema.CORRECTIONS, self._schema.corrections, rows.copy_corrections(chunk)))
        for group, make, copy in tables:
            self._add_camera(group, make, copy, chunk, images, camera)
        filled = camera.with_filled(images)
        self._add_camera(
            schema.FILLED, lambda: self._schema.filled(n_pixels), rows.copy_filled, chunk, images, filled
        )

    def _add_calibration(self, chunk: EventChunk, images: Sequence[CameraImages], camera: CameraRows) -> None:
        readout = self._telescopes[camera.tel_id].readout

        def make() -> TableLayout:
            return self._schema.calibration_images(readout.n_pixels, readout.n_channels)

        def copy(view: np.ndarray, where: rows.Where, source: CameraImages, row: I8) -> None:
            rows.copy_calibration(view, where, source, row)
            view["event_type"][where] = chunk.events.event_type[source.batch.event_row[row]]

        self._add_camera(schema.CALIBRATION_IMAGES, make, copy, chunk, images, camera)

    def _add_camera(
        self,
        group: str,
        make: Callable[[], TableLayout],
        copy: rows.Copy,
        chunk: EventChunk,
        images: Sequence[CameraImages],
        camera: CameraRows,
    ) -> None:
        if camera.event.size:
            path = tel_table(group, camera.tel_id)
            layout = self._blocks.layout(path, make)
            fill = rows.filled_from(copy, camera, images, chunk, layout)
            self._blocks.add(path, self._n_events + camera.event, fill)

    def _remember_pointing(self, images: Sequence[CameraImages], camera: CameraRows) -> None:
        if camera.tel_id in self._pointing:
            return
        for batch, row in zip(camera.batch.tolist(), camera.row.tolist(), strict=True):
            source = images[batch].batch
            azimuth, altitude = float(source.azimuth[row]), float(source.altitude[row])
            if np.isfinite(azimuth) and np.isfinite(altitude):
                self._pointing[camera.tel_id] = (azimuth, altitude)
                return

    def _check(self, chunk: EventChunk, images: Sequence[CameraImages], calibration: Bools) -> None:
        tel_ids = np.concatenate([chunk.triggers.tel_id, *(i.batch.tel_id for i in images)])
        unknown = np.setdiff1d(tel_ids, self._tel_ids)
        if unknown.size:
            raise CorruptedInput(
                f"Telescope {unknown[0]} has events but is not part of the array.",
                where=f"observation {chunk.obs_id}",
                expected=f"some of {self._tel_ids.tolist()}",
                got=str(unknown.tolist()),
                mend="check that the description of the array belongs to the events",
                code="undescribed-telescope",
            )
        for source in images:
            if (source.selected == calibration[source.batch.event_row]).any():
                raise ValueError("a gain channel is selected for showers, and for them alone")


def _taken(values: npt.NDArray[np.generic] | None, index: I8, missing: float) -> np.ndarray:
    """Return ``values[index]``, and ``missing`` where the index is -1 or there are no values at all."""
    if values is None or values.size == 0:
        return np.full(index.size, missing)
    return np.where(index < 0, missing, values[index])
