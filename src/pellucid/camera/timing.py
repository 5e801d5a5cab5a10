# SPDX-License-Identifier: BSD-3-Clause
"""Time offsets of pixels against their camera, from flashes that reach all pixels at once."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status, require
from pellucid.camera.pedestal import Pedestal
from pellucid.jit import kernel

__all__ = ["TimeOffsetAccumulator", "centres_of_gravity", "from_camera"]

type F8 = npt.NDArray[np.float64]


class TimeOffsetAccumulator:
    """Accumulates the arrival times of flashes; can be split and merged.

    The mean over the flashes is used, not the median: on simulated cameras its errors are 20 % smaller,
    its pulls have width 1 (median: 1.25), and it needs no memory of the times. Outliers are cut before.

    Parameters
    ----------
    pedestal : Pedestal
        Baselines; its window has the width for the flashes too.
    start : int
        First sample of the window; it must hold the pulses of all pixels.
    sampling_rate : float
        In GHz.
    reach : float
        Times further from the camera's median are left out: another pulse was in the window. In ns.
    """

    def __init__(self, pedestal: Pedestal, start: int, sampling_rate: float, reach: float = 6.0) -> None:
        self.baseline, self.width = pedestal.baseline.value, pedestal.width
        self.start, self.rate, self.reach = start, sampling_rate, reach
        self._events = 0
        # number, sum and sum of squares of the times
        self._sums = np.zeros((3, *self.baseline.shape))

    def update(self, adc: npt.NDArray[np.uint16]) -> None:
        """Add events of shape (n, n_channels, n_pixels, n_samples), in ADC counts.

        The time is that of `centres_of_gravity`.
        """
        time = centres_of_gravity(adc, self.baseline, self.start, self.width, self.rate)
        time = from_camera(time)
        self._events += len(adc)
        _add_times(time, self.reach, self._sums)

    def merge(self, other: "TimeOffsetAccumulator") -> None:
        """Add the events of another accumulator."""
        self._events += other._events
        self._sums += other._sums

    def finish(self, min_events: int = 50) -> Estimate:
        """Return how much later than the camera's median each pixel is, in ns.

        This is what `Coefficients.time_shift` holds: it is SUBTRACTED from peak times. The value is the
        mean over the flashes of t_p - median over pixels of t, the error s / sqrt(n); a pixel that has
        no time in half of the flashes gets none.

        Raises
        ------
        InsufficientStatistics
            Fewer than ``min_events`` flashes.
        """
        require(self._events, min_events, "flash")
        number, total, square = self._sums
        seen = number > 0.5 * self._events
        n = np.where(seen, number, 2.0)
        mean = total / n
        variance = np.maximum(square - n * mean**2, 0.0) / (n - 1.0)
        status = np.where(seen, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
        return Estimate(
            np.where(seen, mean, np.nan), np.where(seen, np.sqrt(variance / n), np.nan), self._events, status
        )


def from_camera(times: F8) -> F8:
    """Return times from the median of the camera in each event and channel.

    Parameters
    ----------
    times : ndarray of float64, shape (n, n_channels, n_pixels)
        In ns; NaN is none. An event or channel without any has no median either.

    Returns
    -------
    ndarray of float64, same shape
        In ns.
    """
    some = np.isfinite(times).any(axis=2)
    middle = np.full((*some.shape, 1), np.nan)
    middle[some] = np.nanmedian(times[some], axis=1, keepdims=True)
    return np.asarray(times - middle)


def centres_of_gravity(
    samples: npt.NDArray[np.number], baseline: F8, start: int, width: int, rate: float
) -> F8:
    """Return when pulses come: the centre of gravity of all samples in a window.

    Samples below the baseline count too: to leave them out would draw all times to the middle of the
    window. A pixel without a clear signal has no time.

    Parameters
    ----------
    samples : ndarray, shape (n, n_channels, n_pixels, n_samples)
        In ADC counts.
    baseline : ndarray of float64, shape (n_channels, n_pixels)
        In ADC counts.
    start, width : int
        First sample and length of the window.
    rate : float
        In GHz.

    Returns
    -------
    ndarray of float64, shape (n, n_channels, n_pixels)
        In ns from the first sample; NaN where there is no time.
    """
    time = np.empty(samples.shape[:3])
    _centres(samples, baseline, start, width, rate, time)
    return time


@kernel
def _centres(
    adc: npt.NDArray[np.number], baseline: F8, start: int, width: int, rate: float, time: F8
) -> None:
    """Fill times, shape (n, n_channels, n_pixels), with the centres of gravity in the window; NaN if none."""
    for event in range(adc.shape[0]):
        for channel in range(adc.shape[1]):
            for pixel in range(adc.shape[2]):
                charge, size, weighted = 0.0, 0.0, 0.0
                for sample in range(start, start + width):
                    value = np.float64(adc[event, channel, pixel, sample]) - baseline[channel, pixel]
                    charge += value
                    size += abs(value)
                    weighted += value * sample
                lit = charge > 0.5 * size
                time[event, channel, pixel] = weighted / charge / rate if lit else np.nan


@kernel
def _add_times(time: F8, reach: float, sums: F8) -> None:
    """Add times within reach to sums of shape (3, n_channels, n_pixels), one event after the other."""
    for event in range(time.shape[0]):
        for channel in range(time.shape[1]):
            for pixel in range(time.shape[2]):
                late = time[event, channel, pixel]
                if abs(late) <= reach:
                    sums[0, channel, pixel] += 1.0
                    sums[1, channel, pixel] += late
                    sums[2, channel, pixel] += late * late
