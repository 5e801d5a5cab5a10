# SPDX-License-Identifier: BSD-3-Clause
"""Calibrations of a camera in chunks of time, and the coefficients for any moment between them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.badpixels import FATAL
from pellucid.camera.coefficients import CameraCalibration
from pellucid.camera.estimate import Estimate
from pellucid.camera.intime import Moment, TimeSeries
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.events.batch import Coefficients

__all__ = ["CalibrationSeries", "InForce", "SeriesInSteps"]

type I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class InForce:
    """Coefficients in force at a moment.

    Attributes
    ----------
    coefficients : Coefficients
        To be applied.
    factor_error : ndarray of float64, shape (n_channels, n_pixels)
        Error of the factor, in photo-electrons per ADC count and sample.
    status : ndarray of uint8, shape (n_channels, n_pixels)
        Codes of `Moment`, of the three coefficients together; what is expired or missing is unusable.
    """

    coefficients: Coefficients
    factor_error: npt.NDArray[np.float64]
    status: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class CalibrationSeries:
    """Coefficients of one camera in chunks of time.

    Attributes
    ----------
    tel_id : int
        Telescope.
    camera : str
        Fingerprint of the camera's geometry.
    applied : int
        Number of the calibration that the camera had applied to the samples already; 0 for raw samples.
    pedestal, factor, time_shift : TimeSeries
        As in `Coefficients`, with errors.
    reasons : ndarray of uint16, shape (n, n_channels, n_pixels)
        Codes of `Reason` in each chunk.
    """

    tel_id: int
    camera: str
    applied: int
    pedestal: TimeSeries
    factor: TimeSeries
    time_shift: TimeSeries
    reasons: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, calibrations: list[CameraCalibration], breaks: I8 | None = None) -> "CalibrationSeries":
        """Make a series of calibrations of one camera, in the order of their times.

        Raises
        ------
        MissingInput
            There is none (``no-calibration``).
        CorruptedInput
            They are not of one camera (``other-camera``), or times go backwards (``time-backwards``).
        """
        if not calibrations:
            raise MissingInput(
                "There is no calibration to make a series of.",
                expected="one at least",
                code="no-calibration",
            )
        kinds = {(c.tel_id, c.camera, c.applied) for c in calibrations}
        if len(kinds) > 1:
            raise CorruptedInput(
                "The calibrations are not of one camera.",
                expected="one telescope, one camera, samples in one state",
                got=", ".join(f"telescope {t}, camera {c[:12]}, state {a}" for t, c, a in sorted(kinds)),
                mend="give calibrations of one telescope",
                code="other-camera",
            )
        reasons = np.stack([c.reasons for c in calibrations])
        start = np.array([c.start for c in calibrations], np.int64)
        stop = np.array([c.stop for c in calibrations], np.int64)
        good = (reasons & np.uint16(FATAL)) == 0

        def series(estimates: list[Estimate]) -> TimeSeries:
            value, error = (np.stack([getattr(e, part) for e in estimates]) for part in ("value", "error"))
            return TimeSeries.of(start, stop, value, error, good, breaks)

        (kind,) = kinds
        return cls(
            *kind,
            series([c.pedestal.baseline for c in calibrations]),
            series([c.factor for c in calibrations]),
            series([c.time_offset for c in calibrations]),
            reasons,
        )

    def at(self, time: int, hold: int, jump: float = 5.0) -> InForce:
        """Return the coefficients for a moment.

        Parameters
        ----------
        time : int
            In ns TAI.
        hold : int
            How long coefficients hold outside their chunks, in ns.
        jump : float
            Errors by which chunks must differ to be a jump.
        """
        pedestal, factor, shift = (
            s.at(time, hold, jump) for s in (self.pedestal, self.factor, self.time_shift)
        )
        status = pedestal.status | factor.status | shift.status
        unusable = (status & np.uint8(Moment.EXPIRED | Moment.MISSING)) != 0

        def filled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
            return np.where(unusable, 0.0, values).astype(np.float32)

        coefficients = Coefficients(
            tel_id=self.tel_id,
            pedestal=filled(pedestal.value),
            factor=filled(factor.value),
            time_shift=filled(shift.value),
            unusable=unusable,
            applied=self.applied,
        )
        return InForce(coefficients, factor.error, status)


@dataclass(frozen=True, eq=False)
class SeriesInSteps:
    """A series asked for at the middles of equal steps of time, so that events of a step share coefficients.

    The steps begin at multiples of their length since 1970, whatever the events: the coefficients of an
    event depend on its time alone.

    Attributes
    ----------
    series : CalibrationSeries
        What is asked.
    step, hold : int
        Length of a step, and how long coefficients hold outside their chunks, in ns.
    """

    series: CalibrationSeries
    step: int
    hold: int

    def number(self, time: int) -> int:
        """Return the number of the step that a time (ns TAI) lies in."""
        return time // self.step

    def coefficients(self, number: int) -> Coefficients:
        """Return the coefficients of a step."""
        return self.series.at(number * self.step + self.step // 2, self.hold).coefficients
