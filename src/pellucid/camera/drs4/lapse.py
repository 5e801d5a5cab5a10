# SPDX-License-Identifier: BSD-3-Clause
"""What a capacitor remembers of its last reading: an offset that decays with the time since then."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import Chip
from pellucid.errors import ConfigurationError, CorruptedInput
from pellucid.jit import kernel

__all__ = ["TimeLapse"]

type I8 = npt.NDArray[np.int64]

_EXTRA = 12
"""Capacitors one ring on that even channels connect, and so renew, with every reading."""

_EXTRA_FROM, _EXTRA_TO = 767, 1013


class TimeLapse:
    """Takes the offsets off, event by event; its state is an array, so a stream may be cut anywhere.

    Parameters
    ----------
    chip : Chip
        How the camera reads; its lapse must be known.
    n_channels, n_pixels : int
        Size of the camera.
    even : ndarray of bool, shape (n_pixels,), optional
        Pixels on even channels of their chips; none where not given.

    Attributes
    ----------
    last_read : ndarray of int64, shape (n_channels, n_pixels, n_cells)
        Clock at the last reading of each capacitor, in ticks; -1 where it is not known.
    clock : int
        Of the last event, in ticks.
    """

    def __init__(
        self, chip: Chip, n_channels: int, n_pixels: int, even: npt.NDArray[np.bool_] | None = None
    ) -> None:
        if chip.lapse is None:
            raise ConfigurationError(
                "The time lapse of this camera's chips is not known.",
                expected="amplitude, exponent and constant of its offset",
                mend="name the camera's preset, or fit the lapse from a run without light",
                code="no-lapse",
            )
        self.chip = chip
        self.last_read: I8 = np.full((n_channels, n_pixels, chip.n_cells), -1, np.int64)
        self.clock = -1
        self._even = np.zeros(n_pixels, np.bool_) if even is None else even

    def correct(
        self,
        waveforms: npt.NDArray[np.float32],
        first_cell: npt.NDArray[np.integer],
        clock: npt.NDArray[np.integer],
    ) -> None:
        """Take the offsets off, in place, and remember the readings.

        Parameters
        ----------
        waveforms : ndarray of float32, shape (n_events, n_channels, n_pixels, n_samples)
            Baselines taken off, in ADC counts.
        first_cell : ndarray of int, shape (n_events, n_channels, n_pixels)
            Capacitor of the first sample; no unit.
        clock : ndarray of int, shape (n_events,)
            Of each event, ascending, in ticks.

        Raises
        ------
        CorruptedInput
            The clock goes backwards (``time-backwards``), or a capacitor is unknown (``first-cell``).
        """
        times = self._checked(first_cell, clock)
        lapse = self.chip.lapse
        assert lapse is not None
        _correct(
            waveforms, first_cell.astype(np.int64), times, self.last_read, self._even, self.chip.clock,
            self.chip.ring, lapse.amplitude, lapse.exponent, lapse.constant, lapse.longest, 0.0,
        )  # fmt: skip

    def at_rest(
        self, first_cell: npt.NDArray[np.integer], clock: npt.NDArray[np.integer], n_samples: int
    ) -> npt.NDArray[np.bool_]:
        """Return which samples the lapse leaves alone, and remember the readings.

        Those are of capacitors whose last reading is known, and longer ago than the lapse lasts.

        Parameters
        ----------
        first_cell, clock
            As for `correct`, shapes as there; clock in ticks.
        n_samples : int
            Samples of each event.

        Returns
        -------
        ndarray of bool, shape (n_events, n_channels, n_pixels, n_samples)

        Raises
        ------
        CorruptedInput
            As for `correct`.
        """
        times = self._checked(first_cell, clock)
        lapse = self.chip.lapse
        assert lapse is not None
        # a lapse of 1 at all times within its length, and for what is not known
        marks = np.zeros((*first_cell.shape, n_samples), np.float32)
        _correct(
            marks, first_cell.astype(np.int64), times, self.last_read, self._even, self.chip.clock,
            self.chip.ring, 1.0, 0.0, 0.0, lapse.longest, 1.0,
        )  # fmt: skip
        return np.asarray(marks == 0.0)

    def _checked(self, first_cell: npt.NDArray[np.integer], clock: npt.NDArray[np.integer]) -> I8:
        """Return the clock of each event in ticks, after a look at its order, and remember the last."""
        self.chip.check(first_cell)
        times = np.concatenate([[self.clock], clock.astype(np.int64)])
        if (back := np.flatnonzero(np.diff(times) < 0)).size:
            raise CorruptedInput(
                "The readout's clock goes backwards.",
                where=f"event {back[0]} of this batch",
                expected="events of one camera in the order of their time",
                got=f"{times[back[0] + 1]} after {times[back[0]]} ticks",
                mend="sort the events, or begin anew after a reset of the clock",
                code="time-backwards",
            )
        self.clock = int(times[-1])
        return times[1:]


@kernel
def _correct(
    waveforms: npt.NDArray[np.float32],
    first_cell: I8,
    clock: I8,
    last_read: I8,
    even: npt.NDArray[np.bool_],
    ticks: float,
    ring: int,
    amplitude: float,
    exponent: float,
    constant: float,
    longest: float,
    unknown: float,
) -> None:
    """Subtract the lapse, or ``unknown`` where no reading is known, and note the readings."""
    n_events, n_channels, n_pixels, n_samples = waveforms.shape
    n_cells = last_read.shape[2]
    for e in range(n_events):
        for g in range(n_channels):
            for p in range(n_pixels):
                first = first_cell[e, g, p]
                for s in range(n_samples):
                    cell = (first + s) % n_cells
                    before = last_read[g, p, cell]
                    since = (clock[e] - before) / ticks
                    if before < 0:
                        waveforms[e, g, p, s] -= np.float32(unknown)
                    elif 0.0 < since < longest:
                        waveforms[e, g, p, s] -= np.float32(amplitude * since**-exponent - constant)
                _read(last_read[g, p], first, n_samples, clock[e], ring, even[p])


@kernel
def _read(last_read: I8, first: int, n_samples: int, clock: int, ring: int, even: bool) -> None:
    """Note when the capacitors of a pixel were read, shape (n_cells,)."""
    n_cells = last_read.size
    for s in range(n_samples):
        last_read[(first + s) % n_cells] = clock
    place = first % ring
    if even and place > _EXTRA_FROM:
        stop = first + ring + _EXTRA
        if place >= _EXTRA_TO:
            stop = (first // ring + 2) * ring
        for cell in range(first + ring, stop):
            last_read[cell % n_cells] = clock
