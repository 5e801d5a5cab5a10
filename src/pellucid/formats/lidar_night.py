# SPDX-License-Identifier: BSD-3-Clause
"""A LIDAR's night as a file: HDF5 with the quick look, the profiles over time, the layers of each group."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.chain import MeasuredLayer
from pellucid.atmosphere.lidar.layers import FoundLayer
from pellucid.atmosphere.lidar.night import LidarNight
from pellucid.formats.lidar_profile import layer_rows
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_lidar_night", "write_lidar_night"]

KIND = ("pellucid lidar night", 2)
_MEND = "make it: step lidar-night"

_UNITS = {
    "height": "m",
    "look_time": "ns",
    "time": "ns",
    "zenith": "deg",
    "extinction": "1/m",
    "extinction_error": "1/m",
    "backscatter": "1/(m sr)",
    "backscatter_error": "1/(m sr)",
    "start": "m",
    "trusted": "m",
}
_ARRAYS = tuple(f.name for f in fields(LidarNight) if f.name not in ("wavelength", "layers", "flags"))


def write_lidar_night(
    path: Path, nights: Mapping[int, LidarNight], provenance: Mapping[str, object], site: str
) -> None:
    """Write a night's records by wavelength (nm), with their provenance inside."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    times = [night.look_time for night in nights.values()]
    attributes: dict[str, object] = {
        "site": site,
        "time_start": int(min(t.min() for t in times)),
        "time_stop": int(max(t.max() for t in times)),
    }
    for nm, night in sorted(nights.items()):
        arrays |= {f"nm{nm}/{name}": getattr(night, name) for name in _ARRAYS}
        arrays[f"nm{nm}/layers"] = layer_rows(night.layers)
        withheld = [list(x.flags) for _, x in night.layers]
        attributes[f"nm{nm}"] = {"flags": [list(f) for f in night.flags], "layer_flags": withheld}
    write_contents(path, KIND, Contents(arrays, _UNITS, attributes), provenance)


def read_lidar_night(path: Path) -> tuple[dict[int, LidarNight], str]:
    """Read a night's records by wavelength (nm), and the name of the site.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, KIND, _MEND, code="bad-lidar-product")
    nights = {}
    for name, attributes in contents.attributes.items():
        if isinstance(attributes, dict):
            group: dict[str, Any] = contents.group(name)
            layers = zip(group["layers"], attributes["layer_flags"], strict=True)
            nm = int(name.removeprefix("nm"))
            nights[nm] = LidarNight(
                wavelength=float(nm),
                layers=tuple((int(row["group"]), _layer(row, flags)) for row, flags in layers),
                flags=tuple(tuple(f) for f in attributes["flags"]),
                **{n: group[n] for n in _ARRAYS},
            )
    return nights, str(contents.attributes["site"])


def _layer(row: Any, flags: list[str]) -> MeasuredLayer:
    found = FoundLayer(**{f.name: row[f.name].item() for f in fields(FoundLayer)})
    depths = {n: row[n].item() for n in ("elastic", "elastic_error", "raman", "raman_error")}
    return MeasuredLayer(found=found, flags=tuple(flags), **depths)
