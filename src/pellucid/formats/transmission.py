# SPDX-License-Identifier: BSD-3-Clause
"""The transmission of the air as files: tables over height, and what a shower's light keeps; HDF5."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents

__all__ = [
    "read_shower_transmission",
    "read_transmission",
    "write_shower_transmission",
    "write_transmission",
]

TABLE = ("pellucid transmission", 2)
SHOWER = ("pellucid shower transmission", 1)

_UNITS = {"height": "m", "zenith": "deg", "wavelength": "nm"}


def write_transmission(
    path: Path,
    arrays: Mapping[str, npt.NDArray[np.generic]],
    attributes: Mapping[str, object],
    provenance: Mapping[str, object],
) -> None:
    """Write a table of transmission: axes ``height``, ``wavelength``, ``zenith`` of shapes (m,), (k,), (z,).

    ``transmission`` and ``error`` have the shape (z, k, m). The covariance between heights is ``factors``
    (z, k, m, r) and ``diagonal`` (z, k, m): F F^T + diag(d). All but the axes, which are in m, nm and deg, is
    dimensionless. The attribute ``flags`` holds ``assumed-lidar-ratio`` where no Raman light was at hand.
    """
    write_contents(path, TABLE, Contents(dict(arrays), _UNITS, dict(attributes)), provenance)


def read_transmission(path: Path) -> Contents:
    """Read a table of transmission, as `write_transmission` describes it.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    return read_contents(path, TABLE, "make it: step lidar-transmission", code="bad-lidar-product")


def write_shower_transmission(
    path: Path,
    arrays: Mapping[str, npt.NDArray[np.generic]],
    attributes: Mapping[str, object],
    provenance: Mapping[str, object],
) -> None:
    """Write what a shower's light keeps: ``zenith`` in deg, ``transmission``, ``error``, each of shape (z,).

    Both are dimensionless, over those of the simulations' air. The attribute ``unseen`` is the share of the
    light that is emitted above what the LIDAR saw.
    """
    write_contents(path, SHOWER, Contents(dict(arrays), _UNITS, dict(attributes)), provenance)


def read_shower_transmission(path: Path) -> Contents:
    """Read what a shower's light keeps, as `write_shower_transmission` describes it.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents`.
    """
    return read_contents(path, SHOWER, "make it: step lidar-shower-transmission", code="bad-lidar-product")
