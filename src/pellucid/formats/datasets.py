# SPDX-License-Identifier: BSD-3-Clause
"""The numbers in a file, whatever its format: every array and every column of a table by its name.

HDF5, FITS and JSON, told from the first bytes. What a file says of its own making (``provenance``) is left
out, and so are attributes and header cards: the archive knows them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import CorruptedInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["read_datasets"]

_PROVENANCE = "provenance"


def read_datasets(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    """Yield the datasets of a file, in the order of their names.

    Parameters
    ----------
    path : Path
        HDF5, FITS or JSON.

    Yields
    ------
    tuple of str and ndarray
        Name, such as ``/dl1/event/subarray/trigger:time``, and values of any shape, in the units of the
        file.

    Raises
    ------
    CorruptedInput
        The format is another one (``no-datasets``), or the file is damaged (``corrupted-input``).
    """
    with path.open("rb") as file:
        head = file.read(9)
    for beginning, read in (
        (b"\x89HDF\r\n\x1a\n", _hdf5),
        (b"SIMPLE  =", _fits),
        (b"{", _json),
        (b"[", _json),
    ):
        if head.startswith(beginning):
            try:
                yield from read(path)
            except (OSError, ValueError, KeyError) as error:
                raise CorruptedInput(
                    "The file cannot be read to its end.",
                    where=str(path),
                    got=f"{type(error).__name__}: {error}",
                    mend="verify the archive: pellucid archive verify",
                ) from error
            return
    raise CorruptedInput(
        "The numbers in a file of this format cannot be read.",
        where=str(path),
        expected="HDF5, FITS or JSON",
        got=f"first bytes {head.hex(' ')}",
        code="no-datasets",
    )


def _hdf5(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    import numpy as np
    import tables

    try:
        with tables.open_file(str(path)) as file:
            for node in sorted(file.walk_nodes("/", "Leaf"), key=lambda n: n._v_pathname):
                if node._v_name != _PROVENANCE:
                    values = node.read()
                    if isinstance(values, list):  # rows of lengths of their own
                        values = np.concatenate([np.empty(0), *(np.asarray(row).ravel() for row in values)])
                    yield from _columns(node._v_pathname, np.asarray(values))
    except tables.HDF5ExtError as error:
        raise OSError("HDF5 cannot read it") from error


def _fits(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    import numpy as np
    from astropy.io import fits

    with fits.open(path, memmap=False) as units:
        for number, unit in enumerate(units):
            if unit.data is not None:
                yield from _columns(unit.name or f"{number}", np.asarray(unit.data))


def _columns(name: str, values: "npt.NDArray[Any]") -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    if values.dtype.names is None:
        yield name, values
        return
    for column in sorted(values.dtype.names):
        yield from _columns(f"{name}:{column}", values[column])


def _json(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    import numpy as np

    leaves: dict[str, list[Any]] = {}

    def visit(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key in sorted(value):
                if not (name == "" and key == _PROVENANCE):
                    visit(f"{name}/{key}", value[key])
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            for number, item in enumerate(value):
                visit(f"{name}/{number}", item)
        else:
            leaves[name] = value if isinstance(value, list) else [value]

    visit("", json.loads(path.read_text()))
    for name, values in sorted(leaves.items()):
        numeric = all(isinstance(v, int | float) for v in values)
        yield name, np.asarray(values) if numeric else np.asarray([str(v) for v in values], dtype="U")
