# SPDX-License-Identifier: BSD-3-Clause
"""Linear least squares where some points, both coordinates of them, are wrong."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Mixture", "fit_mixture"]

type F8 = npt.NDArray[np.float64]

_ITERATIONS = 200
_WIDER = 3.0
"""Outliers scatter at least so many times as much as good points, else they are none."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A fit.

    Attributes
    ----------
    value : ndarray of float64, shape (n_parameters,)
        Parameters, in the unit of the data.
    covariance : ndarray of float64, shape (n_parameters, n_parameters)
        In its square.
    noise, wide : float
        Scatter of good points and of outliers on each coordinate, in the unit of the data.
    share : float
        Part of the points that are outliers.
    outlier : ndarray of float64, shape (n,)
        Probability of each to be one; no unit.
    """

    value: F8
    covariance: F8
    noise: float
    wide: float
    share: float
    outlier: F8


def fit_mixture(design: F8, seen: F8) -> Mixture:
    """Maximise the likelihood of a mixture of two Gaussians by expectation and maximisation.

    Hogg, Bovy and Lang 2010, arXiv:1008.4686, section 3, with the outliers centred on the model too; the
    noise is corrected for the parameters that were fitted.

    Parameters
    ----------
    design : ndarray of float64, shape (2, n, n_parameters)
        What one unit of each parameter adds to both coordinates; no unit.
    seen : ndarray of float64, shape (2, n)
        Data.
    """
    n, n_parameters = design.shape[1], design.shape[2]
    outlier, share = np.zeros(n), 0.05
    value = _solve(design, seen, np.ones(n))[0]
    residual = _squares(design, seen, value)
    noise = float(np.sqrt(np.median(residual) / (2.0 * np.log(2.0))))
    wide = max(10.0 * noise, 1e-12)
    for _ in range(_ITERATIONS):
        good = (1.0 - share) / noise**2 * np.exp(-0.5 * residual / noise**2)
        bad = share / wide**2 * np.exp(-0.5 * residual / wide**2)
        new = bad / np.maximum(good + bad, 1e-300)
        share = float(np.clip(new.mean(), 1e-4, 0.5))
        value = _solve(design, seen, (1.0 - new) / noise**2 + new / wide**2)[0]
        residual = _squares(design, seen, value)
        kept = float((1.0 - new).sum())
        noise = float(np.sqrt(((1.0 - new) * residual).sum() / max(2.0 * kept - n_parameters, 1.0)))
        wide = float(np.sqrt((new * residual).sum() / max(2.0 * new.sum(), 1e-12)))
        wide = max(wide, _WIDER * noise)
        settled = np.abs(new - outlier).max() < 1e-6
        outlier = new
        if settled:
            break
    covariance = _solve(design, seen, (1.0 - outlier) / noise**2 + outlier / wide**2)[1]
    return Mixture(value, covariance, noise, wide, share, outlier)


def _solve(design: F8, seen: F8, weight: F8) -> tuple[F8, F8]:
    normal = np.einsum("dnj,n,dnk->jk", design, weight, design)
    covariance = np.linalg.inv(normal)
    return covariance @ np.einsum("dnj,n,dn->j", design, weight, seen), covariance


def _squares(design: F8, seen: F8, value: F8) -> F8:
    return np.asarray(((seen - design @ value) ** 2).sum(axis=0))
