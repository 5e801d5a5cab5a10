# SPDX-License-Identifier: BSD-3-Clause
"""The Angstrom exponent: how the aerosol's extinction falls with wavelength, layer by layer."""

import math
from dataclasses import dataclass

from pellucid.atmosphere.lidar.vaod import OpticalDepth
from pellucid.errors import InsufficientStatistics

__all__ = ["Angstrom", "angstrom_exponent"]


@dataclass(frozen=True)
class Angstrom:
    """An Angstrom exponent with its error, between two ranges in m and two wavelengths in nm."""

    value: float
    error: float
    low: float
    high: float
    wavelengths: tuple[float, float]


def angstrom_exponent(
    one: OpticalDepth, other: OpticalDepth, low: float, high: float, *, least: float = 3.0
) -> Angstrom:
    """Return A = -ln(tau_1 / tau_2) / ln(l_1 / l_2) of the optical depths of a stretch.

    Depths are layers' means before their ratio is taken; sigma_A = sqrt(e_1^2 + e_2^2) / |ln(l_1 / l_2)| with
    relative errors e.

    Parameters
    ----------
    one, other : OpticalDepth
        At two wavelengths, along one line of sight.
    low, high : float
        Range in m.
    least : float
        Depth over its error that both must have.

    Raises
    ------
    InsufficientStatistics
        A depth is not certain enough (``no-angstrom``), or not known there (``beyond-trust``).
    """
    logarithm = math.log(one.wavelength / other.wavelength)
    (first, first_error), (second, second_error) = one.between(low, high), other.between(low, high)
    if first < least * first_error or second < least * second_error or high <= low:
        raise InsufficientStatistics(
            "There is too little aerosol to tell its colour.",
            where=f"{low:.0f} to {high:.0f} m",
            expected=f"optical depths over {least:g} errors at both wavelengths",
            got=f"{first:.3f} +- {first_error:.3f}, {second:.3f} +- {second_error:.3f}",
            mend="sum more profiles, or take a thicker stretch",
            code="no-angstrom",
        )
    error = math.hypot(first_error / first, second_error / second) / abs(logarithm)
    value = -math.log(first / second) / logarithm
    return Angstrom(value, error, low, high, (one.wavelength, other.wavelength))
