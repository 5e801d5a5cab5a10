# SPDX-License-Identifier: BSD-3-Clause
"""Flat-field: charges of a uniform flash, their variance, and what the flashes' own brightness adds to it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.charge import window_charge
from pellucid.camera.clipping import sigma_clipped
from pellucid.camera.estimate import Estimate, Status, check_events, require
from pellucid.camera.moments import Moments, MomentStream
from pellucid.camera.pedestal import Pedestal
from pellucid.jit import kernel

__all__ = ["Flatfield", "FlatfieldAccumulator"]

type F8 = npt.NDArray[np.float64]

NEVER = 65536
"""A count that no sample reaches."""


@dataclass(frozen=True, eq=False)
class Flatfield:
    """Response of a camera to uniform flashes.

    Attributes
    ----------
    charge : Estimate
        Mean charge in the window above the baseline, in ADC counts times samples; pixels whose samples
        reach the end of the range have `Status.SATURATED`.
    variance : Estimate
        Variance of the charge, all causes together, in (ADC counts times samples)^2.
    covariance : ndarray of float64, shape (n_channels, n_pixels)
        Of the errors of charge and variance, third central moment / n, in (ADC counts times samples)^3.
    flash_variance : ndarray of float64, shape (n_channels,)
        B^2: relative variance of the brightness from flash to flash, from the camera's mean.
    steadied : Estimate
        Variance of the charge over the brightness of its flash, the other pixels' sum, in
        (ADC counts times samples)^2.
    ratio : Estimate
        High-gain over low-gain charge, shape (1, n_pixels); no rows where there is one channel.
    """

    charge: Estimate
    variance: Estimate
    covariance: F8
    flash_variance: F8
    steadied: Estimate
    ratio: Estimate


class FlatfieldAccumulator:
    """Accumulates flashes; can be split and merged.

    Parameters
    ----------
    pedestal : Pedestal
        Baselines; its window has the width for the flashes too.
    start : int
        First sample of the window; it must hold the pulses of all pixels.
    full_scale : int
        Highest count of the converter.
    clip : float
        Above 0, charges and variances are those of flashes within so many standard deviations
        (`sigma_clipped`). The charges of all flashes are kept for that.
    """

    def __init__(self, pedestal: Pedestal, start: int, full_scale: int = NEVER, clip: float = 0.0) -> None:
        self._pedestal, self.start, self.width = pedestal, start, pedestal.width
        self._full_scale, self._clip = full_scale, clip
        self._kept: list[npt.NDArray[np.float32]] = []
        shape = pedestal.baseline.value.shape
        self._charge, self._steady = MomentStream(shape), MomentStream(shape)
        self._camera = MomentStream(shape[:1])
        # the variance of a sum of two channels holds their covariance
        self._both = MomentStream(shape[1:])
        self._saturated = np.zeros(shape, np.int64)

    def charges(self, adc: npt.NDArray[np.uint16]) -> F8:
        """Charges above the baseline, shape (n, n_channels, n_pixels), of events with n_samples more."""
        charge = window_charge(adc, self.start, self.width)
        charge -= self.width * self._pedestal.baseline.value
        return charge

    def update(self, adc: npt.NDArray[np.uint16]) -> None:
        """Add events of shape (n, n_channels, n_pixels, n_samples), in ADC counts.

        Raises
        ------
        CorruptedInput
            They have other channels or pixels than the camera (``mixed-events``).
        """
        check_events(adc.shape[1:3], self._charge.shape)
        charge = self.charges(adc)
        _count_saturated(adc, self._full_scale, self._saturated)
        self._charge.update(charge)
        if self._clip > 0.0:
            self._kept.append(charge.astype(np.float32))
        self._camera.update(charge.mean(axis=2))
        if charge.shape[2] > 1:
            others = charge.sum(axis=2, keepdims=True) - charge
            self._steady.update(charge / np.where(others != 0.0, others, np.inf))
        if charge.shape[1] > 1:
            self._both.update(charge[:, 0] + charge[:, 1])

    def merge(self, other: "FlatfieldAccumulator") -> None:
        """Add the events of another accumulator."""
        for name in ("_charge", "_steady", "_camera", "_both"):
            getattr(self, name).merge(getattr(other, name))
        self._saturated += other._saturated
        self._kept += other._kept

    def finish(self, min_events: int = 100) -> Flatfield:
        """Return the flat-field.

        A pixel's charge is q = Q f + noise, f the brightness of the flash (mean 1, variance B^2), the
        noise independent between pixels. The camera mean m of N pixels then has
        var(m) = B^2 M^2 + (1/N^2) sum(var(q) - B^2 Q^2), solved for
        B^2 = (var(m) - sum var(q) / N^2) / (M^2 - sum Q^2 / N^2). Nothing is lost to the pixel's own
        share in the mean.

        The ratio of the channels is that of the sums over all events; its error comes from the
        variance of q_high - R q_low, in which the common light drops out, of flashes and of pedestals.

        Raises
        ------
        MissingInput
            There is no flash.
        InsufficientStatistics
            Fewer than ``min_events`` flashes.
        """
        require(self._charge.n, min_events, "flash")
        moments, camera = self._moments(), self._camera.moments()
        n, charge, variance = moments.n, moments.mean, moments.variance
        n_pixels = charge.shape[1]
        dark = self.width * self._pedestal.baseline.error
        own = variance.sum(axis=1) / n_pixels**2
        scale = charge.mean(axis=1) ** 2 - (charge**2).sum(axis=1) / n_pixels**2
        excess = camera.variance - own
        flash = np.divide(excess, scale, out=np.zeros_like(excess), where=scale > 0.0)
        flash = np.maximum(flash, 0.0)
        status = np.where(self._saturated > 0, Status.SATURATED, Status.GOOD).astype(np.uint8)
        # the brightness is what it was: what it adds to the variance adds nothing to its error
        noise = variance**2 - (flash[:, None] * charge**2) ** 2
        share = np.divide(noise, variance**2, out=np.ones_like(noise), where=variance > 0.0)
        tails = moments.typical_excess / n
        relative = np.clip(share, 0.0, 1.0) * 2.0 / (n - 1.0) + tails
        error = variance * np.sqrt(np.maximum(relative, 0.1 / n))
        return Flatfield(
            charge=Estimate(charge, np.hypot(moments.error, dark), n, status),
            variance=Estimate(variance, error, n, status.copy()),
            covariance=moments.cube / n**2,
            flash_variance=flash,
            steadied=self._steadied(charge, status),
            ratio=self._ratio(moments),
        )

    def _moments(self) -> Moments:
        """Moments of the charges, without outliers where that is wanted."""
        moments = self._charge.moments()
        if self._clip <= 0.0:
            return moments
        kept = sigma_clipped(np.concatenate(self._kept), self._clip)
        n = moments.n
        square = kept.variance * (n - 1)
        # what is left is close to a Gaussian: no third moment, a fourth of three times the variance squared
        return Moments(n, kept.mean, square, np.zeros_like(square), 3.0 * square**2 / n)

    def _steadied(self, charge: F8, status: npt.NDArray[np.uint8]) -> Estimate:
        moments = self._steady.moments()
        if moments.n == 0:
            none = np.full(charge.shape, np.nan)
            return Estimate(none, none, 0, np.full(charge.shape, Status.NO_SIGNAL, np.uint8))
        others = charge.sum(axis=1, keepdims=True) - charge
        variance = moments.variance * others**2
        # the noise of the others' sum comes along; it is taken off with the variances themselves
        rest = (variance.sum(axis=1, keepdims=True) - variance) / np.where(others != 0.0, others, np.inf) ** 2
        variance = variance - charge**2 * rest
        return Estimate(variance, moments.variance_error * others**2, moments.n, status.copy())

    def _ratio(self, moments: Moments) -> Estimate:
        n, charge, variance = moments.n, moments.mean, moments.variance
        if len(charge) < 2:
            none = np.zeros((0, charge.shape[1]))
            return Estimate.good(none, none, n)
        high, low = charge[0], charge[1]
        whole = (self._saturated[:2] == 0).all(axis=0)
        seen = (low > 5.0 * np.sqrt(variance[1] / n)) & (high > 5.0 * np.sqrt(variance[0] / n))
        used = seen & whole
        ratio = np.divide(high, low, out=np.full(high.shape, np.nan), where=used)
        covariance = 0.5 * (self._both.moments().variance - variance[0] - variance[1])
        light = variance[0] + ratio**2 * variance[1] - 2.0 * ratio * covariance
        base = self._pedestal.baseline.error**2
        dark = base[0] + ratio**2 * base[1] - 2.0 * ratio * self._pedestal.baseline_covariance
        rest = np.maximum(light / n + self.width**2 * dark, 0.0)
        error = np.divide(np.sqrt(rest), low, out=np.full(high.shape, np.nan), where=used)
        status = np.where(whole, np.where(seen, Status.GOOD, Status.NO_SIGNAL), Status.SATURATED)
        return Estimate(ratio[None], error[None], n, status.astype(np.uint8)[None])


@kernel
def _count_saturated(adc: npt.NDArray[np.uint16], full_scale: int, count: npt.NDArray[np.int64]) -> None:
    """Count for each pixel, shape (n_channels, n_pixels), the events with a sample at the full scale."""
    for event in range(adc.shape[0]):
        for channel in range(adc.shape[1]):
            for pixel in range(adc.shape[2]):
                highest = np.int64(0)
                for sample in range(adc.shape[3]):
                    highest = max(highest, np.int64(adc[event, channel, pixel, sample]))
                if highest >= full_scale:
                    count[channel, pixel] += 1
