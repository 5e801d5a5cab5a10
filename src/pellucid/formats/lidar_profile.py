# SPDX-License-Identifier: BSD-3-Clause
"""What a LIDAR tells about the air, as a file: HDF5 with profiles, errors, status, and the provenance.

One group per wavelength, ``nm355``: arrays over range, the optical depth with its full covariance, a table
of layers, and the codes of what was withheld. Bytes follow from the analysis and its provenance alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tables

from pellucid.atmosphere.lidar.chain import Analysis
from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["FORMAT", "read_lidar_profile", "write_lidar_profile"]

FORMAT, VERSION = "pellucid lidar profile", 1

_LAYERS = ("base", "base_error", "top", "top_error", "peak", "significance", "ground", "cloud")
_DEPTHS = ("elastic", "elastic_error", "raman", "raman_error")


def write_lidar_profile(
    path: Path, analyses: Mapping[int, Analysis], provenance: Mapping[str, object], zenith: float
) -> None:
    """Write analyses by wavelength (nm), made at a zenith angle in deg, with their provenance inside."""
    with tables.open_file(str(path), "w") as file:
        root = file.root._v_attrs
        root.format, root.format_version = FORMAT, np.int64(VERSION)
        root.zenith = np.float64(zenith)
        for wavelength, analysis in sorted(analyses.items()):
            group = file.create_group("/", f"nm{wavelength}")
            for name, values in _arrays(analysis).items():
                if values.size:
                    file.create_array(group, name, values, track_times=False)
            attributes = group._v_attrs
            attributes.has_raman = np.bool_(analysis.has_raman)
            attributes.trusted = np.float64(analysis.trusted)
            attributes.flags = json.dumps([*analysis.flags, *(f for x in analysis.layers for f in x.flags)])
        text = json.dumps(provenance, sort_keys=True, ensure_ascii=True).encode()
        file.create_array(file.root, "provenance", np.frombuffer(text, np.uint8), track_times=False)


def _arrays(a: Analysis) -> dict[str, npt.NDArray[np.generic]]:
    found: dict[str, npt.NDArray[np.generic]] = {"range": a.range}
    for name, profile in (("extinction", a.extinction), ("backscatter", a.backscatter)):
        found |= {
            name: profile.value[0],
            f"{name}_error": profile.error[0],
            f"{name}_resolution": profile.resolution,
            f"{name}_status": profile.status[0],
        }
    if a.optical_depth is not None:
        d = a.optical_depth
        found |= {"depth_range": d.range, "depth": d.value, "depth_covariance": d.covariance}
        found["depth_start"] = np.array([d.start, d.below, d.below_error, d.trusted])
    if a.reference is not None:
        r = a.reference
        found["reference"] = np.array([r.low, r.high, r.chi2, r.slope, r.slope_error])
    if a.layers:
        table = [
            [float(getattr(x.found, n)) for n in _LAYERS] + [getattr(x, n) for n in _DEPTHS] for x in a.layers
        ]
        found["layers"] = np.array(table)
    return found


def read_lidar_profile(path: Path) -> dict[int, dict[str, npt.NDArray[np.generic]]]:
    """Read the arrays of every wavelength (nm) by name, shapes and units as in `Analysis`.

    Lengths are in m. ``depth_start`` holds start, depth below it with error, and range of last trust;
    ``layers`` one row a layer: base, its error, top, its error, peak ratio, significance, ground, cloud,
    elastic depth, error, Raman depth, error; ``flags`` (bytes of JSON) what was withheld.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        It is another format or version.
    """
    if not path.is_file():
        raise MissingInput(
            "There is no such LIDAR profile.",
            where=str(path),
            mend="make it: step lidar-raman or lidar-elastic",
            code="no-file",
        )
    try:
        with tables.open_file(str(path)) as file:
            attributes = file.root._v_attrs
            if "format" not in attributes or (str(attributes.format), int(attributes.format_version)) != (
                FORMAT,
                VERSION,
            ):
                raise _wrong(path, "another format or version")
            found = {}
            for group in file.iter_nodes("/", "Group"):
                arrays = {node._v_name: node.read() for node in file.iter_nodes(group, "Array")}
                arrays["flags"] = np.frombuffer(str(group._v_attrs.flags).encode(), np.uint8)
                found[int(group._v_name.removeprefix("nm"))] = arrays
            return found
    except tables.HDF5ExtError as error:
        raise _wrong(path, str(error).splitlines()[0]) from error


def _wrong(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is no LIDAR profile.",
        where=str(path),
        expected=f"format '{FORMAT}', version {VERSION}",
        got=got,
        mend="make it again: step lidar-raman or lidar-elastic",
        code="bad-lidar-profile",
    )
