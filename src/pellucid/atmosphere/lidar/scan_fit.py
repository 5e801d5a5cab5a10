# SPDX-License-Identifier: BSD-3-Clause
"""All directions of a scan in one fit: extinction that is smooth and not negative, over uneven air.

The multi-angle solution takes every height alone and the air as even; where directions differ by some
per cent, its slope follows the longest path. Here one profile has to explain all directions, each with a
gain and a share of unevenness of its own, and the Raman profile of one direction and horizontal shots, where
there are any.
"""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import lsq_linear

from pellucid.atmosphere.lidar.scan import HorizontalShot, MultiAngle, ScanTable, multi_angle
from pellucid.atmosphere.lidar.vaod import OpticalDepth
from pellucid.errors import InsufficientStatistics

__all__ = ["ScanFit", "ScanOptions", "fit_scan"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScanOptions:
    """What the fit takes for possible.

    Attributes
    ----------
    gain : float
        Relative spread of the laser's energy from direction to direction.
    unevenness : tuple of float
        Relative spreads of the optical depth between directions, of which the likeliest is taken.
    roughness : tuple of float
        Spreads of the second difference of the extinction from slab to slab, 1/m; likewise.
    rounds : int
        How often the covariance of the unevenness is made anew with the depth found.
    """

    gain: float = 0.02
    unevenness: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1, 0.2)
    roughness: tuple[float, ...] = (3e-6, 1e-5, 3e-5, 1e-4, 3e-4)
    rounds: int = 2


@dataclass(frozen=True, eq=False)
class ScanFit:
    """What a scan tells about the air.

    Attributes
    ----------
    height : ndarray of float64, shape (m,)
        Above the LIDAR, in m.
    extinction : ndarray of float64, shape (m,)
        Of aerosol, 1/m.
    value : ndarray of float64, shape (m,)
        Vertical depth of aerosol from the ground, dimensionless.
    covariance : ndarray of float64, shape (m, m)
        Of ``value``, dimensionless; as if negative extinction were possible.
    unevenness, roughness : float
        The likeliest of those of `ScanOptions`.
    chi2 : float
        Of all data and priors together.
    n : int
        Number of data.
    plain : MultiAngle
        The solution height by height, with its test for even layers.
    has_prior : bool
        Whether a Raman profile took part.
    ground : HorizontalShot or None
        What a horizontal shot told of the extinction below the first slab.
    """

    height: F8
    extinction: F8
    value: F8
    covariance: F8
    unevenness: float
    roughness: float
    chi2: float
    n: int
    plain: MultiAngle
    has_prior: bool
    ground: HorizontalShot | None = None

    @property
    def error(self) -> F8:
        """Standard deviations of ``value``, shape (m,), dimensionless."""
        return np.sqrt(np.diag(self.covariance))


