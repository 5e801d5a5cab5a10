# SPDX-License-Identifier: BSD-3-Clause
"""Columns of ctapipe's tables: what a column holds, and the attributes from which readers rebuild it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Column", "attributes", "blank_row", "layout", "strings"]

type Attribute = str | int | float | bytes | np.generic


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name : str
        Name in the table.
    kind : str
        Type of the numbers, as numpy writes it.
    description : str
        What it holds.
    unit : str
        Unit in the notation of the format (``g.cm**-2``); empty where it has none.
    shape : tuple of int
        Shape of one entry.
    field : str
        Name in ctapipe's container, where it differs from that of the column.
    transform : str
        How readers rebuild it, if not by the unit: ``time``, ``mjd``, ``enum:Name``, ``mask``, ``string``.
    blank : float
        Value of a row about which nothing is known.
    """

    name: str
    kind: str
    description: str
    unit: str = ""
    shape: tuple[int, ...] = ()
    field: str = ""
    transform: str = ""
    blank: float = 0


def layout(columns: Sequence[Column], align: int = 0) -> np.dtype[np.void]:
    """Return the row type of a table.

    Parameters
    ----------
    columns : sequence of Column
        In their order.
    align : int
        If above 0, numbers at least that long and arrays of them start at multiples of it, so that their
        bytes lie in step from row to row, which is what the shuffle needs. The last column must end a row
        at such a multiple, because PyTables keeps gaps between columns but not after the last.

    Raises
    ------
    ValueError
        If the last column does not end at a multiple of ``align``.
    """
    offsets: list[int] = []
    end = 0
    for column in columns:
        size = np.dtype(column.kind).itemsize
        if align and (column.shape or size >= align):
            step = align if size > 1 else 1
            end = -(-end // step) * step
        offsets.append(end)
        end += size * int(np.prod(column.shape, dtype=np.int64))
    if align and end % align:
        raise ValueError(f"a row of {end} bytes is out of step: put short columns before long ones")
    return np.dtype(
        {
            "names": [c.name for c in columns],
            "formats": [(c.kind, c.shape) if c.shape else c.kind for c in columns],
            "offsets": offsets,
            "itemsize": end,
        }
    )


def blank_row(columns: Sequence[Column], dtype: np.dtype[np.void]) -> np.ndarray:
    """Return the row about which nothing is known, of type ``dtype``, shape ()."""
    row = np.zeros((), dtype)
    for column in columns:
        row[column.name] = column.blank
    return row


def attributes(columns: Iterable[Column]) -> dict[str, Attribute]:
    """Return the attributes of a table by which readers know names, units, times and enumerations."""
    out: dict[str, Attribute] = {}
    for i, column in enumerate(columns):
        found: dict[str, Attribute] = {
            "NAME": column.field or column.name,
            "DESC": column.description,
            **_transform(column),
        }
        out.update({f"CTAFIELD_{i}_{key}": value for key, value in found.items()})
    return out


def _transform(column: Column) -> dict[str, Attribute]:
    kind, _, argument = column.transform.partition(":")
    match kind:
        case "time":
            return {"TRANSFORM": "time", "TIME_SCALE": "tai", "TIME_FORMAT": "ctao_high_res"}
        case "mjd":
            return {"TRANSFORM": "time", "TIME_SCALE": "tai", "TIME_FORMAT": "mjd"}
        case "mask":
            return {"TRANSFORM": "tel_list_to_mask"}
        case "string":
            return {"TRANSFORM": "string", "MAXLEN": np.dtype(column.kind).itemsize}
        case "enum":
            # the format stores the enumeration as a pickled name (protocol 0), written here by hand
            return {"TRANSFORM": "enum", "ENUM": np.bytes_(f"cctapipe.containers\n{argument}\np0\n.")}
    if column.unit:
        return {"TRANSFORM": "quantity", "UNIT": column.unit}
    return {}


def strings(name: str, values: Sequence[str], description: str) -> tuple[Column, npt.NDArray[np.bytes_]]:
    """Return a column of text and its UTF-8 values, shape (n,), as wide in bytes as the longest one."""
    data = np.array([v.encode() for v in values], dtype=np.bytes_)
    return Column(name, data.dtype.str, description, transform="string"), data
