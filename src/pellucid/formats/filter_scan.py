# SPDX-License-Identifier: BSD-3-Clause
"""A filter scan of a camera as a file: HDF5 with the fit of every pixel and what was fitted.

``slope`` and ``brightness`` (B^2) with ``_error`` and ``_status`` (codes of
`pellucid.camera.estimate.Status`), ``covariance``, ``chi_square``;
``charge`` and ``variance`` of each filter.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.camera.brightness import FilterScan
from pellucid.camera.estimate import Estimate
from pellucid.camera.filters import FilterCalibration
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_filter_scan", "write_filter_scan"]

KIND = ("pellucid filter scan", 1)

_CHARGE = "ADC counts x samples"
_UNITS = {
    "slope": _CHARGE,
    "slope_error": _CHARGE,
    "covariance": _CHARGE,
    "charge": _CHARGE,
    "variance": f"({_CHARGE})^2",
}
_NUMBERS = ("tel_id", "camera", "applied", "start", "stop")
_ARRAYS = ("charge", "variance")


def write_filter_scan(
    path: Path, calibration: FilterCalibration, provenance: Mapping[str, object], obs_id: int
) -> None:
    """Write the filter scan of a camera, whose first filter is of an observation."""
    scan = calibration.scan
    arrays: dict[str, Any] = {name: getattr(calibration, name) for name in _ARRAYS}
    arrays |= {"covariance": scan.covariance, "chi_square": scan.chi_square}
    for name in ("slope", "brightness"):
        estimate: Estimate = getattr(scan, name)
        arrays |= {
            name: estimate.value, f"{name}_error": estimate.error, f"{name}_status": estimate.status,
        }  # fmt: skip
    attributes: dict[str, object] = {name: getattr(calibration, name) for name in _NUMBERS}
    attributes |= {"obs_id": obs_id, "n": scan.slope.n, "degrees": scan.degrees}
    write_contents(path, KIND, Contents(arrays, _UNITS, attributes), provenance)


def read_filter_scan(path: Path) -> FilterCalibration:
    """Read the filter scan of a camera.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, KIND, "make it: step filter-scan", code="bad-calibration")
    attributes: dict[str, Any] = contents.attributes
    arrays: dict[str, Any] = contents.arrays
    slope, brightness = (
        Estimate(arrays[name], arrays[f"{name}_error"], attributes["n"], arrays[f"{name}_status"])
        for name in ("slope", "brightness")
    )
    return FilterCalibration(
        **{name: attributes[name] for name in _NUMBERS},
        **{name: arrays[name] for name in _ARRAYS},
        scan=FilterScan(slope, brightness, arrays["covariance"], arrays["chi_square"], attributes["degrees"]),
    )
