# SPDX-License-Identifier: BSD-3-Clause
"""What else than photo-electrons makes flashes fluctuate: three ways to the term B of the F-factor method.

A flasher's brightness varies from flash to flash, and a read-out adds noise in proportion to the charge.
Both make the variance B^2 Q^2, which is none of the photo-electrons'.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.pedestal import Pedestal
from pellucid.errors import ConfigurationError

__all__ = ["FilterScan", "brightness_by_event", "brightness_by_mean", "filter_scan", "require_filters"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FilterScan:
    """Fit of var(q) = G F^2 Q + B^2 Q^2 over flashes through several filters.

    Attributes
    ----------
    slope : Estimate
        G F^2, in ADC counts times samples.
    brightness : Estimate
        B^2, dimensionless.
    covariance : ndarray of float64, shape (n_channels, n_pixels)
        Of the two, in ADC counts times samples.
    chi_square : ndarray of float64, shape (n_channels, n_pixels)
        Of the fit; dimensionless.
    degrees : int
        Filters less two.
    """

    slope: Estimate
    brightness: Estimate
    covariance: F8
    chi_square: F8
    degrees: int


def brightness_by_mean(flatfield: Flatfield) -> F8:
    """B^2 from the fluctuation of the camera's mean, one number per channel, for all its pixels.

    Parameters
    ----------
    flatfield : Flatfield
        Flashes.

    Returns
    -------
    ndarray of float64, shape (n_channels, n_pixels)
        Dimensionless. What fluctuates in each pixel by itself is not in it.
    """
    return np.repeat(flatfield.flash_variance[:, None], flatfield.charge.value.shape[1], axis=1)


def brightness_by_event(flatfield: Flatfield, pedestal: Pedestal) -> F8:
    """B^2 of each pixel by dividing each charge by the brightness of its own flash.

    The steadied variance is V/(1 + b) + (1 + 3 b) V_ped, b the variance of the flashes' brightness:
    dividing by the brightness f changes Poisson noise by <1/f> and the rest by <1/f^2>. What the plain
    variance has above V + V_ped is B^2 Q^2. A pixel that sees its own share of the flash (a shadow that
    moves, an edge of the beam) thus has its own B.

    Parameters
    ----------
    flatfield, pedestal
        Flashes and pedestals of one camera, charges in ADC counts times samples.

    Returns
    -------
    ndarray of float64, shape (n_channels, n_pixels)
        Dimensionless; 0 without light.
    """
    b = flatfield.flash_variance[:, None]
    dark = pedestal.charge_variance.value
    light = (flatfield.steadied.value - (1.0 + 3.0 * b) * dark) / (1.0 + b)
    charge = flatfield.charge.value
    seen = charge > 5.0 * flatfield.charge.error
    excess = flatfield.variance.value - light - dark
    return np.divide(excess, charge**2, out=np.zeros_like(charge), where=seen)


def require_filters(n: int) -> None:
    """Refuse fewer than three filters: slope, B^2, and one to check them (``too-few-filters``).

    Raises
    ------
    ConfigurationError
        There are fewer.
    """
    if n < 3:
        raise ConfigurationError(
            "A filter scan has too few filters.",
            expected="3 brightnesses or more",
            got=str(n),
            mend="scan more filters, or take B from the camera's mean",
            code="too-few-filters",
        )


def filter_scan(flatfields: list[Flatfield], pedestal: Pedestal) -> FilterScan:
    """Fit G F^2 and B^2 of each pixel over flashes of several brightnesses, by weighted least squares.

    The fit needs no model of the flasher: what grows with the square of the charge is B^2, what grows
    with the charge is the photo-electrons'. Weights are one over the variances' squared errors.

    Parameters
    ----------
    flatfields : list of Flatfield
        Three or more, of different brightness.
    pedestal : Pedestal
        Pedestals under the same sky.

    Raises
    ------
    ConfigurationError
        There are fewer than three (``too-few-filters``).
    """
    require_filters(len(flatfields))
    q = np.stack([f.charge.value for f in flatfields])
    v = np.stack([f.variance.value for f in flatfields]) - pedestal.charge_variance.value
    error = np.stack([f.variance.error for f in flatfields])
    whole = np.stack([f.charge.status == Status.GOOD for f in flatfields]) & (error > 0.0)
    weight = np.divide(1.0, error**2, out=np.zeros_like(error), where=whole)
    s11, s12, s22 = ((weight * q**k).sum(axis=0) for k in (2, 3, 4))
    t1, t2 = (weight * v * q).sum(axis=0), (weight * v * q**2).sum(axis=0)
    determinant = s11 * s22 - s12**2
    good = (whole.sum(axis=0) >= 3) & (determinant > 1e-9 * s11 * s22)
    safe = np.where(good, determinant, np.nan)
    slope, brightness = (s22 * t1 - s12 * t2) / safe, (s11 * t2 - s12 * t1) / safe
    status = np.where(good, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
    n = sum(f.charge.n for f in flatfields)
    return FilterScan(
        slope=Estimate(slope, np.sqrt(s22 / safe), n, status),
        brightness=Estimate(brightness, np.sqrt(s11 / safe), n, status.copy()),
        covariance=-s12 / safe,
        chi_square=(weight * (v - slope * q - brightness * q**2) ** 2).sum(axis=0),
        degrees=len(flatfields) - 2,
    )
