# SPDX-License-Identifier: BSD-3-Clause
"""All that tells the light of the telescopes, in one weighted least squares: throughput of each in time.

Unknowns in each interval of time t: ln eta_t of the air, ln e_it of a telescope's throughput, ln g_it of
its camera's gain, which is a part of it. Rates of pairs see ln eta + w ln e_i + (1 - w) ln e_j, asymmetries
ln e_i - ln e_j, those of images in photo-electrons, of which the gain is calibrated away, the same of the
optics ln e_i - ln g_i, muons the optics, flashes ln g_i. Throughput and gain walk at random from interval to
interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.chain import ChainSolution, solve_chain
from pellucid.array.leastsquares import Rows, stack
from pellucid.errors import InsufficientStatistics

__all__ = ["JointSolution", "Measurement", "Method", "joint_solution"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]

METHODS = ("rates", "asymmetries", "images", "muons", "gains")


@dataclass(frozen=True, eq=False)
class Measurement:
    """Logarithms measured by one method.

    Attributes
    ----------
    interval : ndarray of int64, shape (n,)
        Index of the interval of time.
    first, second : ndarray of int64, shape (n,)
        Indices of the telescopes; ``second`` is not looked at for muons and gains.
    value, error : ndarray of float64, shape (n,)
        Logarithms, dimensionless: ln(R/R_ref)/p for rates, 2 artanh a for asymmetries and images, ln of
        the ratio to the reference for muon efficiencies and gains.
    weight : ndarray of float64, shape (n,), optional
        Of rates: share of the first telescope's light, dimensionless; 1/2 where not given.
    """

    interval: Ints
    first: Ints
    second: Ints
    value: F8
    error: F8
    weight: F8 | None = None


@dataclass(frozen=True, eq=False)
class Method:
    """How well one method fits the others: mean residual with its error, scatter, chi2 over its rows.

    ``pull`` has shape (n,), a number each; ``mean``, ``mean_error`` and ``rms`` are of logarithms.
    """

    n: int
    mean: float
    mean_error: float
    rms: float
    chi2: float
    pull: F8


@dataclass(frozen=True, eq=False)
class JointSolution:
    """The light of an array in time.

    Attributes
    ----------
    eta, eta_error : ndarray of float64, shape (n_intervals,)
        Transparency over the reference, dimensionless; NaN where not identified.
    throughput, throughput_error : ndarray of float64, shape (n_intervals, n_telescopes)
        Optics times gain over the reference, dimensionless; NaN where not identified.
    gain, gain_error : ndarray of float64, shape (n_intervals, n_telescopes)
        Gain over the reference, dimensionless; NaN where not identified.
    optics, optics_error : ndarray of float64, shape (n_intervals, n_telescopes)
        Throughput over gain: of the optics alone, over the reference, dimensionless; NaN likewise.
    covariance : ndarray of float64, shape (n_intervals, n_telescopes, n_telescopes)
        Of ln optics within an interval, dimensionless; NaN likewise.
    methods : mapping of str to Method
        Residuals by method.
    chi2, ndf :
        Of all.
    """

    eta: F8
    eta_error: F8
    throughput: F8
    throughput_error: F8
    gain: F8
    gain_error: F8
    optics: F8
    optics_error: F8
    covariance: F8
    methods: Mapping[str, Method]
    chi2: float
    ndf: int


def joint_solution(
    measured: Mapping[str, Measurement],
    n_telescopes: int,
    times: F8,
    *,
    drift: float = 0.002,
    gain_drift: float = 0.002,
) -> JointSolution:
    """Solve for the throughput of each telescope in time.

    Parameters
    ----------
    measured : mapping of str to Measurement
        Logarithms (dimensionless) by method: ``rates``, ``asymmetries``, ``images``,
        ``muons``, ``gains``; any of them may be absent.
    n_telescopes : int
        Number of telescopes.
    times : ndarray of float64, shape (n_intervals,)
        Middle of each interval, in days (a number), ascending.
    drift, gain_drift : float
        By how much ln e and ln g change in a day, rms; a random walk.

    Raises
    ------
    ConfigurationError
        A drift is not above 0 (``bad-drift``).
    InsufficientStatistics
        Nothing is determined (``not-identified``), or there is an unknown method (``unknown-method``).
    """
    if set(measured) - set(METHODS) or not measured:
        raise InsufficientStatistics(
            "No such method measures throughput.",
            expected=", ".join(METHODS),
            got=", ".join(sorted(measured)) or "none",
            code="unknown-method",
        )
    n, m = times.size, n_telescopes
    parts = {name: _rows(name, one, m) for name, one in measured.items()}
    interval = np.concatenate([one.interval for one in measured.values()])
    found = solve_chain(stack(*parts.values()), interval, (n, 1 + 2 * m), _walk(times, m, drift, gain_drift))
    if not found.identified.any():
        raise InsufficientStatistics(
            "The measurements determine nothing.",
            expected="muons and gains, or pairs that are not bipartite",
            got=", ".join(f"{one.value.size} {name}" for name, one in measured.items()),
            mend="add muons and gains",
            code="not-identified",
        )
    value = np.exp(found.value)
    error = value * np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    total, gain = slice(1, 1 + m), slice(1 + m, None)
    covariance = _optics(found.covariance, m)
    optics = value[:, total] / value[:, gain]
    return JointSolution(
        value[:, 0],
        error[:, 0],
        value[:, total],
        error[:, total],
        value[:, gain],
        error[:, gain],
        optics,
        optics * np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)),
        covariance,
        _methods(parts, found),
        found.chi2,
        found.ndf,
    )


def _rows(name: str, one: Measurement, m: int) -> Rows:
    """Return equations in the unknowns ln eta, ln e (m), ln g (m) of an interval."""
    eta, first, second = np.zeros_like(one.first), 1 + one.first, 1 + one.second
    index, coefficient = {
        "rates": ([eta, first, second], [1.0, 0.5, 0.5]),
        "asymmetries": ([first, second], [1.0, -1.0]),
        "images": ([first, first + m, second, second + m], [1.0, -1.0, -1.0, 1.0]),
        "muons": ([first, first + m], [1.0, -1.0]),
        "gains": ([first + m], [1.0]),
    }[name]
    own = np.tile(coefficient, (one.value.size, 1))
    if one.weight is not None and name == "rates":
        own[:, 1], own[:, 2] = one.weight, 1.0 - one.weight
    return Rows(np.stack(index, axis=1), own, one.value, one.error**2)


def _walk(times: F8, m: int, drift: float, gain_drift: float) -> F8:
    """Return variances of the steps from interval to interval; the air has no memory."""
    each = np.concatenate([[np.inf], np.full(m, drift**2), np.full(m, gain_drift**2)])
    variances: F8 = np.diff(times)[:, None] * each
    return variances


def _optics(covariance: F8, m: int) -> F8:
    """Return the covariance of ln e - ln g between the telescopes, interval by interval."""
    total, gain = slice(1, 1 + m), slice(1 + m, None)
    optics = covariance[:, total, total] + covariance[:, gain, gain]
    optics -= covariance[:, total, gain] + covariance[:, gain, total]
    return optics


def _methods(parts: Mapping[str, Rows], found: ChainSolution) -> dict[str, Method]:
    methods, start = {}, 0
    for name, rows in parts.items():
        own = slice(start, start + rows.value.size)
        start += rows.value.size
        weight = 1.0 / rows.variance
        residual, pull = found.residual[own], found.pull[own]
        methods[name] = Method(
            rows.value.size,
            float((weight * residual).sum() / weight.sum()),
            float(1.0 / np.sqrt(weight.sum())),
            float(residual.std()),
            float((residual**2 * weight).sum()),
            pull,
        )
    return methods
