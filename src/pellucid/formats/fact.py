# SPDX-License-Identifier: BSD-3-Clause
"""Raw runs of the FACT camera: 1440 pixels, DRS4 readout, with the cells' offsets in the same file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.formats.fact_zfits import FactTable
from pellucid.times import from_unix_utc, to_tai_ns

__all__ = ["FactRun", "read_fact_run"]

_NEEDED = ("NPIX", "NROI", "NCELLS", "NIGHT", "RUNID", "REFCLK")


@dataclass(frozen=True, eq=False)
class FactRun:
    """A raw run.

    Attributes
    ----------
    waveforms : ndarray of int16, shape (n_events, n_pixels, n_samples)
        Samples in ADC counts, the offsets of their cells taken off.
    first_cell : ndarray of int16, shape (n_events, n_pixels)
        Cell of the first sample, 0 to 1023; no unit.
    offsets : ndarray of int16, shape (n_pixels, n_cells)
        What the data-taking program took off each cell, in ADC counts.
    time : ndarray of int64, shape (n_events,)
        Of the triggers, in ns TAI.
    event_number, trigger_type : ndarray of int64, shape (n_events,)
        As the instrument counts and names them; no unit.
    night, run : int
        Night (YYYYMMDD) and number of the run in it.
    sampling_rate : float
        In GHz.
    """

    waveforms: npt.NDArray[np.int16]
    first_cell: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int16]
    time: npt.NDArray[np.int64]
    event_number: npt.NDArray[np.int64]
    trigger_type: npt.NDArray[np.int64]
    night: int
    run: int
    sampling_rate: float

    @property
    def raw(self) -> npt.NDArray[np.int32]:
        """Samples as the chips gave them, offsets put back; (n_events, n_pixels, n_samples), ADC counts."""
        n_samples, n_cells = self.waveforms.shape[2], self.offsets.shape[1]
        cells = (self.first_cell[:, :, None].astype(np.int64) + np.arange(n_samples)) % n_cells
        pixels = np.arange(self.offsets.shape[0])[:, None]
        return np.asarray(self.waveforms + self.offsets[pixels, cells].astype(np.int32))


def read_fact_run(path: Path) -> FactRun:
    """Read a raw run of FACT (``.fits.fz``).

    Raises
    ------
    MissingInput
        No such file.
    CorruptedInput
        The file is damaged, is no raw run (``not-fact``), or names a cell that the chips do not have
        (``first-cell``).
    """
    events = FactTable(path, "Events")
    header = events.header
    if missing := [key for key in _NEEDED if key not in header]:
        raise CorruptedInput(
            "The file is no raw run of FACT.",
            where=f"{path}, table 'Events'",
            expected=f"header keys {', '.join(_NEEDED)}",
            got=f"no {', '.join(missing)}",
            mend="name a raw data file of FACT",
            code="not-fact",
        )
    n_pixels, n_samples, n_cells = (int(header[key]) for key in ("NPIX", "NROI", "NCELLS"))
    first = events.read("StartCellData").astype(np.int16)
    if first.min() < 0 or first.max() >= n_cells:
        row, pixel = np.argwhere((first < 0) | (first >= n_cells))[0]
        raise CorruptedInput(
            "The first sample comes from a cell that the chip does not have.",
            where=f"{path}, row {row + 1}, pixel {pixel}",
            expected=f"0 to {n_cells - 1}",
            got=str(first[row, pixel]),
            mend="leave this run out, and look at the readout board of the pixel",
            code="first-cell",
        )
    offsets = FactTable(path, "ZDrsCellOffsets").read("OffsetCalibration")
    seconds, microseconds = events.read("UnixTimeUTC").astype(np.int64).T
    return FactRun(
        waveforms=events.read("Data").astype(np.int16).reshape(-1, n_pixels, n_samples),
        first_cell=first,
        offsets=offsets.astype(np.int16).reshape(n_pixels, n_cells),
        time=to_tai_ns(from_unix_utc(seconds, microseconds * 1000)),
        event_number=events.read("EventNum").astype(np.int64).ravel(),
        trigger_type=events.read("TriggerType").astype(np.int64).ravel(),
        night=int(header["NIGHT"]),
        run=int(header["RUNID"]),
        sampling_rate=float(header["REFCLK"]) / 1000.0,
    )
