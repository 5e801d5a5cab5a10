# SPDX-License-Identifier: BSD-3-Clause
"""Kernel: the logarithmic slope of counts against a model, by Poisson likelihood in moving windows."""

import math

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["GOOD", "NOT_FITTED", "TOO_FEW", "moving_slopes"]

type F8 = npt.NDArray[np.float64]

GOOD, TOO_FEW, NOT_FITTED = 0, 1, 2
"""Status of a fit: it stands; too little light in its window; no window there."""


@kernel
def moving_slopes(
    counts: F8, exposure: F8, model: F8, background: F8, half: npt.NDArray[np.int64], least: float
) -> tuple[F8, F8, F8, npt.NDArray[np.int8]]:
    """Fit counts_j = model_j exp(a + b (j - i)) + background around every bin i.

    Maximises the Poisson likelihood by Fisher scoring; rows are independent.

    Parameters
    ----------
    counts, exposure : ndarray, shape (n, n_bins)
        As in `pellucid.atmosphere.lidar.signal.Signal`.
    model : ndarray, shape (n_bins,)
        Expected shape without the exponential.
    background : ndarray, shape (n,)
        Counts per bin.
    half : ndarray of int, shape (n_bins,)
        Half width of the window, in bins; none is fitted where it is 0.
    least : float
        Net counts over their error that a window must have.

    Returns
    -------
    tuple of ndarray, shape (n, n_bins)
        b per bin, its error, its derivative with respect to the background, and the status.
    """
    n, n_bins = counts.shape
    slope = np.full((n, n_bins), np.nan)
    error = np.full((n, n_bins), np.nan)
    tilt = np.full((n, n_bins), np.nan)
    status = np.full((n, n_bins), NOT_FITTED, np.int8)
    for row in range(n):
        for i in range(n_bins):
            h = half[i]
            if h < 1 or i - h < 0 or i + h >= n_bins:
                continue
            status[row, i] = TOO_FEW
            low, high = i - h, i + h + 1
            y, e, m = counts[row, low:high], exposure[row, low:high], model[low:high]
            enough, a, b = _start(y, e, m, background[row], least)
            if not enough:
                continue
            good, b, variance, derivative = _climb(y, e, m, background[row], a, b)
            if good:
                slope[row, i] = b
                error[row, i] = math.sqrt(variance)
                tilt[row, i] = derivative
                status[row, i] = GOOD
    return slope, error, tilt, status


@kernel
def _start(y: F8, e: F8, m: F8, floor: float, least: float) -> tuple[bool, float, float]:
    """Return whether a window holds light, and (a, b) from its sum and centre of gravity."""
    h = y.size // 2
    net, variance, first, weight, moment, second = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(y.size):
        x = float(j - h)
        net += y[j] - floor
        first += x * (y[j] - floor)
        variance += y[j] / e[j]
        weight += m[j]
        moment += x * m[j]
        second += x * x * m[j]
    if not net > least * math.sqrt(max(variance, 1.0)):
        return False, 0.0, 0.0
    centre = moment / weight
    b = (first / net - centre) / (second / weight - centre * centre)
    return True, math.log(net / weight), min(max(b, -1.0 / h), 1.0 / h)


@kernel
def _climb(y: F8, e: F8, m: F8, floor: float, a: float, b: float) -> tuple[bool, float, float, float]:
    """Return whether the likelihood's top was reached, b there, its variance and d b / d floor."""
    h = y.size // 2
    for _ in range(30):
        f00, f01, f11, t0, t1, s0, s1 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        ratio = math.exp(b)
        growth = math.exp(a - b * h)
        for j in range(y.size):
            # exp(a + b x) runs as a product
            light = m[j] * growth
            growth *= ratio
            x = float(j - h)
            part = e[j] * light / (light + floor)
            f00 += part * light
            f01 += part * light * x
            f11 += part * light * x * x
            t0 += part
            t1 += part * x
            s0 += part * (y[j] - light - floor)
            s1 += part * (y[j] - light - floor) * x
        det = f00 * f11 - f01 * f01
        if not det > 0.0:
            break
        step_a = (f11 * s0 - f01 * s1) / det
        step_b = (f00 * s1 - f01 * s0) / det
        damp = min(1.0, 1.0 / (abs(step_a) + abs(step_b) * h + 1e-300))
        a += damp * step_a
        b += damp * step_b
        if step_b * step_b * det < 1e-8 * f00 and step_a * step_a * det < 1e-8 * f11:
            return True, b, f00 / det, -(f00 * t1 - f01 * t0) / det
    return False, b, np.nan, np.nan
