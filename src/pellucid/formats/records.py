# SPDX-License-Identifier: BSD-3-Clause
"""Dataclasses of arrays and numbers as products: each field is an array of the file, or an attribute."""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.formats.product_hdf5 import Contents

__all__ = ["Record", "contents_of", "record_of"]


class Record(Protocol):
    """Any dataclass whose fields are arrays, numbers, text, or tuples of them."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def contents_of(
    record: Record,
    units: Mapping[str, str] | None = None,
    beside: Mapping[str, npt.NDArray[np.generic]] | None = None,
) -> Contents:
    """Return what a file of a record holds.

    Parameters
    ----------
    record : dataclass
        Arrays of any shape, in the units named.
    units : mapping of str to str, optional
        Units of arrays; dimensionless where there is none.
    beside : mapping of str to ndarray, optional
        Further arrays.
    """
    arrays, attributes = dict(beside or {}), {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        else:
            attributes[field.name] = value
    return Contents(arrays, dict(units or {}), attributes)


def record_of[T: Record](kind: type[T], contents: Contents, **others: object) -> T:
    """Return the record of a file; ``others`` are fields that the caller has made.

    Raises
    ------
    CorruptedInput
        The file lacks a field (``bad-product``).
    """
    found: dict[str, Any] = {**contents.attributes, **contents.arrays, **others}
    names = [field.name for field in fields(kind)]
    missing = [name for name in names if name not in found]
    if missing:
        raise CorruptedInput(
            "A product is not whole.",
            expected=", ".join(names),
            got="no " + ", ".join(missing),
            mend="make it again",
            code="bad-product",
        )
    values = {name: found[name] for name in names}
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
