# SPDX-License-Identifier: BSD-3-Clause
"""Pixels that must not be used, each with the reasons."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.gain import Gain
from pellucid.camera.pedestal import Pedestal

__all__ = ["PixelCuts", "Reason", "bad_pixels", "robust_deviation"]

type F8 = npt.NDArray[np.float64]

MAD_TO_SIGMA = 1.4826


class Reason(IntFlag):
    """Why a pixel is bad; reasons add up."""

    DEAD = 1
    """Charge of the flashes far below the camera's median."""
    NOISY = 2
    """Noise of the baseline far above the camera's median."""
    CHARGE = 4
    """Charge of the flashes off the camera's median."""
    TIME = 8
    """Arrival time off the camera's median, or none."""
    PHOTOELECTRONS = 16
    """Number of photo-electrons off the camera's median, its error considered."""
    NO_GAIN = 32
    """The gain could not be estimated."""


@dataclass(frozen=True)
class PixelCuts:
    """Where a pixel ceases to be good.

    Attributes
    ----------
    dead : float
        Charge as a fraction of the camera's median.
    noise, charge, time, photoelectrons : float
        Robust standard deviations from the camera's median.
    """

    dead: float = 0.3
    noise: float = 5.0
    charge: float = 8.0
    time: float = 8.0
    photoelectrons: float = 6.0


def bad_pixels(
    pedestal: Pedestal, flatfield: Flatfield, gain: Gain, offset: Estimate, cuts: PixelCuts | None = None
) -> npt.NDArray[np.uint8]:
    """Return the reasons for each pixel to be bad, 0 for a good one.

    The camera's width is taken from the median absolute deviation of the pixels that are not dead: a
    few wild pixels do not hide others, as they do with a standard deviation.

    Parameters
    ----------
    pedestal, flatfield, gain, offset
        Estimates of one camera.
    cuts : PixelCuts, optional
        Where to cut.

    Returns
    -------
    ndarray of uint8, shape (n_channels, n_pixels)
        Codes of `Reason`.
    """
    cut = cuts or PixelCuts()
    charge = flatfield.charge.value
    dead = charge < cut.dead * np.median(charge, axis=1, keepdims=True)
    number = gain.photoelectrons
    away = {
        Reason.NOISY: robust_deviation(pedestal.noise.value, dead) > cut.noise,
        Reason.CHARGE: np.abs(robust_deviation(charge, dead)) > cut.charge,
        Reason.TIME: ~(np.abs(robust_deviation(offset.value, dead)) <= cut.time),
        Reason.PHOTOELECTRONS: np.abs(robust_deviation(number.value, dead)) > cut.photoelectrons,
        Reason.NO_GAIN: number.status != Status.GOOD,
    }
    reasons = np.where(dead, int(Reason.DEAD), 0).astype(np.uint8)
    for reason, mask in away.items():
        reasons |= np.where(mask & ~dead, int(reason), 0).astype(np.uint8)
    return reasons


def robust_deviation(values: F8, left_out: npt.NDArray[np.bool_]) -> F8:
    """Deviations from the median over pixels in units of 1.4826 MAD, shape (n_channels, n_pixels).

    Parameters
    ----------
    values : ndarray of float64, shape (n_channels, n_pixels)
        NaN where there is none; these do not count, nor do those left out.
    left_out : ndarray of bool, shape (n_channels, n_pixels)
        Pixels that do not count.
    """
    counted = np.where(left_out, np.nan, values)
    middle = np.nanmedian(counted, axis=1, keepdims=True)
    width = MAD_TO_SIGMA * np.nanmedian(np.abs(counted - middle), axis=1, keepdims=True)
    deviation: F8 = (values - middle) / np.where(width > 0.0, width, np.inf)
    return deviation
