# SPDX-License-Identifier: BSD-3-Clause
"""What Pellucid makes of a sim_telarray file, by event and telescope."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.events import CameraImages, Extractor, ProcessOptions
from pellucid.events.process import Processor
from pellucid.formats.simtel import SimtelSource


@dataclass(frozen=True)
class TelescopeEvent:
    """One row of `CameraImages`."""

    images: CameraImages
    row: int
    focal_length: float

    @property
    def image(self) -> npt.NDArray[np.float32]:
        return self.images.image[self.row]

    @property
    def peak_time(self) -> npt.NDArray[np.float32]:
        return self.images.peak_time[self.row]

    def parameter(self, name: str) -> float:
        records = self.images.true_parameters if name.startswith("true_") else self.images.parameters
        assert records is not None
        return float(records[name][self.row])


def events(path: Path, extractor: Extractor | None = None) -> dict[tuple[int, int], TelescopeEvent]:
    """Return all telescope events of a file, with the nominal focal length."""
    options = ProcessOptions(extractor=extractor or Extractor(), focal_length="nominal")
    found = {}
    with SimtelSource(path) as source:
        process = Processor(source.subarray, options)
        for chunk in source.chunks(keep_partial=True):
            for images in process(chunk):
                for row, (event, tel) in enumerate(zip(images.batch.event_row, images.batch.tel_id)):
                    length = source.subarray.telescopes[int(tel)].optics.nominal_focal_length
                    key = int(chunk.events.event_id[event]), int(tel)
                    found[key] = TelescopeEvent(images, row, length)
    return found
