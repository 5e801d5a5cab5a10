# SPDX-License-Identifier: BSD-3-Clause
"""Stars in the camera: one shift, rotation and scale from all of them at all times."""

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError, InsufficientStatistics

__all__ = ["StarFit", "fit_stars"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StarFit:
    """Where the camera is against where it should be.

    Attributes
    ----------
    shift : Quantity, shape (2,)
        dx, dy at the middle of the time, in the unit of the positions.
    rotation : Quantity
        Counter-clockwise, in rad.
    scale : float
        Relative stretch; 0 is none.
    drift : Quantity, shape (2,)
        Change of the shift over the time that was observed, in the unit of the positions; 0 where it was not
        fitted.
    covariance : ndarray of float64, shape (k, k)
        Of dx, dy, rotation, scale and, where fitted, the drifts, in their units (rad; none).
    chi2, degrees : float, int
        Of the fit.
    n : int
        Positions used.
    """

    shift: u.Quantity
    rotation: u.Quantity
    scale: float
    drift: u.Quantity
    covariance: F8
    chi2: float
    degrees: int
    n: int


def fit_stars(
    expected: Any, found: Any, error: Any, time: F8 | None = None, *, with_drift: bool = False
) -> StarFit:
    """Fit one transformation of the camera to positions of stars, weighted by their inverse variances.

    x = x0 + dx - r y0 + s x0, y = y0 + dy + r x0 + s y0, plus a drift in time; linear, hence solved at once.

    Parameters
    ----------
    expected, found : Quantity, shape (n, 2)
        Positions in the camera where stars should be, and where they are; a star that is lost at some times
        is simply not there.
    error : Quantity, shape (n, 2) or (n,)
        Standard errors of ``found``.
    time : ndarray of float64, shape (n,), optional
        Of each position, from -0.5 to 0.5 of the time observed; for the drift; no unit.
    with_drift : bool
        Whether to fit it.

    Raises
    ------
    ConfigurationError
        Positions without units, or units that do not fit together (``unit-needed``), or a drift without
        times (``no-times``).
    InsufficientStatistics
        Fewer than two stars apart, so that rotation and scale are open (``too-few-stars``).
    """
    unit = _unit(expected)
    x0, x = (_plain(v, unit) for v in (expected, found))
    sigma = _plain(error, unit)
    sigma = np.broadcast_to(sigma if sigma.ndim == 2 else sigma[:, None], x.shape)
    if with_drift and time is None:
        raise ConfigurationError("A drift needs times.", expected="a time for each position", code="no-times")
    design = _design(x0, time if with_drift else None)
    used = np.isfinite(x).all(axis=1) & np.isfinite(sigma).all(axis=1) & (sigma > 0.0).all(axis=1)
    _enough(x0[used], design.shape[2])
    weight = np.where(used[:, None], 1.0 / np.where(used[:, None], sigma, 1.0) ** 2, 0.0)
    residual = np.where(used[:, None], x - x0, 0.0)
    normal = np.einsum("ndj,nd,ndk->jk", design, weight, design)
    covariance = np.linalg.inv(normal)
    value = covariance @ np.einsum("ndj,nd,nd->j", design, weight, residual)
    chi2 = float((weight * (residual - design @ value) ** 2).sum())
    drift = value[4:] if with_drift else np.zeros(2)
    n = int(used.sum())
    return StarFit(
        shift=value[:2] * unit,
        rotation=value[2] * u.rad,
        scale=float(value[3]),
        drift=drift * unit,
        covariance=covariance,
        chi2=chi2,
        degrees=2 * n - value.size,
        n=n,
    )


def _design(x0: F8, time: F8 | None) -> F8:
    one, zero = np.ones(len(x0)), np.zeros(len(x0))
    across, up = x0.T
    rows = [[one, zero, -up, across], [zero, one, across, up]]
    if time is not None:
        rows[0] += [time, zero]
        rows[1] += [zero, time]
    return np.stack([np.stack(row, axis=1) for row in rows], axis=1)


def _unit(expected: Any) -> Any:
    if not isinstance(expected, u.Quantity):
        raise ConfigurationError(
            "Positions of stars have no unit.",
            expected="a Quantity in m, mm or an angle",
            got=type(expected).__name__,
            mend="multiply by the unit that the numbers are in",
            code="unit-needed",
        )
    return expected.unit


def _plain(value: Any, unit: Any) -> F8:
    if not isinstance(value, u.Quantity) or not value.unit.is_equivalent(unit):
        got = f"a quantity in {value.unit}" if isinstance(value, u.Quantity) else "bare numbers"
        raise ConfigurationError(
            "Positions and errors of stars are in units that do not fit together.",
            expected=f"quantities that convert to {unit}",
            got=got,
            mend="give all of them in lengths, or all in angles",
            code="unit-needed",
        )
    return np.asarray(value.to_value(unit), np.float64)


def _enough(x0: F8, n_parameters: int) -> None:
    apart = np.ptp(x0, axis=0).max(initial=0.0) if len(x0) else 0.0
    if 2 * len(x0) < n_parameters or apart <= 0.0:
        raise InsufficientStatistics(
            "There are too few stars to tell shift, rotation and scale apart.",
            expected="positions of at least two stars apart from each other",
            got=f"{len(x0)} positions",
            mend="use a longer time or fainter stars",
            code="too-few-stars",
        )
