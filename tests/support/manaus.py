# SPDX-License-Identifier: BSD-3-Clause
"""The real night of Manaus: files, twin channels, and the air of its radiosonde."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.molecular import Air
from pellucid.formats.licel import LicelNight, read_night

SITE_ALTITUDE = 100.0


def night(folder: Path) -> LicelNight:
    found = read_night(sorted(folder.glob("RM*")))
    assert len(found.files) == 60
    return found


def air(folder: Path, distance: npt.NDArray[np.float64]) -> Air:
    table = np.loadtxt(folder / "sonde_data.txt", skiprows=1, delimiter=",", usecols=(0, 1, 2))
    return Air(table[:, 2], table[:, 0] * 100.0, table[:, 1]).at(distance + SITE_ALTITUDE)


def twins(data: LicelNight, wavelength: int) -> tuple[npt.NDArray[np.float64], ...]:
    """Mean analog signals in mV, counted rates in MHz, shots, of one wavelength."""
    analog, photon = (data.files[0].index(wavelength, p) for p in (False, True))
    return (
        np.stack([f.physical(analog) for f in data.files]),
        np.stack([f.physical(photon) for f in data.files]),
        data.shots[:, photon],
    )
