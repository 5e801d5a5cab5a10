# SPDX-License-Identifier: BSD-3-Clause
"""Calibration events of one telescope, in one file or in several that follow each other."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pellucid.camera.calibration_events import CalibrationEvents
from pellucid.errors import CorruptedInput
from pellucid.formats.zfits import RunFiles, ZfitsSource
from pellucid.instrument import Telescope
from pellucid.times import to_tai_ns

__all__ = ["CalibrationFiles"]

_FIRST_OTHER_TYPE = 16
"""Event types below it calibrate a camera."""


class CalibrationFiles:
    """Files with one telescope's calibration events, read as one stream in the order of their begins.

    Parameters
    ----------
    paths : sequence of Path
        Events of the telescope; the first file says which observation they stand for.
    description : Path
        Description of the array.

    Attributes
    ----------
    first : ZfitsSource
        The first of the files.

    Raises
    ------
    CorruptedInput
        The files are of several telescopes (``other-camera``).
    """

    def __init__(self, paths: Sequence[Path], description: Path) -> None:
        self._sources = [ZfitsSource(RunFiles((path,), description)) for path in paths]
        self.first = self._sources[0]
        for path, source in zip(paths, self._sources, strict=True):
            if source.subarray.tel_ids != self.first.subarray.tel_ids:
                raise CorruptedInput(
                    "The calibration events are those of several cameras.",
                    where=str(path),
                    expected=f"telescope {self.telescope.tel_id}, as in {paths[0]}",
                    got=f"telescope {', '.join(map(str, source.subarray.tel_ids))}",
                    mend="give files of one telescope",
                    code="other-camera",
                )
        if len(self._sources) > 1:
            self._sources.sort(key=lambda s: next((int(e.time[0]) for e in _events(s)), 0))

    @property
    def telescope(self) -> Telescope:
        """Whose events they are."""
        (telescope,) = self.first.subarray.telescopes.values()
        return telescope

    def events(self) -> Iterator[CalibrationEvents]:
        """Yield the events in batches of one kind, from the start at each call."""
        return chain.from_iterable(map(_events, self._sources))

    def times(self, kind: int) -> "np.ndarray":
        """Return when the events of a kind (code of `EventType`) came, shape (n,), in ns TAI."""
        found = [e.time for e in self.events() if e.kind == kind]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for source in self._sources:
            source.__exit__(kind, error, trace)


def _events(source: ZfitsSource) -> Iterator[CalibrationEvents]:
    for chunk in source.chunks():
        times = to_tai_ns(chunk.events.time)
        for batch in chunk.cameras:
            kinds = chunk.events.event_type[batch.event_row]
            for kind in np.unique(kinds[kinds < _FIRST_OTHER_TYPE]).tolist():
                rows = np.flatnonzero(kinds == kind)
                used = [chunk.coefficients[i] for i in np.unique(batch.coefficients[rows])]
                for applied in sorted({c.applied for c in used}):
                    mine = [i for i, c in enumerate(chunk.coefficients) if c.applied == applied]
                    some = rows[np.isin(batch.coefficients[rows], mine)]
                    missing = [c.unusable for c in used if c.applied == applied]
                    yield CalibrationEvents(
                        kind=int(kind),
                        time=times[batch.event_row[some]],
                        adc=batch.adc[some],
                        missing=np.logical_or.reduce(missing),
                        applied=applied,
                    )
