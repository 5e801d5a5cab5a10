# SPDX-License-Identifier: BSD-3-Clause
"""Calibration events of a read-out that integrates: one number per pixel, thousands of events in a second.

The statistics are those of the waveforms' charge window: Poisson photo-electrons of flashes and of the
night sky, excess noise, electronic noise, rounding. What depends on pulses and times is not in it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.simulate.response import CameraResponse

__all__ = ["ChargeReadout", "simulate_charges"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ChargeReadout:
    """An integrating read-out.

    Attributes
    ----------
    samples : int
        Length of the window that it stands for, in samples: scales baseline and noise.
    sky : float
        Night-sky photo-electrons in the window.
    excess : float
        F^2 = 1 + sigma_spe^2 of the sensors, above 1.
    full_scale : int
        Highest count.
    """

    samples: int = 18
    sky: float = 4.25
    excess: float = 1.222
    full_scale: int = 65535


def simulate_charges(
    rng: np.random.Generator, response: CameraResponse, readout: ChargeReadout, light: F8
) -> npt.NDArray[np.uint16]:
    """Record events.

    The charge of N photo-electrons with gamma-distributed charges is gamma distributed itself, with N
    times the shape, so that one number is drawn for all of them. Both channels see the same ones.

    Parameters
    ----------
    rng : Generator
        Source of the random numbers.
    response : CameraResponse
        The camera.
    readout : ChargeReadout
        Its read-out.
    light : ndarray of float64, shape (n,) or (n, n_pixels)
        Mean photo-electrons of each event in a pixel of mean light yield.

    Returns
    -------
    ndarray of uint16, shape (n, n_channels, n_pixels, 1)
        In ADC counts times samples.
    """
    n_channels, n_pixels = response.gain.shape
    flash = light[:, None] if light.ndim == 1 else light
    mean = (flash + readout.sky) * response.efficiency * ~response.dead
    number = rng.poisson(mean, (len(light), n_pixels))
    shape = 1.0 / (readout.excess - 1.0)
    charge = rng.standard_gamma(shape * np.maximum(number, 1e-9)) / shape * (number > 0)
    charge -= readout.sky * response.efficiency * ~response.dead
    adc = np.empty((len(light), n_channels, n_pixels, 1), np.uint16)
    for channel in range(n_channels):
        noise = response.noise[channel] * np.sqrt(readout.samples) * rng.standard_normal(charge.shape)
        total = charge * response.gain[channel] + noise + readout.samples * response.pedestal[channel]
        adc[:, channel, :, 0] = np.clip(np.rint(total), 0, readout.full_scale)
    return adc
