# SPDX-License-Identifier: BSD-3-Clause
"""Flat-field: charges of a uniform flash, their variance, and what the flashes' own brightness adds to it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status, require
from pellucid.camera.moments import Moments
from pellucid.camera.pedestal import Pedestal

__all__ = ["Flatfield", "FlatfieldAccumulator"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Flatfield:
    """Response of a camera to uniform flashes.

    Attributes
    ----------
    charge : Estimate
        Mean charge in the window above the baseline, in ADC counts times samples.
    variance : Estimate
        Variance of the charge, all causes together, in (ADC counts times samples)^2.
    flash_variance : ndarray of float64, shape (n_channels,)
        B^2: relative variance of the brightness from flash to flash.
    ratio : Estimate
        High-gain over low-gain charge, shape (1, n_pixels); no rows where there is one channel.
    """

    charge: Estimate
    variance: Estimate
    flash_variance: F8
    ratio: Estimate


class FlatfieldAccumulator:
    """Accumulates flashes; can be split and merged.

    Parameters
    ----------
    pedestal : Pedestal
        Baselines; its window has the width for the flashes too.
    start : int
        First sample of the window; it must hold the pulses of all pixels.
    """

    def __init__(self, pedestal: Pedestal, start: int) -> None:
        self._pedestal, self.start, self.width = pedestal, start, pedestal.width
        baseline = pedestal.baseline.value
        n_channels = len(baseline)
        self._charge = Moments.empty(baseline.shape)
        self._camera = Moments.empty((n_channels,))
        # the variance of a sum of two channels holds their covariance
        self._both = Moments.empty(baseline.shape[1:])

    def charges(self, adc: npt.NDArray[np.uint16]) -> F8:
        """Charges above the baseline, shape (n, n_channels, n_pixels), of events with n_samples more."""
        window = adc[..., self.start : self.start + self.width]
        charge: F8 = window.sum(axis=3, dtype=np.float64) - self.width * self._pedestal.baseline.value
        return charge

    def update(self, adc: npt.NDArray[np.uint16]) -> None:
        """Add events of shape (n, n_channels, n_pixels, n_samples), in ADC counts."""
        charge = self.charges(adc)
        self._charge = self._charge.merge(Moments.of(charge))
        self._camera = self._camera.merge(Moments.of(charge.mean(axis=2)))
        if charge.shape[1] > 1:
            self._both = self._both.merge(Moments.of(charge[:, 0] + charge[:, 1]))

    def merge(self, other: "FlatfieldAccumulator") -> None:
        """Add the events of another accumulator."""
        self._charge = self._charge.merge(other._charge)
        self._camera = self._camera.merge(other._camera)
        self._both = self._both.merge(other._both)

    def finish(self, min_events: int = 100) -> Flatfield:
        """Return the flat-field.

        A pixel's charge is q = Q f + noise, f the brightness of the flash (mean 1, variance B^2), the
        noise independent between pixels. The camera mean m of N pixels then has
        var(m) = B^2 M^2 + (1/N^2) sum(var(q) - B^2 Q^2), solved for
        B^2 = (var(m) - sum var(q) / N^2) / (M^2 - sum Q^2 / N^2). Nothing is lost to the pixel's own
        share in the mean, as it is when charges are divided by it.

        The ratio of the channels is that of the sums over all events; its error comes from the
        variance of q_high - R q_low, in which the common light drops out, of flashes and of pedestals.

        Raises
        ------
        InsufficientStatistics
            Fewer than ``min_events`` flashes.
        """
        n, charge, variance = self._charge.n, self._charge.mean, self._charge.variance
        require(n, min_events, "flash")
        n_pixels = charge.shape[1]
        dark = self.width * self._pedestal.baseline.error
        own = variance.sum(axis=1) / n_pixels**2
        scale = charge.mean(axis=1) ** 2 - (charge**2).sum(axis=1) / n_pixels**2
        excess = self._camera.variance - own
        flash = np.divide(excess, scale, out=np.zeros_like(excess), where=scale > 0.0)
        return Flatfield(
            charge=Estimate.good(charge, np.hypot(self._charge.error, dark), n),
            variance=Estimate.good(variance, variance * np.sqrt(2.0 / (n - 1)), n),
            flash_variance=np.maximum(flash, 0.0),
            ratio=self._ratio(n, charge, variance),
        )

    def _ratio(self, n: int, charge: F8, variance: F8) -> Estimate:
        if len(charge) < 2:
            none = np.zeros((0, charge.shape[1]))
            return Estimate.good(none, none, n)
        high, low = charge[0], charge[1]
        seen = (low > 5.0 * np.sqrt(variance[1] / n)) & (high > 5.0 * np.sqrt(variance[0] / n))
        ratio = np.divide(high, low, out=np.full(high.shape, np.nan), where=seen)
        covariance = 0.5 * (self._both.variance - variance[0] - variance[1])
        light = variance[0] + ratio**2 * variance[1] - 2.0 * ratio * covariance
        base = self._pedestal.baseline.error**2
        dark = base[0] + ratio**2 * base[1] - 2.0 * ratio * self._pedestal.baseline_covariance
        rest = np.maximum(light / n + self.width**2 * dark, 0.0)
        error = np.divide(np.sqrt(rest), low, out=np.full(high.shape, np.nan), where=seen)
        status = np.where(seen, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
        return Estimate(ratio[None], error[None], n, status[None])