def fit_scan(
    table: ScanTable,
    prior: OpticalDepth | None = None,
    *,
    prior_secant: float = 1.0,
    ground: HorizontalShot | None = None,
    options: ScanOptions | None = None,
) -> ScanFit:
    """Return the extinction profile that explains all directions of a scan.

    log = gain_a + ln R(h) - 2 sec_a tau(h) (1 + delta_a): extinction >= 0 in slabs with a smooth second
    difference, one ln R for each slab; gains and delta, which scales the aerosol of a direction, enter as
    covariance. Their spread and the smoothness are those of greatest marginal likelihood, so that
    nothing is tuned to the air.

    Parameters
    ----------
    table : ScanTable
        n directions, m slabs.
    prior : OpticalDepth, optional
        By Raman light along one direction, e.g. the zenith.
    prior_secant : float
        1 / cos(zenith angle) of that direction.
    ground : HorizontalShot, optional
        The extinction below the first slab, by a horizontal shot.
    options : ScanOptions, optional
        Defaults where not given.

    Raises
    ------
    InsufficientStatistics
        Fewer than four slabs are reached by two directions (``no-scan``).
    """
    o = options or ScanOptions()
    plain = multi_angle(table)
    reached = plain.n >= 2
    first = int(np.argmax(reached))
    end = first + int(np.logical_and.accumulate(reached[first:]).sum())
    m = end - first
    if m < 4:
        raise InsufficientStatistics(
            "The scan does not reach high enough.",
            expected="four slabs or more that two directions reach",
            got=f"{m} slabs",
            mend="sum more shots for each direction, or use thicker slabs",
            code="no-scan",
        )
    table = table.part(first, end)
    problem = _Problem(table, m, prior, prior_secant, o.gain, ground)
    tau = np.maximum.accumulate(np.maximum(plain.value[first:end], 0.0))
    # at first all air is taken for clean
    ratio = np.zeros(m)
    expected = plain.intercept[first:end] - 2.0 * table.secant[:, None] * plain.value[first:end]
    for _ in range(o.rounds):
        data = {uneven: problem.whitened(tau, ratio, uneven, expected) for uneven in o.unevenness}
        tried = {
            (uneven, rough): problem.posterior(*data[uneven], rough)
            for uneven, rough in product(o.unevenness, o.roughness)
        }
        uneven, rough = max(tried, key=lambda key: tried[key].evidence)
        best = tried[uneven, rough]
        x = problem.bounded(best)
        tau = problem.to_depth @ x[: m + 1]
        expected = x[m + 1 :] - 2.0 * table.secant[:, None] * tau
        # the cleanest quarter of the slabs is air alone
        ratio = np.maximum(x[m + 1 :] - np.quantile(x[m + 1 :], 0.25), 0.0)
    inverse = best.inverse[: m + 1, : m + 1]
    residual = best.matrix @ x - best.data
    return ScanFit(
        height=table.height,
        extinction=x[1 : m + 1],
        value=tau,
        covariance=problem.to_depth @ inverse @ problem.to_depth.T,
        unevenness=uneven,
        roughness=rough,
        chi2=float(residual @ residual),
        n=int(problem.good.sum()) + problem.prior_value.size + (ground is not None),
        plain=plain,
        has_prior=prior is not None,
        ground=ground,
    )


@dataclass(frozen=True, eq=False)
class _Posterior:
    """A least-squares problem in units of its errors, its solution's covariance, and its evidence."""

    matrix: F8
    data: F8
    inverse: F8
    evidence: float


