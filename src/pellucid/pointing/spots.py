# SPDX-License-Identifier: BSD-3-Clause
"""Stars as spots in maps of the sky's fluctuations: how bright, and where, with errors."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import InsufficientStatistics, MissingInput

__all__ = ["Spots", "fit_spots"]

type F8 = npt.NDArray[np.float64]

_STEPS = 12
_RING = (4.0, 8.0)
"""Widths of the spot between which the sky around a star is taken."""

_INSIDE = 3.0
"""Widths of the spot within which pixels belong to it."""


@dataclass(frozen=True, eq=False)
class Spots:
    """Stars that were found.

    Attributes
    ----------
    position, error : Quantity, shape (n_images, n_stars, 2)
        In the camera, with standard errors, in the unit of the pixels' positions; NaN where `found` is False.
    brightness, brightness_error : ndarray of float64, shape (n_images, n_stars)
        Variance at the middle of the spot above the sky's, in the unit of the maps.
    found : ndarray of bool, shape (n_images, n_stars)
        Whether a star stands out from the sky in an image; a star may be lost in some.
    """

    position: u.Quantity
    error: u.Quantity
    brightness: F8
    brightness_error: F8
    found: npt.NDArray[np.bool_]


def fit_spots(
    variance: F8,
    variance_error: F8,
    pixels: u.Quantity,
    expected: u.Quantity,
    width: u.Quantity,
    *,
    least: float = 5.0,
) -> Spots:
    """Fit a Gaussian spot above the local sky to every star in every image.

    Brightness and place are found together, by Gauss and Newton's steps with inverse-variance weights; the
    sky is the median of a ring around the star, so that the night sky's own light does not pull the place.

    Parameters
    ----------
    variance, variance_error : ndarray of float64, shape (n_images, n_pixels)
        Variance of the pedestals and its standard error, flat-fielded (variances scale with the square of
        the flat-field factors); NaN for pixels not to be used.
    pixels : Quantity, shape (n_pixels, 2)
        Positions in the camera.
    expected : Quantity, shape (n_images, n_stars, 2)
        Where the stars should be.
    width : Quantity
        Gaussian width of the spot, pixels included.
    least : float
        Brightness in its errors for a star to be found.

    Raises
    ------
    MissingInput
        There are no stars to look for (``no-stars``).
    InsufficientStatistics
        No star stands out anywhere (``no-star-found``).
    """
    unit = pixels.unit
    place, start = pixels.value, expected.to_value(unit)
    if start.size == 0:
        raise MissingInput("There are no stars to look for.", mend="use a deeper catalogue", code="no-stars")
    sigma = float(width.to_value(unit))
    position, error = np.full(start.shape, np.nan), np.full(start.shape, np.nan)
    brightness, brightness_error = np.full(start.shape[:2], np.nan), np.full(start.shape[:2], np.nan)
    # spots are few (stars times images), each with its own handful of pixels
    for image, star in np.ndindex(*start.shape[:2]):
        fit = _fit(variance[image], variance_error[image], place, start[image, star], sigma)
        if fit is not None and fit[0][0] > least * fit[1][0]:
            brightness[image, star], position[image, star] = fit[0][0], fit[0][1:]
            brightness_error[image, star], error[image, star] = fit[1][0], fit[1][1:]
    found = np.isfinite(brightness)
    if not found.any():
        raise InsufficientStatistics(
            "No star stands out from the sky.",
            expected=f"a spot of {least:g} errors or more",
            got=f"{start.shape[1]} stars looked for in {start.shape[0]} images",
            mend="add pedestals, or check the pointing that the stars are expected from",
            code="no-star-found",
        )
    return Spots(position * unit, error * unit, brightness, brightness_error, found)


def _fit(values: F8, errors: F8, place: F8, start: F8, sigma: float) -> tuple[F8, F8] | None:
    away = np.hypot(*(place - start).T) / sigma
    usable = np.isfinite(values) & (errors > 0.0)
    ring = usable & (away > _RING[0]) & (away < _RING[1])
    near = usable & (away < _INSIDE)
    if ring.sum() < 6 or near.sum() < 4:
        return None
    sky = np.median(values[ring])
    signal, weight, xy = values[near] - sky, 1.0 / errors[near] ** 2, place[near]
    brightest = xy[np.argmax(signal)]
    vector = np.array([max(float(signal.max()), 1e-30), *brightest])
    for _ in range(_STEPS):
        shape, slopes = _spot(vector, xy, sigma)
        normal = np.einsum("nj,n,nk->jk", slopes, weight, slopes)
        normal[np.diag_indices(3)] *= 1.0 + 1e-6
        if not np.linalg.cond(normal) < 1e18:
            return None
        covariance = np.linalg.inv(normal)
        step = covariance @ np.einsum("nj,n,n->j", slopes, weight, signal - vector[0] * shape)
        step[1:] = np.clip(step[1:], -sigma, sigma)
        vector = vector + step
    if np.hypot(*(vector[1:] - start)) > _INSIDE * sigma:
        return None
    return vector, np.sqrt(np.diagonal(covariance))


def _spot(vector: F8, xy: F8, sigma: float) -> tuple[F8, F8]:
    away = (xy - vector[1:]) / sigma
    shape = np.exp(-0.5 * (away**2).sum(axis=1))
    return shape, np.column_stack([shape, vector[0] * shape[:, None] * away / sigma])
