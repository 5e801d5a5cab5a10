# SPDX-License-Identifier: BSD-3-Clause
"""Deviations from a camera's median that a few wild pixels cannot hide."""

import numpy as np
import numpy.typing as npt

__all__ = ["robust_deviation", "robust_outliers"]

type F8 = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""


def robust_deviation(values: F8, left_out: Bools, extra: F8 | None = None) -> F8:
    """Deviations from the median over pixels in units of 1.4826 MAD, shape (n_channels, n_pixels).

    Parameters
    ----------
    values : ndarray of float64, shape (n_channels, n_pixels)
        NaN where there is none; these do not count, nor do those left out.
    left_out : ndarray of bool, shape (n_channels, n_pixels)
        Pixels that do not count.
    extra : ndarray of float64, shape (n_channels, n_pixels), optional
        Standard errors, in the unit of the values; what they exceed those of a median pixel by widens the
        unit of that pixel.
    """
    counted = np.where(left_out | ~np.isfinite(values), np.nan, values)
    deviation = np.zeros(values.shape)
    for channel, row in enumerate(counted):
        if np.isnan(row).all():
            deviation[channel] = np.nan
            continue
        middle = np.nanmedian(row)
        width = MAD_TO_SIGMA * np.nanmedian(np.abs(row - middle))
        unit = np.full(row.shape, width)
        if extra is not None:
            typical = np.nanmedian(np.where(np.isnan(row), np.nan, extra[channel]))
            unit = np.sqrt(np.maximum(width**2 - typical**2, 0.0) + np.fmax(extra[channel], typical) ** 2)
        deviation[channel] = (values[channel] - middle) / np.where(unit > 0.0, unit, np.inf)
    return deviation


def robust_outliers(
    values: F8, left_out: Bools, cut: float, extra: F8 | None = None, iterations: int = 5
) -> tuple[Bools, F8]:
    """Cut pixels off the median again and again, until what is left has no outliers.

    Parameters
    ----------
    values, left_out, extra
        As in `robust_deviation`, shape (n_channels, n_pixels), one unit.
    cut : float
        In robust standard deviations.
    iterations : int
        At most so many times.

    Returns
    -------
    outliers : ndarray of bool, shape (n_channels, n_pixels)
        Mask; pixels without a value, or left out, are none.
    deviation : ndarray of float64, shape (n_channels, n_pixels)
        From the median of what is left, in robust standard deviations.
    """
    away = np.zeros(values.shape, np.bool_)
    deviation = robust_deviation(values, left_out, extra)
    for _ in range(iterations):
        now: Bools = ~left_out & (np.abs(deviation) > cut)
        if np.array_equal(now, away):
            break
        away = now
        deviation = robust_deviation(values, left_out | away, extra)
    return away, deviation
