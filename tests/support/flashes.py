# SPDX-License-Identifier: BSD-3-Clause
"""Two simulated flashes of one camera, whose photo-electrons are known: the response to the fainter."""

import numpy as np
import numpy.typing as npt
from scipy.linalg import toeplitz

type F8 = npt.NDArray[np.float64]

_LEAST = 0.1
"""Smallest eigenvalue of the noise's covariance, in units of their mean: no direction is trusted more."""


def relative_response(
    faint: F8, bright: F8, true_faint: F8, true_bright: F8, dark: int
) -> tuple[float, float]:
    """Charge per photo-electron of a faint flash over that of a bright one, and its standard error.

    The bright flash tells the pulse, the samples before the flash the noise of the sky; the filter is the
    best for both. Pixels are weighted by their photo-electrons, the night sky being the same in all.

    Parameters
    ----------
    faint, bright : ndarray of float64, shape (n_pixels, n_samples)
        Samples, in photo-electrons.
    true_faint, true_bright : ndarray of float64, shape (n_pixels,)
        Photo-electrons.
    dark : int
        Samples before the flash.
    """
    pulse = true_bright @ bright / (true_bright @ true_bright)
    before = np.concatenate([faint, bright])[:, :dark]
    before = before - before.mean(axis=0)
    lags = np.zeros(pulse.size)
    lags[:dark] = [(before[:, : dark - k] * before[:, k:]).mean() for k in range(dark)]
    values, vectors = np.linalg.eigh(toeplitz(lags))
    weights = (vectors / np.maximum(values, _LEAST * values.mean())) @ vectors.T @ pulse
    charge = faint @ weights / (pulse @ weights)
    power = float(true_faint @ true_faint)
    scatter = float((charge - true_faint).std())
    return float(true_faint @ charge) / power, scatter / np.sqrt(power)
