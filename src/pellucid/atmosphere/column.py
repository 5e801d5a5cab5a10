# SPDX-License-Identifier: BSD-3-Clause
"""What a column of air takes of the light on its way up, by the extinction along it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["column_depth"]

type F8 = npt.NDArray[np.float64]


def column_depth(height: npt.ArrayLike, extinction: Callable[[F8], F8], *, step: float = 50.0) -> F8:
    """Return the vertical optical depth from a site up to heights, by trapezoids; dimensionless, shape (m,).

    Parameters
    ----------
    height : array_like of float, shape (m,)
        Above the site, in m.
    extinction : callable
        Returns extinction, in 1/m, at heights above the site, in m.
    step : float
        Of the trapezoids, in m.
    """
    z = np.asarray(height, np.float64)
    grid = np.arange(0.0, float(z.max()) + 2.0 * step, step)
    alpha = extinction(grid)
    column = np.concatenate([[0.0], np.cumsum(0.5 * step * (alpha[1:] + alpha[:-1]))])
    depth: F8 = np.interp(z, grid, column)
    return depth
