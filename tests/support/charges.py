# SPDX-License-Identifier: BSD-3-Clause
"""Cameras of an integrating read-out, calibrated: thousands of events of hundreds of pixels in a second."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.camera.flatfield import Flatfield, FlatfieldAccumulator
from pellucid.camera.pedestal import Pedestal, PedestalAccumulator
from pellucid.simulate.charges import ChargeReadout, simulate_charges
from pellucid.simulate.instruments import preset
from pellucid.simulate.response import CameraResponse, ResponseSpread, draw_response

INTENSITY, BRIGHTNESS = 60.0, 0.04
SOUND = ResponseSpread(dead=0.0, noisy=0.0)
BATCH = 1000


@dataclass
class Calibrated:
    """Truth and estimates of one camera."""

    truth: CameraResponse
    pedestal: Pedestal
    flatfield: Flatfield


def some_pixels(seed: int, n_pixels: int, channels: int = 1) -> CameraResponse:
    """Return the response of pixels like those of an LST."""
    r = draw_response(preset("lst"), n_pixels, seed, 1, SOUND)
    return replace(r, gain=r.gain[:channels], pedestal=r.pedestal[:channels], noise=r.noise[:channels])


def batches(
    rng: np.random.Generator, truth: CameraResponse, n: int, intensity: float, spread: float = BRIGHTNESS
) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield events: flashes of an intensity, or pedestals where it is 0."""
    for first in range(0, n, BATCH):
        size = min(BATCH, n - first)
        light = intensity * (1.0 + spread * rng.standard_normal(size))
        yield simulate_charges(rng, truth, ChargeReadout(), np.maximum(light, 0.0))


def calibrated(
    seed: int, n_pixels: int, n_pedestals: int, n_flashes: int, truth: CameraResponse | None = None
) -> Calibrated:
    """Simulate a camera and estimate its pedestals and its flat-field."""
    rng = np.random.default_rng([seed, 7])
    camera = truth if truth is not None else some_pixels(seed, n_pixels)
    dark = PedestalAccumulator(len(camera.gain), n_pixels, 1, 1)
    for adc in batches(rng, camera, n_pedestals, 0.0):
        dark.update(adc)
    pedestal = dark.finish()
    flashes = FlatfieldAccumulator(pedestal, 0)
    for adc in batches(rng, camera, n_flashes, INTENSITY):
        flashes.update(adc)
    return Calibrated(camera, pedestal, flashes.finish())
