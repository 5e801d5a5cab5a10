# SPDX-License-Identifier: BSD-3-Clause
"""Time walk, or transit time, of a camera as a file: HDF5 with the line of every pixel.

``slope`` and ``offset`` with ``_error`` and ``_status`` (codes of `pellucid.camera.estimate.Status`), and
their ``covariance``. The attribute ``against`` tells whether times are fitted against charges in ADC counts
times samples, or against voltages in V.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.camera.estimate import Estimate
from pellucid.camera.time_walk import TimeWalk
from pellucid.camera.time_walk_run import TimeWalkCalibration
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_time_walk", "write_time_walk"]

KIND = ("pellucid time walk", 1)

_OF = {"charge": "(ADC counts x samples)", "voltage": "V"}
_NUMBERS = ("tel_id", "camera", "applied", "start", "stop", "against", "reference")


def write_time_walk(
    path: Path, calibration: TimeWalkCalibration, provenance: Mapping[str, object], obs_id: int
) -> None:
    """Write the time walk of a camera, made from an observation, with its provenance inside."""
    walk, root = calibration.walk, f"{_OF[calibration.against]}^(1/2)"
    arrays: dict[str, Any] = {"covariance": walk.covariance}
    for name in ("slope", "offset"):
        estimate: Estimate = getattr(walk, name)
        arrays |= {
            name: estimate.value, f"{name}_error": estimate.error, f"{name}_status": estimate.status,
        }  # fmt: skip
    units = {"covariance": f"ns^2 x {root}", "offset": "ns", "offset_error": "ns"}
    units |= {"slope": f"ns x {root}", "slope_error": f"ns x {root}"}
    attributes: dict[str, object] = {name: getattr(calibration, name) for name in _NUMBERS}
    attributes |= {"obs_id": obs_id, "n": walk.slope.n}
    write_contents(path, KIND, Contents(arrays, units, attributes), provenance)


def read_time_walk(path: Path) -> TimeWalkCalibration:
    """Read the time walk of a camera.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, KIND, "make it: step time-walk", code="bad-calibration")
    attributes: dict[str, Any] = contents.attributes
    arrays: dict[str, Any] = contents.arrays
    slope, offset = (
        Estimate(arrays[name], arrays[f"{name}_error"], attributes["n"], arrays[f"{name}_status"])
        for name in ("slope", "offset")
    )
    walk = TimeWalk(slope, offset, arrays["covariance"])
    return TimeWalkCalibration(**{name: attributes[name] for name in _NUMBERS}, walk=walk)
