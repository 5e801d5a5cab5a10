# SPDX-License-Identifier: BSD-3-Clause
"""Offsets of single capacitors, from a run without light."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import Chip
from pellucid.camera.estimate import require
from pellucid.errors import CorruptedInput
from pellucid.jit import kernel

__all__ = ["BaselineAccumulator", "CellBaseline", "subtract_baseline"]

type I8 = npt.NDArray[np.int64]
type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CellBaseline:
    """Offsets of capacitors.

    Attributes
    ----------
    mean, error, std : ndarray of float64, shape (n_channels, n_pixels, n_cells)
        Mean, its standard error and the scatter of a reading, in ADC counts. A capacitor that was never seen
        has the mean of its pixel and an infinite error.
    n : ndarray of int64, shape (n_channels, n_pixels, n_cells)
        Readings behind each; no unit.
    """

    mean: F8
    error: F8
    std: F8
    n: I8

    @property
    def unseen(self) -> npt.NDArray[np.bool_]:
        """Capacitors that were never read, shape (n_channels, n_pixels, n_cells)."""
        return np.asarray(self.n == 0)


class BaselineAccumulator:
    """Counts, sums and sums of squares of every capacitor: whole numbers, so any division gives equal bytes.

    Parameters
    ----------
    chip : Chip
        How the camera reads.
    n_channels, n_pixels : int
        Size of the camera.

    Attributes
    ----------
    state : ndarray of int64, shape (3, n_channels, n_pixels, n_cells)
        Counts, sums (ADC counts) and sums of squares; all there is to keep, add and go on from.
    """

    def __init__(self, chip: Chip, n_channels: int, n_pixels: int) -> None:
        self.chip = chip
        self.state: I8 = np.zeros((3, n_channels, n_pixels, chip.n_cells), np.int64)
        self.n_events = 0

    def update(
        self,
        adc: npt.NDArray[np.integer],
        first_cell: npt.NDArray[np.integer],
        usable: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Add events without light.

        Parameters
        ----------
        adc : ndarray of int, shape (n_events, n_channels, n_pixels, n_samples)
            In ADC counts.
        first_cell : ndarray of int, shape (n_events, n_channels, n_pixels)
            Capacitor of the first sample; no unit.
        usable : ndarray of bool, same shape as ``adc``, optional
            False for samples to leave out, as those in spikes.

        Raises
        ------
        CorruptedInput
            Unknown capacitors (``first-cell``), or another camera (``mixed-events``).
        """
        if adc.shape[1:3] != self.state.shape[1:3] or first_cell.shape != adc.shape[:3]:
            raise CorruptedInput(
                "The events are not those of this camera.",
                expected=f"channels and pixels {self.state.shape[1:3]}, a first capacitor for each",
                got=f"samples {adc.shape}, first capacitors {first_cell.shape}",
                mend="give events of one camera",
                code="mixed-events",
            )
        self.chip.check(first_cell)
        keep = np.ones((1, 1, 1, 1), np.bool_) if usable is None else usable
        last = adc.shape[3] - self.chip.skip_last
        _add(self.state, adc.astype(np.int64), first_cell.astype(np.int64), keep, self.chip.skip_first, last)
        self.n_events += len(adc)

    def merge(self, other: "BaselineAccumulator") -> None:
        """Add what another accumulator of the same camera has seen."""
        self.state += other.state
        self.n_events += other.n_events

    def finish(self, minimum: int = 100) -> CellBaseline:
        """Return the offsets.

        Raises
        ------
        MissingInput, InsufficientStatistics
            No events, or fewer than the minimum (``no-events``, ``too-few-events``).
        """
        require(self.n_events, minimum, "dark")
        n, total, squares = self.state
        seen = np.maximum(n, 1)
        mean = total / seen
        variance = np.maximum(0.0, squares - total * mean) / np.maximum(n - 1, 1)
        whole = total.sum(axis=2, keepdims=True) / np.maximum(n.sum(axis=2, keepdims=True), 1)
        std = np.sqrt(variance)
        error = np.where(n > 1, std / np.sqrt(seen), np.inf)
        return CellBaseline(np.where(n > 0, mean, whole), error, std, n.copy())


def subtract_baseline(
    adc: npt.NDArray[np.integer],
    first_cell: npt.NDArray[np.integer],
    mean: npt.NDArray[np.floating],
    chip: Chip,
) -> npt.NDArray[np.float32]:
    """Take every capacitor's offset off.

    Parameters
    ----------
    adc : ndarray of int, shape (n_events, n_channels, n_pixels, n_samples)
        In ADC counts.
    first_cell : ndarray of int, shape (n_events, n_channels, n_pixels)
        Capacitor of the first sample; no unit.
    mean : ndarray of float, shape (n_channels, n_pixels, n_cells)
        Offsets, in ADC counts.
    chip : Chip
        How the camera reads.

    Returns
    -------
    ndarray of float32, shape of ``adc``
        In ADC counts.

    Raises
    ------
    CorruptedInput
        Unknown capacitors (``first-cell``).
    """
    chip.check(first_cell)
    out = np.empty(adc.shape, np.float32)
    _subtract(adc.astype(np.int64), first_cell.astype(np.int64), np.asarray(mean, np.float64), out)
    return out


@kernel
def _add(state: I8, adc: I8, first_cell: I8, usable: npt.NDArray[np.bool_], first: int, last: int) -> None:
    n_events, n_channels, n_pixels, _ = adc.shape
    n_cells = state.shape[3]
    masked = usable.size > 1
    for e in range(n_events):
        for g in range(n_channels):
            for p in range(n_pixels):
                for s in range(first, last):
                    if masked and not usable[e, g, p, s]:
                        continue
                    cell = (first_cell[e, g, p] + s) % n_cells
                    value = adc[e, g, p, s]
                    state[0, g, p, cell] += 1
                    state[1, g, p, cell] += value
                    state[2, g, p, cell] += value * value


@kernel
def _subtract(adc: I8, first_cell: I8, mean: F8, out: npt.NDArray[np.float32]) -> None:
    n_events, n_channels, n_pixels, n_samples = adc.shape
    n_cells = mean.shape[2]
    for e in range(n_events):
        for g in range(n_channels):
            for p in range(n_pixels):
                for s in range(n_samples):
                    cell = (first_cell[e, g, p] + s) % n_cells
                    out[e, g, p, s] = np.float32(adc[e, g, p, s] - mean[g, p, cell])
