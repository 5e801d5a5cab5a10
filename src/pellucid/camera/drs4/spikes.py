# SPDX-License-Identifier: BSD-3-Clause
"""Spikes of type A: the end of the last reading shows as three high samples in the next."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import Chip
from pellucid.errors import InsufficientStatistics
from pellucid.jit import kernel

__all__ = ["SPIKE_SAMPLES", "SpikeAccumulator", "SpikeFinder", "SpikeHeights", "subtract_spikes"]

type I8 = npt.NDArray[np.int64]

SPIKE_SAMPLES = 3
"""Samples of one spike."""


class SpikeFinder:
    """Tells where spikes are, event by event; its state is an array, so a stream may be cut anywhere.

    With fc' the first capacitor of the event before and N its samples, L = (fc' + N - 1) mod ring. If L is
    even and in the first half of the ring, spikes begin at the capacitors L and n_cells - L - 2, and at
    those a whole number of rings on.

    Parameters
    ----------
    chip : Chip
        How the camera reads.
    n_channels, n_pixels : int
        Size of the camera.

    Attributes
    ----------
    before : ndarray of int64, shape (n_channels, n_pixels)
        First capacitor of the last event, -1 where there was none; no unit.
    """

    def __init__(self, chip: Chip, n_channels: int, n_pixels: int) -> None:
        self.chip = chip
        self.before: I8 = np.full((n_channels, n_pixels), -1, np.int64)

    def find(self, first_cell: npt.NDArray[np.integer], n_samples: int) -> npt.NDArray[np.int8]:
        """Return which sample of a spike each sample is.

        Parameters
        ----------
        first_cell : ndarray of int, shape (n_events, n_channels, n_pixels)
            Capacitor of the first sample; no unit.
        n_samples : int
            Samples of each event.

        Returns
        -------
        ndarray of int8, shape (n_events, n_channels, n_pixels, n_samples)
            0, 1 or 2 within a spike, -1 outside; no unit.

        Raises
        ------
        CorruptedInput
            Unknown capacitors (``first-cell``).
        """
        self.chip.check(first_cell)
        found = np.full((*first_cell.shape, n_samples), -1, np.int8)
        if self.chip.has_spikes:
            _find(first_cell.astype(np.int64), self.before, self.chip.ring, self.chip.n_cells, found)
        return found


@dataclass(frozen=True, eq=False)
class SpikeHeights:
    """Mean heights.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_channels, n_pixels, 3)
        Mean and standard error, in ADC counts; pixels without spikes have those of the camera.
    n : ndarray of int64, shape (n_channels, n_pixels, 3)
        Samples behind each; no unit.
    """

    value: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    n: I8


class SpikeAccumulator:
    """Gathers heights of spikes above the baselines.

    Attributes
    ----------
    state : ndarray of float64, shape (3, n_channels, n_pixels, 3)
        Counts, sums (ADC counts) and sums of squares.
    """

    def __init__(self, n_channels: int, n_pixels: int) -> None:
        self.state = np.zeros((3, n_channels, n_pixels, SPIKE_SAMPLES))

    def update(self, waveforms: npt.NDArray[np.float32], found: npt.NDArray[np.int8]) -> None:
        """Add events without light.

        Parameters
        ----------
        waveforms : ndarray of float32, shape (n_events, n_channels, n_pixels, n_samples)
            Baselines and lapse taken off, in ADC counts.
        found : ndarray of int8, same shape
            From `SpikeFinder.find`; no unit.
        """
        _gather(waveforms, found, self.state)

    def finish(self) -> SpikeHeights:
        """Return the heights.

        Raises
        ------
        InsufficientStatistics
            No spike was seen in the whole camera (``no-spikes``).
        """
        n, total, squares = self.state
        if not n.any():
            raise InsufficientStatistics(
                "No spike was seen.",
                expected="events without light, in the order of their time",
                mend="take a longer run, or use the heights of another one",
                code="no-spikes",
            )
        together = total.sum(axis=(0, 1)) / np.maximum(n.sum(axis=(0, 1)), 1)
        value = np.where(n > 0, total / np.maximum(n, 1), together)
        variance = np.maximum(0.0, squares - n * value**2) / np.maximum(n - 1, 1)
        scatter = np.sqrt(variance.sum(axis=(0, 1)) / np.maximum((n > 1).sum(axis=(0, 1)), 1))
        error = np.where(n > 1, np.sqrt(variance / np.maximum(n, 1)), scatter)
        return SpikeHeights(value, error, n.astype(np.int64))


def subtract_spikes(
    waveforms: npt.NDArray[np.float32], found: npt.NDArray[np.int8], heights: SpikeHeights
) -> None:
    """Take mean heights off the samples in spikes, in place.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (n_events, n_channels, n_pixels, n_samples)
        Baselines taken off, in ADC counts.
    found : ndarray of int8, same shape
        From `SpikeFinder.find`; no unit.
    heights : SpikeHeights
        From `SpikeAccumulator.finish`.
    """
    e, g, p, s = np.nonzero(found >= 0)
    waveforms[e, g, p, s] -= heights.value[g, p, found[e, g, p, s]].astype(np.float32)


@kernel
def _find(first_cell: I8, before: I8, ring: int, n_cells: int, found: npt.NDArray[np.int8]) -> None:
    n_events, n_channels, n_pixels, n_samples = found.shape
    for e in range(n_events):
        for g in range(n_channels):
            for p in range(n_pixels):
                first = first_cell[e, g, p]
                previous = before[g, p]
                before[g, p] = first
                if previous < 0:
                    continue
                end = (previous + n_samples - 1) % ring
                if end % 2 == 1 or end >= ring // 2:
                    continue
                for k in range(n_cells // ring):
                    for side in range(2):
                        start = end if side == 0 else n_cells - end - 2
                        sample = (start + k * ring - first) % n_cells
                        if sample > n_cells - SPIKE_SAMPLES:
                            sample -= n_cells  # it began before the first sample
                        for j in range(SPIKE_SAMPLES):
                            if 0 <= sample + j < n_samples:
                                found[e, g, p, sample + j] = j


@kernel
def _gather(
    waveforms: npt.NDArray[np.float32], found: npt.NDArray[np.int8], state: npt.NDArray[np.float64]
) -> None:
    n_events, n_channels, n_pixels, n_samples = waveforms.shape
    for e in range(n_events):
        for g in range(n_channels):
            for p in range(n_pixels):
                for s in range(n_samples):
                    j = found[e, g, p, s]
                    if j >= 0:
                        value = np.float64(waveforms[e, g, p, s])
                        state[0, g, p, j] += 1.0
                        state[1, g, p, j] += value
                        state[2, g, p, j] += value * value
