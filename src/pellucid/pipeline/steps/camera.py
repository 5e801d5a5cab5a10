# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of cameras: a telescope's calibration events to coefficients."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.pipeline.step import Step

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.camera.coefficients import CameraCalibration
    from pellucid.formats.zfits import ZfitsSource

__all__ = ["STEPS", "make_coefficients"]

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
)
"""``camera-coefficients``: calibration of a telescope.

Excess is F^2 of the photomultipliers; width and shift (samples) place the charge window around the
flashes' peak: it must hold the whole pulse of every pixel.
"""
