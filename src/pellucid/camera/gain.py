# SPDX-License-Identifier: BSD-3-Clause
"""Gain by the F-factor method: photo-electrons counted by their fluctuation."""

from dataclasses import dataclass

import numpy as np

from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.pedestal import Pedestal

__all__ = ["Gain", "f_factor_gain"]


@dataclass(frozen=True, eq=False)
class Gain:
    """Gains of a camera.

    Attributes
    ----------
    gain : Estimate
        Charge of one photo-electron, in ADC counts times samples.
    photoelectrons : Estimate
        Mean photo-electrons of a flash.
    """

    gain: Estimate
    photoelectrons: Estimate


def f_factor_gain(
    flatfield: Flatfield, pedestal: Pedestal, excess: float = 1.222, excess_error: float = 0.0
) -> Gain:
    """Gain and photo-electrons from the mean and the variance of flashes.

    G = (V_ff - V_ped - B^2 Q^2) / (F^2 Q) with the variance B^2 of the flashes' brightness, and
    N = (Q / G) (1 - var(V) / V^2), V the numerator: the last factor frees N of the bias of an inverse.

    Error of G: [2 (V_ff^2 - B^4 Q^4) / (n_ff - 1) + 2 V_ped^2 / (n_ped - 1)] / V^2 + (dQ / Q)^2 +
    (dF^2 / F^2)^2, relative and squared. The brightness of the very flashes that were recorded is
    subtracted, so B^4 Q^4 adds no error. N has four times the term of Q. Holds for Gaussian charges,
    some ten photo-electrons or more (Mirzoyan and Lorenz 1997, Proc. 25th ICRC 7, 265).

    Parameters
    ----------
    flatfield : Flatfield
        Flashes; its window must hold the whole pulse.
    pedestal : Pedestal
        Pedestals in a window of the same width, under the same sky.
    excess, excess_error : float
        F^2 = 1 + sigma_spe^2 and its error.

    Returns
    -------
    Gain
        NaN with a status where there is no light or no variance left.
    """
    charge, total = flatfield.charge.value, flatfield.variance.value
    dark = pedestal.charge_variance.value
    n_ff, n_ped = flatfield.charge.n, pedestal.charge_variance.n
    flash = flatfield.flash_variance[:, None] * charge**2
    light = total - dark - flash
    seen = charge > 5.0 * flatfield.charge.error
    good = seen & (light > 0.0)
    status = np.where(good, Status.GOOD, np.where(seen, Status.NO_VARIANCE, Status.NO_SIGNAL)).astype(
        np.uint8
    )
    q, v = np.where(good, charge, np.nan), np.where(good, light, np.nan)
    spread = (2.0 * np.maximum(total**2 - flash**2, 0.0) / (n_ff - 1) + 2.0 * dark**2 / (n_ped - 1)) / v**2
    mean = (flatfield.charge.error / q) ** 2
    factor = (excess_error / excess) ** 2
    gain = v / (excess * q)
    # the mean of 1/V is above 1/V by its relative variance, which for 200 flashes is a percent
    number = q / gain * (1.0 - spread)
    return Gain(
        gain=Estimate(gain, gain * np.sqrt(spread + mean + factor), n_ff, status),
        photoelectrons=Estimate(number, number * np.sqrt(spread + 4.0 * mean + factor), n_ff, status.copy()),
    )
