# SPDX-License-Identifier: BSD-3-Clause
"""What ctapipe makes of our coefficients of a camera: it looks them up by time and applies them itself."""

import warnings
from pathlib import Path

import numpy as np

from pellucid.events import CameraBatch, EventChunk, Extractor, ProcessOptions
from pellucid.events.process import Processor
from pellucid.formats.ctapipe_hdf5.monitoring import read_monitoring
from pellucid.formats.zfits import RunFiles, ZfitsSource
from pellucid.pipeline.steps import step_named
from pellucid.simulate.run import SimulatedRun
from pellucid.times import to_tai_ns


def make_series(run: SimulatedRun, output: Path) -> Path:
    """Make the monitoring file of a run, in two chunks."""
    step = step_named("camera-series")
    inputs = {"events": run.telescopes[1], "description": run.description}
    choices = {"chunk_flashes": 120, "min_pedestals": 20, "min_flashes": 50}
    summary = step.run(inputs, output, step.complete(choices), {"product": "test"})
    assert summary["chunks"] == 2
    return output


def largest_difference(run: SimulatedRun, made: Path) -> tuple[int, float]:
    """Return the events compared, and the largest difference of a charge over 1 + the charge, in p.e."""
    from ctapipe.io import HDF5MonitoringSource

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        monitoring = HDF5MonitoringSource(input_files=[made])
    assert monitoring.has_camera_coefficients
    series = read_monitoring(made, 1)
    subarray = source_of(run).subarray
    # not at the neighbours' peak: ctapipe sums their raw samples, ours are photo-electrons by then
    process = Processor(subarray, ProcessOptions(Extractor(kind="local-peak")))
    compared, largest = 0, 0.0
    for chunk in source_of(run).chunks():
        batch = chunk.cameras[0]
        times = to_tai_ns(chunk.events.time)[batch.event_row]
        for row in np.flatnonzero(chunk.events.event_type[batch.event_row] > 15).tolist():
            # ctapipe takes the chunk that began last, ours is asked for the very same
            k = max(0, int(np.searchsorted(series.factor.start, times[row], side="right")) - 1)
            middle = int(series.factor.start[k] + (series.factor.stop[k] - series.factor.start[k]) // 2)
            used = series.at(middle, hold=0).coefficients
            one = EventChunk(chunk.obs_id, chunk.events, chunk.triggers, [single(batch, row)], [used])
            ours = process(one)[0]
            theirs = ctapipe_image(monitoring, chunk, row, ours.gain_channel[0])
            off = np.abs(ours.image[0, 0] - theirs) / (1.0 + np.abs(theirs))
            compared, largest = compared + 1, max(largest, float(off.max()))
    return compared, largest


def source_of(run: SimulatedRun) -> ZfitsSource:
    return ZfitsSource(RunFiles((run.telescopes[1],), run.description))


def ctapipe_image(monitoring, chunk: EventChunk, row: int, channel: np.ndarray) -> np.ndarray:
    """Let ctapipe make the image of one event, of the chosen gain channels."""
    import astropy.units as u
    from astropy.time import Time
    from ctapipe.calib import CameraCalibrator
    from ctapipe.containers import ArrayEventContainer, DL0CameraContainer
    from ctapipe.image import LocalPeakWindowSum

    subarray = monitoring.subarray
    extractor = LocalPeakWindowSum(subarray, window_width=7, window_shift=3)
    event = ArrayEventContainer()
    ns = int(to_tai_ns(chunk.events.time)[chunk.cameras[0].event_row[row]])
    event.trigger.time = Time(ns / 1e9 * u.s, format="unix_tai", scale="tai")
    monitoring.fill_monitoring_container(event)
    adc = chunk.cameras[0].adc[row]
    chosen = adc[channel, np.arange(adc.shape[1])][None].astype(np.float32)
    event.dl0.tel[1] = DL0CameraContainer(waveform=chosen, selected_gain_channel=channel.astype(np.int8))
    CameraCalibrator(subarray, image_extractor=extractor)(event)
    return event.dl1.tel[1].image


def single(batch: CameraBatch, row: int) -> CameraBatch:
    return CameraBatch(
        kind=batch.kind,
        event_row=batch.event_row[row : row + 1],
        tel_id=batch.tel_id[row : row + 1],
        adc=batch.adc[row : row + 1],
        coefficients=np.zeros(1, np.int64),
        azimuth=batch.azimuth[row : row + 1],
        altitude=batch.altitude[row : row + 1],
    )
