# SPDX-License-Identifier: BSD-3-Clause
"""The night of a simulated Raman LIDAR, written to a folder: Licel files and the profile of the air."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from pellucid.archive.files import Progress
from pellucid.atmosphere.molecular import standard_air
from pellucid.errors import UsageError
from pellucid.formats.air_profile import write_air_profile
from pellucid.formats.licel import write_licel
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel

__all__ = ["simulate_lidar_night"]


def simulate_lidar_night(
    output: Path,
    *,
    seed: int,
    files: int,
    aerosol: float,
    cloud: float,
    zenith: str,
    start: datetime,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a night, and return the paths of what was written.

    The ground layer grows by a fifth in the course of the night; the cloud, 1 km thick, sinks by 500 m.

    Parameters
    ----------
    output : Path
        Folder, made where it is missing.
    seed : int
        Everything follows from it.
    files : int
        Number of files, one minute each.
    aerosol, cloud : float
        Optical depths at 355 nm of the ground layer and of the cloud.
    zenith : str
        Zenith angles in deg with commas between them; files take them in turn.
    start : datetime
        Begin, UTC.
    progress : callable, optional
        Called with (done, total, unit).

    Raises
    ------
    UsageError
        No files, or angles that are none.
    """
    try:
        angles = [float(part) for part in zenith.split(",")]
    except ValueError:
        angles = []
    if not angles or not all(0.0 <= a < 89.0 for a in angles) or files < 1:
        raise UsageError(
            "This is no night of a LIDAR.",
            expected="one file or more, and zenith angles from 0 to below 89 deg",
            got=f"{files} files at {zenith} deg",
            mend="write angles as in --zenith 0,30,60",
        )
    output.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    paths = []
    for i in range(files):
        part = i / max(files - 1, 1)
        layers = [Layer(0.0, 1500.0, aerosol * (1.0 + 0.2 * part))]
        if cloud > 0.0:
            base = 9000.0 - 500.0 * part
            layers.append(Layer(base, base + 1000.0, cloud, lidar_ratio=25.0, angstrom=0.0))
        sky = Sky(tuple(layers))
        begin = start + timedelta(minutes=i)
        (made,) = simulate_licel(sky, CTA, random, zenith=angles[i % len(angles)], start=begin)
        path = output / made.header.name
        write_licel(path, made)
        paths.append(path)
        if progress is not None:
            progress(i + 1, files, "files")
    air = output / "air.ecsv"
    write_air_profile(air, standard_air(np.arange(2000.0, 32000.0, 250.0)), start.isoformat())
    return [*paths, air]
