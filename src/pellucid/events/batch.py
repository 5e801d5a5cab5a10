# SPDX-License-Identifier: BSD-3-Clause
"""Columnar batches of events: what every event format yields and every event algorithm takes.

A chunk holds consecutive array events as columns. The camera data of a chunk are grouped by camera
kind (geometry, gain channels, samples); rows carry the telescope and the row of their array event,
and an index into the calibration coefficients, which belong to a telescope, never to a camera name.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from pellucid.instrument import CameraGeometry

__all__ = [
    "CHIPS_CORRECTED",
    "ArrayEvents",
    "CameraBatch",
    "CameraKind",
    "Coefficients",
    "EventChunk",
    "EventType",
    "Showers",
    "TelescopeTriggers",
]

type F4 = npt.NDArray[np.float32]
type F8 = npt.NDArray[np.float64]
type I2 = npt.NDArray[np.int16]
type I4 = npt.NDArray[np.int32]
type I8 = npt.NDArray[np.int64]
type U1 = npt.NDArray[np.uint8]
type U2 = npt.NDArray[np.uint16]
type U4 = npt.NDArray[np.uint32]
type Bools = npt.NDArray[np.bool_]


class EventType(IntEnum):
    """Kind of an event, as coded in CTAO's R1 and DL0 data model."""

    FLATFIELD = 0
    SINGLE_PE = 1
    PEDESTAL = 2
    DARK_PEDESTAL = 3
    ELECTRONIC_PEDESTAL = 4
    SKY_PEDESTAL = 5
    OTHER_CALIBRATION = 15
    MUON = 16
    HARDWARE_STEREO = 17
    RANDOM_MONO = 18
    DAQ = 24
    SUBARRAY = 32
    LONG_EVENT = 33
    UNKNOWN = 255

    @property
    def is_calibration(self) -> bool:
        """Whether the event was taken to calibrate a camera (codes 0 to 15)."""
        return self < 16


CHIPS_CORRECTED = -1
"""State of samples corrected for their chips, beside the numbers of calibrations in the camera."""


@dataclass(frozen=True, eq=False)
class ArrayEvents:
    """Array events, one row each.

    Attributes
    ----------
    event_id : ndarray of int64, shape (n,)
        Identifier in the observation.
    event_type : ndarray of uint8, shape (n,)
        Codes of `EventType`.
    time : ndarray of uint32, shape (n, 2)
        Time of the array trigger: s and quarter ns since 1970-01-01T00:00:00 TAI.
    """

    event_id: I8
    event_type: U1
    time: U4


@dataclass(frozen=True, eq=False)
class TelescopeTriggers:
    """Telescopes that triggered, one row per telescope and array event, ordered by both.

    Attributes
    ----------
    event_row : ndarray of int64, shape (m,)
        Row of the array event in the chunk.
    tel_id : ndarray of int16, shape (m,)
        Telescope.
    time : ndarray of uint32, shape (m, 2)
        Time of the telescope's trigger: s and quarter ns since 1970-01-01T00:00:00 TAI.
    event_type : ndarray of uint8, shape (m,)
        Codes of `EventType`, as the telescope saw it.
    n_trigger_pixels : ndarray of int32, shape (m,)
        Number of pixels above the trigger's threshold; -1 where the input does not say.
    """

    event_row: I8
    tel_id: I2
    time: U4
    event_type: U1
    n_trigger_pixels: I4


@dataclass(frozen=True, eq=False)
class Showers:
    """Simulated truth of array events, one row each (calibration events have none).

    Attributes
    ----------
    event_row : ndarray of int64, shape (k,)
        Row of the array event in the chunk.
    energy : ndarray of float64, shape (k,)
        In TeV.
    alt, az : ndarray of float64, shape (k,)
        Direction, in deg.
    core_x, core_y : ndarray of float64, shape (k,)
        Core on the ground, in m.
    h_first_int : ndarray of float64, shape (k,)
        Height of the first interaction, in m.
    x_max, starting_grammage : ndarray of float64, shape (k,)
        In g/cm2; NaN where the input does not say.
    primary_id : ndarray of int32, shape (k,)
        Shower primary, 0 is a gamma ray.
    impact_distance : ndarray of float64, shape (k, n_telescopes)
        Distance of each telescope (ascending identifier) from the shower axis, in m.
    """

    event_row: I8
    energy: F8
    alt: F8
    az: F8
    core_x: F8
    core_y: F8
    h_first_int: F8
    x_max: F8
    starting_grammage: F8
    primary_id: I4
    impact_distance: F8


