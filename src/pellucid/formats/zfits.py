# SPDX-License-Identifier: BSD-3-Clause
"""A CTAO DL0v1 run: the subarray's events and the telescopes' files merged into a stream of chunks.

Telescopes' files may also be those of corrected events (see `pellucid.formats.r1_telescope`). The files do
not say what the telescopes are; a description of the array (see
`pellucid.formats.description`) is part of a run.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pellucid.camera.series import SeriesInSteps
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.events.batch import (
    ArrayEvents,
    CameraBatch,
    CameraKind,
    Coefficients,
    EventChunk,
    EventType,
    TelescopeTriggers,
)
from pellucid.formats.description import read_description
from pellucid.formats.r1_events import is_r1_events
from pellucid.formats.r1_telescope import R1TelescopeFile
from pellucid.formats.telescope_events import RawTelescopeEvent
from pellucid.formats.zfits_file import MessageFile
from pellucid.formats.zfits_telescope import TelescopeFile
from pellucid.instrument import Subarray
from pellucid.instrument.run import RunInfo, ShowerDistribution

__all__ = ["RunFiles", "ZfitsSource", "find_run"]

type _Opened = TelescopeFile | R1TelescopeFile


@dataclass(frozen=True)
class RunFiles:
    """Files of a run: telescopes' events, description of the array, events of the subarray if there are."""

    telescopes: tuple[Path, ...]
    description: Path
    trigger: Path | None = None


def find_run(folder: Path, description: Path | None = None) -> RunFiles:
    """Find the files of the one run below a folder by their names in the control system's convention.

    Parameters
    ----------
    folder : Path
        Searched with all folders below.
    description : Path, optional
        Description of the array; ``subarray.json`` in the folder where not given.

    Raises
    ------
    MissingInput
        There are no telescope files.
    CorruptedInput
        There are files of several observations.
    """
    telescopes = sorted(p for p in folder.rglob("TEL*.fits.fz") if p.is_file())
    triggers = sorted(p for p in folder.rglob("SUB*_SUBARRAY_*.fits.fz") if p.is_file())
    if not telescopes:
        raise MissingInput(
            "There is no DL0 run in this folder.",
            where=str(folder),
            expected="files TELnnn_..._OBSIDn_..._CHUNKnnn.fits.fz",
            mend="name the folder that holds DL0",
            code="no-run",
        )
    runs = {name for p in telescopes for name in p.name.split("_") if name.startswith("OBSID")}
    if len(runs) > 1:
        raise CorruptedInput(
            "There are several observations in this folder.",
            where=str(folder),
            expected="one",
            got=", ".join(sorted(runs)),
            mend="name the files of one of them",
            code="several-runs",
        )
    return RunFiles(
        tuple(telescopes), description or folder / "subarray.json", triggers[0] if triggers else None
    )


@dataclass(frozen=True, eq=False)
class _ArrayEvent:
    event_id: int
    time: tuple[int, int]
    triggered: list[int]
    data: list[RawTelescopeEvent]


