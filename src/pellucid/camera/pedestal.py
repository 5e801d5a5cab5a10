# SPDX-License-Identifier: BSD-3-Clause
"""Pedestals: baseline and noise of each pixel from events without light."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.charge import searched_charge, window_charge
from pellucid.camera.clipping import sigma_clipped
from pellucid.camera.estimate import Estimate, check_events, require
from pellucid.camera.moments import MomentStream
from pellucid.jit import kernel

__all__ = ["Pedestal", "PedestalAccumulator"]

type F8 = npt.NDArray[np.float64]


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
    searched : Estimate
        Mean charge above the baseline that an extractor which looks for the peak finds in pure noise,
        in ADC counts times samples: for thresholds of the cleaning, never for gains.
    searched_spread : Estimate
        Its standard deviation, in ADC counts times samples.
    width, searched_width : int
        Samples of the window, and of the window that is looked for.
    """

    baseline: Estimate
    noise: Estimate
    charge_variance: Estimate
    baseline_covariance: npt.NDArray[np.float64]
    searched: Estimate
    searched_spread: Estimate
    width: int
    searched_width: int


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
    searched_width : int
        Samples of the window that shower images are made with.
    clip : float
        Above 0, baselines and variances of charges are those of samples within so many standard
        deviations (`sigma_clipped`): showers among the pedestals then do no harm. The charges of all
        events are kept for that.
    """

    def __init__(
        self, n_channels: int, n_pixels: int, width: int, searched_width: int = 7, clip: float = 0.0
    ) -> None:
        shape = (n_channels, n_pixels)
        self.width, self.searched_width, self.clip = width, searched_width, clip
        self._kept: list[npt.NDArray[np.float32]] = []
        self._mean, self._spread, self._charge, self._searched = (MomentStream(shape) for _ in range(4))
        # the variance of a sum of two channels holds their covariance
        self._both = MomentStream((n_pixels,))
        self._n_samples = 1

    def update(self, adc: npt.NDArray[np.uint16]) -> None:
        """Add events of shape (n, n_channels, n_pixels, n_samples), in ADC counts.

        Raises
        ------
        CorruptedInput
            They have other channels or pixels than the camera (``mixed-events``).
        """
        check_events(adc.shape[1:3], self._mean.shape)
        self._n_samples = adc.shape[3]
        mean, spread = _mean_and_spread(adc)
        self._mean.update(mean)
        self._both.update(mean[:, :2].sum(axis=1))
        self._spread.update(spread)
        charge = window_charge(adc, 0, self.width)
        self._charge.update(charge)
        if self.clip > 0.0:
            self._kept.append(np.stack([mean, charge], axis=1).astype(np.float32))
        self._searched.update(searched_charge(adc, self.searched_width))

    def merge(self, other: "PedestalAccumulator") -> None:
        """Add the events of another accumulator."""
        for name in ("_mean", "_both", "_spread", "_charge", "_searched"):
            getattr(self, name).merge(getattr(other, name))
        self._n_samples = max(other._n_samples, self._n_samples)
        self._kept += other._kept

    def finish(self, min_events: int = 50) -> Pedestal:
        """Return the pedestals.

        baseline b = <mean over the window>, error s/sqrt(n); noise^2 = <variance within an event> +
        variance of the event means (1 - 1/n_eff is thus not lost); error of the charge's variance from
        its kurtosis, V sqrt(2 / (n - 1) + (kurtosis - 3) / n).

        Raises
        ------
        InsufficientStatistics
            Fewer than ``min_events`` events.
        """
        n = self._mean.n
        require(n, min_events, "pedestal")
        mean, spread, charge = self._mean.moments(), self._spread.moments(), self._charge.moments()
        searched = self._searched.moments()
        variance = spread.mean + mean.variance - spread.mean / self._n_samples
        noise = np.sqrt(np.maximum(variance, spread.mean))
        two = mean.variance[:2]
        both = self._both.moments().variance
        covariance = 0.5 * (both - two.sum(axis=0)) / n if len(two) == 2 else np.zeros(two.shape[1])
        width = np.sqrt(searched.variance)
        baseline = Estimate.good(mean.mean, mean.error, n)
        relative = np.maximum(2.0 / (n - 1.0) + charge.typical_excess / n, 1.0 / n)
        dark = Estimate.good(charge.variance, charge.variance * np.sqrt(relative), n)
        if self.clip > 0.0:
            kept = sigma_clipped(np.concatenate(self._kept), self.clip)
            baseline = Estimate.good(kept.mean[0], kept.mean_error[0], n)
            dark = Estimate.good(kept.variance[1], kept.variance_error[1], n)
        return Pedestal(
            baseline=baseline,
            noise=Estimate.good(noise, _half(spread.error, noise), n),
            charge_variance=dark,
            baseline_covariance=covariance,
            searched=Estimate.good(searched.mean - self.searched_width * baseline.value, searched.error, n),
            searched_spread=Estimate.good(width, _half(searched.variance_error, width), n),
            width=self.width,
            searched_width=self.searched_width,
        )


def _half(error: F8, root: F8) -> F8:
    """Error of a root from that of its square."""
    return error / (2.0 * np.where(root > 0.0, root, 1.0))


def _mean_and_spread(adc: npt.NDArray[np.uint16]) -> tuple[F8, F8]:
    """Mean and unbiased variance of the samples of each trace, shape (n, n_channels, n_pixels)."""
    mean, spread = np.empty(adc.shape[:3]), np.empty(adc.shape[:3])
    _traces(adc.reshape(-1, adc.shape[3]), mean.reshape(-1), spread.reshape(-1))
    return mean, spread


@kernel
def _traces(traces: npt.NDArray[np.uint16], mean: F8, spread: F8) -> None:
    n = traces.shape[1]
    for trace in range(traces.shape[0]):
        total, square = np.int64(0), np.int64(0)
        for sample in range(n):
            value = np.int64(traces[trace, sample])
            total += value
            square += value * value
        mean[trace] = total / n
        # whole numbers below 2^53, hence exact
        spread[trace] = (square - total * total / n) / (n - 1) if n > 1 else 0.0
