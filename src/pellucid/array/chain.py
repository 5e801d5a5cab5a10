# SPDX-License-Identifier: BSD-3-Clause
"""Weighted least squares of a chain of intervals, each of which hangs together with its neighbours alone.

Measurements lie within an interval, unknowns walk at random from one to the next. So the normal matrix has
blocks on its diagonal and beside it, and nothing else: it is eliminated interval by interval, and of its
inverse only the blocks on the diagonal are made (Rauch, Tung and Striebel 1965, AIAA Journal 3, 1445). Time
and memory grow with the number of intervals, not with its third power and its square.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.linalg.lapack import dpotrf, dpotri

from pellucid.array.leastsquares import Rows
from pellucid.errors import ConfigurationError

__all__ = ["ChainSolution", "solve_chain"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]

_SINGULAR = 1e-11
"""An eigenvalue of the scaled normal matrix below this is none."""


@dataclass(frozen=True, eq=False)
class ChainSolution:
    """Unknowns of all intervals.

    Attributes
    ----------
    value : ndarray of float64, shape (n, k)
        Unknowns, in the unit of the measurements; NaN where not identified.
    covariance : ndarray of float64, shape (n, k, k)
        Of the unknowns of one interval, in that unit squared; NaN likewise.
    identified : ndarray of bool, shape (n, k)
        Mask of what the measurements determine.
    residual, pull : ndarray of float64, shape (n_rows,)
        Measured minus fitted, and that over its own error; 0 where a row has no redundancy.
    chi2 : float
        Of measurements and walks.
    ndf : int
        Both less the rank.
    """

    value: F8
    covariance: F8
    identified: Mask
    residual: F8
    pull: F8
    chi2: float
    ndf: int


def solve_chain(rows: Rows, interval: Ints, shape: tuple[int, int], walk: F8) -> ChainSolution:
    """Solve for the unknowns of a chain in closed form.

    Parameters
    ----------
    rows : Rows
        Measurements, whose indices are those of unknowns within their interval.
    interval : ndarray of int64, shape (n_rows,)
        Index of the interval of each.
    shape : tuple of int
        Number of intervals n, and of unknowns k in each.
    walk : ndarray of float64, shape (n - 1, k)
        Variance by which each unknown walks from interval to interval, in the unit squared; infinite where
        intervals have nothing to do with each other.

    Raises
    ------
    ConfigurationError
        A variance is not above 0 (``bad-drift``).
    """
    if not (walk > 0.0).all():
        raise ConfigurationError(
            "Unknowns cannot walk by nothing.",
            expected="variances above 0",
            got=f"{walk.min():g}",
            mend="take a small drift, or one interval",
            code="bad-drift",
        )
    n, k = shape
    normal, right = _normal(rows, interval, n, k)
    stiff = 1.0 / walk
    diagonal = np.arange(k)
    normal[:-1, diagonal, diagonal] += stiff
    normal[1:, diagonal, diagonal] += stiff
    # what no row and no walk touches stands alone
    alone = normal[:, diagonal, diagonal] == 0.0
    normal[:, diagonal, diagonal] += alone
    value, covariance, loose, null = _eliminated(normal, right, stiff)
    identified = ~alone & ~loose
    each = covariance[interval[:, None, None], rows.index[:, :, None], rows.index[:, None, :]]
    fitted = (rows.coefficient * value[interval[:, None], rows.index]).sum(axis=1)
    left = rows.variance - np.einsum("ra,rab,rb->r", rows.coefficient, each, rows.coefficient)
    residual = rows.value - fitted
    # a row that alone determines an unknown is always fitted
    free = left > 1e-9 * rows.variance
    pull = np.where(free, residual / np.sqrt(np.where(free, left, 1.0)), 0.0)
    steps = np.diff(value, axis=0) ** 2 * stiff
    chi2 = float((residual**2 / rows.variance).sum() + steps.sum())
    rank = n * k - int(alone.sum()) - null
    value[~identified] = np.nan
    covariance[~identified] = np.nan
    np.swapaxes(covariance, 1, 2)[~identified] = np.nan
    ndf = rows.value.size + int((stiff > 0.0).sum()) - rank
    return ChainSolution(value, covariance, identified, residual, pull, chi2, ndf)


def _normal(rows: Rows, interval: Ints, n: int, k: int) -> tuple[F8, F8]:
    """Return blocks of the measurements' normal matrix, shape (n, k, k), and right sides, shape (n, k)."""
    weight = rows.coefficient / rows.variance[:, None]
    place = (interval[:, None] * k + rows.index).ravel()
    right = np.bincount(place, (weight * rows.value[:, None]).ravel(), n * k).reshape(n, k)
    pairs = ((interval[:, None, None] * k + rows.index[:, :, None]) * k + rows.index[:, None, :]).ravel()
    products = (weight[:, :, None] * rows.coefficient[:, None, :]).ravel()
    return np.bincount(pairs, products, n * k * k).reshape(n, k, k), right


def _eliminated(normal: F8, right: F8, stiff: F8) -> tuple[F8, F8, Mask, int]:
    """Return values, blocks of the covariance, what null vectors touch, and how many of these there are."""
    n, k = right.shape
    inverse, gain = np.empty_like(normal), np.empty_like(normal[:-1])
    known, nulls = right.copy(), []
    for t in range(n):
        block = normal[t]
        if t:
            # what the intervals before tell of this one
            block = block - stiff[t - 1][:, None] * gain[t - 1]
            known[t] += stiff[t - 1] * (inverse[t - 1] @ known[t - 1])
        inverse[t], null = _inverse(block, np.diagonal(normal[t]))
        nulls.append(null)
        if t < n - 1:
            gain[t] = inverse[t] * stiff[t]
    value, covariance, loose = np.empty_like(right), np.empty_like(normal), np.zeros((n, k), np.bool_)
    open_ways = np.zeros((k, 0))
    for t in range(n - 1, -1, -1):
        value[t], covariance[t] = inverse[t] @ known[t], inverse[t]
        if t < n - 1:
            value[t] += gain[t] @ value[t + 1]
            covariance[t] += gain[t] @ covariance[t + 1] @ gain[t].T
            open_ways = gain[t] @ open_ways
        open_ways = np.concatenate([open_ways, nulls[t]], axis=1)
        loose[t] = (open_ways**2).sum(axis=1) > 1e-9
    return value, covariance, loose, open_ways.shape[1]


def _inverse(block: F8, size: F8) -> tuple[F8, F8]:
    """Return the inverse of a block, as far as it has one, and its null vectors as columns."""
    scale = 1.0 / np.sqrt(size)
    scaled = block * scale * scale[:, None]
    factor, fault = dpotrf(scaled, lower=1)
    if not fault and np.diag(factor).min() ** 2 > 1e3 * _SINGULAR:
        lower = dpotri(factor, lower=1)[0]
        whole = np.tril(lower) + np.tril(lower, -1).T
        return whole * scale * scale[:, None], np.zeros((size.size, 0))
    values, vectors = eigh(scaled, driver="evd", check_finite=False)
    kept = values > _SINGULAR
    part = (vectors[:, kept] / np.sqrt(values[kept])) * scale[:, None]
    null = vectors[:, ~kept] * scale[:, None]
    return part @ part.T, null / np.maximum(np.linalg.norm(null, axis=0), 1e-300)