class ZfitsSource:
    """Read a DL0v1 run as a stream; memory stays flat however long it is.

    Parameters
    ----------
    files : RunFiles
        Where it is.
    calibration : mapping of int to Coefficients or SeriesInSteps, optional
        Calibration by telescope, in stored counts; the files' own scale and offset else.
    telescopes : iterable of int, optional
        Read only these; an unknown one is an error.

    Attributes
    ----------
    subarray : Subarray
        Telescopes that are read.
    obs_id : int
        Observation.
    run : RunInfo
        The observation.
    has_true_images : bool
        False: these files carry no truth.
    damage : CorruptedInput or None
        What ended the stream early, where damage was to be tolerated.
    n_untriggered : int
        Telescope events left out since the subarray's file does not know them.
    n_missing : int
        Telescope events that the subarray's file announces and that are not there.

    Raises
    ------
    CorruptedInput, MissingInput
        With file and event.
    """

    has_true_images = False
    shower_distribution: ShowerDistribution | None = None

    def __init__(
        self,
        files: RunFiles,
        *,
        calibration: Mapping[int, Coefficients | SeriesInSteps] | None = None,
        telescopes: Iterable[int] | None = None,
    ) -> None:
        described = read_description(files.description)
        wanted = described if telescopes is None else described.select(telescopes)
        opened = [_open_telescope(path, described, dict(calibration or {})) for path in files.telescopes]
        self._telescopes = {f.telescope.tel_id: f for f in opened if f.telescope.tel_id in wanted.telescopes}
        self.subarray: Subarray = wanted.select(self._telescopes)
        self._trigger = _open_trigger(files.trigger)
        self.obs_id, sb_id = self._identity(files, opened)
        self.run = RunInfo(self.obs_id, sb_id, described.name)
        self.damage: CorruptedInput | None = None
        self.n_untriggered = 0
        self.n_missing = 0
        self._done = 0
        self._kinds: dict[tuple[str, int, int], CameraKind] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._telescopes = {}

    @property
    def position(self) -> tuple[int, int]:
        """Telescope events read so far, and in all."""
        return self._done, sum(f.n_events for f in self._telescopes.values())

    def chunks(
        self, *, max_events: int = 1000, max_bytes: int = 24 << 20, keep_partial: bool = False
    ) -> Iterator[EventChunk]:
        """Yield the array events with data of at least one telescope, ordered by identifier.

        Parameters
        ----------
        max_events : int
            Array events in a chunk at most.
        max_bytes : int
            Size of the samples at which a chunk is full, in bytes; this bounds the memory.
        keep_partial : bool
            At damage, end the stream and keep the reason in ``damage`` instead of raising it.
        """
        gathered: list[_ArrayEvent] = []
        size = 0
        try:
            for event in self._array_events():
                gathered.append(event)
                size += sum(e.adc.nbytes for e in event.data)
                if len(gathered) >= max_events or size >= max_bytes:
                    yield self._chunk(gathered)
                    gathered, size = [], 0
        except CorruptedInput as error:
            if not keep_partial:
                raise
            self.damage = error
        if gathered:
            yield self._chunk(gathered)

    def _identity(self, files: RunFiles, opened: list[_Opened]) -> tuple[int, int]:
        found = {(f.obs_id, f.sb_id): f.path for f in opened}
        if self._trigger is not None and files.trigger is not None:
            stream = self._trigger.first("DataStream")
            found[int(stream.obs_id), int(stream.sb_id)] = files.trigger
        if len(found) != 1 or len(opened) != len({f.telescope.tel_id for f in opened}):
            raise CorruptedInput(
                "The files do not make one run.",
                where=", ".join(str(p) for p in found.values()),
                expected="one observation, and one file for each telescope",
                got=f"observations {sorted(obs for obs, _ in found)}, {len(opened)} telescope files",
                mend="give the files of one run",
                code="mixed-run",
            )
        return next(iter(found))

    def _events_of(self, tel_id: int) -> Iterator[RawTelescopeEvent]:
        for event in self._telescopes[tel_id].events():
            self._done += 1
            yield event

    def _array_events(self) -> Iterator[_ArrayEvent]:
        streams = [self._events_of(tel_id) for tel_id in self._telescopes]
        merged = merge(*streams, key=lambda e: (e.event_id, e.tel_id))
        by_event = ((k, list(g)) for k, g in groupby(merged, key=lambda e: e.event_id))
        if self._trigger is None:
            for event_id, data in by_event:
                yield _ArrayEvent(event_id, min(e.time for e in data), [e.tel_id for e in data], data)
        else:
            yield from self._triggered(self._trigger, by_event)

    def _triggered(
        self, trigger: MessageFile, by_event: Iterator[tuple[int, list[RawTelescopeEvent]]]
    ) -> Iterator[_ArrayEvent]:
        event_id, data = next(by_event, (None, []))
        last = -1
        for message in trigger.rows("SubarrayEvents"):
            wanted = int(message.event_id)
            if wanted <= last:
                raise _disordered(trigger.path, wanted, last)
            last = wanted
            while event_id is not None and event_id < wanted:
                self.n_untriggered += len(data)
                event_id, data = next(by_event, (None, []))
            here = data if event_id == wanted else []
            triggered = _tel_ids(message.tel_ids_with_trigger)
            announced = _tel_ids(message.tel_ids_with_data) if message.tel_ids_with_data.data else triggered
            self.n_missing += len(set(announced) & set(self._telescopes) - {e.tel_id for e in here})
            if here:
                time = (int(message.event_time_s), int(message.event_time_qns))
                mine = [t for t in triggered if t in self._telescopes]
                yield _ArrayEvent(wanted, time, mine, here)
                event_id, data = next(by_event, (None, []))
        while event_id is not None:
            self.n_untriggered += len(data)
            event_id, data = next(by_event, (None, []))

    def _chunk(self, events: list[_ArrayEvent]) -> EventChunk:
        coefficients: list[Coefficients] = []
        index: dict[int, int] = {}
        rows: dict[tuple[str, int, int], list[tuple[int, RawTelescopeEvent]]] = {}
        for number, event in enumerate(events):
            for raw in event.data:
                if id(raw.coefficients) not in index:
                    index[id(raw.coefficients)] = len(coefficients)
                    coefficients.append(raw.coefficients)
                rows.setdefault(self._kind(raw).key, []).append((number, raw))
        return EventChunk(
            obs_id=self.obs_id,
            events=ArrayEvents(
                event_id=np.array([e.event_id for e in events], np.int64),
                event_type=np.array([_common_type(e) for e in events], np.uint8),
                time=np.array([e.time for e in events], np.uint32),
            ),
            triggers=_triggers(events),
            cameras=[_batch(self._kinds[key], members, index) for key, members in rows.items()],
            coefficients=coefficients,
        )

    def _kind(self, raw: RawTelescopeEvent) -> CameraKind:
        geometry = self.subarray.telescopes[raw.tel_id].geometry
        kind = CameraKind(geometry, raw.adc.shape[0], raw.adc.shape[2])
        return self._kinds.setdefault(kind.key, kind)


