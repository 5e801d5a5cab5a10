# SPDX-License-Identifier: BSD-3-Clause
"""Quantities written as text, such as ``300 m``, ``5 min`` or ``10 p.e.``, and the unit p.e. itself."""

from functools import cache
from typing import Any

__all__ = ["parse", "photo_electron"]


@cache
def photo_electron() -> Any:
    """Return the unit p.e. (photo-electron), which astropy lacks; it is dimensionally independent."""
    from astropy import units

    return units.def_unit("pe", doc="photo-electron", format={"unicode": "p.e.", "console": "p.e."})


def parse(text: str, unit: str) -> float:
    """Turn a quantity written as text into a number in the asked unit.

    Parameters
    ----------
    text : str
        A number and a unit, e.g. ``5 min``; photo-electrons are written ``p.e.``.
    unit : str
        Unit of the result, spelled as for astropy, or ``p.e.``.

    Raises
    ------
    ValueError
        The text is no quantity, or its unit does not convert to the asked one.
    """
    from astropy import units

    with units.add_enabled_units([photo_electron()]):
        try:
            return float(units.Quantity(_spelled(text)).to_value(_spelled(unit)))
        except TypeError as error:
            raise ValueError(str(error)) from error


def _spelled(text: str) -> str:
    # a dot multiplies in the grammar of units, so that p.e. cannot be a name there
    return text.replace("p.e.", "pe")
