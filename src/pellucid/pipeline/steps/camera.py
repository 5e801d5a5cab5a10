# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of cameras: a telescope's calibration events to coefficients, once a run or in chunks of time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.errors import CorruptedInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np

    from pellucid.camera.calibration_events import CalibrationEvents
    from pellucid.camera.calibrator import CalibrationOptions
    from pellucid.camera.coefficients import CameraCalibration
    from pellucid.formats.zfits import ZfitsSource

__all__ = ["STEPS", "make_coefficients", "make_series", "make_spe_gains"]

_ALL_TIME = (0, 2**63 - 1)


def make_coefficients(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make the calibration of one telescope from its interleaved pedestals and flashes.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file of the telescope; ``description``: description of the array.
    """
    from pellucid.formats.camera_calibration import write_calibration

    with _source(inputs) as source:
        (calibration,) = _calibrate(source, [_ALL_TIME], parameters)
        assert calibration is not None
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
    from pellucid.formats.ctapipe_hdf5.monitoring import write_monitoring

    with _source(inputs) as source:
        times = _flash_times(source)
        breaks, off = _epochs(inputs.get("slow_control", ()), source, parameters)
        size, shift = int(parameters["chunk_flashes"]), int(parameters["shift_flashes"])
        if size:
            spans = in_epochs(times, breaks, lambda part: by_count(len(part), size, shift))
        else:
            seconds, step = float(parameters["chunk_seconds"]), float(parameters["shift_seconds"])
            length, gap = round(1e9 * seconds), round(1e9 * step)
            spans = in_epochs(times, breaks, lambda part: by_time(part, length, gap))
        made = _calibrate(source, spans or [_ALL_TIME], parameters, breaks, off)
        series = [c for c in made if c is not None]
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
    readings: "Sequence[Path]", source: "ZfitsSource", parameters: Parameters
) -> "tuple[np.ndarray, np.ndarray | None]":
    """When epochs begin, told or read from the slow control, and the pixels whose voltage was off."""
    import numpy as np

    from pellucid.formats.slow_control import read_slow_control

    told = np.array(parameters["breaks"], np.int64)
    if not readings:
        return told, None
    (telescope,) = source.subarray.telescopes.values()
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
    found = control.breaks(float(parameters["voltage_step"]), float(parameters["temperature_step"]))
    return np.unique(np.concatenate([told, found])), control.off()


def make_spe_gains(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the gains of one telescope's pixels from single photo-electrons.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file with dim flashes; ``description``: description of the array; ``dark``: files with
        events without light, optional, which may be in the first file too.
    """
    from itertools import chain

    import numpy as np

    from pellucid.camera.spe.gains import SpeOptions, calibrate_single_photoelectrons
    from pellucid.formats.spe_gains import write_spe_gains

    with _source(inputs) as source:
        (telescope,) = source.subarray.telescopes.values()
        sources = [source, *(_source({**inputs, "events": path}) for path in inputs.get("dark", ()))]
        sources.sort(key=lambda s: next((int(e.time[0]) for e in _events(s)), 0))
        made = calibrate_single_photoelectrons(
            telescope, lambda: chain.from_iterable(map(_events, sources)), SpeOptions(**parameters)
        )
        write_spe_gains(output, made, provenance, source.obs_id)
        fit, good = made.fit, made.fit.usable
        summary: Summary = {
            "obs_id": source.obs_id,
            "telescopes": source.subarray.tel_ids,
            "time_start": made.start,
            "time_stop": made.stop,
            "flashes": int(fit.n.max()),
            "dark_pedestals": made.n_dark,
            "pixels_with_gain": int(good.sum()),
        }
    if good.any():
        medians = {"gain": fit.gain, "gain_error": fit.gain_error, "light": fit.light, "excess": fit.excess}
        summary |= {f"median_{name}": float(np.median(values[good])) for name, values in medians.items()}
    return summary


def _calibrate(
    source: "ZfitsSource",
    spans: list[tuple[int, int]],
    parameters: Parameters,
    breaks: "np.ndarray | None" = None,
    off: "np.ndarray | None" = None,
) -> "list[CameraCalibration | None]":
    from pellucid.camera.calibrator import calibrate_spans

    (telescope,) = source.subarray.telescopes.values()
    return calibrate_spans(
        telescope, lambda: _events(source), spans, _options(parameters), breaks=breaks, off=off
    )


def _options(parameters: Parameters) -> "CalibrationOptions":
    from pellucid.camera.calibrator import CalibrationOptions

    return CalibrationOptions(**{name: parameters[name] for name in _OPTIONS})


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


def _source(inputs: Files) -> "ZfitsSource":
    from pellucid.formats.zfits import RunFiles, ZfitsSource

    return ZfitsSource(RunFiles((inputs["events"],), inputs["description"]))


def _events(source: "ZfitsSource") -> "Iterator[CalibrationEvents]":
    """Yield the calibration events of a source with one telescope, in batches of one kind."""
    import numpy as np

    from pellucid.camera.calibration_events import CalibrationEvents
    from pellucid.times import to_tai_ns

    for chunk in source.chunks():
        times = to_tai_ns(chunk.events.time)
        for batch in chunk.cameras:
            kinds = chunk.events.event_type[batch.event_row]
            for kind in np.unique(kinds[kinds < 16]).tolist():
                rows = np.flatnonzero(kinds == kind)
                used = [chunk.coefficients[i] for i in np.unique(batch.coefficients[rows])]
                for applied in sorted({c.applied for c in used}):
                    mine = [i for i, c in enumerate(chunk.coefficients) if c.applied == applied]
                    some = rows[np.isin(batch.coefficients[rows], mine)]
                    missing = [c.unusable for c in used if c.applied == applied]
                    yield CalibrationEvents(
                        kind=int(kind),
                        time=times[batch.event_row[some]],
                        adc=batch.adc[some],
                        missing=np.logical_or.reduce(missing),
                        applied=applied,
                    )


def _flash_times(source: "ZfitsSource") -> "np.ndarray":
    import numpy as np

    from pellucid.events.batch import EventType

    found = [e.time for e in _events(source) if e.kind == EventType.FLATFIELD]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


_EVENTS = {"events": "DL0/Event/Telescope/Observation", "description": "DL0/Service/Subarray/Description"}

# the defaults of `CalibrationOptions`, written out because their module brings numba; a test compares
_OPTIONS: dict[str, JSON] = {
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
}

# the defaults of `SpeOptions`, written out for the same reason
_SPE_OPTIONS: dict[str, JSON] = {
    "sensor": "photomultiplier",
    "share": True,
    "proportion_error": 0.0,
    "interpolation_error": 0.0,
    "width": 18,
    "shift": 8,
    "min_flashes": 1000,
    "min_dark": 500,
    "least_p_value": 1e-4,
    "precision": 0.0,
}

STEPS = (
    Step(
        name="camera-coefficients",
        version="2",
        function="pellucid.pipeline.steps.camera:make_coefficients",
        inputs=_EVENTS,
        output="DL1/Monitoring/Telescope/CameraCalibration",
        suffix=".calibration.h5",
        valid="night",
        parameters=_OPTIONS,
    ),
    Step(
        name="r1-coefficients",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.camera:make_coefficients",
        inputs={**_EVENTS, "events": "R1/Event/Telescope/Observation"},
        output="DL1/Monitoring/Telescope/CameraCalibration",
        suffix=".calibration.h5",
        valid="night",
        parameters={**_OPTIONS, "full_scale": 33000},
    ),
    Step(
        name="camera-series",
        alternative=True,
        version="2",
        function="pellucid.pipeline.steps.camera:make_series",
        inputs={
            **_EVENTS,
            "slow_control": Input(
                "DL0/Monitoring/Telescope/CameraSlowControl", many=True, required=False, window="10 min"
            ),
        },
        output="DL1/Monitoring/Telescope/CameraCalibrationSeries",
        suffix=".monitoring.h5",
        parameters={
            **_OPTIONS,
            "chunk_flashes": 2500,
            "shift_flashes": 0,
            "chunk_seconds": 0.0,
            "shift_seconds": 0.0,
            "breaks": [],
            "voltage_step": 0.005,
            "temperature_step": 2.0,
        },
    ),
    Step(
        name="camera-spe",
        version="1",
        function="pellucid.pipeline.steps.camera:make_spe_gains",
        inputs={
            **_EVENTS,
            "events": "DL0/Event/Telescope/SinglePhotoElectron",
            "dark": Input("DL0/Event/Telescope/Pedestal", many=True, required=False, window="1 h"),
        },
        output="DL1/Monitoring/Telescope/SinglePhotoElectronGain",
        suffix=".spe.h5",
        parameters=_SPE_OPTIONS,
        cost=60.0,
    ),
)
"""``camera-coefficients``: calibration of a telescope from one run; ``r1-coefficients``: from events that
``drs4-r1`` corrected; ``camera-series``: in chunks of a run.

The parameters are those of `CalibrationOptions`, in stored counts: of corrected events there are 8 for each
ADC count, above 4096, so that a converter of 12 bits is full from 33000 on. A series is cut by number of
flashes, or, where that is 0, by seconds; breaks are times of steps of the high voltage, in ns TAI, beside
those that readings of the slow control show: of the voltage relative to its median, and of the temperature
in K. ``camera-spe``: gains from dim flashes, whose parameters are those of `SpeOptions`.
"""
