# SPDX-License-Identifier: BSD-3-Clause
"""Times that depend on something else: late small pulses, slow photomultipliers at low voltage."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status, require
from pellucid.errors import CorruptedInput
from pellucid.jit import kernel

__all__ = ["TimeWalk", "TimeWalkAccumulator"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TimeWalk:
    """t(q) = t_0 + k / sqrt(q) of each pixel.

    With charges q it is the time walk of a trigger or a leading edge; with voltages q, the transit time of a
    photomultiplier, whose electrons fall through the voltage.

    Attributes
    ----------
    slope : Estimate
        k, in ns times the root of the unit of q.
    offset : Estimate
        t_0, in ns.
    covariance : ndarray of float64, shape (n_channels, n_pixels)
        Of both, in ns^2 times the root of the unit of q.
    """

    slope: Estimate
    offset: Estimate
    covariance: F8

    def shift(self, charge: F8, reference: float) -> tuple[F8, F8]:
        """Return how much later a pulse seems than one of a reference charge: SUBTRACT it from its time.

        Parameters
        ----------
        charge : ndarray of float64, shape (..., n_channels, n_pixels)
            Charges or voltages; NaN or not above 0 gives NaN, since there is no such pulse.
        reference : float
            In the same unit.

        Returns
        -------
        tuple of ndarray of float64, shape of ``charge``
            Shift and its standard error, in ns.
        """
        lever = np.where(charge > 0.0, charge, np.nan) ** -0.5 - reference**-0.5
        return self.slope.value * lever, self.slope.error * np.abs(lever)


class TimeWalkAccumulator:
    """Sums for a straight line against 1 / sqrt(q), pixel by pixel; can be split and merged.

    Attributes
    ----------
    sums : ndarray of float64, shape (6, n_channels, n_pixels)
        n, x, x^2, t, x t, t^2 with x = 1 / sqrt(q) and t in ns.
    """

    def __init__(self, n_channels: int, n_pixels: int) -> None:
        self.sums = np.zeros((6, n_channels, n_pixels))
        self.n_events = 0

    def update(self, time: F8, charge: F8) -> None:
        """Add flashes of several intensities, or taken at several voltages.

        Parameters
        ----------
        time : ndarray of float64, shape (n, n_channels, n_pixels)
            From the median of the camera, in ns; NaN is no pulse.
        charge : ndarray of float64, same shape
            Charge or voltage; pulses without one above 0 are left out.

        Raises
        ------
        CorruptedInput
            Shapes that do not fit (``mixed-events``).
        """
        if time.shape != charge.shape or time.shape[1:] != self.sums.shape[1:]:
            raise CorruptedInput(
                "Times and charges are not those of this camera.",
                expected=f"both of shape (n, {', '.join(map(str, self.sums.shape[1:]))})",
                got=f"{time.shape} and {charge.shape}",
                mend="give times and charges of the same events",
                code="mixed-events",
            )
        _add(time, charge, self.sums)
        self.n_events += len(time)

    def merge(self, other: "TimeWalkAccumulator") -> None:
        """Add the events of another accumulator."""
        self.sums += other.sums
        self.n_events += other.n_events

    def finish(self, min_events: int = 100) -> TimeWalk:
        """Fit the lines; a pixel whose pulses are all of one charge has none.

        Raises
        ------
        MissingInput, InsufficientStatistics
            No flashes, or fewer than the minimum (``no-events``, ``too-few-events``).
        """
        require(self.n_events, min_events, "flash")
        n, x, xx, t, xt, tt = self.sums
        some = np.maximum(n, 1.0)
        lever = xx - x**2 / some
        fitted = (n > 2) & (lever > 1e-9 * np.maximum(xx, 1e-300))
        width = np.where(fitted, lever, 1.0)
        slope = (xt - x * t / some) / width
        offset = (t - slope * x) / some
        residual = np.maximum(0.0, tt - t**2 / some - slope**2 * lever)
        variance = residual / np.maximum(n - 2.0, 1.0)
        status = np.where(fitted, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
        errors = [np.sqrt(variance / width), np.sqrt(variance * xx / (some * width))]
        good = [np.where(fitted, v, np.nan) for v in (slope, errors[0], offset, errors[1])]
        covariance = np.where(fitted, -variance * x / (some * width), np.nan)
        return TimeWalk(
            Estimate(good[0], good[1], self.n_events, status),
            Estimate(good[2], good[3], self.n_events, status.copy()),
            covariance,
        )


@kernel
def _add(time: F8, charge: F8, sums: F8) -> None:
    for event in range(time.shape[0]):
        for channel in range(time.shape[1]):
            for pixel in range(time.shape[2]):
                t, q = time[event, channel, pixel], charge[event, channel, pixel]
                if not (np.isfinite(t) and q > 0.0):
                    continue
                x = 1.0 / np.sqrt(q)
                sums[0, channel, pixel] += 1.0
                sums[1, channel, pixel] += x
                sums[2, channel, pixel] += x * x
                sums[3, channel, pixel] += t
                sums[4, channel, pixel] += x * t
                sums[5, channel, pixel] += t * t
