# SPDX-License-Identifier: BSD-3-Clause
"""DL1 files in ctapipe's HDF5 data format, version 7.6.0: write them, read them back."""

from pellucid.formats.ctao_metadata import Contact
from pellucid.formats.ctapipe_hdf5.reader import (
    image_blocks,
    read_calibration_images,
    read_filled,
    read_flags,
    read_images,
    read_lineage,
    read_parameters,
    read_product_metadata,
    read_table,
    read_telescope,
    read_times,
    tel_ids,
)
from pellucid.formats.ctapipe_hdf5.writer import DL1Writer

__all__ = [
    "Contact",
    "DL1Writer",
    "image_blocks",
    "read_calibration_images",
    "read_filled",
    "read_flags",
    "read_images",
    "read_lineage",
    "read_parameters",
    "read_product_metadata",
    "read_table",
    "read_telescope",
    "read_times",
    "tel_ids",
]
