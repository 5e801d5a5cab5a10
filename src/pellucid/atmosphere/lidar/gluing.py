# SPDX-License-Identifier: BSD-3-Clause
"""One signal of two: the analog channel where the counter is overwhelmed, the counter elsewhere."""

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.errors import InsufficientStatistics

__all__ = ["glued", "shifted_bins"]

type F8 = npt.NDArray[np.float64]


def shifted_bins(values: F8, delay: float) -> F8:
    """Return profiles whose bin j is what was recorded ``delay`` bins later, by linear interpolation.

    Bins shifted in from beyond the record's end are NaN. Any unit, shape (n, n_bins).
    """
    whole = int(np.floor(delay))
    part = delay - whole
    n_bins = values.shape[1]
    padded = np.full((values.shape[0], n_bins + whole + 1), np.nan)
    padded[:, :n_bins] = values
    early, late = padded[:, whole : whole + n_bins], padded[:, whole + 1 : whole + 1 + n_bins]
    return early if part == 0.0 else (1.0 - part) * early + part * late


def glued(
    photon: Signal,
    analog: F8,
    fit: DeadTimeFit,
    noise: float,
    *,
    rates: tuple[float, float] = (10.0, 30.0),
) -> Signal:
    """Return counts of the counter, replaced where its rate is high by the scaled analog signal.

    Analog counts are (a V + b) shots dz / (c/2) with slope a and offset b of the fit, at the delay of
    the fit. Between the two rates both are averaged with a weight that runs smoothly from one to the
    other, following the mean of all profiles so that noise does not choose. The variance holds the
    light's Poisson noise and the analog noise.

    Parameters
    ----------
    photon : Signal
        Counts, dead time corrected.
    analog : ndarray of float64, shape (n, n_bins)
        Mean signals in mV.
    fit : DeadTimeFit
        Made from the same two channels.
    noise : float
        Standard deviation of the analog signal of one bin and one shot in darkness, in mV.
    rates : tuple of float
        True rates in MHz: below the first the counter is used, above the second the analog signal.

    Raises
    ------
    InsufficientStatistics
        Beyond the strongest bin the signal never falls below the first rate (``no-gluing``).
    """
    scale = photon.shots[:, None] * photon.bin_width / 150.0
    delayed = shifted_bins(analog, fit.delay)
    counts = (fit.slope * delayed + fit.offset) * scale
    # the mean profile in MHz, from the analog channel where the counter may be blind
    mean = (counts / scale).mean(axis=0)
    peak = int(np.nanargmax(mean))
    fallen = np.flatnonzero(mean[peak:] < rates[0])
    if fallen.size == 0:
        raise InsufficientStatistics(
            "There is no range where both channels can be joined.",
            expected=f"rates that fall below {rates[0]:g} MHz",
            got=f"at least {np.nanmin(mean[peak:]):.1f} MHz",
            mend="record further, or dim the channel",
            code="no-gluing",
        )
    end = peak + int(fallen[0])
    steady = np.minimum.accumulate(mean[peak:end])
    weight = np.zeros(mean.size)
    weight[:peak] = 1.0
    weight[peak:end] = np.clip((steady - rates[0]) / (rates[1] - rates[0]), 0.0, 1.0)
    used = weight > 0.0
    part = fit.delay - np.floor(fit.delay)
    kept = (1.0 - part) ** 2 + part**2
    dark = (noise * fit.slope) ** 2 * scale**2 / photon.shots[:, None] * kept
    value = np.where(used, weight * counts, 0.0) + np.where(weight < 1.0, (1 - weight) * photon.counts, 0.0)
    light = np.maximum(value, 1.0)
    # both channels see the same photo-electrons, so that their Poisson noise adds in full
    counter = np.sqrt(light / np.where(weight < 1.0, photon.exposure, 1.0))
    variance = (weight * np.sqrt(light) + (1.0 - weight) * counter) ** 2 + weight**2 * dark
    moved = photon.dead_time_slope
    if moved is not None:
        # the analog scale follows the counter's correction at the rates where both are compared
        moved = np.where(used, weight * counts * sum(rates) / 2.0, 0.0) + np.where(
            weight < 1.0, (1.0 - weight) * moved, 0.0
        )
    return Signal(
        counts=np.where(used, value, photon.counts),
        exposure=np.where(used, light / variance, photon.exposure),
        background=photon.background,
        background_error=photon.background_error,
        range=photon.range,
        shots=photon.shots,
        dead_time_slope=moved,
    )
