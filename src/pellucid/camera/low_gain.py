# SPDX-License-Identifier: BSD-3-Clause
"""The low gain where flashes are too dim for it: what the high gain says, over the ratio of the two."""

from dataclasses import replace

import numpy as np

from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.gain import Gain

__all__ = ["low_gain_is_missing", "scaled_low_gain"]

_MISSING = 0.9
"""Share of the pixels that the high gain sees without a low-gain signal: the flashes are too dim."""


def low_gain_is_missing(flatfield: Flatfield) -> bool:
    """Return whether more than nine tenths of the pixels that see flashes have no low-gain signal."""
    charge = flatfield.charge
    seen = charge.value > 5.0 * charge.error
    return len(seen) == 2 and bool(seen[0].any()) and float((~seen[1, seen[0]]).mean()) > _MISSING


def scaled_low_gain(
    flatfield: Flatfield, gain: Gain, offset: Estimate, ratio: float, error: float
) -> tuple[Flatfield, Gain, Estimate]:
    """Give the low gain the charges and gains of the high one over a ratio, its light and its times.

    Errors: those of the high gain and of the ratio, in quadrature. Status: that of the high gain, and
    `Status.SCALED`.

    Parameters
    ----------
    flatfield, gain, offset
        Estimates of both channels, as they were measured.
    ratio, error : float
        High-gain over low-gain charge, known from brighter flashes, and its standard error; no unit.
    """
    relative = error / ratio
    charge = _low_from_high(flatfield.charge, ratio, relative)
    gains = _low_from_high(gain.gain, ratio, relative)
    light = _low_from_high(gain.photoelectrons, 1.0, 0.0)
    covariance = gain.covariance.copy()
    covariance[1] = covariance[0] / ratio
    return (
        replace(flatfield, charge=charge),
        Gain(gains, light, covariance),
        _low_from_high(offset, 1.0, 0.0),
    )


def _low_from_high(estimate: Estimate, ratio: float, relative: float) -> Estimate:
    value, error, status = estimate.value.copy(), estimate.error.copy(), estimate.status.copy()
    value[1] = value[0] / ratio
    error[1] = np.hypot(error[0] / ratio, relative * value[1])
    status[1] = status[0] | np.uint8(Status.SCALED)
    return replace(estimate, value=value, error=error, status=status)
