# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of cameras: a telescope's calibration events to coefficients, and these to its images."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON
from pellucid.events.options import Cleaning, Extractor, ProcessOptions
from pellucid.pipeline.step import Step

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.camera.coefficients import CameraCalibration
    from pellucid.formats.zfits import ZfitsSource

__all__ = ["STEPS", "make_coefficients", "make_telescope_dl1"]

_PEAK_FLASHES = 20
"""Flashes that tell where the window lies: the first ones, however the file is cut into chunks."""


def make_coefficients(
    inputs: Mapping[str, Path],
    output: Path,
    parameters: Mapping[str, JSON],
    provenance: Mapping[str, JSON],
) -> dict[str, JSON]:
    """Make the calibration of one telescope from its interleaved pedestals and flashes.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file of the telescope; ``description``: description of the array.
    output : Path
        HDF5 file to write.
    parameters : mapping
        Those of `STEPS`.
    provenance : mapping
        Lineage, written into the product.

    Returns
    -------
    dict
        Numbers to search by.
    """
    import numpy as np

    from pellucid.formats.camera_calibration import write_calibration

    with _source(inputs) as source:
        calibration = calibrate(source, parameters)
        write_calibration(output, calibration, provenance, source.obs_id)
        gain = calibration.gain.gain
        return {
            "obs_id": source.obs_id,
            "telescopes": source.subarray.tel_ids,
            "pedestals": calibration.pedestal.baseline.n,
            "flashes": calibration.flatfield.charge.n,
            "median_gain": float(np.nanmedian(gain.value[0])),
            "median_gain_error": float(np.nanmedian(gain.error[0])),
            "bad_pixels": int(calibration.unusable.any(axis=0).sum()),
        }


def calibrate(source: "ZfitsSource", parameters: Mapping[str, Any]) -> "CameraCalibration":
    """Run the estimators over a source with one telescope, pedestals first, then flashes."""
    from pellucid.camera.badpixels import bad_pixels
    from pellucid.camera.coefficients import CameraCalibration, flat_factor
    from pellucid.camera.flatfield import FlatfieldAccumulator
    from pellucid.camera.gain import f_factor_gain
    from pellucid.camera.pedestal import PedestalAccumulator
    from pellucid.camera.timing import TimeOffsetAccumulator
    from pellucid.events.batch import EventType

    (tel_id,) = source.subarray.tel_ids
    readout = source.subarray.telescopes[tel_id].readout
    pedestals = PedestalAccumulator(readout.n_channels, readout.n_pixels, int(parameters["width"]))
    first: list[npt.NDArray[np.floating[Any]]] = []
    for kind, adc in _waveforms(source, EventType.SKY_PEDESTAL, EventType.PEDESTAL, EventType.FLATFIELD):
        if kind == EventType.FLATFIELD:
            first += [event[0].mean(axis=0) for event in adc[: max(0, _PEAK_FLASHES - len(first))]]
        else:
            pedestals.update(adc)
    pedestal = pedestals.finish(int(parameters["min_pedestals"]))
    start = _window_start(first, parameters, readout.n_samples)
    fields = FlatfieldAccumulator(pedestal, start)
    times = TimeOffsetAccumulator(pedestal, start, readout.sampling_rate)
    for _, adc in _waveforms(source, EventType.FLATFIELD):
        fields.update(adc)
        times.update(adc)
    flatfield = fields.finish(int(parameters["min_flashes"]))
    gain = f_factor_gain(flatfield, pedestal, float(parameters["excess"]), float(parameters["excess_error"]))
    offset = times.finish(int(parameters["min_flashes"]))
    return CameraCalibration(
        tel_id=tel_id,
        pedestal=pedestal,
        flatfield=flatfield,
        gain=gain,
        factor=flat_factor(flatfield, gain),
        time_offset=offset,
        reasons=bad_pixels(pedestal, flatfield, gain, offset),
    )


def _source(inputs: Mapping[str, Path], **choices: Any) -> "ZfitsSource":
    from pellucid.formats.zfits import RunFiles, ZfitsSource

    return ZfitsSource(RunFiles((inputs["events"],), inputs["description"]), **choices)


