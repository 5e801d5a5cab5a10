# SPDX-License-Identifier: BSD-3-Clause
"""What products as HDF5 share: arrays with their units, and the provenance inside.

Bytes follow from the numbers and their provenance alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tables

from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["Contents", "read_any", "read_contents", "write_contents"]

type Arrays = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Contents:
    """What is in a file.

    Attributes
    ----------
    arrays : dict of str to ndarray
        By path such as ``nm355/extinction``; any shape, in the units of ``units``.
    units : dict of str to str
        By the last part of the path; dimensionless where there is none.
    attributes : dict
        Of the file: numbers, text, or what JSON can hold.
    """

    arrays: Arrays
    units: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, object] = field(default_factory=dict)

    def group(self, name: str) -> Arrays:
        """Return the arrays of a group, in any unit and shape, by their names in it."""
        start = f"{name}/"
        return {path.removeprefix(start): a for path, a in self.arrays.items() if path.startswith(start)}


def write_contents(
    path: Path, kind: tuple[str, int], contents: Contents, provenance: Mapping[str, object]
) -> None:
    """Write a file of a kind (format and version); tables are arrays with named fields."""
    with tables.open_file(str(path), "w") as file:
        root = file.root._v_attrs
        root.format, root.format_version = kind[0], np.int64(kind[1])
        root.attributes = json.dumps(contents.attributes, sort_keys=True, ensure_ascii=True)
        for name, values in sorted(contents.arrays.items()):
            where, _, last = f"/{name}".rpartition("/")
            if values.dtype.names:
                rows = max(1, values.size)
                node = file.create_table(
                    where or "/", last, values.dtype, createparents=True, expectedrows=rows, track_times=False
                )
                node.append(values)
            elif values.size:
                node = file.create_array(where or "/", last, values, createparents=True, track_times=False)
            else:
                continue
            node._v_attrs.unit = contents.units.get(last, "")
        text = json.dumps(provenance, sort_keys=True, ensure_ascii=True).encode()
        file.create_array("/", "provenance", np.frombuffer(text, np.uint8), track_times=False)


def read_contents(path: Path, kind: tuple[str, int], mend: str, code: str = "bad-product") -> Contents:
    """Read a file of a kind.

    Parameters
    ----------
    path : Path
        The file.
    kind : tuple of str and int
        Format and version it must have.
    mend, code : str
        Of the error where it is none.

    Raises
    ------
    MissingInput
        There is no such file (``no-file``).
    CorruptedInput
        It is another format or version, or damaged (with the given code).
    """
    expected = f"format '{kind[0]}', version {kind[1]}"
    if not path.is_file():
        raise MissingInput("There is no such file.", where=str(path), mend=mend, code="no-file")
    try:
        found, contents = _read(path)
    except (tables.HDF5ExtError, AttributeError, ValueError) as error:
        raise _wrong(path, expected, str(error).splitlines()[0], mend, code) from error
    if found != kind:
        raise _wrong(path, expected, "another format or version", mend, code)
    return contents


def read_any(path: Path, mend: str, code: str = "bad-product") -> tuple[tuple[str, int], Contents]:
    """Read a file of any kind; return the kind, too.

    Raises
    ------
    CorruptedInput
        It is no product, or damaged (with the given code).
    """
    try:
        return _read(path)
    except (tables.HDF5ExtError, AttributeError, ValueError) as error:
        raise _wrong(path, "a product as HDF5", str(error).splitlines()[0], mend, code) from error


def _read(path: Path) -> tuple[tuple[str, int], Contents]:
    with tables.open_file(str(path)) as file:
        root = file.root._v_attrs
        kind = (str(root.format), int(root.format_version)) if "format" in root else ("", 0)
        if not kind[0]:
            return kind, Contents({})
        arrays: Arrays = {}
        units = {}
        for node in file.walk_nodes("/", "Leaf"):
            if node._v_name != "provenance":
                arrays[node._v_pathname[1:]] = node.read()
                units[node._v_name] = str(node._v_attrs.unit)
        return kind, Contents(arrays, units, json.loads(str(root.attributes)))


def _wrong(path: Path, expected: str, got: str, mend: str, code: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is another product, or damaged.",
        where=str(path),
        expected=expected,
        got=got,
        mend=mend,
        code=code,
    )
