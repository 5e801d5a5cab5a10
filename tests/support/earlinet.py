# SPDX-License-Identifier: BSD-3-Clause
"""The Raman exercise of EARLINET: counts of 30 profiles, and what was put into them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import netcdf_file

from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.molecular import Air

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Exercise:
    """Signals by wavelength (nm), summed over the good profiles; truth by elastic wavelength."""

    signals: dict[int, Signal]
    profiles: dict[int, int]
    extinction: dict[int, F8]
    backscatter: dict[int, F8]
    air: Air
    range: F8


def load(folder: Path) -> Exercise:
    with netcdf_file(str(folder / "earlinet_data.nc"), mmap=False) as file:
        counts = np.array(file.variables["phy"][:], np.float64)
    with netcdf_file(str(folder / "earlinet_solution.nc"), mmap=False) as file:
        alpha = np.array(file.variables["extinction"][:], np.float64)
        beta = np.array(file.variables["backscatter"][:], np.float64)
    table = np.loadtxt(folder / "earlinet_pres_temp.txt", skiprows=1)
    air = Air(table[:, 1], table[:, 2] * 100.0, table[:, 3] + 273.15)
    signals, profiles = {}, {}
    for nm, cube in zip((355, 532, 1064, 387, 608), counts, strict=True):
        good = np.isfinite(cube).all(axis=1)
        each = photon_signal(cube[good], 1, 15.0, (25000.0, 30000.0))
        signals[nm], profiles[nm] = each.merged(), int(good.sum())
    distance = signals[355].range
    return Exercise(
        signals,
        profiles,
        dict(zip((355, 532, 1064), alpha, strict=True)),
        dict(zip((355, 532, 1064), beta, strict=True)),
        air.at(distance),
        distance,
    )
