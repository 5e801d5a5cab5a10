# SPDX-License-Identifier: BSD-3-Clause
"""Small made-up cameras."""

import numpy as np

from pellucid.instrument import CameraGeometry, PixelShape

PITCH = 0.05


def hexagonal(rings: int) -> CameraGeometry:
    """Hexagonal camera of so many rings around a central pixel."""
    q, r = np.meshgrid(np.arange(-rings, rings + 1), np.arange(-rings, rings + 1))
    inside = np.abs(q + r) <= rings
    x, y = (q + r / 2)[inside] * PITCH, (r * np.sqrt(3) / 2)[inside] * PITCH
    return CameraGeometry("Hex", x, y, np.full(x.size, np.sqrt(3) / 2 * PITCH**2), PixelShape.HEXAGON)


def square(side: int) -> CameraGeometry:
    """Camera of side x side square pixels."""
    x, y = (a.ravel() * PITCH for a in np.meshgrid(np.arange(side), np.arange(side)))
    return CameraGeometry("Square", x, y, np.full(x.size, PITCH**2), PixelShape.SQUARE)
