# SPDX-License-Identifier: BSD-3-Clause
"""Times that depend on something else: late small pulses, slow photomultipliers at low voltage."""

from dataclasses import dataclass
from math import comb

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
    sums : ndarray of float64, shape (3, 5, n_channels, n_pixels)
        Of t^i x^j with x = 1 / sqrt(q) and t in ns.
    """

    def __init__(self, n_channels: int, n_pixels: int) -> None:
        self.sums = np.zeros((3, 5, n_channels, n_pixels))
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
        if time.shape != charge.shape or time.shape[1:] != self.sums.shape[2:]:
            raise CorruptedInput(
                "Times and charges are not those of this camera.",
                expected=f"both of shape (n, {', '.join(map(str, self.sums.shape[2:]))})",
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
        """Fit the lines by least squares; a pixel whose pulses are all of one charge has none.

        Times of small pulses scatter more. With the residuals r and u = x - <x>, var(k) is that of the
        scatter where it lies, sum(r^2 u^2) / (sum u^2)^2 (White 1980, Econometrica 48, 817), and at least
        that of even scatter, <r^2> / sum u^2, since few pulses hide the former.

        Raises
        ------
        MissingInput, InsufficientStatistics
            No flashes, or fewer than the minimum (``no-events``, ``too-few-events``).
        """
        require(self.n_events, min_events, "flash")
        n, t, x = self.sums[0, 0], self.sums[1, 0], self.sums[0, 1]
        some = np.maximum(n, 1.0)
        m = _about(self.sums, t / some, x / some)
        fitted = (n > 2) & (m[0, 2] > 1e-9 * np.maximum(self.sums[0, 2], 1e-300))
        width = np.where(fitted, m[0, 2], 1.0)
        slope = m[1, 1] / width
        offset = (t - slope * x) / some
        free = some / np.maximum(n - 2.0, 1.0)
        # sums of r^2, r^2 u and r^2 u^2
        rest = [free * (m[2, k] - 2.0 * slope * m[1, k + 1] + slope**2 * m[0, k + 2]) for k in range(3)]
        of_slope = np.maximum(rest[2] / width, rest[0] / some) / width
        both, of_mean = rest[1] / width / some, rest[0] / some**2
        mean = x / some
        of_offset = of_mean - 2.0 * mean * both + mean**2 * of_slope
        status = np.where(fitted, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
        errors = [np.sqrt(np.maximum(v, 0.0)) for v in (of_slope, of_offset)]
        good = [np.where(fitted, v, np.nan) for v in (slope, errors[0], offset, errors[1])]
        return TimeWalk(
            Estimate(good[0], good[1], self.n_events, status),
            Estimate(good[2], good[3], self.n_events, status.copy()),
            np.where(fitted, both - mean * of_slope, np.nan),
        )


def _about(sums: F8, t: F8, x: F8) -> F8:
    """Sums of (T - t)^i (X - x)^j from sums of T^i X^j, shape (3, 5, n_channels, n_pixels)."""
    moved = np.zeros_like(sums)
    for i, j in np.ndindex(3, 5):
        for a, b in np.ndindex(i + 1, j + 1):
            moved[i, j] += comb(i, a) * comb(j, b) * (-t) ** (i - a) * (-x) ** (j - b) * sums[a, b]
    return moved


@kernel
def _add(time: F8, charge: F8, sums: F8) -> None:
    for event in range(time.shape[0]):
        for channel in range(time.shape[1]):
            for pixel in range(time.shape[2]):
                t, q = time[event, channel, pixel], charge[event, channel, pixel]
                if not (np.isfinite(t) and q > 0.0):
                    continue
                x = 1.0 / np.sqrt(q)
                for i in range(3):
                    term = t**i
                    for j in range(5):
                        sums[i, j, channel, pixel] += term
                        term *= x
