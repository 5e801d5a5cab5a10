# SPDX-License-Identifier: BSD-3-Clause
"""What a night's data tell about the LIDAR itself: dead times, ties between twin channels, overlap."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
from pellucid.atmosphere.lidar.overlap import Overlap

__all__ = ["Instrument"]


@dataclass(frozen=True, eq=False)
class Instrument:
    """Calibrations of a LIDAR.

    Attributes
    ----------
    twins : mapping of int to DeadTimeFit
        By wavelength in nm: the counter's dead time, and what ties it to its analog twin.
    overlap : mapping of int to Overlap
        By elastic wavelength in nm; a Raman channel of the same laser is taken to share it.
    """

    twins: Mapping[int, DeadTimeFit]
    overlap: Mapping[int, Overlap] = field(default_factory=dict)
