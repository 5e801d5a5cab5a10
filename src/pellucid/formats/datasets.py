# SPDX-License-Identifier: BSD-3-Clause
"""The numbers in a file, whatever its format: every array, column, attribute and header card by its name.

HDF5, FITS, Parquet and JSON, told from the first bytes. What a file says of its own making is left out: its
record of provenance, and what CTAO's model has for identity and activity, which name software and versions.
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

_MAKING = ("CTAO ACTIVITY ", "CTAO INSTANCE ID", "CTAO PRODUCT CREATION", "CTAO PRODUCT ID", "PELLUCID ")
"""How attributes begin that tell how a file was made."""

_CARDS_OF_MAKING = {
    *("ACTPROC", "ACTIVITY", "ACTDESC", "ACTID", "ACTSTART", "ACTSTOP", "ACTCONF", "SOFTWARE", "SOFTVER"),
    *("SOFTURL", "DATAID", "CREATED", "CREATOR", "DATE", "CHECKSUM", "DATASUM", "HISTORY", "COMMENT", ""),
}
_STRUCTURE = {"BSCALE", "BZERO", "EXTEND", "EXTNAME", "EXTVER", "THEAP"}


def read_datasets(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    """Yield the datasets of a file, in the order of their names.

    Parameters
    ----------
    path : Path
        HDF5, FITS, Parquet or JSON.

    Yields
    ------
    tuple of str and ndarray
        Name, such as ``/dl1/event/subarray/trigger:time``, and values of any shape, in the units of the
        file. Attributes and header cards have an ``@`` before their own name, as in ``/dl1@obs_id``.

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
        (b"PAR1", _parquet),
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
        expected="HDF5, FITS, Parquet or JSON",
        got=f"first bytes {head.hex(' ')}",
        code="no-datasets",
    )


def _hdf5(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    import numpy as np
    import tables

    try:
        with tables.open_file(str(path)) as file:
            for node in sorted(file.walk_nodes("/"), key=lambda n: n._v_pathname):
                if node._v_name == _PROVENANCE:
                    continue
                yield from _attributes(node)
                if isinstance(node, tables.Leaf):
                    values = node.read()
                    if isinstance(values, list):  # rows of lengths of their own
                        values = np.concatenate([np.empty(0), *(np.asarray(row).ravel() for row in values)])
                    yield from _columns(node._v_pathname, np.asarray(values))
    except tables.HDF5ExtError as error:
        raise OSError("HDF5 cannot read it") from error


def _attributes(node: Any) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    for name in sorted(node._v_attrs._f_list("user")):
        if name.lower() != _PROVENANCE and not name.startswith(_MAKING):
            yield from _attribute(f"{node._v_pathname}@{name}", node._v_attrs[name])


def _attribute(name: str, value: object) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    """Yield an attribute; of a text that is a JSON document, its leaves."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            yield from _leaves(name, json.loads(value))
        except ValueError:
            yield name, _as_array(value)
    else:
        yield name, _as_array(value)


def _as_array(value: object) -> "npt.NDArray[Any]":
    """Return a value as an array; what is no number or text, as the text that shows it."""
    import numpy as np

    array = np.asarray(value)
    return np.asarray(repr(value)) if array.dtype.hasobject else array


def _fits(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    import numpy as np
    from astropy.io import fits

    with fits.open(path, memmap=False) as units:
        for number, unit in enumerate(units):
            name = unit.name or f"{number}"
            if unit.data is not None:
                yield from _columns(name, np.asarray(unit.data))
            cards = unit.header.copy(strip=True)
            for keyword in sorted({*cards} - _CARDS_OF_MAKING - _STRUCTURE):
                yield f"{name}@{keyword}", _as_array(cards[keyword])


def _parquet(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise OSError("Parquet cannot read it") from error
    for name in sorted(table.column_names):
        column = table.column(name).combine_chunks()
        while isinstance(column, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
            if not isinstance(column, pa.FixedSizeListArray):
                yield f"/{name}#{column.type}", np.asarray(column.value_lengths())
            column = column.flatten()
        values = np.asarray(column.to_numpy(zero_copy_only=False))
        yield f"/{name}", values.astype("U") if values.dtype.hasobject else values
    for key, value in sorted((table.schema.metadata or {}).items()):
        if (keyword := key.decode(errors="replace")) not in (_PROVENANCE, "pandas", "ARROW:schema"):
            yield from _attribute(f"/@{keyword}", value.decode(errors="replace"))


def _columns(name: str, values: "npt.NDArray[Any]") -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    if values.dtype.names is None:
        yield name, values
        return
    for column in sorted(values.dtype.names):
        yield from _columns(f"{name}:{column}", values[column])


def _json(path: Path) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
    yield from _leaves("", json.loads(path.read_text()))


def _leaves(root: str, document: object) -> "Iterator[tuple[str, npt.NDArray[np.generic]]]":
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

    visit(root, document)
    for name, values in sorted(leaves.items()):
        numeric = all(isinstance(v, int | float) for v in values)
        yield name, np.asarray(values) if numeric else np.asarray([str(v) for v in values], dtype="U")
