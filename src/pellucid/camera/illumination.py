# SPDX-License-Identifier: BSD-3-Clause
"""How evenly a flasher lights a camera, and the light yield of the pixels once that is divided out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.robust import robust_deviation
from pellucid.errors import InsufficientStatistics

__all__ = ["Illumination", "illumination_profile", "relative_yield"]

type F8 = npt.NDArray[np.float64]

_PARAMETERS = 4


@dataclass(frozen=True, eq=False)
class Illumination:
    """Profile of a flasher on a camera.

    Attributes
    ----------
    profile, error : ndarray of float64, shape (n_pixels,)
        Light on each pixel relative to the camera's mean, and its error; dimensionless.
    coefficients : ndarray of float64, shape (4,)
        Of 1, x, y and r^2 in the logarithm of the profile, in 1, 1/m, 1/m, 1/m^2.
    covariance : ndarray of float64, shape (4, 4)
        Of the coefficients, in the products of their units.
    n : int
        Pixels behind it.
    """

    profile: F8
    error: F8
    coefficients: F8
    covariance: F8
    n: int


def illumination_profile(
    photoelectrons: Estimate, x: F8, y: F8, iterations: int = 5, cut: float = 4.0
) -> Illumination:
    """Fit the profile of a flasher to the photo-electrons of a camera.

    A Gaussian beam with any centre: ln N = a + b x + c y + d r^2, by least squares with pixels off the
    fit left out, again and again. cos^n of the distance to the flasher has the same form to second
    order. Pixels count alike, since their light yields differ by more than their errors; the scatter
    about the fit gives its error.

    Parameters
    ----------
    photoelectrons : Estimate
        Photo-electrons of a flash, shape (n_channels, n_pixels); the first channel is used.
    x, y : ndarray of float64, shape (n_pixels,)
        Places of the pixels, in m.
    iterations : int
        Fits.
    cut : float
        Robust standard deviations from the fit.

    Raises
    ------
    InsufficientStatistics
        Fewer than 20 pixels have photo-electrons (``too-few-pixels``).
    """
    number = photoelectrons.value[0]
    used = np.isfinite(number) & (number > 0.0) & (photoelectrons.status[0] == Status.GOOD)
    if used.sum() < 20:
        raise InsufficientStatistics(
            "Too few pixels see the flashes to fit their profile.",
            expected="at least 20 pixels with photo-electrons",
            got=str(int(used.sum())),
            mend="do not fit the profile, or mend the camera",
            code="too-few-pixels",
        )
    terms = np.stack([np.ones_like(x), x, y, x**2 + y**2], axis=1)
    target = np.log(np.where(used, number, 1.0))
    kept = used
    for _ in range(iterations):
        found, *_ = np.linalg.lstsq(terms[kept], target[kept], rcond=None)
        rest = np.where(used, target - terms @ found, np.nan)
        kept = used & (np.abs(robust_deviation(rest[None], ~kept[None])[0]) <= cut)
    scatter = float((rest[kept] ** 2).sum() / max(1, kept.sum() - _PARAMETERS))
    covariance = scatter * np.linalg.inv(terms[kept].T @ terms[kept])
    profile = np.exp(terms @ found)
    profile /= profile[kept].mean()
    # the mean is divided out: only differences from the mean terms have an error
    centred = terms - terms[kept].mean(axis=0)
    spread = np.sqrt(np.einsum("pi,ij,pj->p", centred, covariance, centred))
    return Illumination(profile, profile * spread, found, covariance, int(kept.sum()))


def relative_yield(photoelectrons: Estimate, illumination: Illumination | None = None) -> Estimate:
    """Light yield of the pixels relative to their median: quantum efficiency, light guide, window.

    Parameters
    ----------
    photoelectrons : Estimate
        Photo-electrons of a flash, shape (n_channels, n_pixels).
    illumination : Illumination, optional
        Profile of the flasher to divide out; an even one where not given.

    Returns
    -------
    Estimate
        Dimensionless, from the first channel, shape (1, n_pixels); NaN with a status where there is none.
    """
    number, error = photoelectrons.value[:1], photoelectrons.error[:1]
    if illumination is not None:
        number = number / illumination.profile
        error = np.hypot(error / illumination.profile, number * illumination.error / illumination.profile)
    middle = float(np.nanmedian(number)) if np.isfinite(number).any() else np.nan
    return Estimate(number / middle, error / middle, photoelectrons.n, photoelectrons.status[:1].copy())
