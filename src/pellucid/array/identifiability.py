# SPDX-License-Identifier: BSD-3-Clause
"""What a part of an array can still calibrate, and how much larger the errors become.

The models of the pair rates, the asymmetries and the fronts are those of `transparency`, `intercalibration`
and `timing`; their covariances need no data, only pairs and how often they see a shower.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.graph import components, sides
from pellucid.array.leastsquares import Rows, Solution, solve, stack
from pellucid.errors import CorruptedInput

__all__ = ["ArrayStudy", "Parameter", "study_array"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the array.

    Attributes
    ----------
    name : str
        What it is.
    telescopes : tuple of int
        Identifiers of the telescopes for which it is identified, or all that it is about.
    error, full_error : float or None
        Mean error (relative, or ns for times) with these telescopes and with the full array; None where
        it is not identified.
    reason : str
        Why it is not identified; empty where it is.
    """

    name: str
    telescopes: tuple[int, ...]
    error: float | None
    full_error: float | None
    reason: str

    @property
    def growth(self) -> float | None:
        """Error over that with the full array; None where one of them does not exist."""
        return None if self.error is None or not self.full_error else self.error / self.full_error


@dataclass(frozen=True)
class ArrayStudy:
    """What some telescopes of an array can calibrate: the parameters, and the pairs behind them."""

    telescopes: tuple[int, ...]
    pairs: int
    full_pairs: int
    parameters: tuple[Parameter, ...]


def study_array(
    tel_ids: tuple[int, ...],
    first: Ints,
    second: Ints,
    chosen: tuple[int, ...],
    *,
    events: float = 1800.0,
    exponent: float = 1.7,
    muon_error: float = 0.03,
    asymmetry_error: float = 0.3,
    time_error: float = 2.0,
) -> ArrayStudy:
    """Tell which parameters some telescopes identify, and with what errors beside the full array.

    Parameters
    ----------
    tel_ids : tuple of int
        Identifiers of the telescopes of the full array.
    first, second : ndarray of int64, shape (n_pairs,)
        Its pairs of telescopes of one kind, as indices of ``tel_ids``.
    chosen : tuple of int
        Identifiers of the telescopes at hand.
    events : float
        Number of events that each pair shares in a slice of time.
    exponent : float
        p of the pair rates.
    muon_error : float
        Relative error of each telescope's muon efficiency.
    asymmetry_error, time_error : float
        Scatter of the asymmetry of an event, and of an arrival time in ns.

    Raises
    ------
    CorruptedInput
        A telescope is not in the array (``unknown-telescope``).
    """
    unknown = sorted(set(chosen) - set(tel_ids))
    if unknown or not chosen:
        raise CorruptedInput(
            "The array has no such telescope.",
            expected=", ".join(map(str, tel_ids)),
            got=", ".join(map(str, unknown)) or "none",
            code="unknown-telescope",
        )
    options = (events, exponent, muon_error, asymmetry_error, time_error)
    full = _parameters(np.array(tel_ids), first, second, *options)
    place = np.array([tel_ids.index(t) for t in sorted(set(chosen))])
    inside = np.isin(first, place) & np.isin(second, place)
    new = np.searchsorted(place, first[inside]), np.searchsorted(place, second[inside])
    part = _parameters(np.array(tel_ids)[place], *new, *options)
    parameters = tuple(
        Parameter(p.name, p.telescopes, p.error, f.error, p.reason) for p, f in zip(part, full)
    )
    return ArrayStudy(tuple(sorted(set(chosen))), int(inside.sum()), int(first.size), parameters)


def _parameters(
    ids: Ints, first: Ints, second: Ints, events: float, p: float, muon: float, scatter: float, ns: float
) -> list[Parameter]:
    n = ids.size
    both = np.stack([first, second], axis=1)

    def rows(coefficients: tuple[float, float], variance: float) -> Rows:
        own = np.tile(coefficients, (first.size, 1))
        return Rows(both, own, np.zeros(first.size), np.full(first.size, variance))

    sums = rows((0.5, 0.5), 1.0 / (p**2 * events))
    relative = solve(sums, n)
    shifted = Rows(
        np.pad(both + 1, ((0, 0), (0, 1))), np.insert(sums.coefficient, 2, 1.0, axis=1), *_rest(sums)
    )
    each = np.arange(n)[:, None]
    prior = Rows(each + 1, np.ones((n, 1)), np.zeros(n), np.full(n, muon**2))
    anchored = solve(stack(shifted, prior), n + 1)
    differences = rows((1.0, -1.0), 4.0 * scatter**2 / events)
    delays = rows((1.0, -1.0), 2.0 * ns**2 / events)
    why = _reason(ids, first, second)
    return [
        _scale(sums, ids, why),
        _each("relative throughput from rates", relative, ids, why, centred=True),
        _absolute(anchored, ids, why if not first.size else ""),
        _each("throughput with muons", _without_first(anchored), ids, "", centred=False),
        _differences("intercalibration", differences, ids, first, second),
        _differences("clock offset", delays, ids, first, second),
    ]


