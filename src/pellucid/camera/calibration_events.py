# SPDX-License-Identifier: BSD-3-Clause
"""Calibration events in batches, and a reader that checks their order and their state."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.chunks import check_order
from pellucid.errors import CorruptedInput
from pellucid.events.batch import EventType
from pellucid.instrument import Telescope

__all__ = ["DARK", "CalibrationEvents", "EventReader"]

type Bools = npt.NDArray[np.bool_]
type I8 = npt.NDArray[np.int64]

DARK = (EventType.DARK_PEDESTAL, EventType.ELECTRONIC_PEDESTAL)
"""Kinds of events without any light, not even the night sky's."""


@dataclass(frozen=True, eq=False)
class CalibrationEvents:
    """Some calibration events of one kind, in the order of their times.

    Attributes
    ----------
    kind : int
        Code of `EventType`.
    time : ndarray of int64, shape (n,)
        In ns TAI.
    adc : ndarray of uint16, shape (n, n_channels, n_pixels, n_samples)
        Samples, in ADC counts.
    missing : ndarray of bool, shape (n_channels, n_pixels)
        Pixels that were not read out in some of them.
    applied : int
        Number of the calibration that the camera had applied to the samples; 0 for raw ones.
    """

    kind: int
    time: I8
    adc: npt.NDArray[np.uint16]
    missing: Bools
    applied: int = 0


class EventReader:
    """Goes through calibration events, checks their order and state, and remembers what was missing.

    Parameters
    ----------
    events : callable
        Yields the events, from the start at each call.
    telescope : Telescope
        Whose they are.

    Attributes
    ----------
    missing : ndarray of bool, shape (n_channels, n_pixels)
        Mask of the pixels that were not read out in some event.
    applied : int
        Number of the calibration that the camera had applied to the samples; 0 for raw ones.
    """

    def __init__(self, events: Callable[[], Iterator[CalibrationEvents]], telescope: Telescope) -> None:
        self._events = events
        readout = telescope.readout
        self.missing = np.zeros((readout.n_channels, readout.n_pixels), np.bool_)
        self.applied = 0

    def all(self) -> Iterator[CalibrationEvents]:
        """Yield all events from the start.

        Raises
        ------
        CorruptedInput
            Times go backwards (``time-backwards``), or events are in different states (``mixed-events``).
        """
        last: dict[int, int] = {}
        states: set[int] = set()
        for batch in self._events():
            if len(batch.time) == 0:
                continue
            before = last.get(batch.kind, int(batch.time[0]))
            check_order(np.concatenate([[before], batch.time]))
            last[batch.kind] = int(batch.time[-1])
            states.add(batch.applied)
            if len(states) > 1:
                raise CorruptedInput(
                    "Calibration events are in different states.",
                    expected="all raw, or all calibrated in the camera with one set of coefficients",
                    got=f"calibrations number {sorted(states)}",
                    mend="calibrate each part of the run by itself",
                    code="mixed-events",
                )
            if batch.missing.shape == self.missing.shape:
                self.missing |= batch.missing
            yield batch
        self.applied = next(iter(states), 0)
