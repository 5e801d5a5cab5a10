# SPDX-License-Identifier: BSD-3-Clause
"""Stars for pointing: offsets of a bent mount all over the sky, and stars in a turned and shifted camera."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.pointing.bending import TERMS

__all__ = ["SkyRun", "StarTrack", "simulate_sky", "simulate_spots", "simulate_track"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SkyRun:
    """Stars observed all over the sky.

    Attributes
    ----------
    altitude, azimuth : Quantity, shape (n,)
        Where the telescope was sent.
    across, upward : Quantity, shape (n,)
        Where the star was found, dA cos E and dE.
    is_outlier : ndarray of bool, shape (n,)
        Whether it was another star.
    """

    altitude: u.Quantity
    azimuth: u.Quantity
    across: u.Quantity
    upward: u.Quantity
    is_outlier: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StarTrack:
    """Positions of stars in a camera, image after image.

    Attributes
    ----------
    expected, found, error : Quantity, shape (n, 2)
        Where stars should be and where they are, with standard errors.
    """

    expected: u.Quantity
    found: u.Quantity
    error: u.Quantity


def simulate_sky(
    random: np.random.Generator,
    n: int,
    parameters: dict[str, float],
    noise: float,
    share: float = 0.05,
    wide: float = 300.0,
) -> SkyRun:
    """Draw stars between 20 and 85 deg of altitude.

    Parameters
    ----------
    random : Generator
        Source of random numbers.
    n : int
        Stars.
    parameters : dict of str to float
        Terms of the mount's bending, in arcsec.
    noise, wide : float
        Scatter of each axis of good stars and of outliers, in arcsec.
    share : float
        Part of outliers.
    """
    altitude = np.arcsin(random.uniform(np.sin(np.radians(20.0)), np.sin(np.radians(85.0)), n))
    azimuth = random.uniform(0.0, 2.0 * np.pi, n)
    is_outlier = random.random(n) < share
    offset = np.where(is_outlier, wide, noise) * random.normal(size=(2, n))
    for term, value in parameters.items():
        for axis, part in enumerate(TERMS[term](azimuth, altitude)):
            offset[axis] += value * part
    across, upward = offset * u.arcsec
    return SkyRun(altitude * u.rad, azimuth * u.rad, across, upward, is_outlier)


def simulate_track(
    random: np.random.Generator,
    n_stars: int,
    n_images: int,
    shift: tuple[float, float],
    rotation: float,
    scale: float,
    noise: float,
    worse: float = 10.0,
) -> StarTrack:
    """Draw stars that turn around the camera's centre, half of the positions much worse than the others.

    Parameters
    ----------
    random : Generator
        Source of random numbers.
    n_stars, n_images : int
        How many.
    shift : tuple of float
        dx, dy, in arcsec.
    rotation : float
        In rad.
    scale : float
        Relative stretch.
    noise : float
        Of the good half of the positions, in arcsec.
    worse : float
        How many times more the other half scatters.
    """
    radius = 3600.0 * np.sqrt(random.uniform(0.1, 4.0, n_stars))
    angle = random.uniform(0.0, 2.0 * np.pi, n_stars) + np.linspace(0.0, 1.0, n_images)[:, None]
    expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1, 2)
    error = np.where(np.arange(len(expected)) % 2 == 0, noise, worse * noise)[:, None] * np.ones(2)
    x, y = expected.T
    turned = np.stack(
        [x + shift[0] - rotation * y + scale * x, y + shift[1] + rotation * x + scale * y], axis=1
    )
    found = turned + error * random.normal(size=expected.shape)
    return StarTrack(expected * u.arcsec, found * u.arcsec, error * u.arcsec)


def simulate_spots(
    random: np.random.Generator,
    pixels: F8,
    places: F8,
    brightness: F8,
    width: float,
    sky: float,
    n_pedestals: int,
) -> tuple[F8, F8]:
    """Draw a map of variances with stars in it.

    Parameters
    ----------
    random : Generator
        Source of random numbers.
    pixels : ndarray of float64, shape (n_pixels, 2)
        Positions, in m.
    places : ndarray of float64, shape (n_stars, 2)
        Of the stars, in m.
    brightness : ndarray of float64, shape (n_stars,)
        Variance at the middle of each spot, in the unit of ``sky``.
    width : float
        Gaussian width of the spots, in m.
    sky : float
        Variance of the sky, in p.e.^2.
    n_pedestals : int
        Events behind each variance.

    Returns
    -------
    tuple of ndarray of float64, shape (n_pixels,)
        Variances and their standard errors, in the unit of ``sky``.
    """
    away = ((pixels[:, None] - places) ** 2).sum(axis=2) / width**2
    truth = sky + (brightness * np.exp(-0.5 * away)).sum(axis=1)
    drawn = truth * random.chisquare(n_pedestals - 1, len(pixels)) / (n_pedestals - 1)
    return drawn, drawn * np.sqrt(2.0 / (n_pedestals - 1))
