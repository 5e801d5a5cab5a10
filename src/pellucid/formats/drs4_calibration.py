# SPDX-License-Identifier: BSD-3-Clause
"""What is known of a DRS4 camera's capacitors, as a file: HDF5 with values, errors and numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.baseline import CellBaseline
from pellucid.camera.drs4.cell_timing import CellTiming
from pellucid.camera.drs4.corrector import Drs4Calibration
from pellucid.camera.drs4.spikes import SpikeHeights
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_drs4_calibration", "write_drs4_calibration"]

KIND = ("pellucid drs4 calibration", 1)

_UNITS = {
    "mean": "ADC counts",
    "error": "ADC counts",
    "std": "ADC counts",
    "value": "ADC counts",
    "sample_offset": "ADC counts",
    "coefficients": "ns",
    "covariance": "ns^2",
}
_PARTS = {
    "baseline": (CellBaseline, ("mean", "error", "std", "n")),
    "spikes": (SpikeHeights, ("value", "error", "n")),
    "timing": (CellTiming, ("coefficients", "covariance", "filled")),
}

_ARRAYS = ("intervals", "amplitude", "sample_offset")


def write_drs4_calibration(
    path: Path, calibration: Drs4Calibration, provenance: Mapping[str, object], obs_id: int
) -> None:
    """Write what is known of a camera's capacitors, made from an observation."""
    c = calibration
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for part, (_, names) in _PARTS.items():
        if (found := getattr(c, part)) is not None:
            arrays |= {f"{part}/{name}": getattr(found, name) for name in names}
    arrays |= {name: values for name in _ARRAYS if (values := getattr(c, name)) is not None}
    attributes: dict[str, object] = {
        "tel_id": c.tel_id,
        "obs_id": obs_id,
        "start": c.start,
        "stop": c.stop,
        "ring": None if c.timing is None else c.timing.ring,
    }
    write_contents(path, KIND, Contents(arrays, _UNITS, attributes), provenance)


def read_drs4_calibration(path: Path) -> Drs4Calibration:
    """Read what is known of a camera's capacitors.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, KIND, "make it: step drs4-calibration", code="bad-calibration")
    attributes: dict[str, Any] = contents.attributes
    parts: dict[str, Any] = {}
    for part, (made, _) in _PARTS.items():
        arrays: dict[str, Any] = contents.group(part)
        if arrays:
            ring = {"ring": attributes["ring"]} if part == "timing" else {}
            parts[part] = made(**arrays, **ring)
    parts |= {name: contents.arrays[name] for name in _ARRAYS if name in contents.arrays}
    return Drs4Calibration(**{name: attributes[name] for name in ("tel_id", "start", "stop")}, **parts)