def _waveforms(source: "ZfitsSource", *kinds: int) -> "Iterator[tuple[int, npt.NDArray[np.uint16]]]":
    """Samples of the events of some kinds, in batches of shape (n, n_channels, n_pixels, n_samples)."""
    for chunk in source.chunks():
        for batch in chunk.cameras:
            types = chunk.events.event_type[batch.event_row]
            for kind in kinds:
                if (types == kind).any():
                    yield kind, batch.adc[types == kind]


def _window_start(
    first: "list[npt.NDArray[np.floating[Any]]]", parameters: Mapping[str, Any], n_samples: int
) -> int:
    import numpy as np

    peak = int(np.argmax(np.mean(first, axis=0))) if first else 0
    return int(np.clip(peak - int(parameters["shift"]), 0, max(0, n_samples - int(parameters["width"]))))


def make_telescope_dl1(
    inputs: Mapping[str, Path],
    output: Path,
    parameters: Mapping[str, JSON],
    provenance: Mapping[str, JSON],
    *,
    progress: Progress | None = None,
) -> dict[str, JSON]:
    """Make images and parameters of one telescope's DL0 file with a calibration.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file; ``description``: description of the array; ``calibration``: product of
        ``camera-coefficients``.
    output : Path
        HDF5 file to write, in ctapipe's data format.
    parameters : mapping
        Those of `STEPS`.
    provenance : mapping
        Lineage, written into the product.
    progress : callable, optional
        Called with events done and in all.

    Returns
    -------
    dict
        Numbers to search by.
    """
    from pellucid.events.process import Processor
    from pellucid.formats.camera_calibration import as_coefficients, read_calibration
    from pellucid.formats.ctapipe_hdf5 import DL1Writer
    from pellucid.times import to_tai_ns

    calibration = as_coefficients(read_calibration(inputs["calibration"]))
    options = _options(parameters)
    start, stop, n_events = None, 0, 0
    with (
        _source(inputs, calibration={calibration.tel_id: calibration}) as source,
        DL1Writer(
            output, source.subarray, source.run, provenance=provenance, focal_length=options.focal_length
        ) as writer,
    ):
        process = Processor(source.subarray, options)
        for chunk in source.chunks():
            writer.write(chunk, process(chunk))
            times = to_tai_ns(chunk.events.time)
            start = int(times.min()) if start is None else start
            stop = max(stop, int(times.max()) + 1)
            n_events += len(times)
            if progress is not None:
                progress(*source.position, "events")
        return {
            "obs_id": source.obs_id,
            "telescopes": source.subarray.tel_ids,
            "time_start": start,
            "time_stop": stop if start is not None else None,
            "telescope_events": n_events,
        }


def _options(parameters: Mapping[str, Any]) -> ProcessOptions:
    rest = {k: v for k, v in parameters.items() if k not in ("extractor", "cleaning")}
    extractor, cleaning = Extractor(**parameters["extractor"]), Cleaning(**parameters["cleaning"])
    return ProcessOptions(extractor=extractor, cleaning=cleaning, **rest)


_EVENTS = {"events": "DL0/Event/Telescope/Observation", "description": "DL0/Service/Subarray/Description"}

STEPS = (
    Step(
        name="camera-coefficients",
        version="1",
        function="pellucid.pipeline.steps.camera:make_coefficients",
        inputs=_EVENTS,
        output="DL1/Monitoring/Telescope/CameraCalibration",
        suffix=".calibration.h5",
        parameters={
            "excess": 1.222,
            "excess_error": 0.0,
            "width": 18,
            "shift": 8,
            "min_pedestals": 50,
            "min_flashes": 100,
        },
    ),
    Step(
        name="telescope-dl1",
        version="1",
        function="pellucid.pipeline.steps.camera:make_telescope_dl1",
        inputs={**_EVENTS, "calibration": "DL1/Monitoring/Telescope/CameraCalibration"},
        output="DL1/Event/Telescope/Observation",
        suffix=".dl1.h5",
        parameters=asdict(ProcessOptions()),
    ),
)
"""``camera-coefficients``: calibration of a telescope; ``telescope-dl1``: its images with them.

Excess is F^2 of the photomultipliers; width and shift (samples) place the charge window around the
flashes' peak: it must hold the whole pulse of every pixel.
"""
