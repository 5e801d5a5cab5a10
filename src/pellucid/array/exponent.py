# SPDX-License-Identifier: BSD-3-Clause
"""How rates follow the light: the exponent, and whose light it is in pairs of two kinds of telescopes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.leastsquares import Rows, solve
from pellucid.errors import InsufficientStatistics

__all__ = ["Exponent", "Shares", "fit_exponent", "fit_shares"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Exponent:
    """Exponent of the rate in the light.

    Attributes
    ----------
    value, error : float
        p = d ln R / d ln s at s = 1.
    curvature, curvature_error : float
        Second derivative, half of it: what p changes by.
    chi2, ndf :
        Of the fit.
    n : int
        Points behind it.
    """

    value: float
    error: float
    curvature: float
    curvature_error: float
    chi2: float
    ndf: int
    n: int


def fit_exponent(light: F8, count: F8, live_time: F8, *, curved: bool = False) -> Exponent:
    """Fit ln R = a + p ln s (+ q ln^2 s) on rates at known scales s of the light.

    Parameters
    ----------
    light : ndarray of float64, shape (n,)
        Scale of the light, dimensionless; from simulations, or muon efficiencies of many epochs.
    count, live_time : ndarray of float64, shape (n,)
        Number of events, and time in s.
    curved : bool
        Whether q is fitted.

    Raises
    ------
    InsufficientStatistics
        There are too few different scales (``too-few-scales``).
    """
    x = np.log(light)
    design = np.stack([x**k for k in range(3 if curved else 2)], axis=1)
    n = design.shape[1]
    index = np.tile(np.arange(n), (x.size, 1))
    found = solve(Rows(index, design, np.log((count + 0.5) / live_time), 1.0 / (count + 0.5)), n)
    if not found.identified.all():
        raise InsufficientStatistics(
            "The exponent needs rates at different scales of the light.",
            expected=f"{n} scales or more",
            got=f"{np.unique(light).size}",
            mend="simulate more scales",
            code="too-few-scales",
        )
    q, dq = (float(found.value[2]), float(found.error[2])) if curved else (0.0, 0.0)
    return Exponent(
        float(found.value[1]), float(found.error[1]), q, dq, found.chi2, found.ndf, int(light.size)
    )


@dataclass(frozen=True)
class Shares:
    """How the rate of a pair of two kinds of telescopes follows the light of each.

    Attributes
    ----------
    exponent, exponent_error : float
        p, of a scale of the light of both.
    first, first_error : float
        w, the share of the first kind: ln R = p (ln eta + w ln e_1 + (1 - w) ln e_2), dimensionless.
    chi2, ndf :
        Of the fit.
    n : int
        Points behind it.
    """

    exponent: float
    exponent_error: float
    first: float
    first_error: float
    chi2: float
    ndf: int
    n: int


def fit_shares(light: F8, count: F8, live_time: F8) -> Shares:
    """Fit ln R = a + p (w ln s_1 + (1 - w) ln s_2) on rates at known scales s of the light of two kinds.

    Parameters
    ----------
    light : ndarray of float64, shape (n, 2)
        Scales of the light of both kinds, dimensionless, from simulations.
    count, live_time : ndarray of float64, shape (n,)
        Number of events, and time in s.

    Raises
    ------
    InsufficientStatistics
        The scales of the two kinds do not vary independently (``too-few-scales``).
    """
    design = np.column_stack([np.ones(len(light)), np.log(light)])
    rows = Rows(
        np.tile([0, 1, 2], (len(light), 1)), design, np.log((count + 0.5) / live_time), 1.0 / (count + 0.5)
    )
    found = solve(rows, 3)
    if not found.identified.all():
        raise InsufficientStatistics(
            "Rates do not tell the shares of two kinds of telescopes.",
            expected="scales of the light of both kinds that differ, each for itself",
            got=f"{len(np.unique(light, axis=0))} scales",
            mend="simulate each kind brighter and dimmer while the other stays",
            code="too-few-scales",
        )
    (one, other), covariance = found.value[1:], found.covariance[1:, 1:]
    p = float(one + other)
    by = np.array([other, -one]) / p**2
    return Shares(
        p,
        float(np.sqrt(covariance.sum())),
        float(one / p),
        float(np.sqrt(by @ covariance @ by)),
        found.chi2,
        found.ndf,
        len(light),
    )
