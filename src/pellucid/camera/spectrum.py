# SPDX-License-Identifier: BSD-3-Clause
"""Noise of the electronics under an open sky: what is left at frequencies that no pulse reaches."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, require
from pellucid.camera.moments import Moments

__all__ = ["electronic_noise"]

_ROUNDING = 1.0 / 12.0
"""Variance of rounding to whole counts."""


def electronic_noise(adc: npt.NDArray[np.uint16], part: float = 0.12, min_events: int = 2) -> Estimate:
    """Standard deviation of the white noise of a sample, the night sky's pulses left out.

    Pulses of photo-electrons last several samples, so their power falls off towards half the sampling
    rate, where white noise has as much as anywhere. noise^2 is the mean power in the highest frequencies,
    with a Hann window against leakage from below, less the variance of rounding (Harris 1978, Proc. IEEE
    66, 51). Holds where a pulse is at least some 2 samples wide.

    Parameters
    ----------
    adc : ndarray of uint16, shape (n, n_channels, n_pixels, n_samples)
        Pedestal events, in ADC counts; 16 samples at least.
    part : float
        Part of the frequencies to use, from the highest down.
    min_events : int
        Events at least.

    Returns
    -------
    Estimate
        In ADC counts, shape (n_channels, n_pixels).

    Raises
    ------
    MissingInput, InsufficientStatistics
        There is none, or fewer than ``min_events``.
    """
    require(len(adc), min_events, "pedestal")
    n_samples = adc.shape[3]
    window = np.hanning(n_samples + 2)[1:-1]
    samples = adc - adc.mean(axis=(0, 3), keepdims=True)
    power = np.abs(np.fft.rfft(samples * window, axis=3)) ** 2 / (window**2).sum()
    highest = max(1, round(part * power.shape[3]))
    moments = Moments.of(power[..., -highest:].mean(axis=3))
    variance = np.maximum(moments.mean - _ROUNDING, 0.0)
    noise = np.sqrt(variance)
    return Estimate.good(noise, moments.error / (2.0 * np.where(noise > 0.0, noise, 1.0)), len(adc))
