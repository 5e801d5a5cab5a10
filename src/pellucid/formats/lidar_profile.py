# SPDX-License-Identifier: BSD-3-Clause
"""What a LIDAR tells about the air, as a file: HDF5 with profiles, errors, status, and the provenance.

One group per wavelength, ``nm355``: arrays over range, the optical depth with its full covariance, a table
of layers. Codes of what was withheld are among the file's attributes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.angstrom import Angstrom
from pellucid.atmosphere.lidar.chain import Analysis, MeasuredLayer
from pellucid.atmosphere.lidar.vaod import OpticalDepth
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["LAYER", "layer_rows", "read_lidar_profile", "read_optical_depth", "write_lidar_profile"]

KIND = ("pellucid lidar profile", 3)
_MEND = "make it: step lidar-elastic, lidar-raman or lidar-final"

_NUMBERS = ("base", "base_error", "top", "top_error", "peak", "significance")
_FLAGS = ("ground", "cloud")
_DEPTHS = ("elastic", "elastic_error", "raman", "raman_error")

LAYER = np.dtype(
    [
        ("group", "<i4"),
        *((n, "<f8") for n in _NUMBERS),
        *((n, "?") for n in _FLAGS),
        *((n, "<f8") for n in _DEPTHS),
    ]
)
"""Row of a table of layers: edges in m, peak as scattering ratio, depths by elastic and Raman light."""

_ANGSTROM = np.dtype([(n, "<f8") for n in ("low", "high", "first", "second", "value", "error")])

_UNITS = {
    "range": "m",
    "extinction": "1/m",
    "extinction_error": "1/m",
    "extinction_resolution": "m",
    "backscatter": "1/(m sr)",
    "backscatter_error": "1/(m sr)",
    "backscatter_resolution": "m",
    "lidar_ratio": "sr",
    "lidar_ratio_error": "sr",
    "lidar_ratio_resolution": "m",
    "depth_range": "m",
}


def layer_rows(layers: Sequence[tuple[int, MeasuredLayer]]) -> npt.NDArray[np.void]:
    """Return layers, each with the number of its group, as a table of `LAYER`, shape (n,), lengths in m."""
    rows = [
        (
            number,
            *(getattr(x.found, n) for n in _NUMBERS + _FLAGS),
            *(getattr(x, n) for n in _DEPTHS),
        )
        for number, x in layers
    ]
    return np.array(rows, LAYER)


def write_lidar_profile(
    path: Path,
    analyses: Mapping[int, Analysis],
    provenance: Mapping[str, object],
    place: tuple[float, float],
    time: tuple[int, int],
    angstrom: Sequence[Angstrom] = (),
) -> None:
    """Write analyses by wavelength (nm) with their provenance inside.

    ``place`` holds the zenith angle in deg and the site's altitude in m, ``time`` start and stop in ns TAI.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    attributes: dict[str, object] = {
        "zenith": float(place[0]),
        "altitude": float(place[1]),
        "time_start": time[0],
        "time_stop": time[1],
    }
    for nm, a in sorted(analyses.items()):
        arrays |= {f"nm{nm}/{name}": values for name, values in _arrays(a).items()}
        attributes[f"nm{nm}"] = _attributes(a)
    rows = [(a.low, a.high, *a.wavelengths, a.value, a.error) for a in angstrom]
    arrays["angstrom"] = np.array(rows, _ANGSTROM)
    write_contents(path, KIND, Contents(arrays, _UNITS, attributes), provenance)


def _attributes(a: Analysis) -> dict[str, object]:
    reference = None
    if a.reference is not None:
        r = a.reference
        reference = {n: getattr(r, n) for n in ("low", "high", "chi2", "slope", "slope_error", "tested")}
    depth = None
    if a.optical_depth is not None:
        d = a.optical_depth
        depth = {n: getattr(d, n) for n in ("start", "below", "below_error", "trusted")}
    return {
        "has_raman": a.has_raman,
        "constrained": a.constrained,
        "trusted": a.trusted,
        "flags": [*a.flags, *(f for x in a.layers for f in x.flags)],
        "reference": reference,
        "depth": depth,
    }


def _arrays(a: Analysis) -> dict[str, npt.NDArray[np.generic]]:
    found: dict[str, npt.NDArray[np.generic]] = {
        "range": a.range,
        "layers": layer_rows([(0, x) for x in a.layers]),
    }
    profiles = {"extinction": a.extinction, "backscatter": a.backscatter, "lidar_ratio": a.lidar_ratio}
    for name, profile in profiles.items():
        found |= {
            name: profile.value[0],
            f"{name}_error": profile.error[0],
            f"{name}_resolution": profile.resolution,
            f"{name}_status": profile.status[0],
        }
    d = a.optical_depth
    # NaN where it is withheld, so that every file has the same arrays
    found |= {
        "depth_range": np.full(1, np.nan) if d is None else d.range,
        "depth": np.full(1, np.nan) if d is None else d.value,
        "depth_covariance": np.full((1, 1), np.nan) if d is None else d.covariance,
    }
    return found


def read_lidar_profile(path: Path) -> Contents:
    """Read a file: groups ``nm355``, ..., table ``angstrom``, attributes by wavelength.

    Lengths are ranges in m. The attributes of a wavelength hold ``flags``, ``trusted``, ``has_raman``,
    ``constrained``, the ``reference`` and what belongs to the optical ``depth``.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    return read_contents(path, KIND, _MEND, code="bad-lidar-product")


def read_optical_depth(path: Path) -> tuple[dict[int, OpticalDepth], tuple[float, float]]:
    """Read the slant optical depths by wavelength in nm, and zenith angle (deg) and site's altitude (m).

    Wavelengths whose Raman channel was too weak, or without one and without clean air below clouds, have
    none.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_lidar_profile(path)
    found = {}
    for name, attributes in contents.attributes.items():
        if isinstance(attributes, dict) and attributes["depth"] is not None:
            group = contents.group(name)
            nm = int(name.removeprefix("nm"))
            found[nm] = OpticalDepth(
                wavelength=float(nm),
                range=np.asarray(group["depth_range"], np.float64),
                value=np.asarray(group["depth"], np.float64),
                covariance=np.asarray(group["depth_covariance"], np.float64),
                **{n: float(v) for n, v in attributes["depth"].items()},
            )
    zenith, altitude = (float(str(contents.attributes[n])) for n in ("zenith", "altitude"))
    return found, (zenith, altitude)
