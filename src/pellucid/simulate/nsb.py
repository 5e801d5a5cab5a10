# SPDX-License-Identifier: BSD-3-Clause
"""Night-sky background: photo-electrons at random times, on a baseline that the AC coupling keeps at zero."""

import numpy as np
import numpy.typing as npt

__all__ = ["ac_shift", "sky_photoelectrons"]

type F4 = npt.NDArray[np.float32]
type F8 = npt.NDArray[np.float64]
type I4 = npt.NDArray[np.int32]


def sky_photoelectrons(rng: np.random.Generator, rate: F8, begin: float, end: float) -> tuple[I4, F4]:
    """Draw the photo-electrons of the night sky in a time window.

    Parameters
    ----------
    rng : Generator
        Source of the random numbers.
    rate : ndarray of float64, shape (n_pixels,)
        Photo-electrons per ns.
    begin, end : float
        Window, in ns; wider than the read-out by a pulse, so that pulses reach in from outside.

    Returns
    -------
    pixel, time : ndarray of int32 and float32, shape (n,)
        Pixel and time in ns of each.
    """
    counts = rng.poisson(rate * (end - begin))
    pixel = np.repeat(np.arange(rate.size, dtype=np.int32), counts)
    time = rng.random(pixel.size, dtype=np.float32)
    time *= np.float32(end - begin)
    time += np.float32(begin)
    return pixel, time


def ac_shift(rate: F8, gain: F8, sampling_rate: float) -> F8:
    """Mean of the sky's signal per sample, which an AC-coupled read-out takes away.

    The coupling is taken as slow against the window, so it removes the long-term mean
    rate [1/ns] * gain [ADC samples] / sampling rate [samples/ns], not the event's own.

    Parameters
    ----------
    rate : ndarray of float64, shape (n_pixels,)
        Photo-electrons per ns.
    gain : ndarray of float64, shape (n_channels, n_pixels)
        Charge of a photo-electron, in ADC counts times samples.
    sampling_rate : float
        In GHz.

    Returns
    -------
    ndarray of float64, shape (n_channels, n_pixels)
        In ADC counts.
    """
    return gain * rate / sampling_rate
