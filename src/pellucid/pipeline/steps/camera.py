# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of cameras: a telescope's calibration events to coefficients, once a run or in chunks of time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.errors import CorruptedInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np

    from pellucid.camera.brightness import FilterScan
    from pellucid.camera.calibrator import CalibrationOptions
    from pellucid.camera.coefficients import CameraCalibration
    from pellucid.camera.slow_control import SlowControl
    from pellucid.formats.calibration_events import CalibrationFiles
    from pellucid.instrument import Telescope

__all__ = [
    "EVENTS",
    "FLASHES",
    "OPTIONS",
    "PEDESTALS",
    "SLOW_CONTROL",
    "STEPS",
    "calibration_files",
    "calibration_options",
    "make_coefficients",
    "make_series",
    "slow_control",
]

_ALL_TIME = (0, 2**63 - 1)


def make_coefficients(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the calibration of one telescope from its pedestals and flashes.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file of the telescope, with flashes; ``pedestals``: files of pedestals, optional,
        which may be among the flashes too; ``description``: description of the array; ``scan``: product
        of ``filter-scan``, optional.
    """
    from pellucid.formats.camera_calibration import write_calibration

    with calibration_files(inputs, "events", *inputs.get("pedestals", ())) as files:
        (calibration,) = _calibrate(files, [_ALL_TIME], parameters, inputs)
        assert calibration is not None
        source = files.first
        write_calibration(output, calibration, provenance, source.obs_id)
        return {"obs_id": source.obs_id, "telescopes": source.subarray.tel_ids, **_summary([calibration])}


def make_series(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the calibration of one telescope in chunks of time, as a monitoring file of ctapipe's layout.

    Parameters
    ----------
    inputs : mapping of str to Path
        As in `make_coefficients`; ``slow_control``: readings of the camera's high voltage and temperature,
        optional, whose steps begin new epochs.
    parameters : mapping
        Those of ``camera-coefficients``, and how the run is cut.
    """
    from pellucid.camera.chunks import by_count, by_time, in_epochs
    from pellucid.events.batch import EventType
    from pellucid.formats.ctapipe_hdf5.monitoring import write_monitoring

    with calibration_files(inputs, "events", *inputs.get("pedestals", ())) as files:
        times = files.times(EventType.FLATFIELD)
        breaks, off = _epochs(inputs.get("slow_control", ()), files.telescope, parameters)
        size, shift = int(parameters["chunk_flashes"]), int(parameters["shift_flashes"])
        if size:
            spans = in_epochs(times, breaks, lambda part: by_count(len(part), size, shift))
        else:
            seconds, step = float(parameters["chunk_seconds"]), float(parameters["shift_seconds"])
            length, gap = round(1e9 * seconds), round(1e9 * step)
            spans = in_epochs(times, breaks, lambda part: by_time(part, length, gap))
        made = _calibrate(files, spans or [_ALL_TIME], parameters, inputs, breaks, off)
        series = [c for c in made if c is not None]
        source = files.first
        write_monitoring(output, source.subarray, source.run, series, breaks, provenance)
        return {
            "obs_id": source.obs_id,
            "telescopes": source.subarray.tel_ids,
            "chunks": len(series),
            "chunks_without_statistics": len(made) - len(series),
            "breaks": breaks.tolist(),
            **_summary(series),
        }


def _epochs(
    readings: "Sequence[Path]", telescope: "Telescope", parameters: Parameters
) -> "tuple[np.ndarray, np.ndarray | None]":
    """When epochs begin, told or read from the slow control, and the pixels whose voltage was off."""
    import numpy as np

    told = np.array(parameters["breaks"], np.int64)
    if (control := slow_control(readings, telescope)) is None:
        return told, None
    found = control.breaks(float(parameters["voltage_step"]), float(parameters["temperature_step"]))
    return np.unique(np.concatenate([told, found])), control.off()


def slow_control(readings: "Sequence[Path]", telescope: "Telescope") -> "SlowControl | None":
    """Read what the slow control of a telescope's camera says; None where there are no files."""
    from pellucid.formats.slow_control import read_slow_control

    if not readings:
        return None
    control = read_slow_control(readings, telescope.tel_id)
    if control.voltage.shape[1] != telescope.readout.n_pixels:
        raise CorruptedInput(
            "The readings of the slow control are those of another camera.",
            where=", ".join(map(str, readings)),
            expected=f"voltages of {telescope.readout.n_pixels} pixels",
            got=f"of {control.voltage.shape[1]}",
            mend="give the readings of the camera that took the data",
            code="other-camera",
        )
    return control


def calibration_files(inputs: Mapping[str, Any], role: str, *others: Path) -> "CalibrationFiles":
    """Open the file in a role, and others whose events belong to it."""
    from pellucid.formats.calibration_events import CalibrationFiles

    return CalibrationFiles([inputs[role], *others], inputs["description"])


def _calibrate(
    files: "CalibrationFiles",
    spans: list[tuple[int, int]],
    parameters: Parameters,
    inputs: Mapping[str, Any],
    breaks: "np.ndarray | None" = None,
    off: "np.ndarray | None" = None,
) -> "list[CameraCalibration | None]":
    from pellucid.camera.calibrator import calibrate_spans

    options, scan = calibration_options(parameters), _scan(inputs, files)
    return calibrate_spans(files.telescope, files.events, spans, options, breaks=breaks, off=off, scan=scan)


def _scan(inputs: Mapping[str, Any], files: "CalibrationFiles") -> "FilterScan | None":
    if "scan" not in inputs:
        return None
    from pellucid.formats.camera_calibration import check_camera
    from pellucid.formats.filter_scan import read_filter_scan

    found = read_filter_scan(inputs["scan"])
    check_camera(found, files.first.subarray, inputs["scan"])
    return found.scan


def calibration_options(parameters: Parameters) -> "CalibrationOptions":
    """Return the calibrator's options among a step's parameters."""
    from pellucid.camera.calibrator import CalibrationOptions

    return CalibrationOptions(**{name: parameters[name] for name in OPTIONS})


def _summary(series: "list[CameraCalibration]") -> Summary:
    import numpy as np

    last = series[-1]
    gain = last.gain.gain
    return {
        "time_start": min(c.start for c in series),
        "time_stop": max(c.stop for c in series),
        "pedestals": sum(c.pedestal.baseline.n for c in series),
        "flashes": sum(c.flatfield.charge.n for c in series),
        "median_gain": float(np.nanmedian(gain.value[0])),
        "median_gain_error": float(np.nanmedian(gain.error[0])),
        "bad_pixels": int(last.unusable.any(axis=0).sum()),
    }


EVENTS = {"events": "DL0/Event/Telescope/Observation", "description": "DL0/Service/Subarray/Description"}
"""Roles of a telescope's events, and of what describes it."""

# the defaults of `CalibrationOptions`, written out because their module brings numba; a test compares
OPTIONS: dict[str, JSON] = {
    "excess": 1.222,
    "excess_error": 0.0,
    "width": 18,
    "shift": 8,
    "searched_width": 7,
    "full_scale": 4095,
    "min_pedestals": 50,
    "min_flashes": 100,
    "precision": 0.0,
    "brightness": "mean",
    "illumination": False,
    "clip": 0.0,
    "pixels_per_module": 7,
    "low_gain_ratio": 0.0,
    "low_gain_ratio_error": 0.0,
}

FLASHES = "DL0/Event/Telescope/FlatField"
PEDESTALS = Input("DL0/Event/Telescope/Pedestal", many=True, required=False, window="1 h")
SLOW_CONTROL = Input("DL0/Monitoring/Telescope/CameraSlowControl", many=True, required=False, window="10 min")
"""What steps of special runs take too."""

_SCAN = "DL1/Monitoring/Telescope/FilterScan"

STEPS = (
    Step(
        name="camera-coefficients",
        version="2",
        function="pellucid.pipeline.steps.camera:make_coefficients",
        inputs=EVENTS,
        output="DL1/Monitoring/Telescope/CameraCalibration",
        suffix=".calibration.h5",
        valid="night",
        parameters=OPTIONS,
    ),
    Step(
        name="scanned-coefficients",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.camera:make_coefficients",
        inputs={**EVENTS, "scan": Input(_SCAN, validity=True)},
        output="DL1/Monitoring/Telescope/CameraCalibration",
        suffix=".calibration.h5",
        valid="night",
        parameters={**OPTIONS, "brightness": "scan"},
    ),
    Step(
        name="flasher-coefficients",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.camera:make_coefficients",
        inputs={
            **EVENTS,
            "events": FLASHES,
            "pedestals": PEDESTALS,
            "scan": Input(_SCAN, validity=True, required=False),
        },
        output="DL1/Monitoring/Telescope/CameraCalibration",
        suffix=".calibration.h5",
        valid="night",
        parameters=OPTIONS,
    ),
    Step(
        name="r1-coefficients",
        alternative=True,
        version="2",
        function="pellucid.pipeline.steps.camera:make_coefficients",
        inputs={**EVENTS, "events": "R1/Event/Telescope/Observation"},
        output="DL1/Monitoring/Telescope/CameraCalibration",
        suffix=".calibration.h5",
        valid="night",
        parameters={**OPTIONS, "full_scale": 33000},
    ),
    Step(
        name="camera-series",
        alternative=True,
        version="3",
        function="pellucid.pipeline.steps.camera:make_series",
        inputs={**EVENTS, "slow_control": SLOW_CONTROL},
        output="DL1/Monitoring/Telescope/CameraCalibrationSeries",
        suffix=".monitoring.h5",
        valid="cover",
        parameters={
            **OPTIONS,
            "chunk_flashes": 2500,
            "shift_flashes": 0,
            "chunk_seconds": 0.0,
            "shift_seconds": 0.0,
            "breaks": [],
            "voltage_step": 0.005,
            "temperature_step": 2.0,
        },
    ),
)
"""``camera-coefficients``: calibration of a telescope from one run; ``scanned-coefficients``: likewise, the
flashes' own fluctuation from the filter scan that is in force; ``flasher-coefficients``: from a run of
flashes and the pedestals of the hour around it, with a filter scan for ``brightness = "scan"``;
``r1-coefficients``: from events that ``drs4-r1`` corrected; ``camera-series``: in chunks of a run.

The parameters are those of `CalibrationOptions`, in stored counts: of corrected events there are 8 for each
ADC count, above 4096, so that a converter of 12 bits is full from 33000 on. A series is cut by number of
flashes, or, where that is 0, by seconds; breaks are times of steps of the high voltage, in ns TAI, beside
those that readings of the slow control show: of the voltage relative to its median, and of the temperature
in K.
"""
