# SPDX-License-Identifier: BSD-3-Clause
"""Fill bad pixels from their neighbours: weighted by distance, from the edge of a hole inwards."""

import numpy as np
import numpy.typing as npt

from pellucid.events.kernels.cleaning import fill_front
from pellucid.instrument import CameraGeometry

__all__ = ["fill_from_neighbours"]

type F8 = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]


def fill_from_neighbours(
    values: npt.ArrayLike, bad: Bools, geometry: CameraGeometry, rings: int = 3
) -> tuple[F8, npt.NDArray[np.uint8]]:
    """Replace bad pixels by the mean of their good neighbours, weighted by 1 / distance.

    A front grows from the good pixels into a hole: pixels beside good ones are filled first, all at once,
    then those beside them, for so many rings; what lies deeper is left as it was.

    Parameters
    ----------
    values : array_like of float, shape (n, n_pixels) or (n_pixels,)
        Images in any unit.
    bad : ndarray of bool, shape of values or (n_pixels,)
        Pixels to fill.
    geometry : CameraGeometry
        The camera.
    rings : int
        How deep to go.

    Returns
    -------
    filled : ndarray of float64, shape of values
    ring : ndarray of uint8, shape of values
        0 for a pixel as measured, else the number of the ring it was filled in; 255 for bad pixels that
        were out of reach.
    """
    shape = np.shape(values)
    filled = np.array(values, np.float64).reshape(-1, shape[-1])
    holes = np.ascontiguousarray(np.broadcast_to(bad, shape)).reshape(filled.shape)
    ring = np.zeros(filled.shape, np.uint8)
    indptr, indices = geometry.neighbors
    for image, bad_here, ring_here in zip(filled, holes, ring, strict=True):
        fill_front(image, indptr, indices, 1.0 / geometry.neighbor_distance, bad_here, rings, ring_here)
    return filled.reshape(shape), ring.reshape(shape)
