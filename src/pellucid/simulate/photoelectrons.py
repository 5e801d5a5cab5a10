# SPDX-License-Identifier: BSD-3-Clause
"""Charges of faint flashes, photo-electron by photo-electron, from the shapes that fits assume."""

import numpy as np
import numpy.typing as npt

from pellucid.camera.spe.photomultiplier import Photomultiplier, Widths

__all__ = ["photomultiplier_charges", "silicon_charges", "tube_charges"]

type F8 = npt.NDArray[np.float64]


def tube_charges(random: np.random.Generator, n: int, excess: float) -> npt.NDArray[np.float32]:
    """Draw charges of single photo-electrons with the shape of Caroff et al. 2019 and its usual p and n.

    Parameters
    ----------
    random : Generator
        Source of random numbers.
    n : int
        How many.
    excess : float
        F^2 = 1 + R^2.

    Returns
    -------
    ndarray of float32, shape (n,)
        Charges, in mean photo-electrons.
    """
    p, _, interpolation = (np.array([each.start]) for each in Photomultiplier().parameters)
    widths = Widths.of(p, np.array([np.sqrt(excess - 1.0)]), interpolation)
    return _drawn(random, widths, np.zeros(n, np.int64)).astype(np.float32)


def _drawn(random: np.random.Generator, widths: Widths, sensor: npt.NDArray[np.int64]) -> F8:
    """Charge of one photo-electron of each of the sensors, in mean photo-electrons."""
    is_low = random.random(sensor.size) < widths.low_fraction[sensor]
    z = random.normal(size=sensor.size)
    charge = np.where(is_low, np.abs(z) * widths.low[sensor], 1.0 + z * widths.high[sensor])
    return np.asarray(charge / widths.mean[sensor])


def photomultiplier_charges(
    random: np.random.Generator, n_events: int, light: F8, gain: F8, pedestal: F8, noise: F8, theta: F8
) -> F8:
    """Draw charges of photomultipliers.

    Parameters
    ----------
    random : Generator
        Source of random numbers.
    n_events : int
        Flashes.
    light : ndarray of float64, shape (n_spectra,)
        Mean photo-electrons; no unit.
    gain, pedestal, noise : ndarray of float64, shape (n_spectra,)
        Mean charge of a photo-electron, mean and width of the charge without light, in units of charge.
    theta : ndarray of float64, shape (n_spectra, 3)
        p, R, n of `pellucid.camera.spe.photomultiplier.Photomultiplier`; no unit.

    Returns
    -------
    ndarray of float64, shape (n_events, n_spectra)
        In units of charge.
    """
    widths = Widths.of(*theta.T)
    count = random.poisson(light, (n_events, light.size))
    place = np.repeat(np.arange(count.size), count.ravel())
    sensor = place % light.size
    charge = _drawn(random, widths, sensor) * gain[sensor]
    total = np.bincount(place, charge, minlength=count.size).reshape(count.shape)
    return total + random.normal(pedestal, noise, count.shape)


def silicon_charges(
    random: np.random.Generator, n_events: int, light: F8, gain: F8, pedestal: F8, noise: F8, theta: F8
) -> F8:
    """Draw charges of silicon photomultipliers: every avalanche sets off others, until none is left.

    Parameters
    ----------
    random, n_events, light, gain, pedestal, noise
        As for `photomultiplier_charges`; the gain is the charge of one avalanche, in units of charge; arrays
        of shape (n_spectra,).
    theta : ndarray of float64, shape (n_spectra, 2)
        xi, s_1 / gain of `pellucid.camera.spe.silicon.SiliconPhotomultiplier`; no unit.

    Returns
    -------
    ndarray of float64, shape (n_events, n_spectra)
        In units of charge.
    """
    crosstalk, spread = theta.T
    newest = random.poisson(light, (n_events, light.size))
    avalanches = newest.copy()
    while newest.any():
        newest = random.poisson(crosstalk * newest)
        avalanches += newest
    width = np.sqrt(noise**2 + avalanches * (spread * gain) ** 2)
    return np.asarray(pedestal + avalanches * gain + width * random.normal(size=avalanches.shape))
