# SPDX-License-Identifier: BSD-3-Clause
"""Time gradient along the shower axis: least trimmed squares, reproducible event by event.

Rousseeuw & Van Driessen (2006, Data Min. Knowl. Disc. 12, 29): from a line through two random pixels,
fit again the fraction of pixels with the smallest residuals until nothing changes; the best of a few
starts wins. The starts are drawn from a generator seeded with (observation, event, telescope), so the
result does not depend on what was processed before, nor on order, subset or threads.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["seed_of", "seeds_of", "trimmed_line"]

type F8 = npt.NDArray[np.float64]
type U8 = npt.NDArray[np.uint64]
type Int = int | np.signedinteger[Any]
type I2 = npt.NDArray[np.int16]
type I8 = npt.NDArray[np.int64]

_STARTS = 5
_KEPT = 0.85
_MOST_STEPS = 20
_CONVERGED = 1e-12
_DEGENERATE = 2 * np.finfo(np.float64).eps

# splitmix64 (Steele, Lea & Flood 2014, OOPSLA)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@kernel
def _mixed(state: np.uint64) -> np.uint64:
    z = np.uint64(state + _GOLDEN)
    z = np.uint64((z ^ (z >> np.uint64(30))) * _MIX_1)
    z = np.uint64((z ^ (z >> np.uint64(27))) * _MIX_2)
    return np.uint64(z ^ (z >> np.uint64(31)))


@kernel
def seed_of(obs_id: Int, event_id: Int, tel_id: Int) -> np.uint64:
    """Return a seed that depends on the three identifiers alone."""
    state = _mixed(np.uint64(obs_id))
    state = _mixed(state ^ np.uint64(event_id))
    return _mixed(state ^ np.uint64(tel_id))


@kernel
def seeds_of(obs_id: int, event_id: I8, tel_id: I2, seeds: U8) -> None:
    """Fill ``seeds`` with `seed_of` the rows of one observation; all of shape (m,)."""
    for row in range(seeds.size):
        seeds[row] = seed_of(obs_id, event_id[row], tel_id[row])


@kernel
def trimmed_line(x: F8, t: F8, seed: np.uint64, residual: F8, scratch: F8, out: F8) -> None:
    """Fit t = slope * x + intercept with outliers trimmed.

    Parameters
    ----------
    x, t : ndarray of float64, shape (n,)
        Position along the axis (deg) and time (ns) of the selected pixels.
    seed : uint64
        What `seed_of` gave.
    residual, scratch : ndarray of float64, shape (n,)
        Scratch.
    out : ndarray of float64, shape (3,)
        slope (ns/deg), intercept (ns), and the root mean square deviation of all pixels (ns).
    """
    n = x.size
    kept = max(2, int(_KEPT * n))
    best_error = np.inf
    out[:] = np.nan
    state = seed
    for _ in range(_STARTS):
        state = _mixed(state)
        first = int(state % np.uint64(n))
        state = _mixed(state)
        second = int(state % np.uint64(n - 1))
        second += second >= first
        slope, intercept, error = _concentrate(x, t, first, second, kept, residual, scratch)
        if error < best_error:
            best_error = error
            out[0] = slope
            out[1] = intercept
    total = 0.0
    for i in range(n):
        total += (t[i] - out[0] * x[i] - out[1]) ** 2
    out[2] = np.sqrt(total / n)


@kernel
def _concentrate(
    x: F8, t: F8, first: int, second: int, kept: int, residual: F8, scratch: F8
) -> tuple[float, float, float]:
    """Concentration steps from the line through two pixels; a vertical line has no error (NaN)."""
    dx = x[second] - x[first]
    if dx * dx < _DEGENERATE:
        return np.nan, np.nan, np.nan
    slope = (t[second] - t[first]) / dx
    intercept = t[first] - slope * x[first]
    error = 0.0
    for _ in range(_MOST_STEPS):
        last_error = error
        slope, intercept, error = _refit(x, t, slope, intercept, kept, residual, scratch)
        if not abs(last_error - error) >= _CONVERGED:
            break
    return slope, intercept, error


@kernel
def _refit(
    x: F8, t: F8, slope: float, intercept: float, kept: int, residual: F8, scratch: F8
) -> tuple[float, float, float]:
    """Fit the ``kept`` pixels nearest to a line; of equally near ones the first."""
    n = x.size
    for i in range(n):
        residual[i] = (t[i] - slope * x[i] - intercept) ** 2
        scratch[i] = residual[i]
    limit = np.partition(scratch, kept - 1)[kept - 1]
    below = 0
    for i in range(n):
        below += residual[i] < limit
    ties = kept - below
    s_x = 0.0
    s_t = 0.0
    for i in range(n):
        use = residual[i] < limit
        if residual[i] == limit and ties > 0:
            ties -= 1
            use = True
        # a negative mark replaces the residual: the second pass needs to know who is in
        if use:
            residual[i] = -1.0
            s_x += x[i]
            s_t += t[i]
    mean_x = s_x / kept
    mean_t = s_t / kept
    xx = 0.0
    xt = 0.0
    for i in range(n):
        if residual[i] < 0.0:
            xx += (x[i] - mean_x) ** 2
            xt += (x[i] - mean_x) * (t[i] - mean_t)
    if xx * kept < _DEGENERATE:
        return np.nan, np.nan, np.nan
    slope = xt / xx
    intercept = mean_t - slope * mean_x
    error = 0.0
    for i in range(n):
        if residual[i] < 0.0:
            error += (t[i] - slope * x[i] - intercept) ** 2
    return slope, intercept, error
