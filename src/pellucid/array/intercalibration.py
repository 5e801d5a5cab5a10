# SPDX-License-Identifier: BSD-3-Clause
"""Relative throughput of telescopes from what pairs of them see of the same showers.

An asymmetry a = (v1 - v2)/(v1 + v2) of energies or image sizes is a log ratio, 2 artanh a = ln v1 - ln v2, so
that ln c_i - ln c_j = 2 artanh a_ij is linear: a weighted Laplacian, solved in closed form with its
covariance (Mitchell et al., arXiv 1510.06526, minimise the asymmetries themselves).
"""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from pellucid.array.graph import components
from pellucid.array.leastsquares import Rows, Solution, solve, solve_robustly
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics

__all__ = [
    "Intercalibration",
    "LeftOut",
    "PairAsymmetries",
    "aggregate",
    "asymmetry",
    "intercalibrate",
    "intercalibrate_types",
    "log_ratio",
    "type_scale",
]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]


class LeftOut(IntEnum):
    """Why a pair was left out; 0 is that it was not."""

    USED = 0
    NO_ERROR = 1
    """Fewer than two events, or an error that is none."""
    NO_ASYMMETRY = 2
    """Not between -1 and 1, or not a number."""
    UNCONNECTED = 3
    """No chain of pairs leads to the reference telescope."""
    DOES_NOT_FIT = 4
    """Dropped by the robust solution."""


def asymmetry(first: F8, second: F8, first_error: F8, second_error: F8) -> tuple[F8, F8]:
    """Return a = (v1 - v2)/(v1 + v2) and its error, shape (n,) each, dimensionless, of energies or sizes.

    sigma_a = 2/(v1 + v2)^2 sqrt((v1 sigma_2)^2 + (v2 sigma_1)^2); values in any one unit, shape (n,).
    """
    total = first + second
    return (first - second) / total, 2.0 / total**2 * np.hypot(first * second_error, second * first_error)


def log_ratio(asymmetries: npt.ArrayLike) -> F8:
    """Return 2 artanh a = ln(v1/v2), dimensionless, shape (...)."""
    ratio: F8 = 2.0 * np.arctanh(np.asarray(asymmetries, np.float64))
    return ratio


@dataclass(frozen=True, eq=False)
class PairAsymmetries:
    """Mean asymmetries of pairs.

    Attributes
    ----------
    first, second : ndarray of int64, shape (n_pairs,)
        Indices of the two telescopes.
    value, error : ndarray of float64, shape (n_pairs,)
        Mean asymmetry and its error, dimensionless.
    n : ndarray of int64, shape (n_pairs,)
        Number of events.
    """

    first: Ints
    second: Ints
    value: F8
    error: F8
    n: Ints


