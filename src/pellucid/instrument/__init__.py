# SPDX-License-Identifier: BSD-3-Clause
"""What a telescope array is made of: positions, optics, camera geometries and readouts."""

from pellucid.instrument.geometry import CameraGeometry, PixelShape, TelescopeFrameGeometry
from pellucid.instrument.subarray import Optics, Readout, ReferenceLocation, Subarray, Telescope

__all__ = [
    "CameraGeometry",
    "Optics",
    "PixelShape",
    "Readout",
    "ReferenceLocation",
    "Subarray",
    "Telescope",
    "TelescopeFrameGeometry",
]
