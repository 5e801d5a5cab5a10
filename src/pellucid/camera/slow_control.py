# SPDX-License-Identifier: BSD-3-Clause
"""Readings of a camera's slow control: when its state changed, and which pixels were off."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.chunks import check_order
from pellucid.camera.epochs import find_steps
from pellucid.errors import MissingInput

__all__ = ["SlowControl"]

type F8 = npt.NDArray[np.float64]
type I8 = npt.NDArray[np.int64]

_QUANTILES = (0.1, 0.5, 0.9)
"""Of the pixels' voltages: a tenth of the camera has to step for a new epoch, not a pixel that trips."""


@dataclass(frozen=True, eq=False)
class SlowControl:
    """Readings of one camera.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        Ascending, in ns TAI.
    voltage : ndarray of float64, shape (n, n_pixels)
        High voltage, in V; NaN is no reading.
    temperature : ndarray of float64, shape (n, m)
        Of sensors in the camera, in deg C; NaN is no reading.
    """

    time: I8
    voltage: F8
    temperature: F8

    def __post_init__(self) -> None:
        check_order(self.time)

    def breaks(self, voltage_step: float, temperature_step: float, window: int = 5) -> I8:
        """Return when a new epoch began, shape (k,), ascending, in ns TAI: see `find_steps`.

        Parameters
        ----------
        voltage_step : float
            Smallest step of the voltage, relative to each pixel's median.
        temperature_step : float
            Smallest step of a temperature, in K.
        window : int
            Readings compared on either side.

        Raises
        ------
        MissingInput
            There are too few readings to tell a step (``too-few-readings``).
        """
        if len(self.time) < 2 * window:
            raise MissingInput(
                "There are too few readings of the slow control.",
                expected=f"at least {2 * window}, before and after a step",
                got=str(len(self.time)),
                mend="give the readings of the whole run, or the times of steps by hand: parameter breaks",
                code="too-few-readings",
            )
        steps = [find_steps(self.time, self.temperature, temperature_step, window)]
        usual = self._usual
        on = np.isfinite(usual) & (usual > 0.0)
        if on.any():
            relative = self.voltage[:, on] / usual[on]
            there = np.isfinite(relative).any(axis=1)
            spread = np.full((len(self.time), len(_QUANTILES)), np.nan)
            spread[there] = np.nanquantile(relative[there], _QUANTILES, axis=1).T
            steps.append(find_steps(self.time, spread, voltage_step, window))
        return np.unique(np.concatenate(steps))

    def off(self, share: float = 0.5) -> npt.NDArray[np.bool_]:
        """Mask of the pixels whose median voltage is below a share of the camera's, shape (n_pixels,).

        Pixels without any reading are not called off.
        """
        usual = self._usual
        known = np.isfinite(usual)
        if not known.any():
            return np.zeros(usual.shape, np.bool_)
        off: npt.NDArray[np.bool_] = known & (np.where(known, usual, 0.0) < share * np.median(usual[known]))
        return off

    def voltage_at(self, times: I8, longest: int) -> F8:
        """Return the last reading before each moment, shape (n, n_pixels), in V; NaN where there is none.

        Parameters
        ----------
        times : ndarray of int64, shape (n,)
            In ns TAI.
        longest : int
            How long a reading holds, in ns.
        """
        last = np.searchsorted(self.time, times, side="right") - 1
        there = (last >= 0) & (times - self.time[np.maximum(last, 0)] <= longest)
        return np.where(there[:, None], self.voltage[np.maximum(last, 0)], np.nan)

    @property
    def _usual(self) -> F8:
        """Median voltage of each pixel; NaN without a reading."""
        usual = np.full(self.voltage.shape[1], np.nan)
        there = np.isfinite(self.voltage).any(axis=0)
        usual[there] = np.nanmedian(self.voltage[:, there], axis=0)
        return usual