def aggregate(first: Ints, second: Ints, asymmetries: F8, *, clip: float = 5.0) -> PairAsymmetries:
    """Average events by pair: a mean with clipping around the median, error std/sqrt(n).

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_events,)
        Index of each telescope; (i, j) and (j, i) are one pair.
    asymmetries : ndarray of float64, shape (n_events,)
        Of the events, dimensionless.
    clip : float
        Events farther from the median than so many robust widths are left out.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    signed = np.where(first <= second, asymmetries, -asymmetries)
    order = np.lexsort((signed, high, low))
    low, high, signed = low[order], high[order], signed[order]
    new = np.r_[True, (np.diff(low) != 0) | (np.diff(high) != 0)]
    start = np.flatnonzero(new)
    pair = np.cumsum(new) - 1
    median = _medians(signed, start)
    away = np.abs(signed - median[pair])
    width = 1.4826 * _medians(away[np.lexsort((away, pair))], start)
    kept = away <= np.where(width[pair] > 0.0, clip * width[pair], np.inf)
    n = np.bincount(pair[kept], minlength=start.size)
    mean = np.bincount(pair[kept], signed[kept], start.size) / n
    squares = np.bincount(pair[kept], (signed[kept] - mean[pair[kept]]) ** 2, start.size)
    error = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1) / n), np.nan)
    return PairAsymmetries(low[start], high[start], mean, error, n.astype(np.int64))


def _medians(ordered: F8, start: Ints) -> F8:
    stop = np.r_[start[1:], ordered.size]
    middle: F8 = 0.5 * (ordered[(start + stop - 1) // 2] + ordered[(start + stop) // 2])
    return middle


@dataclass(frozen=True, eq=False)
class Intercalibration:
    """Relative throughputs.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_telescopes,)
        c_i over that of its reference telescope, dimensionless; NaN where no chain of pairs leads there.
    covariance : ndarray of float64, shape (n_telescopes, n_telescopes)
        Of ln c, dimensionless; NaN likewise.
    connected : ndarray of bool, shape (n_telescopes,)
        Mask of the telescopes with a throughput.
    reference : ndarray of int64, shape (n_telescopes,)
        Index of the reference telescope of each; -1 where it has none.
    left_out : ndarray of int64, shape (n_pairs,)
        Codes of `LeftOut`.
    pull : ndarray of float64, shape (n_pairs,)
        Of each used pair, a number; NaN for the others.
    chi2, ndf :
        Of the used pairs.
    n : int
        Events behind it.
    """

    value: F8
    error: F8
    covariance: F8
    connected: Mask
    reference: Ints
    left_out: Ints
    pull: F8
    chi2: float
    ndf: int
    n: int


def intercalibrate(
    pairs: PairAsymmetries,
    n_telescopes: int,
    reference: int = 0,
    *,
    min_events: int = 2,
    robust: bool = False,
) -> Intercalibration:
    """Solve for the throughputs in closed form.

    Weights are ((1 - a^2) / (2 s))^2, with s the error of a; one more closed step takes 1 - a^2 at the fitted
    asymmetries, which is the minimum of sum((a - (c_i - c_j)/(c_i + c_j))^2 / s^2) to second order.

    Parameters
    ----------
    pairs : PairAsymmetries
        Of any graph.
    n_telescopes : int
        Number of telescopes.
    reference : int
        Index of the telescope whose c is 1.
    min_events : int
        Fewest events of a pair that is used.
    robust : bool
        Whether pairs that do not fit are weighted down and dropped.

    Raises
    ------
    InsufficientStatistics
        No pair leads to the reference telescope (``no-pairs``).
    CorruptedInput
        There is no such telescope (``bad-pair``).
    """
    if pairs.first.size and not 0 <= reference < n_telescopes > max(pairs.first.max(), pairs.second.max()):
        raise CorruptedInput(
            "There is no such telescope.", expected=f"an index below {n_telescopes}", code="bad-pair"
        )
    left_out = _usable(pairs, min_events)
    good = left_out == LeftOut.USED
    label = components(n_telescopes, pairs.first[good], pairs.second[good])
    connected = label == label[reference]
    left_out[good & ~connected[pairs.first]] = LeftOut.UNCONNECTED
    used = left_out == LeftOut.USED
    if not used.any():
        raise _no_pairs(str(reference), min_events, pairs, left_out)
    free = np.flatnonzero(connected & (np.arange(n_telescopes) != reference))
    found = _solve(pairs, used, free, n_telescopes, robust)
    value = np.where(connected, 1.0, np.nan)
    value[free] = np.exp(found.value)
    covariance = np.where(connected[:, None] & connected, 0.0, np.nan)
    covariance[np.ix_(free, free)] = found.covariance
    rows = np.flatnonzero(used)
    left_out[rows[~found.used]] = LeftOut.DOES_NOT_FIT
    pull = np.full(used.size, np.nan)
    pull[rows] = found.pull
    return Intercalibration(
        value,
        value * np.sqrt(np.diag(covariance)),
        covariance,
        connected,
        np.where(connected, reference, -1),
        left_out,
        pull,
        found.chi2,
        found.ndf,
        int(pairs.n[used].sum()),
    )


def intercalibrate_types(
    pairs: PairAsymmetries,
    kind: Ints,
    references: Ints,
    *,
    min_events: int = 2,
    robust: bool = False,
) -> Intercalibration:
    """Solve for the throughputs, dimensionless, of each type by itself, over a reference of its own.

    Parameters
    ----------
    pairs : PairAsymmetries
        Those across types are left out.
    kind : ndarray of int64, shape (n_telescopes,)
        Index of the type of each telescope.
    references : ndarray of int64, shape (n,)
        Indices of telescopes whose c is 1; of a type without one it is the first that is in a usable pair.
    min_events, robust
        As of `intercalibrate`.

    Raises
    ------
    ConfigurationError
        A type has two references (``two-references``).
    InsufficientStatistics, CorruptedInput
        As `intercalibrate`; a type without any usable pair and without a reference is left out.
    """
    named = kind[references]
    if np.unique(named).size < named.size:
        raise ConfigurationError(
            "Two telescopes of one type cannot both be its reference.",
            expected="one reference telescope a type",
            got=f"telescopes at {references.tolist()}",
            code="two-references",
        )
    inside = kind[pairs.first] == kind[pairs.second]
    good = inside & (_usable(pairs, min_events) == LeftOut.USED)
    own = dict(zip(named.tolist(), references.tolist()))
    for k in np.unique(kind[pairs.first[good]]).tolist():
        mine = good & (kind[pairs.first] == k)
        own.setdefault(k, int(np.minimum(pairs.first[mine], pairs.second[mine]).min()))
    solved = []
    for k, telescope in sorted(own.items()):
        rows = np.flatnonzero(inside & (kind[pairs.first] == k))
        part = PairAsymmetries(*(getattr(pairs, f.name)[rows] for f in fields(pairs)))
        solved.append(
            (rows, intercalibrate(part, kind.size, telescope, min_events=min_events, robust=robust))
        )
    if not solved:
        raise _no_pairs("any", min_events, pairs, _usable(pairs, min_events))
    return _merged(pairs, kind.size, solved)


def _merged(pairs: PairAsymmetries, n: int, solved: list[tuple[Ints, Intercalibration]]) -> Intercalibration:
    """Put solutions of types side by side; telescopes of two types are not correlated."""
    value, error = np.full((2, n), np.nan)
    covariance = np.full((n, n), np.nan)
    reference = np.full(n, -1)
    left_out = np.full(pairs.first.size, int(LeftOut.UNCONNECTED))
    pull = np.full(pairs.first.size, np.nan)
    for rows, one in solved:
        mine = one.connected
        value[mine], error[mine], reference[mine] = one.value[mine], one.error[mine], one.reference[mine]
        there = reference >= 0
        covariance[np.ix_(mine, there)] = covariance[np.ix_(there, mine)] = 0.0
        covariance[np.ix_(mine, mine)] = one.covariance[np.ix_(mine, mine)]
        left_out[rows], pull[rows] = one.left_out, one.pull
    return Intercalibration(
        value,
        error,
        covariance,
        reference >= 0,
        reference,
        left_out,
        pull,
        sum(one.chi2 for _, one in solved),
        sum(one.ndf for _, one in solved),
        sum(one.n for _, one in solved),
    )


def _no_pairs(where: str, min_events: int, pairs: PairAsymmetries, left_out: Ints) -> InsufficientStatistics:
    return InsufficientStatistics(
        "No pair of telescopes leads to the reference telescope.",
        where=f"telescope {where}",
        expected=f"a pair with it, of {min_events} events or more and with an error",
        got=f"{pairs.first.size} pairs, left out for {sorted({LeftOut(x).name for x in left_out})}",
        mend="choose another reference telescope, or take more data",
        code="no-pairs",
    )


def _usable(pairs: PairAsymmetries, min_events: int) -> Ints:
    left_out = np.zeros(pairs.first.size, np.int64)
    with np.errstate(invalid="ignore"):
        left_out[~(np.isfinite(pairs.error) & (pairs.error > 0.0)) | (pairs.n < min_events)] = (
            LeftOut.NO_ERROR
        )
        left_out[~(np.abs(pairs.value) < 1.0)] = LeftOut.NO_ASYMMETRY
    return left_out


def _solve(pairs: PairAsymmetries, used: Mask, free: Ints, n: int, robust: bool) -> Solution:
    a, s = pairs.value[used], pairs.error[used]
    both = np.stack([pairs.first[used], pairs.second[used]], axis=1)
    # the reference is no unknown: its coefficient is 0
    place, known = np.zeros(n, np.int64), np.zeros(n)
    place[free], known[free] = np.arange(free.size), 1.0
    index, coefficient = place[both], known[both] * [1.0, -1.0]

    def rows(measured: F8, at: F8) -> Rows:
        return Rows(index, coefficient, measured, (2.0 * s / (1.0 - at**2)) ** 2)

    x = solve(rows(log_ratio(a), a), free.size).value
    fitted = np.tanh(0.5 * (coefficient * x[index]).sum(axis=1))
    # the asymmetry linearised where the fit lies, as a minimum over asymmetries asks for
    linear = log_ratio(fitted) + 2.0 * (a - fitted) / (1.0 - fitted**2)
    return (solve_robustly if robust else solve)(rows(linear, fitted), free.size)


def type_scale(found: Intercalibration, telescopes: Ints) -> tuple[float, float]:
    """Return the mean throughput of some telescopes, such as a type, over the reference's, and its error.

    The geometric mean exp(mean ln c), with the full covariance; dimensionless.

    Parameters
    ----------
    found : Intercalibration
        Of pairs within and across types.
    telescopes : ndarray of int64, shape (n,)
        Indices; those without a throughput are left out.

    Raises
    ------
    InsufficientStatistics
        None of them has a throughput (``no-pairs``).
    """
    some = telescopes[found.connected[telescopes]]
    if not some.size:
        raise InsufficientStatistics(
            "No telescope of this type is connected with the reference telescope.",
            expected="a pair across the types",
            mend="take data with both types, or calibrate the type with a reference of its own",
            code="no-pairs",
        )
    scale = float(np.exp(np.log(found.value[some]).mean()))
    return scale, scale * float(np.sqrt(found.covariance[np.ix_(some, some)].mean()))
