# SPDX-License-Identifier: BSD-3-Clause
"""A LIDAR's scan as a file: HDF5 with errors and the provenance inside."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.scan_fit import ScanFit
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_lidar_scan", "write_lidar_scan"]

type F8 = npt.NDArray[np.float64]

SCAN = ("pellucid lidar scan", 2)

_UNITS = {
    "height": "m",
    "extinction": "1/m",
    "plain_height": "m",
    "roughness": "1/m",
    "zenith": "deg",
}


def write_lidar_scan(
    path: Path,
    scans: Mapping[int, ScanFit],
    provenance: Mapping[str, object],
    zenith: F8,
    time: tuple[int, int],
) -> None:
    """Write scans by wavelength (nm), made at zenith angles in deg, shape (n,), with their provenance.

    ``time`` is that of start and stop, ns TAI.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {"zenith": zenith}
    attributes: dict[str, object] = {"time_start": time[0], "time_stop": time[1]}
    for nm, s in sorted(scans.items()):
        p = s.plain
        found: dict[str, npt.NDArray[np.generic]] = {
            "height": s.height,
            "extinction": s.extinction,
            "depth": s.value,
            "depth_covariance": s.covariance,
            "plain_height": p.height,
            "plain_depth": p.value,
            "plain_error": p.error,
            "plain_chi2": p.chi2,
            "plain_n": p.n,
            "even_probability": np.full(1, p.probability),
        }
        arrays |= {f"nm{nm}/{name}": values for name, values in found.items()}
        attributes[f"nm{nm}"] = {
            "unevenness": s.unevenness,
            "roughness": s.roughness,
            "chi2": s.chi2,
            "n": s.n,
            "has_prior": s.has_prior,
            "ground": None if s.ground is None else asdict(s.ground),
        }
    write_contents(path, SCAN, Contents(arrays, _UNITS, attributes), provenance)


def read_lidar_scan(path: Path) -> Contents:
    """Read a scan: groups ``nm355``, ...: depth from the ground over height, the plain solution beside it.

    ``even_probability`` is the result of the test for even layers, NaN without one; the attribute ``ground``
    of a wavelength what a horizontal shot told.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    return read_contents(path, SCAN, "make it: step lidar-scan", code="bad-lidar-product")
