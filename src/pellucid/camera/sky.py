# SPDX-License-Identifier: BSD-3-Clause
"""Brightness of the night sky in each pixel, from the noise of its pedestals, and the stars among them."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.robust import robust_deviation
from pellucid.errors import ConfigurationError

__all__ = ["effective_window", "sky_rate", "stars"]

type F8 = npt.NDArray[np.float64]
type I4 = npt.NDArray[np.int32]
type Bools = npt.NDArray[np.bool_]


def effective_window(pulse: F8, step: float, width: float) -> F8:
    """Duration T for which shot noise in a charge window has the variance rate * F^2 * G^2 * T.

    T is the integral of (h * box)^2 over time, h the pulse of unit area, box the window: a photo-electron
    at the window's edge leaves but part of its charge in it, so T is a little shorter than the window
    (Campbell's theorem).

    Parameters
    ----------
    pulse : ndarray of float64, shape (n_channels, n_bins)
        Pulse of one photo-electron, in any unit.
    step : float
        Bin width of the pulse, in ns.
    width : float
        Charge window, in ns.

    Returns
    -------
    ndarray of float64, shape (n_channels,)
        In ns.
    """
    box = np.ones(max(1, round(width / step)))
    inside = [np.convolve(h / h.sum(), box) for h in np.atleast_2d(pulse)]
    return np.array([float((part**2).sum()) * step for part in inside])


def sky_rate(sky: Estimate, dark: Estimate, gain: Estimate, window: F8, excess: float = 1.222) -> Estimate:
    """Photo-electrons of the night sky per ns.

    rate = (var(q_sky) - var(q_dark)) / (F^2 G^2 T). An AC-coupled baseline hides the sky's mean, its
    noise stays. Errors of the variances and of the gain in quadrature.

    Parameters
    ----------
    sky, dark : Estimate
        Variances of the charge of pedestals with the sky and without any light, shape
        (n_channels, n_pixels), in (ADC counts times samples)^2.
    gain : Estimate
        Charge of a photo-electron, in ADC counts times samples.
    window : ndarray of float64, shape (n_channels,)
        Of `effective_window`, in ns.
    excess : float
        F^2 = 1 + sigma_spe^2.

    Returns
    -------
    Estimate
        In photo-electrons per ns; NaN and `Status.NO_SIGNAL` without a gain. A dark pixel scatters
        about 0, so small negative rates are right.

    Raises
    ------
    ConfigurationError
        The camera has another number of channels than the pulse (``shape``).
    """
    if sky.value.shape != dark.value.shape or len(window) != len(sky.value):
        raise ConfigurationError(
            "Pedestals with and without light are not of one camera.",
            expected=f"shape {dark.value.shape} and {len(dark.value)} windows",
            got=f"shape {sky.value.shape} and {len(window)} windows",
            code="shape",
        )
    scale = excess * window[:, None] * gain.value**2
    known = (gain.status == Status.GOOD) & np.isfinite(scale) & (scale > 0.0)
    scale = np.where(known, scale, np.nan)
    rate = (sky.value - dark.value) / scale
    error = np.hypot(np.hypot(sky.error, dark.error) / scale, 2.0 * rate * gain.error / gain.value)
    status = np.where(known, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
    return Estimate(rate, error, sky.n, status)


def stars(rate: Estimate, indptr: I4, indices: I4, cut: float = 6.0, step: float = 0.3) -> Bools:
    """Pixels with a star: far brighter than the camera, and brighter than what lies around them.

    A star spreads over a few pixels, so each pixel is held against the camera's median, not against its
    neighbours alone; a broad glow (moon, city) raises the median and is no star.

    Parameters
    ----------
    rate : Estimate
        Sky brightness, in photo-electrons per ns.
    indptr, indices : ndarray of int32, shapes (n_pixels + 1,) and (m,)
        Neighbours of the pixels, in compressed rows of pixel numbers.
    cut : float
        Deviation from the median, in robust standard deviations, and in errors of the pixel.
    step : float
        Excess over the camera's median at least, relative to it.

    Returns
    -------
    ndarray of bool, shape (n_pixels,)
        From the first channel.
    """
    value, error = rate.value[:1], rate.error[:1]
    missing = ~np.isfinite(value)
    middle = float(np.nanmedian(value)) if not missing.all() else np.nan
    excess = value - middle
    # the error that a pixel would have without the star: most of a bright one's is that of its gain
    error = error * np.minimum(1.0, abs(middle) / np.maximum(np.abs(value), 1e-12))
    bright = (robust_deviation(value, missing) > cut) & (excess > cut * error)
    bright &= excess > step * abs(middle)
    seeds = bright[0]
    # the wings of a star: neighbours of a seed that are half as far above the median as the cut asks
    rows = np.repeat(np.arange(seeds.size), np.diff(indptr))
    beside = np.bincount(rows, weights=seeds[indices], minlength=seeds.size) > 0
    wings = beside & (robust_deviation(value, missing) > 0.5 * cut)[0] & (excess > 0.5 * cut * error)[0]
    found: Bools = seeds | wings
    return found
