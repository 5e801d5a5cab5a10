# SPDX-License-Identifier: BSD-3-Clause
"""Pellucid's own products as deliveries: HDF5, one row a file, or one for each wavelength with a group."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.formats.delivery.table import Batch, ColumnInfo, Delivered, Values, WrittenColumn
from pellucid.formats.product_hdf5 import Contents, read_any, write_contents

__all__ = ["read_product", "write_product"]

_GROUP = re.compile(r"nm(\d+)")

type Row = dict[str, npt.NDArray[Any]]


def read_product(path: Path) -> Delivered:
    """Open a product.

    Numbers, texts and lists of words among the file's attributes are its metadata; arrays, and numbers of a
    wavelength's group, are columns, ``wavelength`` (nm) the number of the group, ``time`` the attribute
    ``time_start`` (ns TAI).
    Tables with named fields are left out; times of rows within the file are ``times``.

    Raises
    ------
    CorruptedInput
        It is no such file (``unreadable``).
    """
    kind, contents = read_any(path, "transfer the file again, or make the product again", "unreadable")
    if not kind[0]:
        raise CorruptedInput(
            "The file is no product.",
            where=str(path),
            expected="HDF5 that names its format",
            got="another HDF5 file",
            mend="deliver what the step of this product writes",
            code="unreadable",
        )
    told = {k: v for k, v in contents.attributes.items() if isinstance(v, int | float | str)}
    words = {k: v for k, v in contents.attributes.items() if isinstance(v, list)}
    told |= {k: " ".join(v) for k, v in words.items() if all(isinstance(word, str) for word in v)}
    metadata = {"format": kind[0], "format_version": kind[1], **told}
    rows = list(_rows(contents))
    units = {**contents.units, "time": "ns", "wavelength": "nm"}
    units |= {"times": contents.units.get("time", "")}
    # single numbers lie among the attributes, which have no units
    columns = {
        name: ColumnInfo(
            value.dtype.name,
            value.shape if len({row[name].shape for row in rows}) == 1 else None,
            units.get(name, "") if value.shape else units.get(name),
        )
        for name, value in rows[0].items()
    }
    if "time" in columns:
        columns["time"] = ColumnInfo("int64", (), "ns", "tai")

    def batches() -> Iterator[Batch]:
        for row in rows:
            yield {name: Values(value[None]) for name, value in row.items()}

    return Delivered(metadata, columns, batches)


def _rows(contents: Contents) -> Iterator[Row]:
    plain = {name: a for name, a in contents.arrays.items() if not a.dtype.names}
    shared = _cells({name: a for name, a in plain.items() if "/" not in name})
    if "time_start" in contents.attributes:
        shared["time"] = np.array(contents.attributes["time_start"], np.int64)
    groups = sorted(
        (int(match[1]), name) for name in contents.attributes if (match := _GROUP.fullmatch(name)) is not None
    )
    if not groups:
        yield shared
    for nm, name in groups:
        attributes = contents.attributes[name]
        told = attributes if isinstance(attributes, dict) else {}
        numbers = {k: np.array(v) for k, v in told.items() if isinstance(v, bool | int | float)}
        own = _cells({k: a for k, a in contents.group(name).items() if not a.dtype.names})
        yield {**shared, "wavelength": np.array(nm, np.int64), **numbers, **own}


def _cells(arrays: Row) -> Row:
    """Return arrays by the names of columns: ``time`` is that of the row, so theirs is ``times``."""
    return {"times" if name == "time" else name: a for name, a in arrays.items()}


def write_product(
    path: Path, metadata: Mapping[str, Any], columns: Mapping[str, WrittenColumn], row: int
) -> None:
    """Write one row of a made-up delivery as the product that `read_product` opens."""
    values = {name: column.data[row] for name, column in columns.items()}
    units = {name: column.unit for name, column in columns.items() if column.unit}
    attributes = {k: v for k, v in metadata.items() if k not in ("format", "format_version")}
    if "time" in values:
        attributes["time_start"] = int(values.pop("time"))
    own: dict[str, object] = {}
    grouped = "wavelength" in values and not values["wavelength"].shape
    prefix = f"nm{int(values.pop('wavelength'))}/" if grouped else ""
    for name in [n for n, v in values.items() if not v.shape]:
        own[name] = values.pop(name).item()
    if grouped:
        attributes[prefix[:-1]] = own
    else:
        attributes |= own
    inside = {"times": "time"}
    units = {inside.get(name, name): unit for name, unit in units.items() if name != "time"}
    arrays = {prefix + inside.get(name, name): value for name, value in values.items()}
    kind = (str(metadata["format"]), int(metadata["format_version"]))
    write_contents(path, kind, Contents(arrays, units, attributes), {})
