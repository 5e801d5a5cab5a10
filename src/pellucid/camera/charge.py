# SPDX-License-Identifier: BSD-3-Clause
"""Charges of calibration events: an unbiased extractor for flashes and pedestals, a biased one by name."""

import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError
from pellucid.jit import kernel

__all__ = ["searched_charge", "window_charge", "window_start"]

type U2 = npt.NDArray[np.uint16]
type F8 = npt.NDArray[np.float64]


def window_charge(adc: U2, start: int, width: int) -> F8:
    """Sum a fixed window: unbiased, since it does not look at the samples it sums.

    Parameters
    ----------
    adc : ndarray of uint16, shape (n, n_channels, n_pixels, n_samples)
        Samples, in ADC counts.
    start, width : int
        First sample and length of the window.

    Returns
    -------
    ndarray of float64, shape (n, n_channels, n_pixels)
        In ADC counts times samples, the baseline still in it.

    Raises
    ------
    ConfigurationError
        The window does not lie in the read-out (``window``).
    """
    _check(adc.shape[3], start, width)
    charge = np.empty(adc.shape[:3])
    _fixed(adc.reshape(-1, adc.shape[3]), start, width, charge.reshape(-1))
    return charge


def searched_charge(adc: U2, width: int) -> F8:
    """Sum the window that holds most: biased upwards, as is any extractor that looks for a peak.

    It tells what noise alone looks like in a shower image made with such an extractor, hence where to
    put the thresholds of the cleaning. It must not be used for gains.

    Parameters
    ----------
    adc : ndarray of uint16, shape (n, n_channels, n_pixels, n_samples)
        Samples, in ADC counts.
    width : int
        Length of the window, in samples.

    Returns
    -------
    ndarray of float64, shape (n, n_channels, n_pixels)
        In ADC counts times samples, the baseline still in it.

    Raises
    ------
    ConfigurationError
        The window does not lie in the read-out (``window``).
    """
    _check(adc.shape[3], 0, width)
    charge = np.empty(adc.shape[:3])
    _largest(adc.reshape(-1, adc.shape[3]), width, charge.reshape(-1))
    return charge


def window_start(trace: npt.NDArray[np.floating], width: int, shift: int) -> int:
    """Return the first sample of the window around the peak of flashes.

    Parameters
    ----------
    trace : ndarray of float, shape (n_samples,)
        Mean or sum of many traces, in ADC counts.
    width, shift : int
        Length of the window, and its start before the peak, in samples.
    """
    return int(np.clip(int(np.argmax(trace)) - shift, 0, max(0, trace.size - width)))


def _check(n_samples: int, start: int, width: int) -> None:
    if width < 1 or start < 0 or start + width > n_samples:
        raise ConfigurationError(
            "The charge window does not lie in the read-out.",
            expected=f"a window within samples 0 to {n_samples - 1}",
            got=f"{width} samples from sample {start} on",
            mend="choose a smaller width, or another start",
            code="window",
        )


@kernel
def _fixed(traces: U2, start: int, width: int, charge: F8) -> None:
    for trace in range(traces.shape[0]):
        total = np.int64(0)
        for sample in range(start, start + width):
            total += np.int64(traces[trace, sample])
        charge[trace] = total


@kernel
def _largest(traces: U2, width: int, charge: F8) -> None:
    for trace in range(traces.shape[0]):
        total = np.int64(0)
        for sample in range(width):
            total += np.int64(traces[trace, sample])
        best = total
        for sample in range(width, traces.shape[1]):
            total += np.int64(traces[trace, sample]) - np.int64(traces[trace, sample - width])
            best = max(best, total)
        charge[trace] = best
