# SPDX-License-Identifier: BSD-3-Clause
"""What an array finds out about its own light and clocks, as files: HDF5 with the provenance inside.

All have ``tel_id``; arrays over telescopes are in its order. Bytes follow from the content alone.

Rate reference
    The fields of `pellucid.array.pair_reference.PairReference`; those of its fit stand under ``rates/``.
Inter-calibration
    Those of `pellucid.array.intercalibration.Intercalibration`; under ``pairs/`` the mean asymmetries, their
    errors and numbers, with identifiers of telescopes.
Joint throughput
    Those of `pellucid.array.joint.JointSolution`; ``edges`` of intervals in ns TAI; methods are attributes.
Time offsets
    Those of `pellucid.array.timing.TimeOffsets`, in ns.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.array.intercalibration import Intercalibration, PairAsymmetries
from pellucid.array.joint import JointSolution, Method
from pellucid.array.pair_reference import PairReference
from pellucid.array.reference import RateReference
from pellucid.array.timing import TimeOffsets
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents
from pellucid.formats.records import contents_of, record_of

__all__ = [
    "read_intercalibration",
    "read_joint",
    "read_reference",
    "read_time_offsets",
    "write_intercalibration",
    "write_joint",
    "write_reference",
    "write_time_offsets",
]

type Ints = npt.NDArray[np.int64]

REFERENCE = ("pellucid rate reference", 1)
INTERCALIBRATION = ("pellucid intercalibration", 2)
JOINT = ("pellucid joint throughput", 1)
OFFSETS = ("pellucid time offsets", 1)


def write_reference(path: Path, reference: PairReference, provenance: Mapping[str, object]) -> None:
    """Write a rate reference with its provenance."""
    fit = contents_of(reference.rates)
    outer = contents_of(reference)
    arrays = outer.arrays | {f"rates/{name}": values for name, values in fit.arrays.items()}
    attributes = outer.attributes | {"rates": fit.attributes}
    write_contents(path, REFERENCE, Contents(arrays, {}, attributes), provenance)


def read_reference(path: Path) -> PairReference:
    """Read a rate reference.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, REFERENCE, "make it: step rate-reference", "bad-reference")
    attributes: Any = contents.attributes["rates"]
    fit = record_of(RateReference, Contents(contents.group("rates"), {}, attributes))
    return record_of(PairReference, contents, rates=fit)


def write_intercalibration(
    path: Path,
    tel_id: Ints,
    found: Intercalibration,
    pairs: PairAsymmetries,
    scales: Mapping[str, tuple[float, float]],
    provenance: Mapping[str, object],
) -> None:
    """Write an inter-calibration with its provenance.

    Parameters
    ----------
    path : Path
        HDF5 file.
    tel_id : ndarray of int64, shape (n_telescopes,)
        Identifiers.
    found : Intercalibration
        The solution.
    pairs : PairAsymmetries
        What it follows from, as indices of telescopes.
    scales : mapping of str to (float, float)
        Of each type of telescope over its reference telescope, with its error.
    provenance : mapping
        Lineage.
    """
    seen = replace(pairs, first=tel_id[pairs.first], second=tel_id[pairs.second])
    inner = {f"pairs/{name}": values for name, values in contents_of(seen).arrays.items()}
    contents = contents_of(found, beside={"tel_id": tel_id, **inner})
    contents.attributes["scales"] = {name: list(pair) for name, pair in scales.items()}
    write_contents(path, INTERCALIBRATION, contents, provenance)


def read_intercalibration(
    path: Path,
) -> tuple[Ints, Intercalibration, PairAsymmetries, dict[str, tuple[float, float]]]:
    """Read telescopes, shape (n_telescopes,), solution, pairs (as identifiers) and scales of types.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, INTERCALIBRATION, "make it: step intercalibration", "bad-intercalibration")
    pairs = record_of(PairAsymmetries, Contents(contents.group("pairs")))
    scales: Any = contents.attributes["scales"]
    found = record_of(Intercalibration, contents)
    tel_id = contents.arrays["tel_id"].astype(np.int64)
    return tel_id, found, pairs, {name: (value, error) for name, (value, error) in scales.items()}


def write_joint(
    path: Path, tel_id: Ints, edges: Ints, found: JointSolution, provenance: Mapping[str, object]
) -> None:
    """Write a joint solution: telescopes, shape (n_telescopes,), and edges in ns TAI, (n_intervals + 1,)."""
    pulls = {f"pulls/{name}": method.pull for name, method in found.methods.items()}
    units = {"edges": "ns"}
    contents = contents_of(found, units, {"tel_id": tel_id, "edges": edges, **pulls})
    contents.attributes["methods"] = {
        name: {k: v for k, v in asdict(method).items() if k != "pull"}
        for name, method in found.methods.items()
    }
    write_contents(path, JOINT, contents, provenance)


def read_joint(path: Path) -> tuple[Ints, Ints, JointSolution]:
    """Read telescopes, shape (n_telescopes,), edges in ns TAI, (n_intervals + 1,), and the solution.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, JOINT, "make it: step joint-throughput", "bad-joint-throughput")
    described: Any = contents.attributes["methods"]
    pulls = contents.group("pulls")
    methods = {
        name: Method(**numbers, pull=pulls[name].astype(np.float64)) for name, numbers in described.items()
    }
    tel_id, edges = (contents.arrays[name].astype(np.int64) for name in ("tel_id", "edges"))
    return tel_id, edges, record_of(JointSolution, contents, methods=methods)


def write_time_offsets(
    path: Path, tel_id: Ints, found: TimeOffsets, provenance: Mapping[str, object]
) -> None:
    """Write offsets of clocks in ns of telescopes, shape (n_telescopes,)."""
    units = {"value": "ns", "error": "ns", "covariance": "ns2"}
    write_contents(path, OFFSETS, contents_of(found, units, {"tel_id": tel_id}), provenance)


def read_time_offsets(path: Path) -> tuple[Ints, TimeOffsets]:
    """Read telescopes, shape (n_telescopes,), and offsets of their clocks in ns.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    contents = read_contents(path, OFFSETS, "make it: step time-offsets", "bad-time-offsets")
    return contents.arrays["tel_id"].astype(np.int64), record_of(TimeOffsets, contents)
