# SPDX-License-Identifier: BSD-3-Clause
"""Likelihood of a muon's ring: where it is largest, and what it says about errors there."""

import math

import numpy as np
import numpy.typing as npt

from pellucid.array.muons.light import expected_light
from pellucid.jit import kernel

__all__ = ["best_ring"]

type F8 = npt.NDArray[np.float64]

_NEAR = 4.0
"""Radii of the hole within which the hole's shadow makes several summits of the likelihood."""

_GRID, _CELL = 5, 0.35
"""Cells of a grid of impacts on each side of the best one, and their size in radii of the hole."""


_HOPELESS = 20.0
"""Logarithms of the likelihood below the summit at which an impact counts no more."""


@kernel
def _height(charge: F8, light: F8, noise: float, excess: float) -> tuple[float, float]:
    """Return the negative log likelihood of charges for an expected light, and chi2."""
    nll, chi2 = 0.0, 0.0
    for p in range(charge.size):
        variance = noise + light[p] * excess
        square = (charge[p] - light[p]) ** 2 / variance
        chi2 += square
        nll += 0.5 * (square + math.log(variance))
    return nll, chi2


@kernel
def _likelihood(
    vector: F8, x: F8, y: F8, charge: F8, constants: F8, passing: F8, light: F8
) -> tuple[float, float]:
    """Fill in the light; return the negative log likelihood and chi2."""
    width, area, mirror, hole, photons, noise, excess = constants
    expected_light(vector, x, y, width, area, mirror, hole, photons, passing, light)
    return _height(charge, light, noise, excess)


@kernel
def _slopes(vector: F8, steps: F8, x: F8, y: F8, constants: F8, passing: F8, slopes: F8) -> None:
    """Fill in how the light of each pixel changes with each parameter."""
    width, area, mirror, hole, photons, _, _ = constants
    up, down = np.empty(x.size), np.empty(x.size)
    for k in range(6):
        moved = vector.copy()
        moved[k] = vector[k] + steps[k]
        expected_light(moved, x, y, width, area, mirror, hole, photons, passing, up)
        moved[k] = vector[k] - steps[k]
        expected_light(moved, x, y, width, area, mirror, hole, photons, passing, down)
        slopes[:, k] = (up - down) / (2.0 * steps[k])
    # light is proportional to the efficiency
    expected_light(vector, x, y, width, area, mirror, hole, photons, passing, up)
    slopes[:, 6] = up / vector[6]


@kernel
def _climb(
    vector: F8, x: F8, y: F8, charge: F8, constants: F8, passing: F8, iterations: int
) -> tuple[F8, F8, float, bool]:
    """Return the best vector, Fisher's information there, chi2, and whether it settled."""
    steps = np.array([1e-4, 1e-4, 1e-4, 1e-4, 1e-3, 1e-3])
    most = np.array([0.2, 0.2, 0.2, 0.03, 2.0, 2.0, 0.1])
    excess, noise = constants[6], constants[5]
    light, up = np.empty(x.size), np.empty(x.size)
    slopes = np.empty((x.size, 7))
    nll, chi2 = _likelihood(vector, x, y, charge, constants, passing, light)
    damping, settled = 1e-3, False
    fisher = np.zeros((7, 7))
    for _ in range(iterations):
        _slopes(vector, steps, x, y, constants, passing, slopes)
        variance = noise + light * excess
        residual = charge - light
        score = residual / variance - 0.5 * excess * (1.0 / variance - residual**2 / variance**2)
        information = 1.0 / variance + 0.5 * (excess / variance) ** 2
        gradient = slopes.T @ score
        fisher = slopes.T @ (slopes * information.reshape(-1, 1))
        accepted = False
        for _ in range(8):
            damped = fisher.copy()
            for k in range(7):
                damped[k, k] = fisher[k, k] * (1.0 + damping) + 1e-12
            step = np.linalg.solve(damped, gradient)
            step = np.minimum(np.maximum(step, -most), most)
            trial = vector + step
            trial[3] = max(trial[3], 0.005)
            trial[6] = max(trial[6], 1e-4)
            value, squares = _likelihood(trial, x, y, charge, constants, passing, up)
            if value <= nll:
                accepted = True
                break
            damping *= 8.0
        if not accepted:
            # no step of any length is better: this is the summit
            settled = True
            break
        gained = nll - value
        vector, nll, chi2, light = trial, value, squares, up.copy()
        damping = max(damping * 0.2, 1e-9)
        if gained < 1e-4:
            settled = True
            break
    return vector, fisher, chi2, settled


