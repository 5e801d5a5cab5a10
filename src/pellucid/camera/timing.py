# SPDX-License-Identifier: BSD-3-Clause
"""Time offsets of pixels against their camera, from flashes that reach all pixels at once."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status, require
from pellucid.camera.pedestal import Pedestal

__all__ = ["TimeOffsetAccumulator"]


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
        self._n = np.zeros(self.baseline.shape, np.int64)
        self._sum, self._square = np.zeros(self.baseline.shape), np.zeros(self.baseline.shape)

    def update(self, adc: npt.NDArray[np.uint16]) -> None:
        """Add events of shape (n, n_channels, n_pixels, n_samples), in ADC counts.

        The time is the centre of gravity of all samples in the window. Samples below the baseline
        count too: to leave them out would draw all times to the middle of the window.
        """
        window = adc[..., self.start : self.start + self.width] - self.baseline[..., None].astype(np.float32)
        place = np.arange(self.start, self.start + self.width, dtype=np.float32) / np.float32(self.rate)
        charge, size = window.sum(axis=3), np.abs(window).sum(axis=3)
        # a pixel without a clear signal has no time
        lit = charge > 0.5 * size
        time = np.divide(window @ place, charge, out=np.full(charge.shape, np.nan, np.float32), where=lit)
        # an event or channel without any light has no reference either
        some = lit.any(axis=2)
        reference = np.full((*some.shape, 1), np.nan)
        reference[some] = np.nanmedian(time[some], axis=1, keepdims=True)
        late = time - reference
        late = np.where(np.abs(late) <= self.reach, late, np.nan)
        self._events += len(adc)
        self._n += np.isfinite(late).sum(axis=0)
        self._sum += np.nansum(late, axis=0)
        self._square += np.nansum(late**2, axis=0)

    def merge(self, other: "TimeOffsetAccumulator") -> None:
        """Add the events of another accumulator."""
        self._events += other._events
        self._n += other._n
        self._sum += other._sum
        self._square += other._square

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
        seen = self._n > 0.5 * self._events
        n = np.where(seen, self._n, 2)
        mean = self._sum / n
        variance = np.maximum(self._square - n * mean**2, 0.0) / (n - 1)
        status = np.where(seen, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
        return Estimate(
            np.where(seen, mean, np.nan), np.where(seen, np.sqrt(variance / n), np.nan), self._events, status
        )
