# SPDX-License-Identifier: BSD-3-Clause
"""From a chunk of waveforms to images and parameters, row by row, on as many threads as wanted."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.events.batch import CameraBatch, Coefficients, EventChunk, EventType
from pellucid.events.images import PARAMETERS, TRUE_PARAMETERS, CameraImages
from pellucid.events.kernels.chain import (
    FIXED_WINDOW,
    LOCAL_PEAK,
    NEIGHBOR_PEAK,
    extract_rows,
    parameter_rows,
)
from pellucid.events.kernels.cleaning import fill_image
from pellucid.events.kernels.parameters import N_COUNTS, N_VALUES
from pellucid.events.kernels.timing import seeds_of
from pellucid.events.options import ProcessOptions
from pellucid.events.pulse import integration_correction
from pellucid.instrument import CameraGeometry, Subarray

__all__ = ["Processor"]

type _F4 = npt.NDArray[np.float32]
type _U1 = npt.NDArray[np.uint8]

_METHODS = {"neighbor-peak": NEIGHBOR_PEAK, "local-peak": LOCAL_PEAK, "fixed-window": FIXED_WINDOW}
# fewer rows are not worth handing to another thread
_ROWS_PER_TASK = 8


@dataclass(frozen=True, eq=False)
class _Camera:
    """What the kernels need of one camera geometry and the telescopes that carry it."""

    indptr: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    border: npt.NDArray[np.bool_]
    frame_of: dict[int, int]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    area: npt.NDArray[np.float64]
    width: npt.NDArray[np.float64]


class Processor:
    """Turn chunks of waveforms into images and parameters.

    Rows are independent of each other: the result is the same to the bit for any division into chunks,
    any order of rows and any number of threads.

    Parameters
    ----------
    subarray : Subarray
        Telescopes of the chunks.
    options : ProcessOptions
        Choices of the user.
    executor : Executor, optional
        Threads to share the rows of a batch among; without it all work is done in place.
    n_threads : int
        How many threads the executor has.
    """

    def __init__(
        self,
        subarray: Subarray,
        options: ProcessOptions,
        executor: Executor | None = None,
        n_threads: int = 1,
    ) -> None:
        self._subarray = subarray
        self._options = options
        self._executor = executor
        self._n_threads = n_threads
        self._cameras: dict[str, _Camera] = {}
        extractor = options.extractor
        self._corrections = {
            tel_id: integration_correction(telescope.readout, extractor.width, extractor.shift)
            if extractor.correction
            else np.ones(telescope.readout.n_channels)
            for tel_id, telescope in subarray.telescopes.items()
        }

    def __call__(self, chunk: EventChunk) -> list[CameraImages]:
        """Process a chunk.

        Parameters
        ----------
        chunk : EventChunk
            Waveforms.

        Returns
        -------
        list of CameraImages
            One per batch of the chunk, rows as in the batch.
        """
        return [self._process(chunk, batch) for batch in chunk.cameras]

    def _process(self, chunk: EventChunk, batch: CameraBatch) -> CameraImages:
        kinds = chunk.events.event_type[batch.event_row]
        all_selected = self._options.gain_selection == "all"
        selected = (kinds > EventType.OTHER_CALIBRATION) | all_selected
        camera = self._camera(batch.kind.geometry)
        image, peak_time, filled, channel = self._extract(chunk, batch, selected, camera)
        seeds = np.empty(len(batch.tel_id), np.uint64)
        seeds_of(chunk.obs_id, chunk.events.event_id[batch.event_row], batch.tel_id, seeds)
        charge, time = np.ascontiguousarray(image[:, 0]), np.ascontiguousarray(peak_time[:, 0])
        mask, parameters = self._parameters(batch, camera, selected, charge, time, seeds)
        return CameraImages(
            batch=batch,
            selected=selected,
            image=image,
            peak_time=peak_time,
            filled=filled,
            gain_channel=channel,
            image_mask=mask,
            parameters=parameters,
            true_parameters=self._true_parameters(batch, camera, selected, seeds),
        )

    def _extract(
        self, chunk: EventChunk, batch: CameraBatch, selected: npt.NDArray[np.bool_], camera: _Camera
    ) -> tuple[_F4, _F4, _U1, npt.NDArray[np.int8]]:
        n_rows, n_channels, n_pixels, n_samples = batch.adc.shape
        stored = 1 if selected.all() else n_channels
        image = np.zeros((n_rows, stored, n_pixels), np.float32)
        peak_time = np.zeros((n_rows, stored, n_pixels), np.float32)
        filled = np.zeros((n_rows, stored, n_pixels), np.uint8)
        channel = np.empty((n_rows, n_pixels), np.int8)
        used, use = np.unique(batch.coefficients, return_inverse=True)
        sets = [chunk.coefficients[i] for i in used]
        if n_samples == 1:
            for row in range(n_rows):
                given = batch.adc[row, :, :, 0], sets[use[row]], selected[row], camera
                self._sums(*given, image[row], filled[row], channel[row])
            return image, peak_time, filled, channel
        extractor = self._options.extractor
        arguments = (
            batch.adc,
            selected,
            use.astype(np.int64),
            np.stack([c.pedestal for c in sets]),
            np.stack([c.factor for c in sets]),
            np.stack([c.time_shift for c in sets]),
            np.stack([c.unusable for c in sets]),
            np.stack([self._corrections[c.tel_id] for c in sets]),
            np.array([self._subarray.telescopes[c.tel_id].readout.sampling_rate for c in sets]),
            camera.indptr,
            camera.indices,
            _METHODS[extractor.kind],
            extractor.width,
            extractor.shift,
            extractor.peak,
            extractor.local_weight,
            self._options.gain_threshold,
            camera.weight,
            self._options.fill_rings,
            image,
            peak_time,
            filled,
            channel,
        )
        self._share(n_rows, extract_rows, arguments)
        return image, peak_time, filled, channel

    def _sums(
        self,
        adc: npt.NDArray[Any],
        values: Coefficients,
        selected: bool,
        camera: _Camera,
        image: _F4,
        filled: _U1,
        channel: npt.NDArray[np.int8],
    ) -> None:
        """Cameras that deliver sums instead of samples have their charge ready, and no times."""
        charge = (adc.astype(np.float64) - values.pedestal) * values.factor
        if selected:
            two_gains = adc.shape[0] > 1
            channel[:] = (adc[0] > self._options.gain_threshold) & two_gains
            pixels = np.arange(adc.shape[1])
            image[0] = charge[channel, pixels]
            bad = values.unusable[channel, pixels][np.newaxis]
        else:
            channel[:] = -1
            image[...] = charge
            bad = values.unusable
        for one, unusable, ring in zip(image, bad, filled):
            rings = self._options.fill_rings
            fill_image(one, camera.indptr, camera.indices, camera.weight, unusable, rings, ring)

    def _parameters(
        self,
        batch: CameraBatch,
        camera: _Camera,
        selected: npt.NDArray[np.bool_],
        image: npt.NDArray[np.float32],
        peak_time: npt.NDArray[np.float32],
        seeds: npt.NDArray[np.uint64],
        *,
        simulated: bool = False,
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.void]]:
        n_rows, n_pixels = image.shape
        mask = np.empty((n_rows, n_pixels), np.bool_)
        values = np.empty((n_rows, N_VALUES))
        counts = np.empty((n_rows, N_COUNTS), np.int32)
        cleaning = self._options.cleaning
        arguments = (
            selected,
            image,
            peak_time,
            not simulated and batch.kind.n_samples > 1,
            not simulated,
            np.float32(cleaning.picture),
            np.float32(cleaning.boundary),
            cleaning.min_picture_neighbors,
            cleaning.keep_isolated,
            np.array([camera.frame_of[int(t)] for t in batch.tel_id], np.int64),
            camera.lon,
            camera.lat,
            camera.area,
            camera.width,
            camera.border,
            camera.indptr,
            camera.indices,
            seeds,
            mask,
            values,
            counts,
        )
        self._share(n_rows, parameter_rows, arguments)
        return mask, _as_records(values, counts)

    def _true_parameters(
        self,
        batch: CameraBatch,
        camera: _Camera,
        selected: npt.NDArray[np.bool_],
        seeds: npt.NDArray[np.uint64],
    ) -> npt.NDArray[np.void] | None:
        if batch.true_image is None:
            return None
        image = batch.true_image.astype(np.float32)
        _, records = self._parameters(
            batch, camera, selected, image, np.zeros_like(image), seeds, simulated=True
        )
        true = np.empty(len(records), TRUE_PARAMETERS)
        for name in TRUE_PARAMETERS.names or ():
            true[name] = records[name.removeprefix("true_")]
        return true

    def _share(self, n_rows: int, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if self._executor is None or n_rows <= _ROWS_PER_TASK:
            function(0, n_rows, *arguments)
            return
        n_tasks = min(self._n_threads, -(-n_rows // _ROWS_PER_TASK))
        edges = np.linspace(0, n_rows, n_tasks + 1).astype(int)
        tasks = [
            self._executor.submit(function, int(first), int(last), *arguments)
            for first, last in pairwise(edges)
        ]
        for task in tasks:
            task.result()

    def _camera(self, geometry: CameraGeometry) -> _Camera:
        known = self._cameras.get(geometry.fingerprint)
        if known is not None:
            return known
        carriers = {
            tel_id: telescope
            for tel_id, telescope in self._subarray.telescopes.items()
            if telescope.geometry.fingerprint == geometry.fingerprint
        }
        frames = [
            geometry.telescope_frame(telescope.optics.focal_length(self._options.focal_length))
            for telescope in carriers.values()
        ]
        indptr, indices = geometry.neighbors
        camera = _Camera(
            indptr=indptr,
            indices=indices,
            weight=1.0 / geometry.neighbor_distance,
            border=np.stack([geometry.border(1), geometry.border(2)]),
            frame_of={tel_id: i for i, tel_id in enumerate(carriers)},
            lon=np.stack([f.fov_lon for f in frames]),
            lat=np.stack([f.fov_lat for f in frames]),
            area=np.stack([f.pix_area for f in frames]),
            width=np.stack([f.pix_width for f in frames]),
        )
        self._cameras[geometry.fingerprint] = camera
        return camera


def _as_records(values: npt.NDArray[np.float64], counts: npt.NDArray[np.int32]) -> npt.NDArray[np.void]:
    """Columns of numbers to named parameters; both kernels' columns are in the order of `PARAMETERS`."""
    records = np.empty(len(values), PARAMETERS)
    names = PARAMETERS.names or ()
    of_values = [name for name in names if PARAMETERS[name] == np.float64]
    of_counts = [name for name in names if PARAMETERS[name] == np.int32]
    for column, name in enumerate(of_values):
        records[name] = values[:, column]
    for column, name in enumerate(of_counts):
        records[name] = counts[:, column]
    return records
