# SPDX-License-Identifier: BSD-3-Clause
"""How much light reaches the ground from each height: T(h, wavelength, zenith angle), with covariance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.errors import UsageError

__all__ = [
    "ShowerTransmission",
    "Transmission",
    "aerosol_column",
    "path_factor",
    "shower_transmission",
    "transmission",
]

type F8 = npt.NDArray[np.float64]

EARTH_RADIUS = 6_371_000.0


@dataclass(frozen=True, eq=False)
class Transmission:
    """Transmission from heights to the ground.

    Attributes
    ----------
    height : ndarray of float64, shape (m,)
        Above the site, in m.
    value : ndarray of float64, shape (m,)
        Dimensionless.
    covariance : ndarray of float64, shape (m, m)
        Between heights, dimensionless: aerosol depth and its exponent, and molecules where their error is
        told.
    """

    height: F8
    value: F8
    covariance: F8

    @property
    def error(self) -> F8:
        """Standard deviations, shape (m,), dimensionless."""
        return np.sqrt(np.diag(self.covariance))


def path_factor(height: npt.ArrayLike, zenith: float, altitude: float = 0.0) -> F8:
    """Return the length of the path through a thin shell over its thickness, shape (...), dimensionless.

    (R + h) / sqrt((R + h)^2 - (R + h_0)^2 sin^2 z): sec z near the zenith, finite at the horizon.

    Parameters
    ----------
    height : array_like of float, shape (...)
        Above the site, in m.
    zenith : float
        Angle in deg, 0 to below 90.
    altitude : float
        Of the site, in m.
    """
    if not 0.0 <= zenith < 90.0:
        raise UsageError(
            "The zenith angle is outside of the sky.", expected="0 to below 90 deg", got=f"{zenith} deg"
        )
    outer = EARTH_RADIUS + altitude + np.asarray(height, np.float64)
    inner = (EARTH_RADIUS + altitude) * np.sin(np.deg2rad(zenith))
    factor: F8 = outer / np.sqrt(outer**2 - inner**2)
    return factor


def transmission(
    height: F8,
    molecular: F8,
    aerosol: F8,
    covariance: F8,
    *,
    molecular_error: F8 | None = None,
    zenith: float = 0.0,
    altitude: float = 0.0,
    colour: tuple[float, float] = (1.0, 1.0),
    angstrom: float = 1.0,
    angstrom_error: float = 0.3,
) -> Transmission:
    """Return T = exp{-sum of f (d tau_m + d tau_a (l/l0)^-A)} with the path factor f of each shell.

    Parameters
    ----------
    height : ndarray of float64, shape (m,)
        Tops of the shells above the site, rising, in m; the first shell begins at the site.
    molecular : ndarray of float64, shape (m,)
        Vertical depth from the site to each height at the wavelength asked for, molecules and absorbing
        gases, dimensionless.
    aerosol : ndarray of float64, shape (m,)
        Vertical aerosol depth to each height at the wavelength of the LIDAR, dimensionless.
    covariance : ndarray of float64, shape (m, m)
        Of the aerosol depth, dimensionless.
    molecular_error : ndarray of float64, shape (j, m), optional
        By how much the molecular depth moves with one standard deviation of each thing that all heights
        share, such as the density of the air or the column of ozone, dimensionless.
    zenith : float
        In deg.
    altitude : float
        Of the site, in m.
    colour : tuple of float
        Wavelength asked for, and that of the LIDAR, in nm.
    angstrom, angstrom_error : float
        Exponent of the aerosol.
    """
    slant = _slant(height, zenith, altitude)
    scale = (colour[0] / colour[1]) ** -angstrom
    reddened = scale * (slant @ aerosol)
    value = np.exp(-(slant @ molecular) - reddened)
    tilt = reddened * np.log(colour[0] / colour[1]) * angstrom_error
    depth_covariance = scale**2 * slant @ covariance @ slant.T + np.outer(tilt, tilt)
    if molecular_error is not None:
        moved = slant @ molecular_error.T
        depth_covariance += moved @ moved.T
    return Transmission(height, value, value[:, None] * depth_covariance * value[None, :])


def aerosol_column(
    height: F8,
    known: F8,
    depth: F8,
    covariance: F8,
    *,
    start: float,
    below: tuple[float, float],
) -> tuple[F8, F8]:
    """Return the aerosol depth from the ground to heights, shape (m,), and its covariance, shape (m, m).

    What lies below the start of the depth is spread evenly, and its error is shared by all heights above.
    Depths are dimensionless.

    Parameters
    ----------
    height : ndarray of float64, shape (m,)
        Above the site, in m, none beyond the last known one.
    known : ndarray of float64, shape (k,)
        Heights in m where the depth is known.
    depth : ndarray of float64, shape (k,)
        Vertical, from ``start``.
    covariance : ndarray of float64, shape (k, k)
        Of the depth.
    start : float
        Height in m from which it counts.
    below : tuple of float
        Depth from the ground to the start, and its error.
    """
    x = np.concatenate([[start], known])
    weight = np.array([np.interp(height, x, unit) for unit in np.eye(x.size)[1:]]).T
    share = np.minimum(height / start, 1.0)
    total = share * below[0] + weight @ depth
    return total, weight @ covariance @ weight.T + below[1] ** 2 * np.outer(share, share)


def _slant(height: F8, zenith: float, altitude: float) -> F8:
    """The linear map from vertical depths to those along the path, shape (m, m)."""
    m = height.size
    factor = path_factor(0.5 * (height + np.concatenate([[0.0], height[:-1]])), zenith, altitude)
    slant: F8 = np.tril(np.ones((m, m))) @ (factor[:, None] * (np.eye(m) - np.eye(m, k=-1)))
    return slant


@dataclass(frozen=True)
class ShowerTransmission:
    """Light of a shower that reaches the camera, over that in the reference air, and its error."""

    value: float
    error: float


def shower_transmission(
    height: F8,
    molecular: F8,
    aerosol: F8,
    covariance: F8,
    emission: F8,
    wavelengths: F8,
    response: F8,
    *,
    lidar: float,
    reference: tuple[F8, F8],
    molecular_error: F8 | None = None,
    zenith: float = 0.0,
    altitude: float = 0.0,
    angstrom: float = 1.0,
    angstrom_error: float = 0.3,
) -> ShowerTransmission:
    """Return T_eff = sum_h eps(h) sum_l w(l) T(h, l) / the same in the reference air.

    Heights share errors, so that the covariance of the aerosol depth is carried through the sums.

    Parameters
    ----------
    height : ndarray of float64, shape (m,)
        Tops of shells above the site, rising, in m.
    molecular : ndarray of float64, shape (k, m)
        Vertical depth to each height at each wavelength, dimensionless.
    aerosol : ndarray of float64, shape (m,)
        Vertical depth at the LIDAR's wavelength, dimensionless.
    covariance : ndarray of float64, shape (m, m)
        Of the aerosol depth.
    emission : ndarray of float64, shape (m,)
        Cherenkov photons emitted at each height, in any unit.
    wavelengths : ndarray of float64, shape (k,)
        In nm.
    response : ndarray of float64, shape (k,)
        Cherenkov spectrum times mirror times photon detection, per wavelength, in any unit.
    lidar : float
        Wavelength of the LIDAR, in nm.
    reference : tuple of ndarray of float64, shapes (k, m) and (m,)
        Molecular and aerosol depths of the reference air, as simulations had it.
    molecular_error : ndarray of float64, shape (j, k, m), optional
        By how much the molecular depth moves with one standard deviation of each thing that all heights
        and wavelengths share, dimensionless.
    zenith, altitude : float
        Of the path in deg, and of the site in m.
    angstrom, angstrom_error : float
        Exponent of the aerosol.

    Raises
    ------
    UsageError
        No light is emitted, or none is seen.
    """
    slant = _slant(height, zenith, altitude)
    scale = (wavelengths / lidar) ** -angstrom
    weight = response[:, None] * emission

    def seen(molecules: F8, particles: F8) -> F8:
        light: F8 = weight * np.exp(-(molecules @ slant.T) - np.outer(scale, slant @ particles))
        return light

    light, clear = seen(molecular, aerosol), float(seen(*reference).sum())
    if not clear > 0.0:
        raise UsageError(
            "No light of the shower is seen.",
            expected="an emission and a response above 0",
            got=f"sums {emission.sum():.3g} and {response.sum():.3g}",
        )
    by_depth = -(scale @ light) @ slant / clear
    reddened = np.outer(scale * np.log(wavelengths / lidar), slant @ aerosol)
    by_colour = float((light * reddened).sum()) / clear * angstrom_error
    by_air = 0.0
    if molecular_error is not None:
        by_air = sum(float((light * (moved @ slant.T)).sum() / clear) ** 2 for moved in molecular_error)
    error = float(np.sqrt(by_depth @ covariance @ by_depth + by_colour**2 + by_air))
    return ShowerTransmission(float(light.sum()) / clear, error)
