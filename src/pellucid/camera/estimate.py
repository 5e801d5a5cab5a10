# SPDX-License-Identifier: BSD-3-Clause
"""An estimate per gain channel and pixel: value, error, number of samples, status."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, InsufficientStatistics, MissingInput

__all__ = ["Estimate", "Status", "check_events", "require", "require_precision"]

type F8 = npt.NDArray[np.float64]


class Status(IntFlag):
    """What is the matter with an estimate; 0 is nothing."""

    GOOD = 0
    NO_SIGNAL = 1
    """The signal is not above zero: a ratio to it means nothing."""
    NO_VARIANCE = 2
    """The variance of the light is not above zero."""
    SATURATED = 4
    """Samples of the flashes reach the end of the converter's range."""
    SCALED = 8
    """Not measured: that of the high gain over the ratio of the channels, since flashes were too dim."""


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
    """Refuse too few events of a kind.

    Raises
    ------
    MissingInput
        There is none (``no-events``).
    InsufficientStatistics
        There are fewer than needed (``too-few-events``).
    """
    if n == 0 and needed > 0:
        raise MissingInput(
            f"There are no {what} events.",
            expected=f"at least {needed}",
            got="none",
            mend="calibrate with a run that has them, or use the calibration of another time",
            code="no-events",
        )
    if n < needed:
        raise InsufficientStatistics(
            f"There are too few {what} events.",
            expected=f"at least {needed}",
            got=str(n),
            mend="take a longer run, or lower the minimum and accept larger errors",
            code="too-few-events",
        )


def require_precision(estimate: Estimate, asked: float, what: str) -> None:
    """Refuse an estimate whose median relative error is above the asked one.

    Raises
    ------
    InsufficientStatistics
        With the number of events that would do, n (error / asked)^2 (``too-few-events``).
    """
    relative = np.abs(estimate.error / np.where(estimate.value != 0.0, estimate.value, np.nan))
    reached = float(np.nanmedian(relative)) if np.isfinite(relative).any() else np.inf
    if asked <= 0.0 or reached <= asked:
        return
    needed = f"{int(np.ceil(estimate.n * (reached / asked) ** 2))}" if np.isfinite(reached) else "more"
    raise InsufficientStatistics(
        f"There are too few events for the asked precision of the {what}.",
        expected=f"a relative error of {asked:g}, hence about {needed} events",
        got=f"{reached:.2g} with {estimate.n} events",
        mend=f"take {needed} events, or ask for less precision",
        code="too-few-events",
    )


def check_events(got: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Refuse events with other channels or pixels than the camera: some were gain-selected, some not.

    Raises
    ------
    CorruptedInput
        The shapes (n_channels, n_pixels) differ (``mixed-events``).
    """
    if got != expected:
        raise CorruptedInput(
            "A calibration event does not have the channels and pixels of the camera.",
            expected=f"{expected[0]} channels of {expected[1]} pixels, in all events",
            got=f"{got[0]} channels of {got[1]} pixels",
            mend="switch gain selection off for calibration events, and give events of one camera",
            code="mixed-events",
        )
