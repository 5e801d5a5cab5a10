# SPDX-License-Identifier: BSD-3-Clause
"""An estimate per gain channel and pixel: value, error, number of samples, status."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from pellucid.errors import InsufficientStatistics

__all__ = ["Estimate", "Status", "require"]

type F8 = npt.NDArray[np.float64]


class Status(IntFlag):
    """What is the matter with an estimate; 0 is nothing."""

    GOOD = 0
    NO_SIGNAL = 1
    """The signal is not above zero: a ratio to it means nothing."""
    NO_VARIANCE = 2
    """The variance of the light is not above zero."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Values with their errors.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_channels, n_pixels)
        Value and its standard error, in one unit; NaN, with a status that says why, where there is none.
    n : int
        Events behind each value.
    status : ndarray of uint8, shape (n_channels, n_pixels)
        Codes of `Status`.
    """

    value: F8
    error: F8
    n: int
    status: npt.NDArray[np.uint8]

    @classmethod
    def good(cls, value: F8, error: F8, n: int) -> "Estimate":
        """Return an estimate without complaint anywhere."""
        return cls(value, error, n, np.zeros(value.shape, np.uint8))


def require(n: int, needed: int, what: str) -> None:
    """Raise `InsufficientStatistics` where there are fewer than the needed events of a kind."""
    if n < needed:
        raise InsufficientStatistics(
            f"There are too few {what} events.",
            expected=f"at least {needed}",
            got=str(n),
            mend="take a longer run, or lower the minimum and accept larger errors",
            code="too-few-events",
        )
