# SPDX-License-Identifier: BSD-3-Clause
"""Tables of numbers among the parameters of steps."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError

__all__ = ["number_columns"]


def number_columns(
    given: Any, name: str, columns: int, example: str, code: str, least: int = 1
) -> npt.NDArray[np.float64]:
    """Return a table among the parameters as its columns, shape (columns, n).

    Parameters
    ----------
    given : Any
        Rows of numbers, none below 0, the first column rising, the last not all 0.
    name, example, code : str
        Of the parameter, and of the error where it is no such table.
    columns, least : int
        Numbers in a row, and fewest rows.

    Raises
    ------
    ConfigurationError
        It is none (with the given code).
    """
    try:
        table = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        table = np.zeros((0, 0))
    good = table.ndim == 2 and table.shape[1:] == (columns,) and table.shape[0] >= least
    if good:
        good = bool((table >= 0.0).all() and (np.diff(table[:, 0]) > 0.0).all() and table[:, -1].sum() > 0.0)
    if not good:
        raise ConfigurationError(
            "This is no table that the step can take.",
            where=name,
            expected=f"{least} or more rows of {columns} numbers, none below 0, the first column rising, "
            "the last not all 0",
            got=repr(given)[:120],
            mend=f"write it as in {example}",
            code=code,
        )
    found: npt.NDArray[np.float64] = table.T
    return found
