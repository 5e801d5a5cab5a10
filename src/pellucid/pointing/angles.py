# SPDX-License-Identifier: BSD-3-Clause
"""Angles at the edge: with a unit or not at all."""

from typing import Any

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError, CorruptedInput

__all__ = ["altitudes", "radians"]

type F8 = npt.NDArray[np.float64]


def radians(angle: Any, what: str) -> F8:
    """Return an angle in radians.

    Parameters
    ----------
    angle : Quantity, any shape
        With a unit of angle; a bare number could be degrees as well as radians.
    what : str
        Its name, for errors.

    Raises
    ------
    ConfigurationError
        It has no unit, or one that is no angle (``unit-needed``).
    CorruptedInput
        A value is not finite (``not-finite``).
    """
    if not isinstance(angle, u.Quantity) or not angle.unit.is_equivalent(u.rad):
        got = f"a quantity in {angle.unit}" if isinstance(angle, u.Quantity) else "a bare number"
        raise ConfigurationError(
            f"The {what} has no unit of angle.",
            expected="a Quantity, such as 12.5 * u.deg",
            got=got,
            mend="multiply by the unit that the numbers are in",
            code="unit-needed",
        )
    value = np.atleast_1d(np.asarray(angle.to_value(u.rad), np.float64))
    if not np.isfinite(value).all():
        raise CorruptedInput(
            f"The {what} has values that are no numbers.",
            where=f"entry {int(np.flatnonzero(~np.isfinite(value.ravel()))[0])}",
            expected="finite angles",
            mend="leave these measurements out",
            code="not-finite",
        )
    return value


def altitudes(angle: Any) -> F8:
    """Return altitudes in radians, shape as given (a Quantity with a unit of angle).

    Raises
    ------
    ConfigurationError
        As `radians`.
    CorruptedInput
        One is below -90 or above 90 deg (``altitude``).
    """
    value = radians(angle, "altitude")
    if np.abs(value).max(initial=0.0) > np.pi / 2 + 1e-12:
        raise CorruptedInput(
            "An altitude is beyond the zenith.",
            expected="-90 to 90 deg",
            got=f"{np.degrees(value[np.abs(value).argmax()]):.6g} deg",
            mend="check whether zenith distances were given, or degrees were called radians",
            code="altitude",
        )
    return value
