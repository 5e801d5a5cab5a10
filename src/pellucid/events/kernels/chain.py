# SPDX-License-Identifier: BSD-3-Clause
"""Loops over the rows of a batch; each row is worked on in scratch memory that stays in the cache."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.events.kernels.cleaning import fill_image, tailcuts
from pellucid.events.kernels.parameters import N_SCRATCH, parameterize
from pellucid.events.kernels.waveform import (
    calibrate_channel,
    calibrate_selected,
    local_peak,
    neighbor_peak,
    window_sum,
)
from pellucid.jit import kernel

__all__ = ["FIXED_WINDOW", "LOCAL_PEAK", "NEIGHBOR_PEAK", "extract_rows", "parameter_rows"]

type F4 = npt.NDArray[np.float32]
type F8 = npt.NDArray[np.float64]
type I1 = npt.NDArray[np.int8]
type I4 = npt.NDArray[np.int32]
type I8 = npt.NDArray[np.int64]
type U1 = npt.NDArray[np.uint8]
type U8 = npt.NDArray[np.uint64]
type Bools = npt.NDArray[np.bool_]
type Adc = npt.NDArray[np.unsignedinteger[Any]]

NEIGHBOR_PEAK, LOCAL_PEAK, FIXED_WINDOW = 0, 1, 2


@kernel
def extract_rows(
    first: int,
    last: int,
    adc: Adc,
    selected: Bools,
    use: I8,
    pedestal: F4,
    factor: F4,
    time_shift: F4,
    unusable: Bools,
    correction: F8,
    sampling_rate: F8,
    indptr: I4,
    indices: I4,
    method: int,
    width: int,
    shift: int,
    fixed_peak: int,
    local_weight: int,
    threshold: float,
    weight: F8,
    rings: int,
    image: F4,
    peak_time: F4,
    filled: U1,
    channel: I1,
) -> None:
    """Calibrate the rows ``first`` to ``last`` - 1 and extract their charges and times.

    Parameters
    ----------
    adc : ndarray, shape (m, n_channels, n_pixels, n_samples)
        Raw samples, in ADC counts.
    selected : ndarray of bool, shape (m,)
        Rows of which one gain channel is chosen per pixel.
    use : ndarray of int64, shape (m,)
        Which of the k sets of coefficients a row takes.
    pedestal, factor, time_shift, unusable : ndarray, shape (k, n_channels, n_pixels)
        Coefficients, as in `Coefficients`.
    correction : ndarray, shape (k, n_channels)
        One over the part of a pulse that the window holds.
    sampling_rate : ndarray, shape (k,)
        In GHz.
    weight : ndarray of float64, shape of indices
        How much a neighbour counts where a hole is filled.
    rings : int
        How deep holes of unusable pixels are filled; 0 fills those beside usable ones alone.
    image, peak_time : ndarray of float32, shape (m, n_stored, n_pixels)
        Filled, in p.e. and ns.
    filled : ndarray of uint8, shape of image
        Filled: how unusable pixels got their values, as `fill_image` tells.
    channel : ndarray of int8, shape (m, n_pixels)
        Filled with the chosen channel, -1 in rows that are not selected.
    """
    n_channels, n_pixels, n_samples = adc.shape[1:]
    samples = np.empty((n_pixels, n_samples), np.float32)
    total = np.empty(n_samples)
    peak = np.empty(n_pixels, np.int64)
    bad = np.empty(n_pixels, np.bool_)
    late = np.empty(n_pixels, np.float32)
    missed = np.empty(n_pixels)
    for row in range(first, last):
        k = use[row]
        for stored in range(1 if selected[row] else n_channels):
            if selected[row]:
                calibrate_selected(adc[row], pedestal[k], factor[k], threshold, samples, channel[row])
            else:
                calibrate_channel(adc[row, stored], pedestal[k, stored], factor[k, stored], samples)
                channel[row] = -1
            for pixel in range(n_pixels):
                gain = channel[row, pixel] if selected[row] else stored
                bad[pixel] = unusable[k, gain, pixel]
                late[pixel] = time_shift[k, gain, pixel]
                missed[pixel] = correction[k, gain]
            if method == NEIGHBOR_PEAK:
                neighbor_peak(samples, indptr, indices, bad, local_weight, total, peak)
            elif method == LOCAL_PEAK:
                local_peak(samples, peak)
            else:
                peak[:] = fixed_peak
            window_sum(
                samples, peak, width, shift, sampling_rate[k], missed, late,
                image[row, stored], peak_time[row, stored],
            )  # fmt: skip
            fill_image(image[row, stored], indptr, indices, weight, bad, rings, filled[row, stored])
            fill_image(peak_time[row, stored], indptr, indices, weight, bad, rings, filled[row, stored])


@kernel
def parameter_rows(
    first: int,
    last: int,
    selected: Bools,
    image: F4,
    peak_time: F4,
    with_time: bool,
    clean: bool,
    picture: np.float32,
    boundary: np.float32,
    min_picture_neighbors: int,
    keep_isolated: bool,
    frame: I8,
    lon: F8,
    lat: F8,
    area: F8,
    width: F8,
    border: Bools,
    indptr: I4,
    indices: I4,
    seeds: U8,
    mask: Bools,
    values: F8,
    counts: I4,
) -> None:
    """Clean the images of the rows ``first`` to ``last`` - 1 and fill their masks and parameters.

    Rows that are not selected get an empty mask and no parameters; with ``clean`` false the mask is
    every pixel above 0.

    Parameters
    ----------
    image, peak_time : ndarray of float32, shape (m, n_pixels)
        In p.e. and ns.
    frame : ndarray of int64, shape (m,)
        Which of the f projections a row takes.
    lon, lat, area, width : ndarray of float64, shape (f, n_pixels)
        Pixels in the telescope frame, in deg and deg2.
    border : ndarray of bool, shape (2, n_pixels)
        Outermost row of pixels, and the two outermost.
    seeds : ndarray of uint64, shape (m,)
        Seeds of the timing fit.
    mask : ndarray of bool, shape (m, n_pixels)
        Filled.
    values, counts : ndarray, shape (m, N_VALUES), (m, N_COUNTS)
        Filled.
    """
    n_pixels = image.shape[1]
    scratch = np.empty((N_SCRATCH, n_pixels))
    charge = np.empty(n_pixels)
    seen = np.empty(n_pixels, np.bool_)
    stack = np.empty(n_pixels, np.int32)
    for row in range(first, last):
        if not selected[row]:
            mask[row] = False
        elif clean:
            tailcuts(
                image[row], indptr, indices, picture, boundary, min_picture_neighbors, keep_isolated,
                seen, mask[row],
            )  # fmt: skip
        else:
            for pixel in range(n_pixels):
                mask[row, pixel] = image[row, pixel] > 0
        for pixel in range(n_pixels):
            charge[pixel] = image[row, pixel]
        f = frame[row]
        parameterize(
            charge, peak_time[row], with_time, mask[row], lon[f], lat[f], area[f], width[f], border,
            indptr, indices, seeds[row], scratch, seen, stack, values[row], counts[row],
        )  # fmt: skip
