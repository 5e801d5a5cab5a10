# SPDX-License-Identifier: BSD-3-Clause
"""Pedestals: baseline and noise of each pixel from events without light."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, require
from pellucid.camera.moments import Moments

__all__ = ["Pedestal", "PedestalAccumulator"]


@dataclass(frozen=True, eq=False)
class Pedestal:
    """Pedestals of a camera.

    Attributes
    ----------
    baseline : Estimate
        Mean of a sample, in ADC counts.
    noise : Estimate
        Standard deviation of a sample, in ADC counts.
    charge_variance : Estimate
        Variance of the sum over a window of ``width`` samples, in ADC counts squared.
    baseline_covariance : ndarray of float64, shape (n_pixels,)
        Covariance of the errors of the first two channels' baselines, which see the same night sky, in
        ADC counts squared; 0 where there is one channel.
    width : int
        Samples of the window.
    """

    baseline: Estimate
    noise: Estimate
    charge_variance: Estimate
    baseline_covariance: npt.NDArray[np.float64]
    width: int


class PedestalAccumulator:
    """Accumulates pedestal events; can be split and merged.

    Samples of one event are correlated (pulses of the night sky are longer than a sample), so errors
    come from the spread between events, never from the number of samples.

    Parameters
    ----------
    n_channels, n_pixels : int
        Shape of the camera.
    width : int
        Samples of the charge window: the same as for the flashes.
    """

    def __init__(self, n_channels: int, n_pixels: int, width: int) -> None:
        shape = (n_channels, n_pixels)
        self.width = width
        self._mean, self._spread, self._charge = (Moments.empty(shape) for _ in range(3))
        # the variance of a sum of two channels holds their covariance
        self._both = Moments.empty((n_pixels,))
        self._n_samples = 1

    def update(self, adc: npt.NDArray[np.uint16]) -> None:
        """Add events of shape (n, n_channels, n_pixels, n_samples), in ADC counts."""
        samples = adc.astype(np.float32)
        mean = samples.mean(axis=3, dtype=np.float64)
        self._mean = self._mean.merge(Moments.of(mean))
        self._both = self._both.merge(Moments.of(mean[:, :2].sum(axis=1)))
        self._spread = self._spread.merge(Moments.of(samples.var(axis=3, ddof=1, dtype=np.float64)))
        charge = samples[..., : self.width].sum(axis=3, dtype=np.float64)
        self._charge = self._charge.merge(Moments.of(charge))
        self._n_samples = adc.shape[3]

    def merge(self, other: "PedestalAccumulator") -> None:
        """Add the events of another accumulator."""
        self._mean = self._mean.merge(other._mean)
        self._both = self._both.merge(other._both)
        self._spread = self._spread.merge(other._spread)
        self._charge = self._charge.merge(other._charge)
        self._n_samples = other._n_samples if other._mean.n else self._n_samples

    def finish(self, min_events: int = 50) -> Pedestal:
        """Return the pedestals.

        baseline b = <mean over the window>, error s/sqrt(n); noise^2 = <variance within an event> +
        variance of the event means (1 - 1/n_eff is thus not lost); error of a variance V from n events
        V sqrt(2/(n - 1)), as for Gaussian charges.

        Raises
        ------
        InsufficientStatistics
            Fewer than ``min_events`` events.
        """
        n = self._mean.n
        require(n, min_events, "pedestal")
        variance = self._spread.mean + self._mean.variance - self._spread.mean / self._n_samples
        variance = np.maximum(variance, self._spread.mean)
        noise = np.sqrt(variance)
        safe = np.where(noise > 0.0, noise, 1.0)
        charge = self._charge.variance
        two = self._mean.variance[:2]
        covariance = (
            0.5 * (self._both.variance - two.sum(axis=0)) / n if len(two) == 2 else np.zeros(two.shape[1])
        )
        return Pedestal(
            baseline=Estimate.good(self._mean.mean, self._mean.error, n),
            noise=Estimate.good(noise, self._spread.error / (2.0 * safe), n),
            charge_variance=Estimate.good(charge, charge * np.sqrt(2.0 / (n - 1)), n),
            baseline_covariance=covariance,
            width=self.width,
        )
