# SPDX-License-Identifier: BSD-3-Clause
"""Write DL1 in ctapipe's data format 7.6.0: images, parameters, triggers, pointing, array and truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pellucid.events import CameraImages, EventChunk
from pellucid.formats.ctao_metadata import JSON, Contact
from pellucid.formats.ctapipe_hdf5 import configuration
from pellucid.formats.ctapipe_hdf5.event_tables import EventTables
from pellucid.formats.ctapipe_hdf5.reference import root_attributes
from pellucid.formats.ctapipe_hdf5.schema import Schema
from pellucid.formats.ctapipe_hdf5.subarray import write_subarray
from pellucid.formats.ctapipe_hdf5.tables import TableFile
from pellucid.instrument import Subarray
from pellucid.instrument.run import RunInfo, ShowerDistribution
from pellucid.times import to_tai_ns

__all__ = ["DL1Writer"]


class DL1Writer:
    """Write one observation.

    The bytes of the file follow from the events and the arguments alone: not from how the events are cut
    into chunks, from the order of rows and batches in a chunk, from time, host or process. The file
    appears under its name when `close` succeeds; used as a context manager, an exception leaves nothing.

    Showers go where ctapipe looks for them, with one row per triggered telescope in each table; a telescope
    that triggered but was not read out has ``is_valid`` false. Events that calibrate a camera (types below
    16) keep all gain channels, so they go to tables that ctapipe does not read: ``calibration_trigger``
    beside the two trigger tables, and ``/dl1/event/telescope/calibration_images``.

    Parameters
    ----------
    path : Path
        Where the file is to appear.
    subarray : Subarray
        The array.
    run : RunInfo
        The observation.
    provenance : mapping
        All that determines the product, as JSON: stored as lineage, and source of the identifiers.
    focal_length : str
        Which focal length gave the angles, ``effective`` or ``nominal``: recorded.
    corrected : bool
        Whether throughput or pointing of other products were used; a table then tells them row by row.
    contact : Contact
        Whom to ask about the product.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputExists, UsageError
        If the path is taken or cannot be written.
    IntermittentError
        If writing fails, e.g. on a full disk.
    """

    def __init__(
        self,
        path: Path,
        subarray: Subarray,
        run: RunInfo,
        *,
        provenance: Mapping[str, JSON],
        focal_length: str = "effective",
        corrected: bool = False,
        contact: Contact | None = None,
        overwrite: bool = False,
    ) -> None:
        self._subarray = subarray
        self._run = run
        self._provenance = provenance
        self._focal_length = focal_length
        self._contact = contact or Contact()
        self._schema = Schema(run.is_simulation, len(subarray.telescopes))
        self._span: tuple[int, int] | None = None
        self._closed = False
        self._file = TableFile(path, overwrite=overwrite)
        self._events = EventTables(self._file, self._schema, subarray, corrected=corrected)
        try:
            self._write_configuration()
        except BaseException:
            self._file.abort()
            raise

    def write(self, chunk: EventChunk, images: Sequence[CameraImages]) -> None:
        """Write consecutive array events.

        Parameters
        ----------
        chunk : EventChunk
            The events, after those of earlier calls.
        images : sequence of CameraImages
            Their images, in any order.

        Raises
        ------
        CorruptedInput
            If a telescope is not part of the array, or an image has no trigger.
        IntermittentError
            If writing fails, e.g. on a full disk.
        """
        self._events.add(chunk, images)
        if chunk.events.event_id.size:
            times = to_tai_ns(chunk.events.time)
            first, last = int(times.min()), int(times.max())
            known = self._span or (first, last)
            self._span = (min(known[0], first), max(known[1], last))

    def close(
        self, *, shower_distribution: ShowerDistribution | None = None, flags: Sequence[str] = ()
    ) -> None:
        """Write what is left and give the file its name.

        Parameters
        ----------
        shower_distribution : ShowerDistribution, optional
            All thrown showers, of a simulation.
        flags : sequence of str
            Remarks on the product, e.g. that it is partial.
        """
        if self._closed:
            return
        start = 0 if self._run.start is None else int(to_tai_ns(np.array([self._run.start], np.uint32))[0])
        try:
            self._events.finish()
            for tel_id, azimuth, altitude in self._events.pointing():
                configuration.write_pointing(
                    self._file, self._schema, self._run.obs_id, tel_id, azimuth, altitude
                )
            if shower_distribution is not None:
                configuration.write_distribution(self._file, self._run.obs_id, shower_distribution)
            self._file.root_attributes(
                root_attributes(
                    run=self._run,
                    subarray=self._subarray,
                    lineage=self._provenance,
                    contact=self._contact,
                    focal_length=self._focal_length,
                    span=self._span or (start, start),
                    flags=flags,
                )
            )
            self._file.commit()
        except BaseException:
            self.abort()
            raise
        self._closed = True

    def abort(self) -> None:
        """Leave nothing behind."""
        self._file.abort()
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif not self._closed:
            self.abort()

    def _write_configuration(self) -> None:
        write_subarray(self._file, self._subarray)
        configuration.write_blocks(self._file, self._run)
        if self._run.simulation is not None:
            configuration.write_simulation(self._file, self._run, self._run.simulation)
            if self._run.atmosphere is not None:
                configuration.write_atmosphere(self._file, self._run.atmosphere)
