# SPDX-License-Identifier: BSD-3-Clause
"""Capacitors sample at uneven times: how long each lasts, and what that does to charges."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import Chip
from pellucid.errors import CorruptedInput

__all__ = ["relative_intervals", "sample_times", "weigh_by_interval"]

type F8 = npt.NDArray[np.float64]


def relative_intervals(offsets: F8) -> F8:
    """Return how long each capacitor samples, in units of the mean.

    d(c) = 1 + o(c + 1) - o(c), where o is how much later than in even sampling a capacitor opens, then
    divided by its mean around the ring.

    Parameters
    ----------
    offsets : ndarray of float64, shape (..., n_cells)
        o, in mean intervals, as FACT's time tables hold them.

    Returns
    -------
    ndarray of float64, shape (..., n_cells)
        No unit; mean 1.

    Raises
    ------
    CorruptedInput
        An interval is not above 0 (``bad-intervals``).
    """
    intervals = 1.0 + np.roll(offsets, -1, axis=-1) - offsets
    intervals /= intervals.mean(axis=-1, keepdims=True)
    bad = np.argwhere(~(intervals > 0.0))
    if bad.size:
        place = tuple(int(i) for i in bad[0])
        raise CorruptedInput(
            "Capacitors cannot sample for no time or less.",
            where=f"capacitor {place}",
            expected="offsets in units of the mean interval that never fall by a whole one",
            got=f"{intervals[place]:.3g} of the mean interval",
            mend="check the unit and the order of the time table",
            code="bad-intervals",
        )
    return intervals


def weigh_by_interval(
    waveforms: npt.NDArray[np.float32], first_cell: npt.NDArray[np.integer], intervals: F8, chip: Chip
) -> npt.NDArray[np.float32]:
    """Weigh every sample by the time it stands for, so that sums are integrals.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (n_events, n_channels, n_pixels, n_samples)
        Baselines taken off, in ADC counts.
    first_cell : ndarray of int, shape (n_events, n_channels, n_pixels)
        Capacitor of the first sample; no unit.
    intervals : ndarray of float64, shape (n_channels, n_pixels, n_cells)
        From `relative_intervals`; no unit.
    chip : Chip
        How the camera reads.

    Returns
    -------
    ndarray of float32, shape of ``waveforms``
        In ADC counts.

    Raises
    ------
    CorruptedInput
        Unknown capacitors (``first-cell``).
    """
    chip.check(first_cell)
    return waveforms * _at(first_cell, intervals, waveforms.shape[3]).astype(np.float32)


def sample_times(first_cell: npt.NDArray[np.integer], intervals: F8, n_samples: int) -> F8:
    """Return when each sample was taken: the sum of the intervals before it.

    Parameters
    ----------
    first_cell : ndarray of int, shape (n_events, n_channels, n_pixels)
        Capacitor of the first sample; no unit.
    intervals : ndarray of float64, shape (n_channels, n_pixels, n_cells)
        From `relative_intervals`; no unit.
    n_samples : int
        Samples of each event.

    Returns
    -------
    ndarray of float64, shape (n_events, n_channels, n_pixels, n_samples)
        Since the first sample, in mean intervals.
    """
    lasting = _at(first_cell, intervals, n_samples)
    return np.asarray(np.cumsum(lasting, axis=3) - lasting)


def _at(first_cell: npt.NDArray[np.integer], intervals: F8, n_samples: int) -> F8:
    cells = (first_cell[..., None].astype(np.int64) + np.arange(n_samples)) % intervals.shape[2]
    channels, pixels = np.ogrid[: intervals.shape[0], : intervals.shape[1]]
    return np.asarray(intervals[channels[..., None], pixels[..., None], cells])
