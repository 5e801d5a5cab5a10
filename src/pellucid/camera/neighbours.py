# SPDX-License-Identifier: BSD-3-Clause
"""Fill bad pixels from their neighbours: weighted by distance, from the edge of a hole inwards."""

import numpy as np
import numpy.typing as npt

from pellucid.instrument import CameraGeometry
from pellucid.jit import kernel

__all__ = ["fill_from_neighbours"]

type F8 = npt.NDArray[np.float64]
type I4 = npt.NDArray[np.int32]
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
    rows = np.repeat(np.arange(geometry.n_pixels), np.diff(indptr))
    distance = np.hypot(
        geometry.pix_x[rows] - geometry.pix_x[indices], geometry.pix_y[rows] - geometry.pix_y[indices]
    )
    _fill(filled, holes, indptr, indices, 1.0 / distance, rings, ring)
    return filled.reshape(shape), ring.reshape(shape)


@kernel
def _fill(
    values: F8, bad: Bools, indptr: I4, indices: I4, weight: F8, rings: int, ring: npt.NDArray[np.uint8]
) -> None:
    n_pixels = values.shape[1]
    for image in range(values.shape[0]):
        for pixel in range(n_pixels):
            if bad[image, pixel]:
                ring[image, pixel] = 255
        for turn in range(1, rings + 1):
            for pixel in range(n_pixels):
                if ring[image, pixel] != 255:
                    continue
                total, weights = 0.0, 0.0
                for place in range(indptr[pixel], indptr[pixel + 1]):
                    other = indices[place]
                    # a pixel of this very ring does not count: the order of pixels is no direction
                    if ring[image, other] < turn:
                        total += weight[place] * values[image, other]
                        weights += weight[place]
                if weights > 0.0:
                    values[image, pixel] = total / weights
                    ring[image, pixel] = turn
