# SPDX-License-Identifier: BSD-3-Clause
"""Weighted linear least squares whose rows have few entries, with what can be known told from what cannot.

Rows a_r u = y_r with variance s_r^2 give the normal matrix N = sum_r a_r a_r^T / s_r^2. Where it is
singular, unknowns that its null space touches are not identified; the others are solved as if those were
not there: u = N^+ b with covariance N^+ (Moore-Penrose).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.linalg.lapack import dpotrf, dpotri

from pellucid.errors import CorruptedInput
from pellucid.jit import kernel

__all__ = ["Rows", "Solution", "solve", "solve_robustly", "stack"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]

_SINGULAR = 1e-11
"""An eigenvalue of the scaled normal matrix below this is none."""

_SMALL = 100
"""Unknowns up to which a plain loop inverts faster than LAPACK with its threads."""

_WELL = 1e-3
"""Pivots of the Cholesky factor above this: the matrix is far from singular, no eigenvalues are needed."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Equations of few unknowns each.

    Attributes
    ----------
    index : ndarray of int64, shape (n_rows, k)
        Indices of the unknowns in each row.
    coefficient : ndarray of float64, shape (n_rows, k)
        Their coefficients, dimensionless; 0 where a row has fewer than k.
    value, variance : ndarray of float64, shape (n_rows,)
        What was measured, in the unit of the unknowns, and its variance.
    """

    index: Ints
    coefficient: F8
    value: F8
    variance: F8

    def __post_init__(self) -> None:
        usable = np.isfinite(self.value) & np.isfinite(self.variance) & (self.variance > 0.0)
        if not usable.all():
            row = int(np.flatnonzero(~usable)[0])
            raise CorruptedInput(
                "A measurement has no value or no error.",
                where=f"row {row} of {usable.size}",
                expected="finite values with variances above 0",
                got=f"{self.value[row]} with variance {self.variance[row]}",
                mend="leave it out before",
                code="no-error",
            )


@dataclass(frozen=True, eq=False)
class Solution:
    """Unknowns with their covariance.

    Attributes
    ----------
    value : ndarray of float64, shape (n,)
        Unknowns, in the unit of the measurements; NaN where not identified.
    covariance : ndarray of float64, shape (n, n)
        Of them; NaN where one of the two is not identified.
    identified : ndarray of bool, shape (n,)
        Mask of what the rows determine.
    residual, pull : ndarray of float64, shape (n_rows,)
        Measured minus fitted, and that over its own error; 0 where a row has no redundancy.
    used : ndarray of bool, shape (n_rows,)
        Mask of the rows that were not dropped.
    chi2 : float
        Of the used rows.
    ndf : int
        Used rows less the rank.
    """

    value: F8
    covariance: F8
    identified: Mask
    residual: F8
    pull: F8
    used: Mask
    chi2: float
    ndf: int

    @property
    def error(self) -> F8:
        """Standard errors, shape (n,), in the unit of the measurements."""
        errors: F8 = np.sqrt(np.diag(self.covariance))
        return errors


def stack(*parts: Rows) -> Rows:
    """Return all rows as one, shorter ones filled up with zeros."""
    k = max(p.index.shape[1] for p in parts)
    pads = [((0, 0), (0, k - p.index.shape[1])) for p in parts]
    return Rows(
        np.concatenate([np.pad(p.index, w) for p, w in zip(parts, pads)]),
        np.concatenate([np.pad(p.coefficient, w) for p, w in zip(parts, pads)]),
        np.concatenate([p.value for p in parts]),
        np.concatenate([p.variance for p in parts]),
    )


def solve(rows: Rows, n: int, weight: F8 | None = None) -> Solution:
    """Solve for n unknowns in closed form.

    Parameters
    ----------
    rows : Rows
        The equations.
    n : int
        Number of unknowns.
    weight : ndarray of float64, shape (n_rows,), optional
        Factors on the inverse variances, dimensionless; 0 drops a row.
    """
    factor = np.ones(rows.value.size) if weight is None else weight
    w = factor / rows.variance
    normal = _normal(rows, w, n)
    right = np.bincount(rows.index.ravel(), (rows.coefficient * (w * rows.value)[:, None]).ravel(), n)
    inverse, identified, rank = _inverse(normal)
    value = inverse @ right
    residual = rows.value - (rows.coefficient * value[rows.index]).sum(axis=1)
    used = factor > 0.0
    chi2 = float((residual[used] ** 2 / rows.variance[used]).sum())
    covariance = inverse if weight is None else _sandwich(rows, w, inverse)
    pull = _pulls(rows, residual, inverse)
    blank = ~identified
    value[blank] = np.nan
    covariance[blank] = np.nan
    covariance[:, blank] = np.nan
    return Solution(value, covariance, identified, residual, pull, used, chi2, int(used.sum()) - rank)


def solve_robustly(rows: Rows, n: int, *, huber: float = 1.5, drop: float = 5.0, passes: int = 5) -> Solution:
    """Solve with rows down-weighted that do not fit, and dropped where they do not fit at all.

    Iteratively re-weighted: Huber weights min(1, huber/|pull|), and 0 beyond ``drop``, until they no longer
    change. The covariance is that of the weighted estimator under the variances given.

    Parameters
    ----------
    rows : Rows
        The equations.
    n : int
        Number of unknowns.
    huber, drop : float
        Pulls from which a row weighs less, and nothing.
    passes : int
        At most so many re-weightings.
    """
    found = solve(rows, n)
    weight = np.ones(rows.value.size)
    for _ in range(passes):
        size = np.abs(found.pull)
        # one outlier spoils its neighbours' pulls: only the worst tenth may go at a time
        limit = max(drop, float(np.quantile(size, 0.9)))
        now = np.where(size > limit, 0.0, np.minimum(1.0, huber / np.maximum(size, huber)))
        if np.allclose(now, weight, atol=1e-3):
            break
        weight = now
        found = solve(rows, n, weight)
    return found


def _normal(rows: Rows, w: F8, n: int) -> F8:
    pairs = (rows.index[:, :, None] * n + rows.index[:, None, :]).ravel()
    products = rows.coefficient[:, :, None] * (rows.coefficient * w[:, None])[:, None, :]
    return np.bincount(pairs, products.ravel(), n * n).reshape(n, n)


def _inverse(normal: F8) -> tuple[F8, Mask, int]:
    diagonal = np.diag(normal)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = normal * scale * scale[:, None]
    whole = _small_inverse(scaled) if diagonal.size <= _SMALL else _large_inverse(scaled)
    if whole.size:
        return whole * scale * scale[:, None], np.ones(diagonal.size, bool), diagonal.size
    values, vectors = eigh(scaled, driver="evd", check_finite=False)
    kept = values > _SINGULAR * max(float(values[-1]), 0.0)
    if kept.all():
        part = (vectors / np.sqrt(values)) * scale[:, None]
        return part @ part.T, np.ones(diagonal.size, bool), diagonal.size
    null = vectors[:, ~kept]
    identified = (null**2).sum(axis=1) < 1e-9
    part = (vectors[:, kept] / np.sqrt(values[kept])) * scale[:, None]
    return part @ part.T, identified, int(kept.sum())


def _large_inverse(matrix: F8) -> F8:
    factor, fault = dpotrf(matrix, lower=1)
    if fault or np.diag(factor).min() <= _WELL:
        return np.empty((0, 0))
    lower = dpotri(factor, lower=1)[0]
    whole: F8 = np.tril(lower) + np.tril(lower, -1).T
    return whole


@kernel
def _small_inverse(matrix: F8) -> F8:
    """Invert by Cholesky without a library's threads, whose start costs more than the work."""
    n = matrix.shape[0]
    inverse = np.zeros((n, n))
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            left = matrix[i, j]
            for k in range(j):
                left -= lower[i, k] * lower[j, k]
            if i > j:
                lower[i, j] = left / lower[j, j]
            elif left > _WELL**2:
                lower[i, i] = np.sqrt(left)
            else:
                return np.zeros((0, 0))
    # rows of the inverse factor, whose products are the inverse
    for i in range(n):
        inverse[i, i] = 1.0 / lower[i, i]
        for j in range(i):
            left = 0.0
            for k in range(j, i):
                left -= lower[i, k] * inverse[k, j]
            inverse[i, j] = left / lower[i, i]
    whole = np.zeros((n, n))
    for k in range(n):
        for i in range(k + 1):
            for j in range(k + 1):
                whole[i, j] += inverse[k, i] * inverse[k, j]
    return whole


def _sandwich(rows: Rows, w: F8, inverse: F8) -> F8:
    middle = _normal(rows, w**2 * rows.variance, inverse.shape[0])
    product: F8 = inverse @ middle @ inverse
    return product


def _pulls(rows: Rows, residual: F8, inverse: F8) -> F8:
    block = inverse[rows.index[:, :, None], rows.index[:, None, :]]
    fitted = np.einsum("ra,rab,rb->r", rows.coefficient, block, rows.coefficient)
    left = rows.variance - fitted
    # a row that alone determines an unknown is always fitted
    free = left > 1e-9 * rows.variance
    return np.where(free, residual / np.sqrt(np.where(free, left, 1.0)), 0.0)
