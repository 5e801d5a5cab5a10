# SPDX-License-Identifier: BSD-3-Clause
"""Time walk and transit time of a camera's pixels from flashes of several intensities or voltages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.camera.calibration_events import CalibrationEvents, EventReader
from pellucid.camera.charge import window_charge, window_start
from pellucid.camera.choices import check_choices
from pellucid.camera.pedestal import Pedestal, PedestalAccumulator
from pellucid.camera.slow_control import SlowControl
from pellucid.camera.time_walk import TimeWalk, TimeWalkAccumulator
from pellucid.camera.timing import centres_of_gravity, from_camera
from pellucid.errors import ConfigurationError
from pellucid.events.batch import EventType
from pellucid.instrument import Telescope

__all__ = ["TimeWalkCalibration", "TimeWalkOptions", "calibrate_time_walk"]

_PEDESTALS = (EventType.SKY_PEDESTAL, EventType.PEDESTAL, EventType.DARK_PEDESTAL)


@dataclass(frozen=True)
class TimeWalkOptions:
    """What one can choose.

    Attributes
    ----------
    against : {"charge", "voltage"}
        What times depend on: the charge of the pulse (time walk), or the high voltage (transit time).
    reference : {"camera", "window"}
        What times are counted from: the median of the camera in the same flash, which leaves what a pixel has
        for itself, or the begin of the window, where the flasher triggers the read-out.
    width, shift : int
        Window, in samples, and its start before the flashes' peak.
    full_scale : int
        Highest count of the converter; pulses that reach it are left out.
    hold : float
        How long a reading of the voltage holds, in s.
    min_pedestals, min_flashes : int
        Events at least.
    """

    against: Literal["charge", "voltage"] = "charge"
    reference: Literal["camera", "window"] = "camera"
    width: int = 18
    shift: int = 8
    full_scale: int = 4095
    hold: float = 600.0
    min_pedestals: int = 50
    min_flashes: int = 100

    def __post_init__(self) -> None:
        check_choices(self)


@dataclass(frozen=True, eq=False)
class TimeWalkCalibration:
    """Time walk, or transit time, of one camera.

    Attributes
    ----------
    tel_id, camera, applied, start, stop
        As of `pellucid.camera.coefficients.CameraCalibration`.
    walk : TimeWalk
        Fit of every pixel: against charges in ADC counts times samples, or voltages in V.
    against, reference : str
        As of `TimeWalkOptions`.
    """

    tel_id: int
    camera: str
    applied: int
    start: int
    stop: int
    walk: TimeWalk
    against: str
    reference: str


def calibrate_time_walk(
    telescope: Telescope,
    events: Callable[[], Iterator[CalibrationEvents]],
    options: TimeWalkOptions | None = None,
    control: SlowControl | None = None,
) -> TimeWalkCalibration:
    """Fit t = t_0 + k / sqrt(q) of every pixel, q the charge of its pulses or its high voltage.

    Parameters
    ----------
    telescope, events
        As for `pellucid.camera.calibrator.calibrate_spans`; flashes of several intensities or voltages.
    options : TimeWalkOptions, optional
        How.
    control : SlowControl, optional
        Readings of the voltage.

    Raises
    ------
    MissingInput, InsufficientStatistics
        There is no pedestal or flash, or there are too few.
    CorruptedInput
        Times go backwards, events are of different kinds of camera or in different states.
    ConfigurationError
        The voltage is asked for, and there are no readings (``no-slow-control``).
    """
    chosen = options or TimeWalkOptions()
    if chosen.against == "voltage" and control is None:
        raise ConfigurationError(
            "The transit time is to be fitted against the high voltage, and there are no readings of it.",
            expected="readings of the slow control in the time of the flashes",
            mend="give them in the role slow_control, or fit against the charge",
            code="no-slow-control",
        )
    reader = EventReader(events, telescope)
    pedestal, start, first = _pedestal(reader, telescope, chosen)
    rate, last = telescope.readout.sampling_rate, first
    walk = TimeWalkAccumulator(*pedestal.baseline.value.shape)
    for batch in reader.all():
        if batch.kind == EventType.FLATFIELD:
            base = pedestal.baseline.value
            times = centres_of_gravity(batch.adc, base, start, chosen.width, rate)
            times[batch.adc.max(axis=3) >= chosen.full_scale] = np.nan
            charge = window_charge(batch.adc, start, chosen.width) - chosen.width * base
            if control is not None and chosen.against == "voltage":
                voltage = control.voltage_at(batch.time, round(1e9 * chosen.hold))
                charge = np.broadcast_to(voltage[:, None], charge.shape)
            walk.update(from_camera(times) if chosen.reference == "camera" else times, charge)
            last = int(batch.time[-1]) + 1
    return TimeWalkCalibration(
        tel_id=telescope.tel_id,
        camera=telescope.geometry.fingerprint,
        applied=reader.applied,
        start=first,
        stop=last,
        walk=walk.finish(chosen.min_flashes),
        against=chosen.against,
        reference=chosen.reference,
    )


def _pedestal(
    reader: EventReader, telescope: Telescope, options: TimeWalkOptions
) -> tuple[Pedestal, int, int]:
    """Return baselines, the first sample of the flashes' window, and the time of the first flash."""
    readout = telescope.readout
    gather = PedestalAccumulator(
        readout.n_channels, readout.n_pixels, options.width, min(7, readout.n_samples)
    )
    trace, first = np.zeros(readout.n_samples), 2**63 - 1
    for batch in reader.all():
        if batch.kind in _PEDESTALS:
            gather.update(batch.adc)
        elif batch.kind == EventType.FLATFIELD:
            trace += batch.adc[:, 0].sum(axis=(0, 1), dtype=np.float64)
            first = min(first, int(batch.time[0]))
    return gather.finish(options.min_pedestals), window_start(trace, options.width, options.shift), first
