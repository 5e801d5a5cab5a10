# SPDX-License-Identifier: BSD-3-Clause
"""Maximum likelihood for many spectra at once, which may share the parameters of their shape."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.spe.model import Parameters, predict_with_slopes
from pellucid.camera.spe.shape import Shape

__all__ = ["OWN", "Constraint", "Problem", "Solution", "solve"]

type F8 = npt.NDArray[np.float64]

OWN = 4
"""Parameters that each spectrum has for itself: pedestal, ln noise, ln light, ln gain."""

_BLOCK = 48
"""Spectra whose arrays are in the processor's cache together."""


@dataclass(frozen=True, eq=False)
class Constraint:
    """What is known of pedestals and noise beforehand, as from a run without light.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_spectra, 2)
        Pedestal, in bins, and ln noise, no unit, with standard errors; an infinite one is no knowledge.
    """

    value: F8
    error: F8


@dataclass(frozen=True, eq=False)
class Problem:
    """Spectra and what they share.

    Attributes
    ----------
    counts : ndarray of int64, shape (n_spectra, n_bins)
        Histograms.
    group : ndarray of intp, shape (n_spectra,)
        Number, from 0, of the shape that a spectrum has; no unit.
    shape : Shape
        Family of the shapes.
    constraint : Constraint
        Knowledge of the pedestals.
    """

    counts: npt.NDArray[np.int64]
    group: npt.NDArray[np.intp]
    shape: Shape
    constraint: Constraint

    @property
    def n_groups(self) -> int:
        """Number of shapes."""
        return int(self.group.max()) + 1

    def of_groups(self, groups: npt.NDArray[np.intp]) -> "tuple[Problem, npt.NDArray[np.intp]]":
        """Return the problem of some groups and the indices of its spectra.

        Parameters
        ----------
        groups : ndarray of intp, shape (n,)
            Their numbers, ascending; no unit.
        """
        spectra = np.flatnonzero(np.isin(self.group, groups))
        renumbered = np.searchsorted(groups, self.group[spectra])
        constraint = Constraint(self.constraint.value[spectra], self.constraint.error[spectra])
        return Problem(self.counts[spectra], renumbered, self.shape, constraint), spectra


@dataclass(frozen=True, eq=False)
class Solution:
    """Where the likelihood is greatest.

    Attributes
    ----------
    own : ndarray of float64, shape (n_spectra, 4)
        Pedestal (bins), ln noise, ln light, ln gain (logarithms of bins, of a number, of bins).
    shared : ndarray of float64, shape (n_groups, n_parameters)
        Parameters of the shapes; no unit.
    own_covariance : ndarray of float64, shape (n_spectra, 4, 4)
        Of `own`, the shape's uncertainty included, in the units of the attributes.
    shared_covariance : ndarray of float64, shape (n_groups, n_parameters, n_parameters)
        Of `shared`; no unit.
    converged : ndarray of bool, shape (n_groups,)
        Whether the expected gain in likelihood fell below the tolerance.
    probability : ndarray of float64, shape (n_spectra, n_bins)
        Of each bin; no unit.
    """

    own: F8
    shared: F8
    own_covariance: F8
    shared_covariance: F8
    converged: npt.NDArray[np.bool_]
    probability: F8


@dataclass(frozen=True, eq=False)
class _Point:
    """A place in parameter space with the likelihood's value, slope and expected curvature there."""

    own: F8
    free: F8
    prior: F8
    nll: F8
    slope: F8
    curvature: F8
    probability: F8

    def part(self, spectra: npt.NDArray[np.intp], groups: npt.NDArray[np.intp]) -> "_Point":
        """Return what belongs to some spectra and groups."""
        return _Point(**{k: v[groups if k in _OF_GROUPS else spectra] for k, v in self.__dict__.items()})

    def take(self, other: "_Point", spectra: npt.NDArray[np.intp], groups: npt.NDArray[np.intp]) -> None:
        """Put another point, which is all of some spectra and groups, in its places."""
        for name, values in self.__dict__.items():
            values[groups if name in _OF_GROUPS else spectra] = getattr(other, name)


