# SPDX-License-Identifier: BSD-3-Clause
"""Optical throughput of telescopes from their muons, as a file: HDF5 with the provenance inside.

Arrays have one entry for each telescope, in ascending order of ``tel_id``:

``value``, ``error``
    Throughput, the share of the light in the band of wavelengths that becomes photo-electrons; no unit.
``n``, ``n_rejected``
    Rings used, and rings clipped.
``scatter``
    Of rings beyond their errors; no unit.
``slope``, ``slope_error``
    Trend, in 1/d; ``middle`` is when it passes through ``value``, in ns TAI.
``start``, ``stop``
    Of the rings, in ns TAI.
``status``
    Codes of `pellucid.array.throughput.ThroughputStatus`.
``psf_width``, ``psf_width_error``, ``psf_radius``
    Gaussian width of the mirror's image at that radius of a ring, in deg; NaN where ``psf_n`` is 0.
``psf_slope``, ``psf_slope_error``, ``psf_n``
    Its change with the radius (no unit), and rings used.

A telescope that its muons do not tell anything of is not in the file. Bytes follow from the content alone.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from pellucid.array.throughput import OpticalPsf, TelescopeThroughput, Throughput
from pellucid.errors import MissingInput
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["read_throughput", "telescope_throughput", "write_throughput"]

KIND = ("pellucid optical throughput", 1)

_UNITS = {
    **dict.fromkeys(("start", "stop", "middle"), "ns"),
    **dict.fromkeys(("slope", "slope_error"), "1/d"),
    **dict.fromkeys(("psf_width", "psf_width_error", "psf_radius"), "deg"),
}

_NO_PSF = OpticalPsf(np.nan, np.nan, np.nan, np.nan, np.nan, 0)


def write_throughput(
    path: Path, telescopes: Mapping[int, TelescopeThroughput], provenance: Mapping[str, object]
) -> None:
    """Write throughputs by telescope, at least one, with their provenance."""
    rows = sorted(telescopes.items())
    arrays = {"tel_id": np.array([tel_id for tel_id, _ in rows])}
    for field in fields(Throughput):
        arrays[field.name] = np.array([getattr(t.efficiency, field.name) for _, t in rows])
    for field in fields(OpticalPsf):
        arrays[_psf(field.name)] = np.array([getattr(t.psf or _NO_PSF, field.name) for _, t in rows])
    write_contents(path, KIND, Contents(arrays, _UNITS), provenance)


def read_throughput(path: Path) -> dict[int, TelescopeThroughput]:
    """Read throughputs by telescope.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents` (``bad-throughput``).
    """
    arrays = read_contents(path, KIND, "make it: step optical-throughput", "bad-throughput").arrays
    found = {}
    for row, tel_id in enumerate(arrays["tel_id"].tolist()):
        efficiency = Throughput(**{f.name: arrays[f.name][row].item() for f in fields(Throughput)})
        psf = OpticalPsf(**{f.name: arrays[_psf(f.name)][row].item() for f in fields(OpticalPsf)})
        found[int(tel_id)] = TelescopeThroughput(efficiency, psf if psf.n else None)
    return found


def telescope_throughput(path: Path, tel_id: int) -> TelescopeThroughput:
    """Read the throughput of one telescope; `Throughput.at` tells it at a time.

    Raises
    ------
    MissingInput
        There is no such file, or it does not have this telescope (``no-throughput``).
    CorruptedInput
        See `read_throughput`.
    """
    found = read_throughput(path)
    if tel_id not in found:
        raise MissingInput(
            f"There is no throughput of telescope {tel_id}.",
            where=str(path),
            expected="a telescope with enough muon rings",
            got="telescopes " + ", ".join(map(str, found)),
            mend="use that of another night, or a longer time",
            code="no-throughput",
        )
    return found[tel_id]


def _psf(name: str) -> str:
    return f"psf_{name}"
