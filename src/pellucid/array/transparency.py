# SPDX-License-Identifier: BSD-3-Clause
"""The Cherenkov Transparency Coefficient from the rates of telescopes and of their pairs.

With R the rate of a pair without dead time, R_ref that of a clear night under the same conditions, and p
the exponent of the rate in the light: ln(R_ij/R_ref,ij) / p = ln eta + w ln e_i + (1 - w) ln e_j, where eta
is the transparency and e_i a telescope's throughput times gain over that of the reference; w = 1/2 for two
telescopes of one kind. Extends Hahn et al. 2014 (Astropart. Phys. 54, 25) to pairs, as Stefanik et al.
(arXiv 1709.01117, 1909.10498) do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc

from pellucid.array.graph import components, sides
from pellucid.array.leastsquares import Rows, Solution, solve, solve_robustly, stack
from pellucid.array.rates import PairCounts
from pellucid.errors import CorruptedInput, InsufficientStatistics

__all__ = ["Anchors", "Transparency", "hess_transparency", "pair_transparency", "rate_ratio"]

type F8 = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]


def rate_ratio(transparency: npt.ArrayLike, exponent: float = 1.7) -> F8:
    """Return R/R_ref = eta^p, dimensionless, shape (...), of transparencies eta, with exponent p."""
    ratio: F8 = np.asarray(transparency, np.float64) ** exponent
    return ratio


@dataclass(frozen=True, eq=False)
class Anchors:
    """Throughput times gain that is known from elsewhere, such as muons and flashes.

    Attributes
    ----------
    throughput, error : ndarray of float64, shape (n_telescopes,)
        e_i over the reference and its error, dimensionless; NaN where a telescope has none.
    """

    throughput: F8
    error: F8

    @classmethod
    def of(
        cls, efficiency: F8, efficiency_error: F8, gain: F8, gain_error: F8, reference: F8 | None = None
    ) -> "Anchors":
        """Combine muon efficiencies and relative gains with their errors, shape (n_telescopes,) each.

        e_i = efficiency gain / reference, all dimensionless; ``reference`` is efficiency times gain of the
        epoch of the reference rate, 1 where not given.

        Raises
        ------
        CorruptedInput
            An efficiency or gain is 0 or negative (``bad-efficiency``).
        """
        value = efficiency * gain / (1.0 if reference is None else reference)
        if (value <= 0.0).any() or (efficiency <= 0.0).any():
            worst = int(np.flatnonzero((value <= 0.0) | (efficiency <= 0.0))[0])
            raise CorruptedInput(
                "A telescope has no efficiency.",
                where=f"telescope {worst} of {value.size}",
                expected="muon efficiency, gain and reference above 0",
                got=f"efficiency {efficiency[worst]}, gain {gain[worst]}",
                mend="leave it out with NaN, or correct it",
                code="bad-efficiency",
            )
        error = value * np.hypot(efficiency_error / efficiency, gain_error / gain)
        return cls(value, error)


@dataclass(frozen=True, eq=False)
class Transparency:
    """Transparency of the air and throughput of the telescopes in one slice of time.

    Attributes
    ----------
    eta, eta_error : float
        Transparency over that of the reference, with its statistical error.
    eta_systematic : float
        Error from the exponent: what eta would change by if the exponent changed by its error.
    throughput, throughput_error : ndarray of float64, shape (n_telescopes,)
        e_i over the reference, dimensionless; NaN where the pairs do not tell it.
    covariance : ndarray of float64, shape (n_telescopes + 1, n_telescopes + 1)
        Of ln eta and all ln e_i, in this order, dimensionless.
    identified : ndarray of bool, shape (n_telescopes,)
        Mask of telescopes with a throughput.
    pull : ndarray of float64, shape (n_pairs,)
        Measured minus fitted rate of each pair over its error, a number.
    used : ndarray of bool, shape (n_pairs,)
        Mask of the pairs that were not dropped.
    chi2, ndf, p_value :
        Of one transparency over the whole array, all pairs counted: a small p-value is a gradient.
    n_events : int
        Events behind it.
    anchored : bool
        Whether eta is absolute; else the throughputs are relative, sum of ln e_i = 0.
    """

    eta: float
    eta_error: float
    eta_systematic: float
    throughput: F8
    throughput_error: F8
    covariance: F8
    identified: Mask
    pull: F8
    used: Mask
    chi2: float
    ndf: int
    p_value: float
    n_events: int
    anchored: bool


def pair_transparency(
    counts: PairCounts,
    exponent: float = 1.7,
    *,
    exponent_error: float = 0.0,
    reference_error: float | F8 = 0.0,
    weight: F8 | None = None,
    anchors: Anchors | None = None,
    robust: bool = False,
) -> Transparency:
    """Solve the pair model in closed form.

    Parameters
    ----------
    counts : PairCounts
        Events of the pairs, and what the reference gives.
    exponent, exponent_error : float
        p and its error.
    reference_error : float or ndarray of float64, shape (n_pairs,)
        Relative error of each pair's reference rate, independent from pair to pair.
    weight : ndarray of float64, shape (n_pairs,), optional
        w of the first telescope of each pair, dimensionless; 1/2 where not given.
    anchors : Anchors, optional
        Throughputs known from elsewhere, as priors.
    robust : bool
        Whether pairs that do not fit are weighted down and dropped.

    Raises
    ------
    InsufficientStatistics
        Too few pairs (``two-telescopes``: use `hess_transparency`), or all of them between two sides
        (``bipartite``), so that only sums are known, or no pair has events (``no-events``).
    """
    n = counts.n_telescopes
    if not counts.count.sum() > 0.0:
        raise InsufficientStatistics("No pair of telescopes has events.", code="no-events")
    w = np.full(counts.count.size, 0.5) if weight is None else weight
    anchored = anchors is not None and bool(np.isfinite(anchors.throughput).any())
    prior = _anchor_rows(anchors) if anchors is not None and anchored else None
    shift = 1 if anchored else 0

    def rows(events: F8) -> Rows:
        y = np.log((counts.count + 0.5) / counts.expected) / exponent
        variance = (1.0 / events + reference_error**2) / exponent**2
        index = np.stack([counts.first, counts.second], axis=1) + shift
        own = np.stack([w, 1.0 - w], axis=1)
        if prior is None:
            return Rows(index, own, y, variance)
        index = np.pad(index, ((0, 0), (0, 1)))
        return stack(Rows(index, np.insert(own, 2, 1.0, axis=1), y, variance), prior)

    first = solve(rows(counts.count + 0.5), n + shift)
    identified = first.identified[shift:]
    if not identified.any() or (anchored and not first.identified[0]):
        raise _refusal(counts)
    # errors from the fitted rates, not from the counted ones, which would weigh high counts more
    fit = first.value[shift:] if not anchored else first.value[1:] + first.value[0]
    level = w * fit[counts.first] + (1.0 - w) * fit[counts.second]
    fitted = counts.expected * np.exp(exponent * np.where(np.isfinite(level), level, 0.0))
    again = rows(np.where(np.isfinite(level), fitted, counts.count + 0.5))
    plain = solve(again, n + shift)
    found = solve_robustly(again, n + shift) if robust else plain
    value, covariance = (found.value, found.covariance) if anchored else _relative(found)
    return _result(counts, value, covariance, plain, found, exponent_error / exponent, anchored)


def _anchor_rows(anchors: Anchors) -> Rows:
    known = np.flatnonzero(np.isfinite(anchors.throughput))
    value, error = anchors.throughput[known], anchors.error[known]
    return Rows((known + 1)[:, None], np.ones((known.size, 1)), np.log(value), (error / value) ** 2)


def _relative(found: Solution) -> tuple[F8, F8]:
    """Turn x_i = ln(eta e_i) into ln eta, their mean, and ln e_i, what is left."""
    known = found.identified
    mean = np.where(known, 1.0 / known.sum(), 0.0)
    turn = np.concatenate([mean[None], np.eye(known.size) - mean])
    value = turn @ np.where(known, found.value, 0.0)
    covariance = turn @ np.where(known[:, None] & known, found.covariance, 0.0) @ turn.T
    blank = np.concatenate([[False], ~known])
    value[blank] = np.nan
    covariance[blank] = np.nan
    covariance[:, blank] = np.nan
    return value, covariance


def _result(
    counts: PairCounts,
    value: F8,
    covariance: F8,
    plain: Solution,
    found: Solution,
    exponent_error: float,
    anchored: bool,
) -> Transparency:
    pairs = counts.count.size
    error = np.sqrt(np.diag(covariance))
    levels = np.exp(value)
    return Transparency(
        eta=float(levels[0]),
        eta_error=float(levels[0] * error[0]),
        eta_systematic=float(levels[0] * abs(value[0]) * exponent_error),
        throughput=levels[1:],
        throughput_error=levels[1:] * error[1:],
        covariance=covariance,
        identified=np.isfinite(value[1:]),
        pull=found.pull[:pairs],
        used=found.used[:pairs],
        chi2=plain.chi2,
        ndf=plain.ndf,
        p_value=float(gammaincc(plain.ndf / 2.0, plain.chi2 / 2.0)) if plain.ndf > 0 else 1.0,
        n_events=int(counts.count.sum()),
        anchored=anchored,
    )


def _refusal(counts: PairCounts) -> InsufficientStatistics:
    seen = np.union1d(counts.first, counts.second)
    if seen.size <= 2:
        return InsufficientStatistics(
            "One pair of telescopes tells only the product of their throughputs.",
            expected="three telescopes that are all in pairs with each other",
            got=f"{seen.size} telescopes in pairs",
            mend="use the form per telescope, hess_transparency, with muon efficiencies",
            code="two-telescopes",
        )
    side = sides(counts.n_telescopes, counts.first, counts.second)
    groups = components(counts.n_telescopes, counts.first, counts.second)[seen]
    parts = [seen[side[seen] == k].tolist() for k in (0, 1)]
    return InsufficientStatistics(
        "All pairs join two sides: one may gain what the other loses, and no rate changes.",
        expected="three telescopes that are all in pairs with each other (an odd cycle)",
        got=f"telescopes {parts[0]} only in pairs with {parts[1]}, in {np.unique(groups).size} groups",
        mend="add pairs within a side, or muon efficiencies as anchors",
        code="bipartite",
    )


def hess_transparency(
    rate: F8,
    rate_error: F8,
    efficiency: F8,
    gain: F8,
    *,
    normalisation: float = 1.0,
    exponent: float = 1.7,
) -> tuple[float, float, F8, F8]:
    """Return the coefficient in the form of H.E.S.S.: T = sum(t_i) / (N k_N), t_i = R_i^(1/p) / (mu_i g_i).

    Hahn et al. 2014, with p = 1.7 - Delta. Works with one telescope.

    Parameters
    ----------
    rate, rate_error : ndarray of float64, shape (n_telescopes,)
        Rates of stereo events at zenith, over a reference or in Hz.
    efficiency, gain : ndarray of float64, shape (n_telescopes,)
        Muon efficiency and mean gain, dimensionless.
    normalisation : float
        k_N, for this number of telescopes, so that a clear night has T = 1.
    exponent : float
        p.

    Returns
    -------
    tuple
        T, its error (taken as fully correlated, as telescopes share showers), t_i, their errors.

    Raises
    ------
    CorruptedInput
        A rate, an efficiency or a gain is not above 0 (``bad-efficiency``).
    """
    if not (np.isfinite(rate) & (rate > 0.0) & (efficiency > 0.0) & (gain > 0.0)).all():
        raise CorruptedInput(
            "A telescope has no rate, no efficiency or no gain.",
            expected="all above 0",
            got=f"least rate {rate.min()}, efficiency {efficiency.min()}, gain {gain.min()}",
            mend="leave the telescope out",
            code="bad-efficiency",
        )
    each = rate ** (1.0 / exponent) / (efficiency * gain)
    error = each * rate_error / (exponent * rate)
    total = float(each.mean() / normalisation)
    # telescopes see the same showers: their errors are taken as fully correlated
    return total, float(error.mean() / normalisation), each, error
