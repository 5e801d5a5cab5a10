# SPDX-License-Identifier: BSD-3-Clause
"""Where a telescope looked at a moment: the drive's track, corrected, with what is the matter with it."""

from dataclasses import dataclass
from enum import IntFlag

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.pointing.track import CorrectionTable, Track

__all__ = ["LookStatus", "Looking", "Pointing"]

type F8 = npt.NDArray[np.float64]


class LookStatus(IntFlag):
    """What is the matter with a direction; 0 is nothing."""

    GOOD = 0
    OUTSIDE = 1
    """The drive's log does not cover the moment."""
    GAP = 2
    """It lies in a gap of the log."""
    NOT_TRACKING = 4
    """The drive was slewing, parked or at fault."""
    UNCORRECTED = 8
    """No model of the mount's bending was in force: this is what the encoders read."""

    @classmethod
    def unknown(cls) -> "LookStatus":
        """Return the codes of which one means that there is no direction."""
        return cls.OUTSIDE | cls.GAP


@dataclass(frozen=True, eq=False)
class Looking:
    """Directions at some moments.

    Attributes
    ----------
    azimuth, altitude : Quantity, shape (m,)
        In deg, azimuth from 0 to 360, from north over east; NaN where the status has OUTSIDE or GAP.
    azimuth_error, altitude_error : Quantity, shape (m,)
        Standard errors of the correction, in arcsec; NaN where it is not known, or UNCORRECTED.
    status : ndarray of uint8, shape (m,)
        Codes of `LookStatus`.
    """

    azimuth: u.Quantity
    altitude: u.Quantity
    azimuth_error: u.Quantity
    altitude_error: u.Quantity
    status: npt.NDArray[np.uint8]

    @property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """Whether there is a direction, shape (m,); a mask without unit."""
        return np.asarray((self.status & LookStatus.unknown()) == 0)


@dataclass(frozen=True, eq=False)
class Pointing:
    """What a telescope's drive did over some time, and what has to be added to it.

    Attributes
    ----------
    track : Track
        As the encoders read it.
    deviation : ndarray of float64, shape (n,)
        Distance on the sky of what the encoders read from what was asked for, in arcsec.
    tracking : ndarray of bool, shape (n,)
        Whether the drive followed the sky, line by line.
    longest_gap : Quantity
        Time between two lines over which the track is still believed.
    correction : CorrectionTable or None
        Of the same lines; None where no model was in force.
    """

    track: Track
    deviation: F8
    tracking: npt.NDArray[np.bool_]
    longest_gap: u.Quantity
    correction: CorrectionTable | None = None

    def __post_init__(self) -> None:
        n = self.track.time.size
        if self.deviation.shape != (n,) or self.tracking.shape != (n,):
            raise CorruptedInput(
                "A track and what is known of its lines do not belong together.",
                expected=f"{n} lines",
                got=f"{self.deviation.size} deviations, {self.tracking.size} states",
                code="other-times",
            )

    @property
    def looked(self) -> Track:
        """Where the telescope looked, line by line: the track with its correction."""
        return self.track if self.correction is None else self.track.corrected(self.correction)

    @property
    def gaps(self) -> int:
        """Number of gaps in the log."""
        return int((np.diff(self.track.time) > self.longest_gap.to_value(u.ns)).sum())

    def at(self, time: npt.ArrayLike) -> Looking:
        """Return where the telescope looked, linear between the lines; nothing is bridged or made up.

        Parameters
        ----------
        time : array_like of int, shape (m,)
            In ns TAI.
        """
        t = np.atleast_1d(np.asarray(time, np.int64))
        outside, gap = self.track.lost(t, self.longest_gap)
        lost = outside | (gap > 0)
        # between a line that tracks and one that does not, the drive does something else already
        tracks = self.track.between(t, self.tracking.astype(np.float64)) == 1.0
        status = np.where(outside, LookStatus.OUTSIDE, 0) | np.where(gap > 0, LookStatus.GAP, 0)
        status |= np.where(~tracks & ~lost, LookStatus.NOT_TRACKING, 0)
        looked, table = self.looked, self.correction
        errors = np.full((2, t.size), np.nan)
        if table is None:
            status |= np.where(lost, 0, LookStatus.UNCORRECTED)
        else:
            for axis, error in enumerate((table.azimuth_error, table.altitude_error)):
                errors[axis] = np.where(lost, np.nan, self.track.between(t, error.to_value(u.arcsec)))
        azimuth = np.degrees(looked.between(t, looked.azimuth)) % 360.0
        altitude = np.degrees(looked.between(t, looked.altitude))
        return Looking(
            np.where(lost, np.nan, azimuth) * u.deg,
            np.where(lost, np.nan, altitude) * u.deg,
            errors[0] * u.arcsec,
            errors[1] * u.arcsec,
            status.astype(np.uint8),
        )
