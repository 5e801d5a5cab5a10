# SPDX-License-Identifier: BSD-3-Clause
"""Gain by the F-factor method: photo-electrons counted by their fluctuation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.brightness import brightness_by_mean
from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.pedestal import Pedestal

__all__ = ["Gain", "f_factor_gain"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gain:
    """Gains of a camera.

    Attributes
    ----------
    gain : Estimate
        Charge of one photo-electron, in ADC counts times samples.
    photoelectrons : Estimate
        Mean photo-electrons of a flash.
    covariance : ndarray of float64, shape (n_channels, n_pixels)
        Of gain and photo-electrons, in ADC counts times samples; NaN where there is none.
    """

    gain: Estimate
    photoelectrons: Estimate
    covariance: F8


def f_factor_gain(
    flatfield: Flatfield,
    pedestal: Pedestal,
    excess: float = 1.222,
    excess_error: float = 0.0,
    brightness: F8 | None = None,
    brightness_error: F8 | None = None,
) -> Gain:
    """Gain and photo-electrons from the mean and the variance of flashes.

    G = (V_ff - V_ped - B^2 Q^2) / (F^2 Q) with the variance B^2 of the flashes' brightness, and
    N = (Q / G) (1 - var(V) / V^2), V the numerator: the last factor frees N of the bias of an inverse.

    With the relative errors v of V, q of Q and f of F^2, and c the covariance of V and Q: error of G
    v^2 + q^2 - 2 c + f^2, of N v^2 + 4 q^2 - 4 c + f^2, covariance of both 3 c - v^2 - 2 q^2 - f^2,
    relative and squared. The brightness of the very flashes that were recorded adds no error; that of
    other flashes, as of a filter scan, adds its own to V, and how far n flashes scatter from it,
    B^2 sqrt(2 / (n - 1)). Holds for some ten photo-electrons or more (Mirzoyan and Lorenz 1997, Proc. 25th
    ICRC 7, 265).

    Parameters
    ----------
    flatfield : Flatfield
        Flashes; its window must hold the whole pulse.
    pedestal : Pedestal
        Pedestals in a window of the same width, under the same sky.
    excess, excess_error : float
        F^2 = 1 + sigma_spe^2 and its error.
    brightness : ndarray of float64, shape (n_channels, n_pixels), optional
        B^2, dimensionless; from the camera's mean where not given.
    brightness_error : ndarray of float64, shape (n_channels, n_pixels), optional
        Its standard error, where it comes from other flashes.

    Returns
    -------
    Gain
        NaN with a status where there is no light, no variance left, or the flashes are saturated.
    """
    charge, total = flatfield.charge.value, flatfield.variance.value
    dark = pedestal.charge_variance
    flash = (brightness_by_mean(flatfield) if brightness is None else brightness) * charge**2
    light = total - dark.value - flash
    saturated = (flatfield.charge.status & Status.SATURATED) != 0
    seen = charge > 5.0 * flatfield.charge.error
    good = seen & (light > 0.0) & ~saturated
    status = np.where(good, Status.GOOD, np.where(seen, Status.NO_VARIANCE, Status.NO_SIGNAL))
    status = np.where(saturated, Status.SATURATED, status).astype(np.uint8)
    q, v = np.where(good, charge, np.nan), np.where(good, light, np.nan)
    n = flatfield.charge.n
    known = np.zeros(1)
    if brightness is not None and brightness_error is not None:
        known = np.hypot(brightness_error, brightness * np.sqrt(2.0 / (n - 1.0))) * charge**2
    spread = (flatfield.variance.error**2 + dark.error**2 + known**2) / v**2
    mean = (flatfield.charge.error / q) ** 2
    common = flatfield.covariance / (v * q)
    factor = (excess_error / excess) ** 2
    gain = v / (excess * q)
    # the mean of 1/V is above 1/V by its relative variance, which for 200 flashes is a percent
    number = q / gain * (1.0 - spread)
    gain_error = np.sqrt(np.maximum(spread + mean - 2.0 * common + factor, 0.0))
    number_error = np.sqrt(np.maximum(spread + 4.0 * mean - 4.0 * common + factor, 0.0))
    return Gain(
        gain=Estimate(gain, gain * gain_error, n, status),
        photoelectrons=Estimate(number, number * number_error, n, status.copy()),
        covariance=gain * number * (3.0 * common - spread - 2.0 * mean - factor),
    )
