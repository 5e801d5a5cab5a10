# SPDX-License-Identifier: BSD-3-Clause
"""The drive's track: where the telescope pointed between the lines of its log."""

from dataclasses import dataclass
from typing import Any, Self

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.pointing.angles import altitudes, radians
from pellucid.pointing.bending import BendingFit

__all__ = ["CorrectionTable", "Track"]

type F8 = npt.NDArray[np.float64]
type I8 = npt.NDArray[np.int64]

_SAME = 1e-9
"""Radians within which two lines of one time say the same."""


@dataclass(frozen=True, eq=False)
class CorrectionTable:
    """What to add to a track.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        In ns TAI.
    azimuth, altitude : Quantity, shape (n,)
        Corrections dA (not across) and dE, in arcsec.
    azimuth_error, altitude_error : Quantity, shape (n,)
        Standard errors from the model's covariance, in arcsec.
    """

    time: I8
    azimuth: u.Quantity
    altitude: u.Quantity
    azimuth_error: u.Quantity
    altitude_error: u.Quantity


@dataclass(frozen=True, eq=False)
class Track:
    """A drive's log, checked.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        Strictly ascending, in ns TAI.
    azimuth, altitude : ndarray of float64, shape (n,)
        In rad; azimuths unwrapped, so that no step is above half a turn.
    """

    time: I8
    azimuth: F8
    altitude: F8

    @classmethod
    def of(cls, time: npt.ArrayLike, azimuth: Any, altitude: Any) -> Self:
        """Check a log.

        Parameters
        ----------
        time : array_like of int, shape (n,)
            In ns TAI.
        azimuth, altitude : Quantity, shape (n,)
            Angles, with units.

        Raises
        ------
        CorruptedInput
            Times go backwards (``time-backwards``), or one time has two directions (``repeated-time``); the
            same line twice is one line.
        MissingInput
            The log is empty (``no-lines``).
        """
        t = np.asarray(time, np.int64)
        a, e = radians(azimuth, "azimuth"), altitudes(altitude)
        if t.size == 0:
            raise MissingInput(
                "The drive's log is empty.", mend="give the log of this night", code="no-lines"
            )
        step = np.diff(t)
        if (back := np.flatnonzero(step < 0)).size:
            raise CorruptedInput(
                "The drive's log goes back in time.",
                where=f"line {back[0] + 2}",
                expected="ascending times",
                got=f"{-int(step[back[0]])} ns before the line above",
                mend="sort the log, or look at the clock of the drive",
                code="time-backwards",
            )
        turned = np.angle(np.exp(1j * np.diff(a)))
        again = step == 0
        two = np.flatnonzero(again & ((np.abs(turned) > _SAME) | (np.abs(np.diff(e)) > _SAME)))
        if two.size:
            raise CorruptedInput(
                "The drive's log has two directions for one time.",
                where=f"lines {two[0] + 1} and {two[0] + 2}",
                expected="one direction for each time",
                mend="drop the line that is wrong",
                code="repeated-time",
            )
        kept = np.concatenate([[True], ~again])
        return cls(t[kept], np.unwrap(a[kept]), e[kept])

    def at(self, time: npt.ArrayLike, longest_gap: u.Quantity = 5.0 * u.s) -> tuple[u.Quantity, u.Quantity]:
        """Return azimuth and altitude at some moments, linear between the lines.

        Parameters
        ----------
        time : array_like of int, shape (m,)
            In ns TAI.
        longest_gap : Quantity
            Time between two lines over which the track is still believed.

        Returns
        -------
        tuple of Quantity, shape (m,)
            Azimuth from 0 to 360 deg, and altitude, in deg.

        Raises
        ------
        MissingInput
            A moment is outside the log, or in a gap (``not-tracked``).
        """
        t = np.atleast_1d(np.asarray(time, np.int64))
        outside, gap = self.lost(t, longest_gap)
        if (outside | (gap > 0)).any():
            first = int(np.flatnonzero(outside | (gap > 0))[0])
            raise MissingInput(
                f"The drive's log does not tell where the telescope looked at {(outside | (gap > 0)).sum()} "
                "moments.",
                where=f"{int(t[first])} ns TAI",
                expected=f"lines at most {longest_gap} apart",
                got="before the first or after the last line"
                if outside[first]
                else f"a gap of {gap[first]} ns",
                mend="give the whole log, leave these moments out, or allow longer gaps",
                code="not-tracked",
            )
        azimuth = np.degrees(self.between(t, self.azimuth)) % 360.0
        return azimuth * u.deg, np.degrees(self.between(t, self.altitude)) * u.deg

    def lost(self, time: I8, longest_gap: u.Quantity) -> tuple[npt.NDArray[np.bool_], I8]:
        """Return at which moments nobody knows where the telescope looked.

        Parameters
        ----------
        time : ndarray of int64, shape (m,)
            In ns TAI.
        longest_gap : Quantity
            As for `at`.

        Returns
        -------
        tuple of ndarray, shape (m,)
            Whether a moment is before the first or after the last line; and the length of the gap that it
            lies in, in ns, 0 where in none.
        """
        after = np.clip(np.searchsorted(self.time, time, side="left"), 1, max(1, self.time.size - 1))
        gap = np.diff(self.time)[after - 1] if self.time.size > 1 else np.zeros(time.shape, np.int64)
        outside = (time < self.time[0]) | (time > self.time[-1])
        in_gap = (gap > longest_gap.to_value(u.ns)) & ~np.isin(time, self.time) & ~outside
        return outside, np.where(in_gap, gap, 0)

    def between(self, time: I8, values: F8) -> F8:
        """Interpolate what is known at the lines, shape (n,), to moments of shape (m,), in its own unit."""
        # relative times, since ns since 1970 do not fit a double
        x, known = (time - self.time[0]).astype(np.float64), (self.time - self.time[0]).astype(np.float64)
        return np.asarray(np.interp(x, known, values))

    def corrections(self, model: BendingFit) -> CorrectionTable:
        """Return the correction at every line; azimuth corrections grow as 1 / cos E towards the zenith."""
        altitude, azimuth = self.altitude * u.rad, self.azimuth * u.rad
        across, upward = model.offset(altitude, azimuth)
        across_error, upward_error = model.offset_error(altitude, azimuth)
        stretch = 1.0 / np.maximum(np.cos(self.altitude), 1e-6)
        return CorrectionTable(self.time, across * stretch, upward, across_error * stretch, upward_error)

    def corrected(self, table: CorrectionTable) -> Self:
        """Return the track with the corrections of a table of the same times added.

        Raises
        ------
        CorruptedInput
            The table has other times (``other-times``).
        """
        if not np.array_equal(self.time, table.time):
            raise CorruptedInput(
                "The correction table belongs to another log.",
                expected=f"the {self.time.size} times of the log",
                got=f"{table.time.size} times",
                mend="make the table from this log",
                code="other-times",
            )
        azimuth = self.azimuth + table.azimuth.to_value(u.rad)
        return type(self)(self.time, azimuth, self.altitude + table.altitude.to_value(u.rad))
