# SPDX-License-Identifier: BSD-3-Clause
"""Which pixels of an image belong to the shower, and how they hang together."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["fill_front", "fill_image", "fill_unusable", "islands", "tailcuts"]

type F4 = npt.NDArray[np.float32]
type I4 = npt.NDArray[np.int32]
type Bools = npt.NDArray[np.bool_]

_SMALL, _LARGE = 2, 50


@kernel
def fill_unusable(values: F4, indptr: I4, indices: I4, unusable: Bools, ring: npt.NDArray[np.uint8]) -> None:
    """Replace unusable pixels by the mean of their usable neighbours, 0 without any; shape (n_pixels,).

    ``ring`` is filled: 0 for usable pixels, 1 for those that got a mean, 255 for those that got 0.
    """
    for pixel in range(values.size):
        ring[pixel] = 0
        if not unusable[pixel]:
            continue
        total = np.float32(0.0)
        count = 0
        for place in range(indptr[pixel], indptr[pixel + 1]):
            if not unusable[indices[place]]:
                total += values[indices[place]]
                count += 1
        values[pixel] = np.float32(np.float64(total) / count) if count > 0 else np.float32(0.0)
        ring[pixel] = 1 if count > 0 else 255


@kernel
def fill_front(
    values: npt.NDArray[np.floating[Any]],
    indptr: I4,
    indices: I4,
    weight: npt.NDArray[np.float64],
    unusable: Bools,
    rings: int,
    ring: npt.NDArray[np.uint8],
) -> None:
    """Fill holes of unusable pixels, shape (n_pixels,), from their edges inwards, ring by ring.

    A pixel gets the mean of its known neighbours, each counting as its ``weight``, shape of ``indices``.
    ``ring`` is filled: 0 for usable pixels, else the number of the ring, 255 for pixels out of reach.
    """
    for pixel in range(values.size):
        ring[pixel] = 255 if unusable[pixel] else 0
    for turn in range(1, rings + 1):
        for pixel in range(values.size):
            if ring[pixel] != 255:
                continue
            total, weights = 0.0, 0.0
            for place in range(indptr[pixel], indptr[pixel + 1]):
                other = indices[place]
                # a pixel of this very ring does not count: the order of pixels is no direction
                if ring[other] < turn:
                    total += weight[place] * values[other]
                    weights += weight[place]
            if weights > 0.0:
                values[pixel] = total / weights
                ring[pixel] = turn


@kernel
def fill_image(
    values: F4,
    indptr: I4,
    indices: I4,
    weight: npt.NDArray[np.float64],
    unusable: Bools,
    rings: int,
    ring: npt.NDArray[np.uint8],
) -> None:
    """Fill the unusable pixels of an image, shape (n_pixels,): as `fill_unusable` for 0 rings.

    Else as `fill_front`, with 0 in pixels out of reach; ``ring`` is filled as there.
    """
    if rings == 0:
        fill_unusable(values, indptr, indices, unusable, ring)
        return
    fill_front(values, indptr, indices, weight, unusable, rings, ring)
    for pixel in range(values.size):
        if ring[pixel] == 255:
            values[pixel] = np.float32(0.0)


@kernel
def tailcuts(
    image: F4,
    indptr: I4,
    indices: I4,
    picture: np.float32,
    boundary: np.float32,
    min_picture_neighbors: int,
    keep_isolated: bool,
    in_picture: Bools,
    mask: Bools,
) -> int:
    """Clean an image, shape (n_pixels,), with two thresholds: fill ``mask``, return how many pixels stay.

    A picture pixel is above ``picture`` and has enough picture neighbours; it stays if a neighbour is
    above ``boundary``. A boundary pixel stays beside a picture pixel. ``in_picture`` is scratch.
    """
    n_pixels = image.size
    for pixel in range(n_pixels):
        in_picture[pixel] = image[pixel] >= picture
    if min_picture_neighbors > 0 and not keep_isolated:
        for pixel in range(n_pixels):
            mask[pixel] = False
            if in_picture[pixel]:
                count = 0
                for place in range(indptr[pixel], indptr[pixel + 1]):
                    count += in_picture[indices[place]]
                mask[pixel] = count >= min_picture_neighbors
        for pixel in range(n_pixels):
            in_picture[pixel] = mask[pixel]
    n_kept = 0
    for pixel in range(n_pixels):
        above = image[pixel] >= boundary
        if not (above or in_picture[pixel]):
            mask[pixel] = False
            continue
        near_picture = False
        near_boundary = False
        for place in range(indptr[pixel], indptr[pixel + 1]):
            neighbor = indices[place]
            near_picture |= in_picture[neighbor]
            near_boundary |= image[neighbor] >= boundary
        keep = (above and near_picture) or (in_picture[pixel] and (keep_isolated or near_boundary))
        mask[pixel] = keep
        n_kept += keep
    return n_kept


@kernel
def islands(mask: Bools, indptr: I4, indices: I4, seen: Bools, stack: I4, counts: I4) -> None:
    """Count connected groups of pixels: fills ``counts`` with (all, <= 2 pixels, 3 to 50, > 50).

    ``mask`` has shape (n_pixels,); ``seen`` and ``stack`` are scratch of the same shape.
    """
    counts[:] = 0
    seen[:] = False
    for seed in range(mask.size):
        if not mask[seed] or seen[seed]:
            continue
        size = 0
        height = 1
        stack[0] = seed
        seen[seed] = True
        while height > 0:
            height -= 1
            pixel = stack[height]
            size += 1
            for place in range(indptr[pixel], indptr[pixel + 1]):
                neighbor = indices[place]
                if mask[neighbor] and not seen[neighbor]:
                    seen[neighbor] = True
                    stack[height] = neighbor
                    height += 1
        counts[0] += 1
        counts[1 if size <= _SMALL else 2 if size <= _LARGE else 3] += 1
