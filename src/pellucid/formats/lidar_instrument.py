# SPDX-License-Identifier: BSD-3-Clause
"""What a night told about a LIDAR itself, as a file: HDF5 with dead times, ties of twin channels, overlap."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
from pellucid.atmosphere.lidar.instrument import Instrument
from pellucid.atmosphere.lidar.overlap import Overlap
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_lidar_instrument", "write_lidar_instrument"]

KIND = ("pellucid lidar instrument", 1)

_TWIN = np.dtype([("wavelength", "<i4"), *((f.name, "<f8") for f in fields(DeadTimeFit))])
_UNITS = {"range": "m", "twin_wavelength": "nm", "twin_tau": "us", "twin_tau_error": "us"}


def write_lidar_instrument(
    path: Path,
    instrument: Instrument,
    flags: list[str],
    provenance: Mapping[str, object],
    time: tuple[int, int],
) -> None:
    """Write dead times (us) and what ties twins, by wavelength (nm), and overlaps, with their provenance.

    ``time`` is that of start and stop, ns TAI.
    """
    rows = [(nm, *asdict(fit).values()) for nm, fit in sorted(instrument.twins.items())]
    twins = np.array(rows, _TWIN)
    arrays: dict[str, npt.NDArray[np.generic]] = {f"twin_{n}": twins[n] for n in _TWIN.names or ()}
    for nm, overlap in sorted(instrument.overlap.items()):
        arrays |= {f"nm{nm}/{n}": getattr(overlap, n) for n in ("range", "value", "error")}
    attributes: dict[str, object] = {
        "time_start": time[0],
        "time_stop": time[1],
        "flags": flags,
        "overlap": {f"nm{nm}": overlap.n for nm, overlap in sorted(instrument.overlap.items())},
    }
    write_contents(path, KIND, Contents(arrays, _UNITS, attributes), provenance)


def read_lidar_instrument(path: Path) -> Instrument:
    """Read what a night told about a LIDAR; wavelengths in nm.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, KIND, "make it: step lidar-instrument", code="bad-lidar-product")
    twins = {}
    for row, nm in enumerate(contents.arrays["twin_wavelength"].tolist()):
        values = {f.name: contents.arrays[f"twin_{f.name}"][row].item() for f in fields(DeadTimeFit)}
        twins[nm] = DeadTimeFit(**{**values, "n": int(values["n"])})
    overlap = {}
    known = contents.attributes["overlap"]
    assert isinstance(known, dict)
    for name, n in known.items():
        group = contents.group(name)
        distance, value, error = (np.asarray(group[k], np.float64) for k in ("range", "value", "error"))
        overlap[int(name.removeprefix("nm"))] = Overlap(distance, value, error, int(n))
    return Instrument(twins, overlap)