@dataclass(frozen=True, eq=False)
class CameraKind:
    """What the rows of a batch have in common.

    Attributes
    ----------
    geometry : CameraGeometry
        Pixels of the camera.
    n_channels, n_samples : int
        Gain channels and samples of a waveform.
    """

    geometry: CameraGeometry
    n_channels: int
    n_samples: int

    @property
    def key(self) -> tuple[str, int, int]:
        """Hashable identity: equal for equal cameras."""
        return (self.geometry.fingerprint, self.n_channels, self.n_samples)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Calibration coefficients of one telescope that turn ADC counts into photo-electrons and ns.

    Attributes
    ----------
    tel_id : int
        Telescope they belong to.
    pedestal : ndarray of float32, shape (n_channels, n_pixels)
        Baseline per sample, in ADC counts.
    factor : ndarray of float32, shape (n_channels, n_pixels)
        Photo-electrons per ADC count and sample.
    time_shift : ndarray of float32, shape (n_channels, n_pixels)
        Subtracted from the peak time, in ns.
    unusable : ndarray of bool, shape (n_channels, n_pixels)
        Pixels that carry no signal; they are filled from their neighbours.
    applied : int
        Number of the calibration that the camera had applied to the samples already; 0 for raw samples,
        `CHIPS_CORRECTED` for those of which Pellucid took off what their chips add.
    light_scale, light_scale_error : float
        Light of the telescope over the reference by which the factor is divided, with its error; 1 and 0
        where no throughput was corrected.
    """

    tel_id: int
    pedestal: F4
    factor: F4
    time_shift: F4
    unusable: Bools
    applied: int = 0
    light_scale: float = 1.0
    light_scale_error: float = 0.0


@dataclass(frozen=True, eq=False)
class CameraBatch:
    """Waveforms of one kind of camera, one row per telescope and array event.

    Attributes
    ----------
    kind : CameraKind
        Camera that all rows share.
    event_row : ndarray of int64, shape (m,)
        Row of the array event in the chunk.
    tel_id : ndarray of int16, shape (m,)
        Telescope.
    adc : ndarray of uint16, shape (m, n_channels, n_pixels, n_samples)
        Raw samples, in ADC counts.
    coefficients : ndarray of int64, shape (m,)
        Row in the chunk's list of `Coefficients`.
    azimuth, altitude : ndarray of float64, shape (m,)
        Where the telescope looked, in deg; NaN where the input does not say.
    true_image : ndarray of int32, shape (m, n_pixels), or None
        Simulated photo-electrons; -1 in rows that lack them; None where the input never has them.
    true_image_sum : ndarray of int64, shape (m,), or None
        Simulated photo-electrons in the whole camera; -1 where not known.
    pointing_status : ndarray of uint8, shape (m,), or None
        Codes of `pellucid.pointing.looking.LookStatus`; None where no drive told the pointing.
    """

    kind: CameraKind
    event_row: I8
    tel_id: I2
    adc: U2
    coefficients: I8
    azimuth: F8
    altitude: F8
    true_image: I4 | None = None
    true_image_sum: I8 | None = None
    pointing_status: U1 | None = None


@dataclass(frozen=True, eq=False)
class EventChunk:
    """Consecutive array events of one observation.

    Attributes
    ----------
    obs_id : int
        Observation.
    events : ArrayEvents
        The array events, shape (n,).
    triggers : TelescopeTriggers
        Telescopes that triggered.
    cameras : list of CameraBatch
        Waveforms, one batch per kind of camera.
    coefficients : list of Coefficients
        What the batches' ``coefficients`` columns point to.
    showers : Showers or None
        Simulated truth; None for real data.
    """

    obs_id: int
    events: ArrayEvents
    triggers: TelescopeTriggers
    cameras: list[CameraBatch]
    coefficients: list[Coefficients] = field(repr=False)
    showers: Showers | None = None
