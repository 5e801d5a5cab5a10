# SPDX-License-Identifier: BSD-3-Clause
"""A telescope's events corrected for their chips (R1), as one of the telescopes of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pellucid.camera.series import SeriesInSteps
from pellucid.events.batch import CHIPS_CORRECTED, Coefficients
from pellucid.formats.r1_events import read_r1_events, read_r1_header
from pellucid.formats.telescope_events import (
    RawTelescopeEvent,
    SampleMeaning,
    described_telescope,
    inconsistent,
)
from pellucid.instrument import Subarray

__all__ = ["R1TelescopeFile"]


class R1TelescopeFile:
    """A file of corrected events of one telescope, whose samples stay in stored counts.

    Parameters
    ----------
    path : Path
        The file.
    subarray : Subarray
        Description of the telescopes.
    calibration : mapping of int to Coefficients or SeriesInSteps
        Calibration by telescope, in stored counts, made of corrected events; the file's own scale, which
        gives ADC counts, where there are none.

    Attributes
    ----------
    path : Path
        The file.
    telescope : Telescope
        Whose events they are.
    obs_id, sb_id : int
        Observation, and scheduling block.
    n_events : int
        Number of events in the file.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_r1_events`, `described_telescope` and `SampleMeaning`.
    """

    def __init__(
        self, path: Path, subarray: Subarray, calibration: Mapping[int, Coefficients | SeriesInSteps]
    ) -> None:
        self.path = path
        header = read_r1_header(path)
        self.obs_id, self.sb_id, self.n_events = header.obs_id, header.sb_id, header.n_events
        n_channels, self._n_pixels, n_samples = header.shape
        self.telescope = described_telescope(path, subarray, header.tel_id, (n_channels, n_samples))
        if self._n_pixels != self.telescope.readout.n_pixels:
            raise inconsistent(
                path, f"{self.telescope.readout.n_pixels} pixels, as described", str(self._n_pixels)
            )
        self._meaning = SampleMeaning(
            path, self.telescope, calibration, header.scale, header.offset, CHIPS_CORRECTED
        )

    def events(self) -> Iterator[RawTelescopeEvent]:
        """Yield the events; their identifiers must ascend."""
        last = -1
        for batch in read_r1_events(self.path):
            for row, event_id in enumerate(batch.event_id.tolist()):
                if event_id <= last:
                    raise inconsistent(
                        self.path, "ascending event identifiers", f"{event_id} after {last}", event_id
                    )
                last = event_id
                time = int(batch.time[row])
                coefficients = self._meaning.at(time, CHIPS_CORRECTED, event_id)
                if batch.time_shift is not None:
                    shift = (coefficients.time_shift + batch.time_shift[row]).astype(np.float32)
                    coefficients = replace(coefficients, time_shift=shift)
                yield RawTelescopeEvent(
                    event_id=event_id,
                    tel_id=self.telescope.tel_id,
                    event_type=int(batch.kind[row]),
                    time=(time // 1_000_000_000, time % 1_000_000_000 * 4),
                    adc=batch.stored[row],
                    coefficients=coefficients,
                )
