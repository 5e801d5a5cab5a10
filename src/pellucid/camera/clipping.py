# SPDX-License-Identifier: BSD-3-Clause
"""Mean, median and spread of each pixel over many events, outliers cut, in blocks that stay in the cache."""

from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["Clipped", "sigma_clipped", "variance_kept"]

type F4 = npt.NDArray[np.float32]
type F8 = npt.NDArray[np.float64]
type I8 = npt.NDArray[np.int64]

_COLUMNS = 16
"""Values worked on side by side: a block of 2500 events of so many fits the cache."""

_NEAR = 0.1
"""Standard deviations from the mean within which a median is looked for first: four of its errors where
there are 2500 values."""

_MOST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class Clipped:
    """Statistics of samples without their outliers.

    Attributes
    ----------
    n : ndarray of int64
        Samples that were kept.
    mean, median, variance : ndarray of float64, shape of n
        In the unit of the samples, and squared; the variance is free of the bias of cutting. NaN where
        no sample was kept, the variance also where there was but one.
    mean_error, variance_error : ndarray of float64, shape of n
        Standard errors.
    """

    n: I8
    mean: F8
    median: F8
    variance: F8
    mean_error: F8
    variance_error: F8

    @property
    def std(self) -> F8:
        """Standard deviation."""
        return np.sqrt(self.variance)


def sigma_clipped(
    samples: npt.NDArray[np.number], max_sigma: float = 4.0, iterations: int = 5, *, corrected: bool = True
) -> Clipped:
    """Cut outliers and return what the rest says.

    Samples further than ``max_sigma`` standard deviations from the mean are cut, again and again with
    the mean and the standard deviation of what is left, until none is or for so many iterations. The
    median is exact. A Gaussian loses some of its variance by the cut, 0.107 % at 4 sigma, which is put
    right (`variance_kept`). Error of the mean s / sqrt(n), of the variance
    s^2 sqrt((kurtosis - (n - 3) / (n - 1)) / n).

    Parameters
    ----------
    samples : ndarray, shape (n, ...)
        In any unit; what is not finite does not count.
    max_sigma : float
        Where to cut, in standard deviations.
    iterations : int
        Cuts at most.
    corrected : bool
        False gives the plain population variance of what was kept, as numpy's ``std`` squared.

    Returns
    -------
    Clipped
        Arrays of the shape of one sample.
    """
    shape = samples.shape[1:]
    rows = np.ascontiguousarray(samples).reshape(len(samples), int(np.prod(shape, dtype=np.int64)))
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    size = rows.shape[1]
    count = np.zeros(size, np.int64)
    mean, median, square, fourth = (np.full(size, np.nan) for _ in range(4))
    if len(rows):
        _clip(rows, max_sigma, iterations, count, mean, median, square, fourth)
    n = np.maximum(count, 1)
    population = square / n
    if not corrected:
        variance = population
    else:
        free = np.where(count > 1, count - 1.0, np.nan)
        variance = square / free / variance_kept(max_sigma)
    kurtosis = np.divide(fourth * n, square**2, out=np.full(size, 3.0), where=square > 0.0)
    rest = np.maximum(kurtosis - (n - 3.0) / np.maximum(n - 1.0, 1.0), 0.0)
    values = (mean, median, variance, np.sqrt(variance / n), variance * np.sqrt(rest / n))
    return Clipped(count.reshape(shape), *(v.reshape(shape) for v in values))


def variance_kept(max_sigma: float) -> float:
    """Part of a Gaussian's variance that is left by cuts at ``max_sigma`` of what is left, dimensionless.

    A Gaussian cut at a on both sides keeps 1 - 2 a phi(a) / (2 Phi(a) - 1) of its variance; the cut lies
    at a = max_sigma sqrt(kept), so this is solved by iteration.
    """
    kept = 1.0
    for _ in range(50):
        a = max_sigma * sqrt(kept)
        inside = erf(a / sqrt(2.0))
        kept = 1.0 - 2.0 * a * exp(-0.5 * a * a) / sqrt(2.0 * pi) / inside if inside > 0.0 else 0.0
    return kept


