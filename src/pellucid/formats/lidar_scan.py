# SPDX-License-Identifier: BSD-3-Clause
"""A LIDAR's scan, and the transmission of the air, as files: HDF5 with errors and the provenance inside."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.scan_fit import ScanFit
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_lidar_scan", "read_transmission", "write_lidar_scan", "write_transmission"]

type F8 = npt.NDArray[np.float64]

SCAN = ("pellucid lidar scan", 1)
TRANSMISSION = ("pellucid transmission", 1)

_UNITS = {
    "height": "m",
    "extinction": "1/m",
    "plain_height": "m",
    "zenith": "deg",
    "wavelength": "nm",
}


def write_lidar_scan(
    path: Path, scans: Mapping[int, ScanFit], provenance: Mapping[str, object], zenith: F8
) -> None:
    """Write scans by wavelength (nm), made at zenith angles in deg, shape (n,), with their provenance."""
    arrays: dict[str, npt.NDArray[np.generic]] = {"zenith": zenith}
    attributes: dict[str, object] = {}
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
        }
        arrays |= {f"nm{nm}/{name}": values for name, values in found.items()}
        probability = None if np.isnan(p.probability) else p.probability
        attributes[f"nm{nm}"] = {
            "unevenness": s.unevenness,
            "roughness": s.roughness,
            "chi2": s.chi2,
            "n": s.n,
            "has_prior": s.has_prior,
            "even_probability": probability,
        }
    write_contents(path, SCAN, Contents(arrays, _UNITS, attributes), provenance)


def read_lidar_scan(path: Path) -> Contents:
    """Read a scan: groups ``nm355``, ...: depth from the ground over height, the plain solution beside it.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    return read_contents(path, SCAN, "make it: step lidar-scan", code="bad-lidar-product")


def write_transmission(
    path: Path,
    arrays: Mapping[str, npt.NDArray[np.generic]],
    attributes: Mapping[str, object],
    provenance: Mapping[str, object],
) -> None:
    """Write a table of transmission: axes ``height``, ``wavelength``, ``zenith`` of shapes (m,), (k,), (z,).

    ``transmission`` and ``error`` have the shape (z, k, m). The covariance between heights is ``factors``
    (z, k, m, r) and ``diagonal`` (z, k, m): F F^T + diag(d). All but the axes, which are in m, nm and deg, is
    dimensionless. The attribute ``flags`` holds ``assumed-lidar-ratio`` where no Raman light was at hand.
    """
    write_contents(path, TRANSMISSION, Contents(dict(arrays), _UNITS, dict(attributes)), provenance)


def read_transmission(path: Path) -> Contents:
    """Read a table of transmission, as `write_transmission` describes it.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    return read_contents(path, TRANSMISSION, "make it: step lidar-transmission", code="bad-lidar-product")
