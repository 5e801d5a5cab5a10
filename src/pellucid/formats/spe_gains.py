# SPDX-License-Identifier: BSD-3-Clause
"""Gains from single photo-electrons as a file: HDF5 with an array for each number of the fit.

Those at other voltages are in the groups ``voltage_1`` and on.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pellucid.camera.spe.fit import SpeFit
from pellucid.camera.spe.gains import SpeCalibration
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_spe_gains", "write_spe_gains"]

KIND = ("pellucid single photo-electron gains", 2)

_CHARGE = "ADC counts x samples"
_UNITS = {
    "gain": f"{_CHARGE} per p.e.",
    "gain_error": f"{_CHARGE} per p.e.",
    "light": "p.e.",
    "light_error": "p.e.",
    "covariance": _CHARGE,
    "pedestal": _CHARGE,
    "pedestal_error": _CHARGE,
    "noise": _CHARGE,
    "noise_error": _CHARGE,
}
_NUMBERS = ("tel_id", "camera", "applied", "start", "stop", "n_dark")


def write_spe_gains(
    path: Path, calibration: SpeCalibration, provenance: Mapping[str, object], obs_id: int
) -> None:
    """Write the gains of a camera, made from an observation, with their provenance inside."""
    fit = calibration.fit
    arrays = _arrays(fit)
    for k, other in enumerate(calibration.others):
        arrays |= {f"voltage_{k + 1}/{name}": values for name, values in _arrays(other).items()}
    attributes: dict[str, object] = {name: getattr(calibration, name) for name in _NUMBERS}
    attributes |= {
        "obs_id": obs_id,
        "window": calibration.window,
        "parameters": fit.parameters,
        "voltages": len(calibration.others),
    }
    write_contents(path, KIND, Contents(arrays, _UNITS, attributes), provenance)


def read_spe_gains(path: Path) -> SpeCalibration:
    """Read the gains of a camera.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, KIND, "make it: step camera-spe", code="bad-calibration")
    attributes: dict[str, Any] = contents.attributes
    arrays: dict[str, Any] = {name: a for name, a in contents.arrays.items() if "/" not in name}
    groups: list[dict[str, Any]] = [contents.group(f"voltage_{k + 1}") for k in range(attributes["voltages"])]
    parameters = tuple(attributes["parameters"])
    start, width = attributes["window"]
    return SpeCalibration(
        **{name: attributes[name] for name in _NUMBERS},
        window=(start, width),
        fit=SpeFit(parameters=parameters, **arrays),
        others=tuple(SpeFit(parameters=parameters, **group) for group in groups),
    )


def _arrays(fit: SpeFit) -> dict[str, Any]:
    return {f.name: getattr(fit, f.name) for f in fields(fit) if f.name != "parameters"}