@kernel
def _clip(
    rows: F4, max_sigma: float, iterations: int, count: I8, mean: F8, median: F8, square: F8, fourth: F8
) -> None:
    n, size = rows.shape
    block = np.empty((n, _COLUMNS), rows.dtype)
    near, below = np.empty((_COLUMNS, n + 1), rows.dtype), np.empty(_COLUMNS, np.int64)
    found = np.empty(_COLUMNS, np.int64)
    # one array each, since only a few are checked for overlap before a loop runs in vectors:
    # low, high, origin of each column; and number, sum, sum of squares, of fourth powers
    limits, sums = np.empty(3 * _COLUMNS), np.empty(4 * _COLUMNS)
    low, high, origin = limits[:_COLUMNS], limits[_COLUMNS : 2 * _COLUMNS], limits[2 * _COLUMNS :]
    last = np.empty(_COLUMNS)
    kept, total, second = sums[:_COLUMNS], sums[_COLUMNS : 2 * _COLUMNS], sums[2 * _COLUMNS : 3 * _COLUMNS]
    for first in range(0, size, _COLUMNS):
        width = min(_COLUMNS, size - first)
        for row in range(n):
            for k in range(width):
                block[row, k] = rows[row, first + k]
            for k in range(width, _COLUMNS):
                block[row, k] = 0
        low[:], high[:], origin[:], last[:] = -_MOST, _MOST, 0.0, -1.0
        _add_inside(block.reshape(-1), limits, sums)
        _move(origin, kept, total)
        for turn in range(iterations + 1):
            _add_inside(block.reshape(-1), limits, sums)
            if turn == iterations or _same(kept, last):
                break
            for k in range(_COLUMNS):
                last[k] = kept[k]
                d = total[k] / max(kept[k], 1.0)
                reach = max_sigma * np.sqrt(max(second[k] / max(kept[k], 1.0) - d * d, 0.0))
                middle = origin[k] + d
                low[k], high[k] = max(middle - reach, low[k]), min(middle + reach, high[k])
            _move(origin, kept, total)
        if not _same(kept, last):
            _move(origin, kept, total)
            _add_inside(block.reshape(-1), limits, sums)
        _gather(block, sums, limits, near, below, found)
        for k in range(width):
            place = first + k
            count[place] = np.int64(kept[k])
            if count[place] > 0:
                mean[place], square[place], fourth[place] = origin[k], second[k], sums[3 * _COLUMNS + k]
                median[place] = _median_of(
                    block[:, k], count[place], limits[k], limits[_COLUMNS + k], near[k], below[k], found[k]
                )


@kernel
def _move(origin: F8, kept: F8, total: F8) -> None:
    """Move origins, shape (_COLUMNS,), to the means of what was summed about them."""
    for k in range(_COLUMNS):
        origin[k] += total[k] / max(kept[k], 1.0)


@kernel
def _same(kept: F8, last: F8) -> bool:
    different = 0
    for k in range(_COLUMNS):
        different += kept[k] != last[k]
    return different == 0


@kernel
def _add_inside(block: F4, limits: F8, sums: F8) -> None:
    """Sum powers of the deviations from the origins of what lies within the limits."""
    sums[:] = 0.0
    for start in range(0, block.size, _COLUMNS):
        for column in range(_COLUMNS):
            k = np.uint64(column)
            value = np.float64(block[np.uint64(start) + k])
            inside = (value >= limits[k]) & (value <= limits[np.uint64(_COLUMNS) + k])
            d = value - limits[np.uint64(2 * _COLUMNS) + k] if inside else 0.0
            q = d * d
            sums[k] += 1.0 if inside else 0.0
            sums[np.uint64(_COLUMNS) + k] += d
            sums[np.uint64(2 * _COLUMNS) + k] += q
            sums[np.uint64(3 * _COLUMNS) + k] += q * q


@kernel
def _gather(block: F4, sums: F8, limits: F8, near: F4, below: I8, found: I8) -> None:
    """Collect the values near the means, where the medians will lie, and count those below them."""
    bounds = np.empty(2 * _COLUMNS)
    for k in range(_COLUMNS):
        kept = max(sums[k], 1.0)
        reach = _NEAR * np.sqrt(sums[2 * _COLUMNS + k] / kept)
        middle = limits[2 * _COLUMNS + k]
        bounds[k], bounds[_COLUMNS + k] = middle - reach, middle + reach
    below[:] = 0
    found[:] = 0
    for row in range(block.shape[0]):
        for k in range(_COLUMNS):
            value = block[row, k]
            # stored in any case, kept only if near: a branch would be mispredicted
            near[k, found[k]] = value
            found[k] += (value >= bounds[k]) & (value <= bounds[_COLUMNS + k])
            below[k] += (value < bounds[k]) & (value >= limits[k])


@kernel
def _median_of(column: F4, n: int, low: float, high: float, near: F4, below: int, found: int) -> float:
    """Median of the ``n`` values within the limits, shape of column (n_most,): among the near if it is."""
    target = n // 2 - below
    if target >= 1 and target < found:
        return _middle(near, found, target, n % 2 == 1)
    values = np.empty(n, column.dtype)
    left = 0
    for value in column:
        if low <= value <= high:
            values[left] = value
            left += 1
    return _middle(values, n, n // 2, n % 2 == 1)


@kernel
def _middle(values: F4, n: int, target: int, odd: bool) -> float:
    """Value of rank ``target`` of ``n``, or half way to the one below; shape (n_most,), put in order."""
    upper = np.float64(_ranked(values, n, target))
    if odd or target == 0:
        return upper
    lower = values[0]
    for k in range(1, target):
        lower = max(lower, values[k])
    return 0.5 * (np.float64(lower) + upper)


@kernel
def _ranked(values: F4, n: int, target: int) -> float:
    """Value of a rank among the first ``n``; those of lower rank come to lie before it (Hoare 1961)."""
    left, right = 0, n - 1
    while left < right:
        pivot = values[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if target <= j:
            right = j
        elif target >= i:
            left = i
        else:
            break
    return float(values[target])
