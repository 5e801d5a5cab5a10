# SPDX-License-Identifier: BSD-3-Clause
"""Epochs: spans without a break, cut where high voltage or temperature made a step."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.chunks import check_order

__all__ = ["epoch_of", "find_steps", "unstable_pixels"]

type F8 = npt.NDArray[np.float64]
type I8 = npt.NDArray[np.int64]


def find_steps(times: I8, values: F8, threshold: float, window: int = 5) -> I8:
    """Find when readings of slow control made a step.

    At each place the medians of the ``window`` readings before and after it are compared; a step is
    where they differ by more than the threshold, and most among the places nearby. Single wild readings
    do not move a median; a slow drift stays below the threshold.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
        Times of the readings, ascending, in ns TAI.
    values : ndarray of float64, shape (n,) or (n, m)
        Readings in one unit, e.g. V or deg C; a step in any of the m series counts. NaN is no reading.
    threshold : float
        Smallest step, in the unit of the readings.
    window : int
        Readings on either side.

    Returns
    -------
    ndarray of int64, shape (k,)
        Times half way between the last reading before and the first after each step, in ns TAI.

    Raises
    ------
    CorruptedInput
        Times go backwards (``time-backwards``).
    """
    check_order(times)
    series = values.reshape(len(times), -1).astype(np.float64)
    if len(series) < 2:
        return np.zeros(0, np.int64)
    edge = np.full((window, series.shape[1]), np.nan)
    padded = np.concatenate([edge, series, edge])
    windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)
    with np.errstate(invalid="ignore"):
        medians = _nanmedian(windows)
    # place i lies before reading i: its left window ends with reading i - 1
    places = np.arange(1, len(series))
    step = np.nan_to_num(np.abs(medians[places + window] - medians[places]).max(axis=1, initial=0.0))
    found: list[int] = []
    for k in np.argsort(-step, kind="stable"):
        if step[k] <= threshold:
            break
        if all(abs(int(k) - other) > window for other in found):
            found.append(_centre(step, int(k)))
    at = np.sort(np.array(found, np.int64))
    return times[at] + (times[at + 1] - times[at]) // 2


def _centre(step: F8, k: int) -> int:
    """Middle of the places around a step at which the medians differ as much: they do not move at once."""
    low = high = k
    while low > 0 and step[low - 1] > 0.7 * step[k]:
        low -= 1
    while high + 1 < step.size and step[high + 1] > 0.7 * step[k]:
        high += 1
    return (low + high) // 2


def _nanmedian(windows: F8) -> F8:
    """Median over the last axis, NaN where a window has no reading."""
    empty = np.isnan(windows).all(axis=-1)
    filled = np.where(empty[..., None], 0.0, windows)
    return np.where(empty, np.nan, np.nanmedian(filled, axis=-1))


def epoch_of(times: I8, breaks: I8) -> I8:
    """Number of the epoch of each time, shape (n,), both in ns TAI; a break belongs to what follows it."""
    return np.searchsorted(np.sort(breaks), times, side="right").astype(np.int64)


def unstable_pixels(value: F8, error: F8, cut: float = 5.0, tolerance: float = 0.02) -> npt.NDArray[np.bool_]:
    """Pixels that change from chunk to chunk more than the camera does: dying or drifting ones.

    What all pixels do together (temperature) is divided out by the median over pixels; a pixel is unstable
    where its largest deviation from its own median exceeds the cut in errors and the tolerance.

    Parameters
    ----------
    value, error : ndarray of float64, shape (n_chunks, n_channels, n_pixels)
        E.g. charges of flashes in ADC counts times samples, and their errors; NaN does not count.
    cut : float
        In standard errors.
    tolerance : float
        Relative.

    Returns
    -------
    ndarray of bool, shape (n_channels, n_pixels)
    """
    own = _nanmedian(np.moveaxis(value, 0, -1))
    relative = value / np.where(own != 0.0, own, np.nan)
    common = _nanmedian(relative)[..., None]
    away = np.abs(relative / common - 1.0)
    limit = np.maximum(cut * error / np.abs(np.where(own != 0.0, own, np.nan)), tolerance)
    found: npt.NDArray[np.bool_] = (away > limit).any(axis=0)
    return found
