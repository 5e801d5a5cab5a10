# SPDX-License-Identifier: BSD-3-Clause
"""What files of a telescope's events have in common: whose they are, and what their samples mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.camera.series import SeriesInSteps
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.events.batch import CHIPS_CORRECTED, Coefficients
from pellucid.instrument import Subarray, Telescope

__all__ = ["RawTelescopeEvent", "SampleMeaning", "described_telescope", "inconsistent"]


@dataclass(frozen=True, eq=False)
class RawTelescopeEvent:
    """One event of one telescope.

    Attributes
    ----------
    event_id, tel_id : int
        Identifiers.
    event_type : int
        Code of `EventType`.
    time : tuple of int
        Stamp: s and quarter ns since 1970-01-01T00:00:00 TAI.
    adc : ndarray of uint16, shape (n_channels, n_pixels, n_samples)
        Stored samples; pixels without data hold the value that means zero.
    coefficients : Coefficients
        What the samples mean.
    """

    event_id: int
    tel_id: int
    event_type: int
    time: tuple[int, int]
    adc: npt.NDArray[np.uint16]
    coefficients: Coefficients


class SampleMeaning:
    """The coefficients of one telescope's samples: those given for them, or what the file itself says.

    Without a calibration of ours, a stored sample s means s / scale - offset, so that the pedestal is
    offset * scale and the factor 1 / scale.

    Parameters
    ----------
    path : Path
        The file.
    telescope : Telescope
        Whose samples they are.
    calibration : mapping of int to Coefficients or SeriesInSteps
        Calibration by telescope, in stored counts; empty where the file's own numbers are wanted.
    scale, offset : float
        Of the file: stored counts for one unit, and units added.
    applied : int
        State of the file's samples, as in `Coefficients`, where all share one that is not raw.

    Raises
    ------
    MissingInput
        There are calibrations, but none of this telescope (``no-calibration``).
    CorruptedInput
        That of this telescope is of another camera (``inconsistent-events``).
    """

    def __init__(
        self,
        path: Path,
        telescope: Telescope,
        calibration: Mapping[int, Coefficients | SeriesInSteps],
        scale: float,
        offset: float,
        applied: int = 0,
    ) -> None:
        self._path = path
        self._given = bool(calibration)
        tel_id = telescope.tel_id
        given = calibration.get(tel_id)
        self._series = given if isinstance(given, SeriesInSteps) else None
        shape = telescope.readout.n_channels, telescope.readout.n_pixels
        self._step = 0
        if given is not None:
            self._base = given.coefficients(0) if isinstance(given, SeriesInSteps) else given
            if self._base.pedestal.shape != shape:
                raise inconsistent(
                    path, f"a calibration of shape {shape}", f"shape {self._base.pedestal.shape}"
                )
        elif calibration:
            raise MissingInput(
                f"There is no calibration of telescope {tel_id}.",
                where=str(path),
                expected=f"one of telescope {tel_id}",
                got=f"telescopes {sorted(calibration)}",
                mend="give the calibration of the telescope that took the data",
                code="no-calibration",
            )
        else:
            self._base = Coefficients(
                tel_id=tel_id,
                pedestal=np.full(shape, offset * scale, np.float32),
                factor=np.full(shape, 1.0 / scale, np.float32),
                time_shift=np.zeros(shape, np.float32),
                unusable=np.zeros(shape, np.bool_),
                applied=applied,
            )

    def at(self, time: int, applied: int, event_id: int) -> Coefficients:
        """Return the coefficients of an event, the same object as long as they do not change.

        Parameters
        ----------
        time : int
            In ns TAI.
        applied : int
            What was applied to the samples already, as in `Coefficients`.
        event_id : int
            For errors.

        Raises
        ------
        CorruptedInput
            The calibration was made from samples in another state (``already-calibrated``): it would
            correct twice, or not at all.
        """
        if self._given and applied != self._base.applied:
            raise CorruptedInput(
                "The calibration is not for samples in this state.",
                where=f"{self._path}, event {event_id}",
                expected=f"a calibration for {_state(applied)}",
                got=f"one for {_state(self._base.applied)}",
                mend="process what the camera calibrated without a calibration, or with one made of it",
                code="already-calibrated",
            )
        if self._series is not None:
            step = self._series.number(time)
            if step != self._step:
                self._step, self._base = step, self._series.coefficients(step)
        return self._base


def described_telescope(path: Path, subarray: Subarray, tel_id: int, got: tuple[int, int]) -> Telescope:
    """Return the telescope of a file, whose number of channels and samples ``got`` are as described.

    Raises
    ------
    MissingInput
        It is not in the description (``undescribed-telescope``).
    CorruptedInput
        Its readout is another one (``inconsistent-events``).
    """
    if tel_id not in subarray.telescopes:
        raise MissingInput(
            f"Telescope {tel_id} is not described.",
            where=str(path),
            expected=f"one of {subarray.tel_ids} of '{subarray.name}'",
            mend="give the description of the array that took the data",
            code="undescribed-telescope",
        )
    telescope = subarray.telescopes[tel_id]
    readout = telescope.readout
    if got != (readout.n_channels, readout.n_samples):
        expected = f"{readout.n_channels} channels of {readout.n_samples} samples, as described"
        raise inconsistent(path, expected, f"{got[0]} channels of {got[1]} samples")
    return telescope


def inconsistent(path: Path, expected: str, got: str, event_id: int | None = None) -> CorruptedInput:
    """Return the error of a file whose events cannot be (``inconsistent-events``)."""
    return CorruptedInput(
        "The telescope file contradicts itself or its description.",
        where=str(path) if event_id is None else f"{path}, event {event_id}",
        expected=expected,
        got=got,
        mend="deliver the file again; if it is right, correct the description of the array",
        code="inconsistent-events",
    )


def _state(applied: int) -> str:
    if applied == CHIPS_CORRECTED:
        return "samples corrected for their chips"
    return "raw samples" if applied == 0 else f"samples calibrated in the camera (number {applied})"
