# SPDX-License-Identifier: BSD-3-Clause
"""The transparency of the air in time, from an array's own rates, as a file: HDF5 with the provenance inside.

Arrays over slices of time: ``time`` and ``duration`` (ns TAI), ``eta`` with its errors, ``chi2``, ``ndf``,
``p_value``, ``n_events``, ``status``; over slices and telescopes ``throughput`` and its error; the full
``covariance`` of ln eta and ln e; ``t`` and ``t_error`` of each telescope in the form of H.E.S.S. Bytes
follow from the content alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tables

from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["read_transparency", "write_transparency"]

FORMAT, VERSION = "pellucid cherenkov transparency", 1


def write_transparency(
    path: Path, arrays: Mapping[str, npt.NDArray[np.generic]], provenance: Mapping[str, object]
) -> None:
    """Write arrays by name, of shape (n_slices, ...), units as in the module; with their provenance."""
    with tables.open_file(str(path), "w") as file:
        root = file.root._v_attrs
        root.format, root.format_version = FORMAT, np.int64(VERSION)
        for name, values in sorted(arrays.items()):
            file.create_array(file.root, name, values, track_times=False)
        text = json.dumps(provenance, sort_keys=True, ensure_ascii=True).encode()
        file.create_array(file.root, "provenance", np.frombuffer(text, np.uint8), track_times=False)


def read_transparency(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read the arrays by name, of shape (n_slices, ...), units as in the module.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        It is another format or version.
    """
    if not path.is_file():
        raise MissingInput(
            "There is no such transparency.",
            where=str(path),
            mend="make it: step transparency",
            code="no-file",
        )
    try:
        with tables.open_file(str(path)) as file:
            attributes = file.root._v_attrs
            found = (str(attributes.format), int(attributes.format_version)) if "format" in attributes else ()
            if found != (FORMAT, VERSION):
                raise _wrong(path, "another format or version")
            nodes = file.iter_nodes(file.root, "Array")
            return {node._v_name: node.read() for node in nodes if node._v_name != "provenance"}
    except tables.HDF5ExtError as error:
        raise _wrong(path, str(error).splitlines()[0]) from error


def _wrong(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is no transparency.",
        where=str(path),
        expected=f"format '{FORMAT}', version {VERSION}",
        got=got,
        mend="make it again: step transparency",
        code="bad-transparency",
    )
