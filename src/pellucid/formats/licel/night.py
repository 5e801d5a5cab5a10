# SPDX-License-Identifier: BSD-3-Clause
"""The files of a night stacked to cubes, one a channel; bad files are put aside with their reasons."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import InsufficientStatistics, PellucidError
from pellucid.formats.licel.file import LicelFile, read_licel
from pellucid.formats.licel.header import LicelDataset

__all__ = ["LicelNight", "Rejected", "read_night"]


@dataclass(frozen=True)
class Rejected:
    """A file that was left out, and why."""

    path: Path
    reason: PellucidError


@dataclass(frozen=True, eq=False)
class LicelNight:
    """Recordings of one LIDAR with one set of channels, in order of time.

    Attributes
    ----------
    files : tuple of LicelFile
        Headers and times; n of them.
    datasets : tuple of LicelDataset
        The active channels, as the first file describes them.
    raw : tuple of ndarray of int32, each of shape (n, n_bins)
        Sums over shots of each channel, in ADC counts or counts.
    shots : ndarray of int64, shape (n, n_channels)
        Number of laser shots.
    rejected : tuple of Rejected
        Files that were left out.
    """

    files: tuple[LicelFile, ...]
    datasets: tuple[LicelDataset, ...]
    raw: tuple[npt.NDArray[np.int32], ...]
    shots: npt.NDArray[np.int64]
    rejected: tuple[Rejected, ...]

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """Start and stop of each recording, ns TAI, shape (n, 2)."""
        return np.array([(f.start, f.stop) for f in self.files], np.int64)


def read_night(paths: Iterable[Path], time_zone: tzinfo = UTC) -> LicelNight:
    """Read files and stack those that are whole and of one layout.

    The layout is the first good file's: wavelength, mode, polarisation, number and width of bins,
    range and device of every channel. Other files are put aside (``licel-other-layout``).

    Raises
    ------
    InsufficientStatistics
        No file is good (``licel-empty-night``); the first reason is told.
    """
    files: list[LicelFile] = []
    rejected: list[Rejected] = []
    for path in paths:
        try:
            file = read_licel(path, time_zone)
            if files:
                _same_layout(files[0], file, str(path))
            files.append(file)
        except PellucidError as error:
            rejected.append(Rejected(path, error))
    if not files:
        raise InsufficientStatistics(
            "No file of this night can be used.",
            where=f"{len(rejected)} files",
            got=str(rejected[0].reason.what) if rejected else "no files",
            mend="look at the reasons: read one of them alone",
            code="licel-empty-night",
        )
    files.sort(key=lambda f: f.start)
    channels = range(len(files[0].raw))
    return LicelNight(
        files=tuple(files),
        datasets=files[0].header.active,
        raw=tuple(np.stack([f.raw[c] for f in files]) for c in channels),
        shots=np.array([[d.shots for d in f.header.active] for f in files], np.int64),
        rejected=tuple(rejected),
    )


def _same_layout(first: LicelFile, file: LicelFile, where: str) -> None:
    layouts = [[replace(d, shots=0, high_voltage=0) for d in f.header.active] for f in (first, file)]
    if layouts[0] != layouts[1]:
        raise PellucidError(
            "The channels are not those of the night's first file.",
            where=where,
            expected=", ".join(d.device for d in layouts[0]),
            got=", ".join(d.device for d in layouts[1]),
            mend="treat the files as two nights",
            code="licel-other-layout",
        )
