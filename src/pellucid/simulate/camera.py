# SPDX-License-Identifier: BSD-3-Clause
"""From light on a camera to the ADC samples of its read-out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pellucid.instrument import Telescope
from pellucid.simulate.instruments import CameraPreset
from pellucid.simulate.light import Light
from pellucid.simulate.nsb import ac_shift, sky_photoelectrons
from pellucid.simulate.photoelectrons import tube_charges
from pellucid.simulate.pmt import add_pulses, pulse_template, spe_charges
from pellucid.simulate.response import CameraResponse
from pellucid.simulate.sipm import sipm_charges

__all__ = ["EXCESS_NOISE", "CameraEvent", "CameraSimulator", "Reading"]

type Reading = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.uint16]]

EXCESS_NOISE = 1.222
"""F^2 = 1 + sigma_spe^2 of the photomultipliers."""

FULL_SCALE = 4095
"""Highest count of the 12-bit converter: the read-out saturates there."""


@dataclass(frozen=True, eq=False)
class CameraEvent:
    """What a camera recorded, and the truth behind it.

    Attributes
    ----------
    adc : ndarray of uint16, shape (n_channels, n_pixels, n_samples)
        Samples, in ADC counts.
    true_image : ndarray of int32, shape (n_pixels,)
        Photo-electrons of the light (the night sky's are not counted); 0 in dead pixels.
    true_time : ndarray of float32, shape (n_pixels,)
        Mean arrival time of these photo-electrons from the start of the window, in ns, without the
        pixel's own offset; NaN where there are none.
    """

    adc: npt.NDArray[np.uint16]
    true_image: npt.NDArray[np.int32]
    true_time: npt.NDArray[np.float32]


class CameraSimulator:
    """The camera of one telescope.

    Parameters
    ----------
    kind : CameraPreset
        Pulses and sampling.
    telescope : Telescope
        Geometry and read-out.
    response : CameraResponse
        Its pixels.
    excess : float
        Excess noise factor squared, F^2.
    crosstalk : float
        Above 0, the sensors are silicon photomultipliers with so much optical cross-talk, and their
        excess noise follows from it.
    shape : {"gamma", "caroff"}
        Charges of single photo-electrons of photomultipliers: gamma-distributed, fast and never negative,
        or as Caroff et al. 2019 found them, with a part that the first dynode lost.
    """

    def __init__(
        self,
        kind: CameraPreset,
        telescope: Telescope,
        response: CameraResponse,
        excess: float = EXCESS_NOISE,
        crosstalk: float = 0.0,
        shape: Literal["gamma", "caroff"] = "gamma",
    ) -> None:
        self.kind = kind
        self.telescope = telescope
        self.response = response
        self.excess = excess
        self.crosstalk = crosstalk
        self.shape = shape
        self._template = pulse_template(kind)
        self._noise = response.noise.astype(np.float32)[..., None]

    def expose(
        self,
        rng: np.random.Generator,
        light: Light,
        sky: float | npt.NDArray[np.float64],
        response: CameraResponse | None = None,
        read: Reading | None = None,
    ) -> CameraEvent:
        """Record one event.

        Photo-electrons of the light are Poisson in each pixel, those of the sky Poisson in time; each
        has a charge of its own. Pulses add linearly, noise is white, the converter rounds and saturates.

        Parameters
        ----------
        rng : Generator
            Source of the random numbers, one per telescope and event.
        light : Light
            Light on the camera.
        sky : float or ndarray of float64, shape (n_pixels,)
            Night-sky photo-electrons per pixel and ns; 0 with the shutter closed.
        response : CameraResponse, optional
            The camera's pixels at this moment, where they change; their noise does not.
        read : callable, optional
            Makes counts of the waveforms, shape (n_channels, n_pixels, n_samples), in ADC counts; an ideal
            converter where not given.
        """
        r, n_pixels = response or self.response, self.telescope.geometry.n_pixels
        counts = rng.poisson(light.expected * r.efficiency * ~r.dead).astype(np.int32)
        pixel = np.repeat(np.arange(n_pixels, dtype=np.int32), counts)
        time = (light.time[pixel] + light.width * rng.standard_normal(pixel.size)).astype(np.float32)
        rate = sky * r.efficiency
        margin = 12.0
        window = self.kind.n_samples / self.kind.sampling_rate
        sky_pixel, sky_time = sky_photoelectrons(rng, rate, -margin, window + margin)
        waveform = self._waveform(
            rng,
            r,
            rate,
            np.concatenate([pixel, sky_pixel]),
            np.concatenate([time + r.time_offset[pixel].astype(np.float32), sky_time]),
            self._charges(rng, pixel.size + sky_pixel.size),
        )
        return CameraEvent((read or _converted)(waveform), counts, _mean_time(pixel, time, counts))

    def _charges(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.float32]:
        if self.crosstalk > 0.0:
            return sipm_charges(rng, n, self.crosstalk)
        return (
            tube_charges(rng, n, self.excess) if self.shape == "caroff" else spe_charges(rng, n, self.excess)
        )

    def _waveform(
        self,
        rng: np.random.Generator,
        r: CameraResponse,
        rate: npt.NDArray[np.float64],
        pixel: npt.NDArray[np.int32],
        time: npt.NDArray[np.float32],
        charge: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.float32]:
        kind = self.kind
        waveform = rng.standard_normal((*r.gain.shape, kind.n_samples), dtype=np.float32)
        waveform *= self._noise
        base = r.pedestal - ac_shift(rate, r.gain, kind.sampling_rate)
        waveform += base.astype(np.float32)[..., None]
        t = self._template
        add_pulses(waveform, r.gain.astype(np.float32), pixel, time, charge, t.values, t.first, t.rate)
        return waveform


def _converted(waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    return np.clip(np.rint(waveform), 0, FULL_SCALE).astype(np.uint16)


def _mean_time(
    pixel: npt.NDArray[np.int32], time: npt.NDArray[np.float32], counts: npt.NDArray[np.int32]
) -> npt.NDArray[np.float32]:
    total = np.bincount(pixel, weights=time, minlength=counts.size)
    mean = np.full(counts.size, np.nan, dtype=np.float32)
    np.divide(total, counts, out=mean, where=counts > 0, casting="same_kind")
    return mean
