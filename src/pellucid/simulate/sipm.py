# SPDX-License-Identifier: BSD-3-Clause
"""Silicon photomultipliers: avalanches that set off others, so that one photo-electron counts as several."""

import numpy as np
import numpy.typing as npt

__all__ = ["sipm_charges", "sipm_excess"]


def sipm_charges(
    rng: np.random.Generator, n: int, crosstalk: float, spread: float = 0.05
) -> npt.NDArray[np.float32]:
    """Draw the charges of single photo-electrons with optical cross-talk.

    Each avalanche sets off a Poisson number of others, mean ``crosstalk``, and each of these again: the
    number of cells is Borel distributed, its mean 1 / (1 - crosstalk), and that of many photo-electrons
    follows a generalised Poisson law (Vinogradov 2012, NIM A 695, 247). Cells differ by a Gaussian.

    Parameters
    ----------
    rng : Generator
        Source of the random numbers.
    n : int
        How many.
    crosstalk : float
        Avalanches that one sets off, 0 to below 1.
    spread : float
        Relative standard deviation of the charge of a cell.

    Returns
    -------
    ndarray of float32, shape (n,)
        Charges, in mean photo-electrons, cross-talk included.
    """
    cells = np.ones(n, np.int64)
    last = cells
    while last.any():
        last = rng.poisson(crosstalk * last)
        cells = cells + last
    charge = cells + spread * np.sqrt(cells) * rng.standard_normal(n)
    return (charge * (1.0 - crosstalk)).astype(np.float32)


def sipm_excess(crosstalk: float, spread: float = 0.05) -> float:
    """Excess noise factor squared of `sipm_charges`: 1 / (1 - crosstalk) + spread^2 (1 - crosstalk)."""
    return 1.0 / (1.0 - crosstalk) + spread**2 * (1.0 - crosstalk)
