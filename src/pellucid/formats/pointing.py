# SPDX-License-Identifier: BSD-3-Clause
"""Where a telescope looked over a night, as a file: HDF5 with the provenance inside.

Arrays have one entry for each line of the drive's log, in ascending order of ``time`` (ns TAI):

``azimuth``, ``altitude``
    As the encoders read, in deg; azimuth from north over east, unwrapped, so that no step is above 180 deg.
``deviation``
    Distance on the sky from what was asked for, in arcsec.
``tracking``
    Whether the drive followed the sky.
``azimuth_correction``, ``altitude_correction``
    To be added to know where the telescope looked, in arcsec (that of the azimuth not across, but in
    azimuth itself); absent where no model of the mount's bending was in force.
``azimuth_error``, ``altitude_error``
    Their standard errors, in arcsec; absent like them.

Attributes are ``tel_id`` and ``longest_gap``, the time in s over which lines may be interpolated. Bytes
follow from the content alone.
"""

from collections.abc import Mapping
from pathlib import Path

import astropy.units as u
import numpy as np

from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents
from pellucid.pointing.looking import Pointing
from pellucid.pointing.track import CorrectionTable, Track

__all__ = ["read_pointing", "write_pointing"]

KIND = ("pellucid pointing", 1)

_CORRECTION = {
    "azimuth_correction": "azimuth",
    "altitude_correction": "altitude",
    "azimuth_error": "azimuth_error",
    "altitude_error": "altitude_error",
}
"""Arrays of the file by the fields of the correction table."""

_UNITS = {
    "time": "ns",
    "azimuth": "deg",
    "altitude": "deg",
    **dict.fromkeys(("deviation", *_CORRECTION), "arcsec"),
}


def write_pointing(path: Path, tel_id: int, pointing: Pointing, provenance: Mapping[str, object]) -> None:
    """Write the pointing of a telescope with its provenance."""
    arrays = {
        "time": pointing.track.time,
        "azimuth": np.degrees(pointing.track.azimuth),
        "altitude": np.degrees(pointing.track.altitude),
        "deviation": pointing.deviation,
        "tracking": pointing.tracking,
    }
    if pointing.correction is not None:
        for name, field in _CORRECTION.items():
            arrays[name] = getattr(pointing.correction, field).to_value(u.arcsec)
    attributes = {"tel_id": tel_id, "longest_gap": pointing.longest_gap.to_value(u.s)}
    write_contents(path, KIND, Contents(arrays, _UNITS, attributes), provenance)


def read_pointing(path: Path) -> tuple[int, Pointing]:
    """Read a telescope and its pointing; `Pointing.at` tells where it looked at a time.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents` (``bad-pointing``).
    """
    contents = read_contents(path, KIND, "make it: step pointing", "bad-pointing")
    arrays, attributes = contents.arrays, contents.attributes
    track = Track(
        arrays["time"].astype(np.int64),
        np.radians(arrays["azimuth"].astype(np.float64)),
        np.radians(arrays["altitude"].astype(np.float64)),
    )
    correction = None
    if "azimuth_correction" in arrays:
        table = {field: arrays[name] * u.arcsec for name, field in _CORRECTION.items()}
        correction = CorrectionTable(track.time, **table)
    tel_id, longest_gap = (attributes[name] for name in ("tel_id", "longest_gap"))
    assert isinstance(tel_id, int)
    pointing = Pointing(
        track,
        arrays["deviation"].astype(np.float64),
        arrays["tracking"].astype(np.bool_),
        longest_gap * u.s,
        correction,
    )
    return tel_id, pointing
