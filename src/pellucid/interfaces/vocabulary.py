# SPDX-License-Identifier: BSD-3-Clause
"""The words that an interface file may use: states, levels, formats, types, scales, frames, units."""

import re
from collections.abc import Mapping
from functools import cache

__all__ = [
    "DTYPES",
    "FORMATS",
    "FRAMES",
    "LEVELS",
    "METADATA_TYPES",
    "MONOTONIC",
    "PARTY",
    "PARTY_NAMES",
    "ROLES",
    "SECONDS",
    "STATES",
    "TIME_SCALES",
    "is_unit",
    "same_unit",
]

STATES = ("draft", "proposed", "approved", "active", "retired")
LEVELS = ("per telescope", "per array")
ROLES = ("provider", "receiver")

PARTY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
PARTY_NAMES = "letters, digits and '-', a letter first, e.g. COM-CCF"
"""How parties are named, as a pattern and in words."""

FORMATS: Mapping[str, str] = {
    "parquet": "Parquet, one table; names and units in the metadata of file and fields",
    "licel": "Licel, one recording a file",
    "zfits": "DL0v1 events of a telescope in compressed FITS",
    "fits-image": "FITS, one image a file",
    "hdf5": "HDF5, a product that a step made",
}
"""Of deliveries, each with what it is."""

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = ("bool", *_INTEGERS, "float32", "float64", "text")
METADATA_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "time": (int,),
}
"""Of metadata keys, each with what its values are in Python."""
MONOTONIC = ("strict", "rising")
SECONDS: Mapping[str, float] = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Units of the times of a delivery."""

TIME_SCALES = ("tai", "utc", "tt")
FRAMES = ("icrs", "altaz", "enu", "camera", "telescope", "drive")

# what the catalogue uses, so that reading it does not import astropy; a test holds each against astropy
_COMMON = {
    *("", "s", "ms", "us", "ns", "min", "h", "d", "Hz", "kHz", "MHz", "GHz", "m", "mm", "um", "nm", "km"),
    *("deg", "arcmin", "arcsec", "rad", "sr", "deg/s", "m/s", "mm/h", "%", "hPa", "Pa", "K", "deg_C", "mag"),
    *("mag/arcsec2", "adu", "ct", "pe", "V", "mV", "A", "uA", "W", "cm-3", "g/cm2", "g/m3", "1/m"),
}


def is_unit(text: str) -> bool:
    """Return whether a text names a unit as astropy spells them; nothing stands for a pure number."""
    return text in _COMMON or _parsed(text) is not None


def same_unit(one: str, other: str) -> bool:
    """Return whether two texts name units between which the factor is 1, e.g. ``m/s`` and ``m s-1``."""
    if one == other:
        return True
    a, b = _parsed(one), _parsed(other)
    return a is not None and b is not None and bool(a == b)


@cache
def _parsed(text: str) -> object | None:
    from astropy import units

    from pellucid.units import photo_electron

    with units.add_enabled_units([photo_electron()]):
        try:
            parsed: object = units.Unit(text)
        except ValueError:
            return None
    return parsed
