# SPDX-License-Identifier: BSD-3-Clause
"""What a delivered file is, whatever its format: metadata, and rows of named columns in batches."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import PellucidError

__all__ = ["BATCH_ROWS", "Batch", "ColumnInfo", "Delivered", "Values", "WrittenColumn"]

BATCH_ROWS = 65536
"""Rows that are in memory at once."""


@dataclass(frozen=True)
class ColumnInfo:
    """What a file says about one column.

    Attributes
    ----------
    dtype : str
        Type of its numbers as numpy names it, ``text``, or what else the file calls it.
    shape : tuple of int, or None
        Of the entry in one row; None where it differs from row to row.
    unit, time_scale, frame : str or None
        As the file tells; empty where it should and does not, None where the format leaves no choice.
    """

    dtype: str
    shape: tuple[int, ...] | None = ()
    unit: str | None = None
    time_scale: str | None = None
    frame: str | None = None


@dataclass(frozen=True, eq=False)
class Values:
    """The entries of one column in some rows.

    Attributes
    ----------
    data : ndarray, shape (n, ...)
        In the unit of the column; zeros where an entry is missing.
    missing : ndarray of bool, shape (n,), or None
        Mask of the rows without an entry; None where all have one.
    uneven : bool
        Whether entries have different shapes; `data` is then of no use.
    """

    data: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_] | None = None
    uneven: bool = False


type Batch = Mapping[str, Values]


@dataclass(frozen=True, eq=False)
class Delivered:
    """An open delivery.

    Attributes
    ----------
    metadata : mapping
        What it says about itself.
    columns : mapping of str to ColumnInfo
        What is in a row.
    batches : callable
        Gives an iterator over the rows, some at a time.
    problems : tuple of PellucidError
        What the format's own rules find wrong with it.
    """

    metadata: Mapping[str, Any]
    columns: Mapping[str, ColumnInfo]
    batches: Callable[[], Iterator[Batch]]
    problems: tuple[PellucidError, ...] = ()


@dataclass(frozen=True, eq=False)
class WrittenColumn:
    """A column to write.

    Attributes
    ----------
    data : ndarray, shape (n, ...)
        The entries, in the unit of the column.
    unit, time_scale, frame : str
        To write beside it; empty for nothing.
    """

    data: npt.NDArray[Any]
    unit: str = ""
    time_scale: str = ""
    frame: str = ""
