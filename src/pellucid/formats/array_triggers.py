# SPDX-License-Identifier: BSD-3-Clause
"""Events of the array's trigger, of DL0v1 files: when, of which kind, and which telescopes took part."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, InsufficientStatistics
from pellucid.formats.zfits_file import MessageFile, array_of
from pellucid.times import to_tai_ns

__all__ = ["ArrayTriggers", "read_array_triggers"]

_TABLES = {"DataStream": "DL0v1.Subarray.DataStream", "SubarrayEvents": "DL0v1.Subarray.Event"}


@dataclass(frozen=True, eq=False)
class ArrayTriggers:
    """Events of an observation.

    Attributes
    ----------
    obs_id : int
        Observation.
    time : ndarray of int64, shape (n_events,)
        In ns TAI, ascending.
    event_type : ndarray of int64, shape (n_events,)
        Codes of `pellucid.events.batch.EventType`.
    triggered : ndarray of bool, shape (n_events, n_telescopes)
        Mask of the telescopes in each event.
    """

    obs_id: int
    time: npt.NDArray[np.int64]
    event_type: npt.NDArray[np.int64]
    triggered: npt.NDArray[np.bool_]


def read_array_triggers(path: Path, tel_id: npt.NDArray[np.int64]) -> ArrayTriggers:
    """Read the events of an array's trigger.

    Parameters
    ----------
    path : Path
        DL0v1 file of the subarray's events.
    tel_id : ndarray of int64, shape (n_telescopes,)
        Identifiers of the array's telescopes, ascending.

    Raises
    ------
    MissingInput, CorruptedInput
        As `pellucid.formats.zfits_file.MessageFile`; a telescope that the array does not have
        (``other-array``), or times that go backwards (``time-backwards``).
    InsufficientStatistics
        There are no events (``no-events``).
    """
    file = MessageFile(path, _TABLES)
    obs_id = int(file.first("DataStream").obs_id)
    stamps: list[tuple[int, int]] = []
    kinds: list[int] = []
    rows: list[int] = []
    seen: list[int] = []
    for row, event in enumerate(file.rows("SubarrayEvents")):
        stamps.append((event.event_time_s, event.event_time_qns))
        kinds.append(event.trigger_type)
        telescopes = array_of(event.tel_ids_with_trigger).tolist()
        rows += [row] * len(telescopes)
        seen += telescopes
    if not stamps:
        raise InsufficientStatistics(
            "The array's trigger has no events.",
            where=str(path),
            expected="an observation with events",
            mend="leave the file out",
            code="no-events",
        )
    time = to_tai_ns(np.array(stamps, np.uint32))
    if (back := np.flatnonzero(np.diff(time) < 0)).size:
        raise CorruptedInput(
            "The array's trigger goes back in time.",
            where=f"{path}, event {back[0] + 2}",
            expected="ascending times",
            got=f"{int(time[back[0]] - time[back[0] + 1])} ns before the event above",
            mend="sort the events, or look at the clock of the trigger",
            code="time-backwards",
        )
    found = np.array(seen, np.int64)
    place = np.minimum(np.searchsorted(tel_id, found), tel_id.size - 1)
    if (unknown := np.setdiff1d(found, tel_id)).size:
        raise CorruptedInput(
            "A telescope triggered that the array does not have.",
            where=str(path),
            expected=f"some of {tel_id.tolist()}",
            got=str(unknown.tolist()),
            mend="give the description of the array that took the events",
            code="other-array",
        )
    triggered = np.zeros((time.size, tel_id.size), np.bool_)
    triggered[np.array(rows, np.int64), place] = True
    return ArrayTriggers(obs_id, time, np.array(kinds, np.int64), triggered)
