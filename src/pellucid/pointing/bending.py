# SPDX-License-Identifier: BSD-3-Clause
"""Bending of the mount: where a telescope looks when it was sent elsewhere, fitted to stars.

Sign: an offset is where the star was found minus where the telescope was sent, in altitude dE and across
dA cos E; so it is added to what the drive says to know where the telescope looks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError, InsufficientStatistics, nearest
from pellucid.pointing.angles import altitudes, radians
from pellucid.pointing.mixture import Mixture, fit_mixture

__all__ = ["CLASSICAL", "TERMS", "BendingFit", "cross_validate", "fit_bending"]

type F8 = npt.NDArray[np.float64]

sin, cos = np.sin, np.cos

TERMS: dict[str, Callable[[F8, F8], tuple[F8 | float, F8 | float]]] = {
    "IA": lambda a, e: (cos(e), 0.0),
    "IE": lambda a, e: (0.0, 1.0),
    "CA": lambda a, e: (1.0, 0.0),
    "NPAE": lambda a, e: (sin(e), 0.0),
    "AN": lambda a, e: (sin(a) * sin(e), cos(a)),
    "AW": lambda a, e: (cos(a) * sin(e), -sin(a)),
    "TF": lambda a, e: (0.0, cos(e)),
    "TX": lambda a, e: (0.0, 1.0 / np.tan(np.maximum(e, 1e-3))),
    "HESA": lambda a, e: (0.0, sin(a)),
    "HECA": lambda a, e: (0.0, cos(a)),
    "HASA2": lambda a, e: (cos(e) * sin(2 * a), 0.0),
    "HACA2": lambda a, e: (cos(e) * cos(2 * a), 0.0),
    "HESE": lambda a, e: (0.0, sin(e)),
    "HESE2": lambda a, e: (0.0, sin(2 * e)),
    "HECE2": lambda a, e: (0.0, cos(2 * e)),
}
"""What one radian of a term adds across (dA cos E) and in altitude (dE), at azimuth a and altitude e.