def _rest(rows: Rows) -> tuple[F8, F8]:
    return rows.value, rows.variance


def _without_first(found: Solution) -> Solution:
    rest = found.identified[1:]
    return Solution(
        found.value[1:],
        found.covariance[1:, 1:],
        rest,
        found.residual,
        found.pull,
        found.used,
        found.chi2,
        found.ndf,
    )


def _scale(sums: Rows, ids: Ints, why: str) -> Parameter:
    """Return the error of the mean over the telescopes in pairs, which may be known where none of them is."""
    name = "change of transparency times mean throughput"
    seen = np.unique(sums.index)
    design = np.zeros((sums.value.size, seen.size))
    np.add.at(design, (np.arange(sums.value.size)[:, None], np.searchsorted(seen, sums.index)), 0.5)
    normal = design.T @ (design / sums.variance[:, None])
    inverse, mean = np.linalg.pinv(normal, hermitian=True), np.full(seen.size, 1.0 / max(seen.size, 1))
    # what lies in the null space, such as a seesaw between two sides, must not move the mean
    if not seen.size or np.abs(mean - normal @ (inverse @ mean)).max() > 1e-9:
        return Parameter(name, tuple(ids.tolist()), None, None, why)
    return Parameter(name, tuple(ids[seen].tolist()), float(np.sqrt(mean @ inverse @ mean)), None, "")


def _absolute(found: Solution, ids: Ints, why: str) -> Parameter:
    name = "transparency with muons"
    if not found.identified[0]:
        return Parameter(name, tuple(ids.tolist()), None, None, why or "no pair sees the air")
    return Parameter(name, tuple(ids.tolist()), float(found.error[0]), None, "")


def _each(name: str, found: Solution, ids: Ints, why: str, *, centred: bool) -> Parameter:
    known = np.flatnonzero(found.identified)
    if not known.size:
        return Parameter(name, tuple(ids.tolist()), None, None, why)
    covariance = found.covariance[np.ix_(known, known)]
    if centred:
        turn = np.eye(known.size) - 1.0 / known.size
        covariance = turn @ covariance @ turn
    error = float(np.sqrt(np.diag(covariance).mean()))
    return Parameter(name, tuple(ids[known].tolist()), error, None, why if known.size < ids.size else "")


def _differences(name: str, rows: Rows, ids: Ints, first: Ints, second: Ints) -> Parameter:
    """Return the mean error around the mean of the largest group of telescopes that hangs together."""
    n = ids.size
    label = components(n, first, second)
    known = np.flatnonzero(label == np.bincount(label).argmax())
    if known.size < 2:
        return Parameter(name, tuple(ids.tolist()), None, None, "no two telescopes see the same showers")
    centre = Rows(np.full((1, 1), known[0]), np.ones((1, 1)), np.zeros(1), rows.variance[:1])
    covariance = solve(stack(rows, centre), n).covariance[np.ix_(known, known)]
    turn = np.eye(known.size) - 1.0 / known.size
    error = float(np.sqrt(np.diag(turn @ covariance @ turn).mean()))
    reason = "" if known.size == n else "the others share no showers with these"
    return Parameter(name, tuple(ids[known].tolist()), error, None, reason)


def _reason(ids: Ints, first: Ints, second: Ints) -> str:
    if not first.size:
        return "no pair of telescopes"
    seen = np.union1d(first, second)
    if seen.size == 2:
        return "one pair tells only the product of two throughputs"
    side = sides(ids.size, first, second)
    open_ids = ids[seen[side[seen] >= 0]].tolist()
    parts = []
    if open_ids:
        parts.append(f"pairs of {open_ids} only join two sides: one may gain what the other loses")
    if seen.size < ids.size:
        parts.append(f"{np.setdiff1d(ids, ids[seen]).tolist()} in no pair")
    return "; ".join(parts)