@kernel
def best_ring(
    vector: F8, x: F8, y: F8, charge: F8, constants: F8, passing: F8, iterations: int
) -> tuple[F8, F8, float, bool]:
    """Return the most likely ring, its covariance, chi2, and whether it settled.

    The covariance is the inverse of Fisher's information, that on the impact from differences over one
    standard error, since the light has kinks where the muon passes the edge of the hole. Near the hole the
    likelihood has several summits: another one is looked for around it, the higher one is taken, and the
    second moments of the likelihood over all impacts there make up what the curvature of one does not tell.

    Parameters
    ----------
    vector : ndarray of float64, shape (7,)
        To begin with: centre x, y (deg), radius (deg), width (deg), impact x, y (m), efficiency (no unit).
    x, y, charge : ndarray of float64, shape (n,)
        Directions (deg) and charges (p.e.) of the pixels.
    constants : ndarray of float64, shape (7,)
        Width (deg) and area (deg^2) of a pixel, radii of mirror and hole (m), photons per metre, variance of
        the noise (p.e.^2), excess noise.
    passing : ndarray of float64, shape (m,)
        Share of light that the air lets through, see `pellucid.array.muons.camera.MuonOptics.passing`.
    iterations : int
        At most.
    """
    best, fisher, chi2, settled = _climb(vector, x, y, charge, constants, passing, iterations)
    hole, light = constants[3], np.empty(x.size)
    near = hole > 0.0 and math.hypot(best[4], best[5]) < _NEAR * hole
    if near:
        summit = _likelihood(best, x, y, charge, constants, passing, light)[0]
        start = _elsewhere(best, x, y, charge, constants, passing)
        other = _climb(start, x, y, charge, constants, passing, iterations)
        if _likelihood(other[0], x, y, charge, constants, passing, light)[0] < summit:
            best, fisher, chi2, settled = other
    covariance = np.linalg.pinv(fisher)
    if near:
        covariance = np.linalg.pinv(_information(best, covariance, x, y, charge, constants, passing))
        xx, xy, yy = _spread(best, x, y, charge, constants, passing)
        more = np.array([[xx, xy], [xy, yy]]) - covariance[4:6, 4:6]
        size, direction = np.linalg.eigh(more)
        # only what makes the error larger, so that the matrix stays a covariance
        covariance[4:6, 4:6] += (direction * np.maximum(size, 0.0)) @ direction.T
    return best, covariance, chi2, settled


@kernel
def _elsewhere(best: F8, x: F8, y: F8, charge: F8, constants: F8, passing: F8) -> F8:
    """Return the best of impacts around the hole that are not those of the summit that is known."""
    light, hole = np.empty(x.size), constants[3]
    start, height = best.copy(), np.inf
    for k in range(36):
        trial = best.copy()
        distance, angle = hole * 0.6 * (1 + k % 3), 2.0 * math.pi * (k // 3) / 12.0
        trial[4], trial[5] = distance * math.cos(angle), distance * math.sin(angle)
        if math.hypot(trial[4] - best[4], trial[5] - best[5]) < 0.7 * hole:
            continue
        value = _likelihood(trial, x, y, charge, constants, passing, light)[0]
        if value < height:
            start, height = trial, value
    return start


@kernel
def _spread(best: F8, x: F8, y: F8, charge: F8, constants: F8, passing: F8) -> tuple[float, float, float]:
    """Return second moments of the likelihood of the impact about the best one, in m^2."""
    light, cell = np.empty(x.size), _CELL * constants[3]
    noise, excess = constants[5], constants[6]
    summit = _likelihood(best, x, y, charge, constants, passing, light)[0]
    total, xx, xy, yy = 0.0, 0.0, 0.0, 0.0
    for i in range(-_GRID, _GRID + 1):
        for j in range(-_GRID, _GRID + 1):
            trial = best.copy()
            dx, dy = i * cell, j * cell
            trial[4], trial[5] = best[4] + dx, best[5] + dy
            value = _likelihood(trial, x, y, charge, constants, passing, light)[0]
            if value > summit + _HOPELESS:
                continue
            # another impact wants another efficiency, in which the light is linear
            above, below = 0.0, 0.0
            for p in range(x.size):
                share = light[p] / (noise + light[p] * excess)
                above += share * charge[p]
                below += share * light[p]
            light *= above / max(below, 1e-30)
            weight = math.exp(summit - _height(charge, light, noise, excess)[0])
            total += weight
            xx += weight * dx * dx
            xy += weight * dx * dy
            yy += weight * dy * dy
    return xx / total, xy / total, yy / total


@kernel
def _information(vector: F8, covariance: F8, x: F8, y: F8, charge: F8, constants: F8, passing: F8) -> F8:
    """Return Fisher's information with the impact moved by its standard error instead of hardly."""
    light, slopes = np.empty(x.size), np.empty((x.size, 7))
    _likelihood(vector, x, y, charge, constants, passing, light)
    variance = constants[5] + light * constants[6]
    weight = (1.0 / variance + 0.5 * (constants[6] / variance) ** 2).reshape(-1, 1)
    steps = np.array([1e-4, 1e-4, 1e-4, 1e-4, 1e-3, 1e-3])
    for k in (4, 5):
        steps[k] = min(max(math.sqrt(max(covariance[k, k], 0.0)), 1e-3), 1.0)
    _slopes(vector, steps, x, y, constants, passing, slopes)
    information: F8 = slopes.T @ (slopes * weight)
    return information