Index errors IA and IE, collimation CA, non-perpendicular axes NPAE, tilts of the azimuth axis AN and AW,
flexure TF and TX (Wallace 2008, SPIE 7019, 701908), then harmonics: H, the axis acted on, S or C, the angle
acted with, its multiple.
"""

CLASSICAL = ("IA", "IE", "CA", "NPAE", "AN", "AW", "TF")


@dataclass(frozen=True, eq=False)
class BendingFit:
    """A fitted model.

    Attributes
    ----------
    terms : tuple of str
        Names, of `TERMS`.
    value, error : Quantity, shape (n_terms,)
        Parameters and standard errors, in arcsec.
    covariance : Quantity, shape (n_terms, n_terms)
        In arcsec^2.
    noise : Quantity
        Scatter of good measurements on each axis, in arcsec.
    outlier : ndarray of float64, shape (n,)
        Probability that a measurement is an outlier; no unit.
    n : int
        Measurements.
    """

    terms: tuple[str, ...]
    value: u.Quantity
    error: u.Quantity
    covariance: u.Quantity
    noise: u.Quantity
    outlier: F8
    n: int

    def offset(self, altitude: Any, azimuth: Any) -> tuple[u.Quantity, u.Quantity]:
        """Return the offsets across (dA cos E) and in altitude (dE).

        Parameters
        ----------
        altitude, azimuth : Quantity, shape (m,)
            Where the telescope is sent.

        Returns
        -------
        tuple of Quantity, shape (m,)
            In arcsec; add them to where the telescope is sent.
        """
        both = _design(self.terms, altitudes(altitude), radians(azimuth, "azimuth")) @ self.value
        return both[0], both[1]

    def offset_error(self, altitude: Any, azimuth: Any) -> tuple[u.Quantity, u.Quantity]:
        """Return the standard errors of `offset` (arguments and shapes as there, in arcsec)."""
        design = _design(self.terms, altitudes(altitude), radians(azimuth, "azimuth"))
        both = np.sqrt(np.einsum("dnj,jk,dnk->dn", design, self.covariance.value, design))
        return both[0] * u.arcsec, both[1] * u.arcsec


def fit_bending(
    altitude: Any, azimuth: Any, across: Any, upward: Any, *, terms: tuple[str, ...] = CLASSICAL
) -> BendingFit:
    """Fit a bending model to stars, some of which may be wrong.

    Parameters
    ----------
    altitude, azimuth : Quantity, shape (n,)
        Where the telescope was sent.
    across, upward : Quantity, shape (n,)
        Where the star was found: offsets dA cos E and dE.
    terms : tuple of str
        Terms of the model.

    Returns
    -------
    BendingFit
        Of the likelihood of a mixture: good measurements scatter by one noise, outliers by a larger one.

    Raises
    ------
    ConfigurationError
        An unknown term (``unknown-term``), or an angle without a unit (``unit-needed``).
    CorruptedInput
        Angles that are none.
    InsufficientStatistics
        Too few stars, or stars that do not tell the terms apart (``too-few-stars``).
    """
    design = _design(terms, altitudes(altitude), radians(azimuth, "azimuth"))
    _determined(design, terms)
    fit = fit_mixture(design, _seen(across, upward))
    return _named(terms, fit)


def cross_validate(
    altitude: Any,
    azimuth: Any,
    across: Any,
    upward: Any,
    *,
    terms: tuple[str, ...] = CLASSICAL,
    parts: int = 10,
) -> u.Quantity:
    """Return how well a model foretells stars that it was not fitted to.

    Parameters
    ----------
    altitude, azimuth, across, upward, terms
        As for `fit_bending`, shape (n,).
    parts : int
        The stars are left out in so many parts, every so-manieth star in one.

    Returns
    -------
    Quantity
        Robust scatter on each axis (1.4826 times the median absolute residual), in arcsec.
    """
    design = _design(terms, altitudes(altitude), radians(azimuth, "azimuth"))
    seen = _seen(across, upward)
    residual = np.empty_like(seen)
    for part in range(parts):
        out = np.arange(seen.shape[1]) % parts == part
        _determined(design[:, ~out], terms)
        fit = fit_mixture(design[:, ~out], seen[:, ~out])
        residual[:, out] = seen[:, out] - design[:, out] @ fit.value
    return 1.4826 * np.median(np.abs(residual)) * u.arcsec


def _design(terms: tuple[str, ...], altitude: F8, azimuth: F8) -> F8:
    """Return the matrix of shape (2, n, n_terms), across and upward."""
    for term in terms:
        if term not in TERMS:
            raise ConfigurationError(
                f"There is no bending term '{term}'.", mend=nearest(term, list(TERMS)), code="unknown-term"
            )
    columns = [TERMS[term](azimuth, altitude) for term in terms]
    return np.stack(
        [np.stack([np.broadcast_to(c[axis], altitude.shape) for c in columns], axis=1) for axis in (0, 1)]
    )


def _seen(across: Any, upward: Any) -> F8:
    """Return offsets in arcsec, shape (2, n)."""
    seen = np.stack([radians(across, "offset across"), radians(upward, "offset in altitude")])
    return np.asarray(np.degrees(seen) * 3600.0)


def _determined(design: F8, terms: tuple[str, ...]) -> None:
    singular = np.linalg.svd(design.reshape(-1, len(terms)), compute_uv=False)
    if design.shape[1] < len(terms) or singular[-1] < 1e-4 * singular[0]:
        raise InsufficientStatistics(
            "The stars do not tell the terms of the bending model apart.",
            expected=f"at least {len(terms)} stars, spread in altitude and azimuth",
            got=f"{design.shape[1]} stars, condition {singular[0] / max(singular[-1], 1e-300):.2g}",
            mend="observe stars all over the sky, or fit fewer terms",
            code="too-few-stars",
        )


def _named(terms: tuple[str, ...], fit: Mixture) -> BendingFit:
    return BendingFit(
        terms=terms,
        value=fit.value * u.arcsec,
        error=np.sqrt(np.diagonal(fit.covariance)) * u.arcsec,
        covariance=fit.covariance * u.arcsec**2,
        noise=fit.noise * u.arcsec,
        outlier=fit.outlier,
        n=fit.outlier.size,
    )
