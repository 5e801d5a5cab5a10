# SPDX-License-Identifier: BSD-3-Clause
"""Deliveries of devices, whatever their format, as metadata and rows of columns; nothing is judged here."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.archive.files import open_source
from pellucid.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from pellucid.formats.delivery.table import Delivered

__all__ = ["READERS", "read_delivery"]

READERS = {
    "parquet": "parquet:read_parquet",
    "fits-image": "fits_image:read_fits_image",
    "licel": "licel:read_licel_row",
    "zfits": "events:read_events",
    "hdf5": "product:read_product",
}
"""Module and function that reads each format; a module is imported when a file of its format is read."""


def read_delivery(path: Path, format: str) -> "Delivered":
    """Open a delivered file.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        It is a folder or empty, or not what the format asks for.
    ConfigurationError
        There is no such format (``unknown-delivery-format``).
    """
    if format not in READERS:
        raise ConfigurationError(
            f"There is no format '{format}' of deliveries.",
            expected=", ".join(READERS),
            mend=nearest(format, list(READERS)),
            code="unknown-delivery-format",
        )
    with open_source(path):
        pass
    module, _, name = READERS[format].partition(":")
    opened: Delivered = getattr(import_module(f"{__name__}.{module}"), name)(path)
    return opened
