# SPDX-License-Identifier: BSD-3-Clause
"""Whole columns of a delivery in Parquet, for steps that need all of its rows at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.formats.delivery.parquet import read_parquet

__all__ = ["is_parquet", "read_columns"]


def is_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet does."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def read_columns(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read the metadata and some columns, of shape (n_rows, ...) each, in the units of the file.

    Raises
    ------
    CorruptedInput
        It is no Parquet, or damaged; a column is not there (``no-column``), or has entries missing
        (``missing-values``).
    """
    delivered = read_parquet(path)
    if absent := [name for name in names if name not in delivered.columns]:
        raise CorruptedInput(
            "The delivery lacks columns.",
            where=str(path),
            expected=", ".join(names),
            got="without " + ", ".join(absent),
            mend="check it against its interface: pellucid interfaces check",
            code="no-column",
        )
    columns = {}
    batches = list(delivered.batches())
    for name in names:
        if any(b[name].missing is not None for b in batches):
            raise CorruptedInput(
                "The delivery has rows with entries missing.",
                where=f"{path}, column {name}",
                expected="an entry in each row",
                mend="leave these rows out",
                code="missing-values",
            )
        columns[name] = np.concatenate([b[name].data for b in batches]) if batches else np.zeros(0)
    return dict(delivered.metadata), columns