_OF_GROUPS = ("free", "prior")
"""What of a point belongs to groups and not to spectra."""


def solve(
    problem: Problem, own: F8, shared: F8, *, tolerance: float = 1e-4, iterations: int = 80
) -> Solution:
    """Maximise the likelihood by Fisher scoring with Levenberg's damping, group by group.

    With the score vectors U and the expected information I = n sum dP dP^T / P of each spectrum, a step
    solves (I + mu diag I) x = U; the parameters that a group shares are found first, from the Schur
    complement of all spectra's own ones.

    Parameters
    ----------
    problem : Problem
        Spectra.
    own : ndarray of float64, shape (n_spectra, 4)
        Where to begin, as in `Solution`.
    shared : ndarray of float64, shape (n_groups, n_parameters)
        Where to begin; no unit.
    tolerance : float
        Expected gain in log likelihood of a group at which it is done; no unit.
    iterations : int
        Steps after which a group that is not done is left as not converged.

    Returns
    -------
    Solution
        In the units of the start.
    """
    low, high = _bounds(problem.shape)
    point = _evaluate(problem, own, _to_free(shared, low, high))
    damping = np.full(problem.n_groups, 1e-2)
    done = np.zeros(problem.n_groups, bool)
    for _ in range(iterations):
        groups = np.flatnonzero(~done)
        if groups.size == 0:
            break
        part, spectra = problem.of_groups(groups)
        here = point.part(spectra, groups)
        step_own, step_free, expected = _step(part, here, damping[groups])
        there = _evaluate(part, here.own + step_own, here.free + step_free)
        gained = _by_group(part, here.nll - there.nll) + there.prior - here.prior
        accepted = gained >= 0.0
        moved = accepted[part.group]
        point.take(
            there.part(np.flatnonzero(moved), np.flatnonzero(accepted)), spectra[moved], groups[accepted]
        )
        done[groups] = (expected < tolerance) & (np.abs(gained) < 10.0 * tolerance)
        damping[groups] *= np.where(accepted, 0.2, 6.0)
        damping[groups] = np.clip(damping[groups], 1e-9, 1e9)
    own_covariance, shared_covariance = _covariances(problem, point, low, high)
    return Solution(
        own=point.own,
        shared=_from_free(point.free, low, high),
        own_covariance=own_covariance,
        shared_covariance=shared_covariance,
        converged=done,
        probability=point.probability,
    )


def _evaluate(problem: Problem, own: F8, free: F8) -> _Point:
    n, n_bins = problem.counts.shape
    size = OWN + free.shape[1]
    nll, slope, curvature = np.empty(n), np.empty((n, size)), np.empty((n, size, size))
    probability = np.empty((n, n_bins))
    low, high = _bounds(problem.shape)
    theta = _from_free(free, low, high)[problem.group]
    by_free = (theta - low) * (high - theta) / (high - low)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        b, *logs = own[rows].T
        s, light, gain = (np.exp(np.clip(x, -30.0, 30.0)) for x in logs)
        p, d = predict_with_slopes(problem.shape, Parameters(b, s, light, gain, theta[rows]), n_bins)
        d[OWN:] *= by_free[rows].T[:, :, None]
        counts = problem.counts[rows].astype(np.float64)
        d = d.transpose(1, 0, 2)
        weighted = d / p[:, None, :]
        probability[rows] = p
        nll[rows] = -(counts * np.log(p)).sum(axis=1)
        slope[rows] = np.einsum("nkm,nm->nk", weighted, counts)
        curvature[rows] = counts.sum(axis=1)[:, None, None] * np.matmul(weighted, d.transpose(0, 2, 1))
    pull = (own[:, :2] - problem.constraint.value) / problem.constraint.error
    nll += 0.5 * (pull**2).sum(axis=1)
    slope[:, :2] -= pull / problem.constraint.error
    curvature[:, [0, 1], [0, 1]] += problem.constraint.error**-2.0
    return _Point(own, free, _prior(problem.shape, free), nll, slope, curvature, probability)


