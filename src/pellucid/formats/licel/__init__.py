# SPDX-License-Identifier: BSD-3-Clause
"""Licel files, the raw data of most LIDARs: read, check, write, and stack to the cube of a night."""

from pellucid.formats.licel.file import LicelFile, problems, read_licel, write_licel
from pellucid.formats.licel.header import LicelDataset, LicelHeader
from pellucid.formats.licel.night import LicelNight, Rejected, read_night

__all__ = [
    "LicelDataset",
    "LicelFile",
    "LicelHeader",
    "LicelNight",
    "Rejected",
    "problems",
    "read_licel",
    "read_night",
    "write_licel",
]