class _Problem:
    """The linear model: unknowns are extinction below the first slab, in m slabs, and ln R of m slabs."""

    def __init__(
        self,
        table: ScanTable,
        m: int,
        prior: OpticalDepth | None,
        prior_secant: float,
        gain: float,
        ground: HorizontalShot | None,
    ) -> None:
        self.table, self.m, self.gain, self.prior_secant = table, m, gain, prior_secant
        self.ground = ground
        self.good = table.good
        thickness = np.concatenate([[table.edges[0]], np.diff(table.edges)])
        # depth at the centre of a slab: all below it, and the lower part of its own
        below = np.tril(np.ones((m, m + 1)))
        self.to_depth: F8 = below * thickness
        self.to_depth[np.arange(m), np.arange(1, m + 1)] = table.height - table.edges[:-1]
        self.bend = np.diff(np.eye(m + 1), 2, axis=0)
        self.prior_value, self.prior_covariance = np.zeros(0), np.zeros((0, 0))
        self.prior_map = np.zeros((0, m))
        if prior is not None:
            self._take_prior(prior)

    def _take_prior(self, prior: OpticalDepth) -> None:
        height = self.table.height
        at = np.concatenate([[prior.start], prior.range]) / self.prior_secant
        origin = max(at[0], height[0])
        ends = at[(at > origin) & (at <= height[-1]) & (at * self.prior_secant <= prior.trusted + 1e-6)]
        ends = np.concatenate([[origin], ends])
        # both sides as depth above one origin, which neither knows better than the other
        own, ours = (_interpolation(ends, x) for x in (at, height))
        own, ours = own[1:] - own[0], ours[1:] - ours[0]
        self.prior_map = ours * self.prior_secant
        self.prior_value = own[:, 1:] @ prior.value
        self.prior_covariance = own[:, 1:] @ prior.covariance @ own[:, 1:].T

    def whitened(self, tau: F8, ratio: F8, uneven: float, expected: F8) -> tuple[F8, F8, float]:
        """Return model and data in units of their errors, and half the logarithm of their determinant.

        The covariance is that for a depth, ln R, unevenness and expected data.
        """
        rows: list[F8] = []
        data: list[F8] = []
        scale = 0.0
        seen_share = 1.0 - np.exp(-ratio)
        variance, background = self.table.variance(expected)
        for a, sec in enumerate(self.table.secant):
            good = self.good[a]
            moved = uneven * (seen_share - 2.0 * sec * tau)[good]
            shared = background[a, good]
            covariance = np.diag(variance[a, good]) + np.outer(shared, shared)
            covariance += self.gain**2 + np.outer(moved, moved)
            model = np.hstack([-2.0 * sec * self.to_depth[good], np.eye(self.m)[good]])
            scale += _append(covariance, model, self.table.log[a, good], rows, data)
        if self.prior_value.size:
            moved = uneven * self.prior_map @ tau
            covariance = self.prior_covariance + np.outer(moved, moved)
            model = np.hstack([self.prior_map @ self.to_depth, np.zeros((self.prior_value.size, self.m))])
            scale += _append(covariance, model, self.prior_value, rows, data)
        if self.ground is not None:
            # widened where the shot itself is not straight: its air is uneven
            own = self.ground.error * math.sqrt(max(self.ground.chi2, 1.0))
            spread = math.hypot(own, uneven * self.ground.extinction)
            model = np.eye(1, 2 * self.m + 1)
            scale += _append(np.array([[spread**2]]), model, np.array([self.ground.extinction]), rows, data)
        return np.vstack(rows), np.concatenate(data), scale

    def posterior(self, model: F8, data: F8, scale: float, rough: float) -> _Posterior:
        """Return the problem with a roughness: covariance of its solution without bounds, and evidence."""
        bends = self.bend.shape[0]
        matrix = np.vstack([model, np.hstack([self.bend / rough, np.zeros((bends, self.m))])])
        values = np.concatenate([data, np.zeros(bends)])
        hessian = matrix.T @ matrix
        size = np.sqrt(np.diag(hessian))
        factor = cho_factor(hessian / np.outer(size, size))
        inverse = cho_solve(factor, np.eye(size.size)) / np.outer(size, size)
        residual = matrix @ (inverse @ (matrix.T @ values)) - values
        evidence = -0.5 * float(residual @ residual) - scale - bends * math.log(rough)
        evidence -= float(np.log(np.diag(factor[0]) * size).sum())
        return _Posterior(matrix, values, inverse, evidence)

    def bounded(self, p: _Posterior) -> F8:
        """Return the solution with extinction >= 0."""
        lower = np.concatenate([np.zeros(self.m + 1), np.full(self.m, -np.inf)])
        size = np.sqrt((p.matrix**2).sum(axis=0))
        found = lsq_linear(p.matrix / size, p.data, (lower, np.full(lower.size, np.inf)), method="bvls")
        solution: F8 = found.x / size
        return solution


def _interpolation(at: F8, x: F8) -> F8:
    """Weights of values at x that give them at others, shape (at.size, x.size)."""
    return np.array([np.interp(at, x, unit) for unit in np.eye(x.size)]).T


def _append(covariance: F8, model: F8, values: F8, rows: list[F8], data: list[F8]) -> float:
    """Append model and data in units of their errors; return half the logarithm of the determinant."""
    lower = np.linalg.cholesky(covariance)
    rows.append(solve_triangular(lower, model, lower=True))
    data.append(solve_triangular(lower, values, lower=True))
    return float(np.log(np.diag(lower)).sum())