def _knowledge(shape: Shape) -> tuple[F8, F8]:
    """What is known of a shape beforehand, in the free parameters: values and inverse variances."""
    low, high = _bounds(shape)
    start, error = (
        np.array([p.start for p in shape.parameters]),
        np.array([p.error for p in shape.parameters]),
    )
    slope = (start - low) * (high - start) / (high - low)
    return _to_free(start, low, high), (slope / error) ** 2


def _prior(shape: Shape, free: F8) -> F8:
    """Logarithm of the density of what is known, shape (n_groups,)."""
    known, weight = _knowledge(shape)
    return np.asarray(-0.5 * (weight * (free - known) ** 2).sum(axis=1))


def _by_group(problem: Problem, values: F8) -> F8:
    total = np.zeros((problem.n_groups, *values.shape[1:]))
    np.add.at(total, problem.group, values)
    return total


def _blocks(problem: Problem, curvature: F8, slope: F8, free: F8) -> tuple[F8, F8, F8, F8]:
    """Return the own blocks solved for the coupling and for the slope, and the groups' Schur systems."""
    a, c = curvature[:, :OWN, :OWN], curvature[:, :OWN, OWN:]
    solved = np.linalg.solve(a, np.concatenate([c, slope[:, :OWN, None]], axis=2))
    coupling, direct = solved[:, :, :-1], solved[:, :, -1]
    transposed = c.transpose(0, 2, 1)
    schur = _by_group(problem, curvature[:, OWN:, OWN:] - transposed @ coupling)
    right = _by_group(problem, slope[:, OWN:] - np.einsum("nij,nj->ni", transposed, direct))
    known, weight = _knowledge(problem.shape)
    schur[:, *np.diag_indices(weight.size)] += weight
    right += weight * (known - free)
    return coupling, direct, schur, right


def _step(problem: Problem, point: _Point, damping: F8) -> tuple[F8, F8, F8]:
    curvature = point.curvature.copy()
    diagonal = np.arange(curvature.shape[1])
    curvature[:, diagonal, diagonal] *= 1.0 + damping[problem.group][:, None]
    curvature[:, diagonal, diagonal] += 1e-9
    coupling, direct, schur, right = _blocks(problem, curvature, point.slope, point.free)
    free = np.clip(np.linalg.solve(schur, right[..., None])[..., 0], -1.0, 1.0)
    own = direct - np.einsum("nij,nj->ni", coupling, free[problem.group])
    own[:, 1:] = np.clip(own[:, 1:], -0.5, 0.5)
    whole = np.concatenate([own, free[problem.group]], axis=1)
    expected = _by_group(problem, 0.5 * np.einsum("ni,ni->n", whole, point.slope))
    known, weight = _knowledge(problem.shape)
    expected += 0.5 * (free * weight * (known - point.free)).sum(axis=1)
    return own, free, expected


def _covariances(problem: Problem, point: _Point, low: F8, high: F8) -> tuple[F8, F8]:
    curvature = point.curvature.copy()
    diagonal = np.arange(curvature.shape[1])
    curvature[:, diagonal, diagonal] += 1e-9
    coupling, _, schur, _ = _blocks(problem, curvature, point.slope, point.free)
    free = np.linalg.inv(schur)
    own = np.linalg.inv(curvature[:, :OWN, :OWN])
    own += coupling @ free[problem.group] @ coupling.transpose(0, 2, 1)
    theta = _from_free(point.free, low, high)
    by_free = (theta - low) * (high - theta) / (high - low)
    return own, by_free[:, :, None] * free * by_free[:, None, :]


def _bounds(shape: Shape) -> tuple[F8, F8]:
    return np.array([p.low for p in shape.parameters]), np.array([p.high for p in shape.parameters])


def _to_free(theta: F8, low: F8, high: F8) -> F8:
    return np.log((theta - low) / (high - theta))


def _from_free(free: F8, low: F8, high: F8) -> F8:
    return low + (high - low) / (1.0 + np.exp(-np.clip(free, -12.0, 12.0)))