def _open_telescope(
    path: Path, described: Subarray, calibration: dict[int, Coefficients | SeriesInSteps]
) -> _Opened:
    """Open a telescope's file, of messages or of events that were corrected for their chips."""
    if is_r1_events(path):
        return R1TelescopeFile(path, described, calibration)
    return TelescopeFile(path, described, calibration)


def _open_trigger(path: Path | None) -> MessageFile | None:
    if path is None:
        return None
    messages = {"DataStream": "DL0v1.Subarray.DataStream", "SubarrayEvents": "DL0v1.Subarray.Event"}
    return MessageFile(path, messages)


def _tel_ids(message: Any) -> list[int]:
    from protozfits import any_array_to_numpy

    return sorted(int(t) for t in any_array_to_numpy(message)) if message.data else []


def _common_type(event: _ArrayEvent) -> int:
    kinds = {raw.event_type for raw in event.data}
    return kinds.pop() if len(kinds) == 1 else int(EventType.UNKNOWN)


def _triggers(events: list[_ArrayEvent]) -> TelescopeTriggers:
    rows = []
    for number, event in enumerate(events):
        known = {raw.tel_id: raw for raw in event.data}
        for tel_id in event.triggered:
            raw = known.get(tel_id)
            time, kind = (event.time, int(EventType.UNKNOWN)) if raw is None else (raw.time, raw.event_type)
            rows.append((number, tel_id, *time, kind))
    table = np.array(rows, np.int64).reshape(-1, 5)
    return TelescopeTriggers(
        event_row=table[:, 0],
        tel_id=table[:, 1].astype(np.int16),
        time=table[:, 2:4].astype(np.uint32),
        event_type=table[:, 4].astype(np.uint8),
        n_trigger_pixels=np.full(len(table), -1, np.int32),
    )


def _batch(
    kind: CameraKind, members: list[tuple[int, RawTelescopeEvent]], index: dict[int, int]
) -> CameraBatch:
    unknown = np.full(len(members), np.nan)
    return CameraBatch(
        kind=kind,
        event_row=np.array([number for number, _ in members], np.int64),
        tel_id=np.array([raw.tel_id for _, raw in members], np.int16),
        adc=np.stack([raw.adc for _, raw in members]),
        coefficients=np.array([index[id(raw.coefficients)] for _, raw in members], np.int64),
        azimuth=unknown,
        altitude=unknown.copy(),
    )


def _disordered(path: Path, event_id: int, last: int) -> CorruptedInput:
    return CorruptedInput(
        "The events of the subarray are not in order.",
        where=f"{path}, event {event_id}",
        expected=f"an identifier above {last}",
        got=str(event_id),
        mend="deliver the file again",
        code="inconsistent-events",
    )
