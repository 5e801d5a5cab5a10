# SPDX-License-Identifier: BSD-3-Clause
"""Muon rings of telescopes as a file: HDF5 with every ring, its covariance, and the provenance inside.

The table ``tel_007`` has a row for each image with a ring: ``obs_id``, ``event_id``, ``time`` (ns TAI); the
parameters of `pellucid.array.muons.fit.PARAMETERS` (deg, m, no unit) and their ``covariance``; ``chi2``,
``degrees``, ``size`` (p.e.), ``completeness``, ``containment``, ``status`` (codes of
`pellucid.array.muons.fit.RingStatus`), and ``good``, whether it passed all cuts. Of each telescope the
attributes tell the mirror, the images looked at, and how many rings each cut alone rejects. Bytes follow
from the content alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.array.muons.fit import PARAMETERS, MuonRings
from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = ["RING", "MuonTable", "read_muons", "ring_rows", "write_muons"]

KIND = ("pellucid muon rings", 1)

_PLAIN = ("chi2", "degrees", "size", "completeness", "containment", "status")

RING = np.dtype(
    [
        *((name, np.int64) for name in ("obs_id", "event_id", "time")),
        *((name, np.float64) for name in PARAMETERS),
        ("covariance", np.float64, (len(PARAMETERS), len(PARAMETERS))),
        *((name, np.float64) for name in ("chi2", "size", "completeness", "containment")),
        ("degrees", np.int64),
        ("status", np.uint8),
        ("good", np.bool_),
    ]
)
"""A ring."""


@dataclass(frozen=True, eq=False)
class MuonTable:
    """Rings of a telescope.

    Attributes
    ----------
    rings : ndarray of `RING`, shape (n,)
        In the order of the events; units as in the module.
    optics : dict of str to float
        ``mirror_radius``, ``hole_radius`` (m), ``shortest``, ``longest`` (nm): what efficiencies refer to.
    images : int
        Number of images looked at.
    rejected : dict of str to int
        How many rings each cut alone rejects.
    """

    rings: npt.NDArray[np.void]
    optics: dict[str, float]
    images: int
    rejected: dict[str, int] = field(default_factory=dict)


def ring_rows(
    events: npt.NDArray[np.int64], rings: MuonRings, good: npt.NDArray[np.bool_]
) -> npt.NDArray[np.void]:
    """Return rings as rows, structured, shape (n,), units as in the module.

    Parameters
    ----------
    events : ndarray of int64, shape (n, 3)
        Identifiers of observation and event, and time in ns TAI.
    rings : MuonRings
        Of these events.
    good : ndarray of bool, shape (n,)
        Which passed all cuts.
    """
    rows = np.zeros(len(events), RING)
    for column, name in enumerate(("obs_id", "event_id", "time")):
        rows[name] = events[:, column]
    for name in PARAMETERS:
        rows[name] = rings.of(name)
    for name in ("covariance", *_PLAIN):
        rows[name] = getattr(rings, name)
    rows["good"] = good
    return rows


def write_muons(path: Path, telescopes: Mapping[int, MuonTable], provenance: Mapping[str, object]) -> None:
    """Write rings by telescope with their provenance."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    attributes: dict[str, object] = {}
    for tel_id, table in sorted(telescopes.items()):
        name = f"tel_{tel_id:03d}"
        arrays[name] = table.rings
        attributes[name] = {"optics": table.optics, "images": table.images, "rejected": table.rejected}
    write_contents(path, KIND, Contents(arrays, {}, attributes), provenance)


def read_muons(path: Path) -> dict[int, MuonTable]:
    """Read rings by telescope.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents` (``bad-muons``).
    """
    contents = read_contents(path, KIND, "make it: step muon-rings", "bad-muons")
    found = {}
    for name, said in sorted(contents.attributes.items()):
        assert isinstance(said, dict)
        found[int(name.removeprefix("tel_"))] = MuonTable(contents.arrays[name].astype(RING), **said)
    return found
