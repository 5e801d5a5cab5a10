# SPDX-License-Identifier: BSD-3-Clause
"""All parameters of one cleaned image: gather its pixels, then call the kernels one after the other."""

import numpy as np
import numpy.typing as npt

from pellucid.events.kernels.cleaning import islands
from pellucid.events.kernels.moments import (
    LENGTH,
    PHI,
    PSI,
    PSI_ERROR,
    X,
    Y,
    concentration,
    hillas,
    statistics,
)
from pellucid.events.kernels.timing import trimmed_line
from pellucid.jit import kernel

__all__ = ["N_COUNTS", "N_VALUES", "parameterize"]

type F4 = npt.NDArray[np.float32]
type F8 = npt.NDArray[np.float64]
type I4 = npt.NDArray[np.int32]
type Bools = npt.NDArray[np.bool_]

# columns of a row of values: Hillas, timing, leakage, concentration, charge and time statistics
HILLAS, TIMING, LEAKAGE, CONCENTRATION, CHARGE, TIME, N_VALUES = 0, 14, 17, 21, 24, 30, 36
N_COUNTS = 5
# rows of the scratch array
_X, _Y, _AREA, _WIDTH, _Q, _T, _ALONG, _RESIDUAL, _PARTITION = range(9)
N_SCRATCH = 9
_FEWEST_PIXELS = 2


@kernel
def parameterize(
    charge: F8,
    time: F4,
    with_time: bool,
    mask: Bools,
    lon: F8,
    lat: F8,
    area: F8,
    width: F8,
    border: Bools,
    indptr: I4,
    indices: I4,
    seed: np.uint64,
    scratch: F8,
    seen: Bools,
    stack: I4,
    values: F8,
    counts: I4,
) -> None:
    """Fill one row of values (NaN) and counts (-1) for an image of fewer than two pixels or without light.

    Parameters
    ----------
    charge, time : ndarray, shape (n_pixels,)
        Charge (p.e.) and time (ns) of all pixels.
    with_time : bool
        Whether ``time`` means anything; simulated photo-electron counts have none.
    mask : ndarray of bool, shape (n_pixels,)
        Selected pixels.
    lon, lat, area, width : ndarray of float64, shape (n_pixels,)
        Pixels in the telescope frame, in deg and deg2.
    border : ndarray of bool, shape (2, n_pixels)
        Outermost row of pixels, and the two outermost.
    indptr, indices : ndarray of int32
        Neighbours in compressed rows.
    seed : uint64
        Seed of the timing fit.
    scratch, seen, stack : ndarray
        Scratch of (N_SCRATCH, n_pixels), (n_pixels,), (n_pixels,).
    values, counts : ndarray, shape (N_VALUES,), (N_COUNTS,)
        The row to fill.
    """
    values[:] = np.nan
    counts[:] = -1
    n = 0
    for pixel in range(mask.size):
        if mask[pixel]:
            scratch[_X, n] = lon[pixel]
            scratch[_Y, n] = lat[pixel]
            scratch[_AREA, n] = area[pixel]
            scratch[_WIDTH, n] = width[pixel]
            scratch[_Q, n] = charge[pixel]
            scratch[_T, n] = time[pixel]
            n += 1
    x, y, q, t = scratch[_X, :n], scratch[_Y, :n], scratch[_Q, :n], scratch[_T, :n]
    if n < _FEWEST_PIXELS or not q.sum() > 0.0:
        return
    moments = values[HILLAS:TIMING]
    hillas(x, y, scratch[_AREA, :n], q, moments)
    concentration(x, y, scratch[_WIDTH, :n], q, moments, values[CONCENTRATION:CHARGE])
    statistics(q, values[CHARGE:TIME])
    _leakage(charge, mask, border, n, moments[0], values[LEAKAGE:CONCENTRATION])
    counts[0] = n
    islands(mask, indptr, indices, seen, stack, counts[1:])
    if with_time:
        statistics(t, values[TIME:])
        if moments[LENGTH] > 0.0:
            cos, sin = np.cos(moments[PSI]), np.sin(moments[PSI])
            along = scratch[_ALONG, :n]
            for i in range(n):
                along[i] = (x[i] - moments[X]) * cos + (y[i] - moments[Y]) * sin
            trimmed_line(
                along, t, seed, scratch[_RESIDUAL, :n], scratch[_PARTITION, :n], values[TIMING:LEAKAGE]
            )
    for column in (PHI, PSI, PSI_ERROR):
        moments[column] = np.rad2deg(moments[column])


@kernel
def _leakage(charge: F8, mask: Bools, border: Bools, n_selected: int, size: float, out: F8) -> None:
    """Shares of selected pixels and of light in the outermost one and two rows of the camera."""
    out[:] = 0.0
    for pixel in range(mask.size):
        if mask[pixel]:
            for row in range(2):
                if border[row, pixel]:
                    out[row] += 1.0
                    out[2 + row] += charge[pixel]
    for row in range(2):
        out[row] /= n_selected
        out[2 + row] /= size
