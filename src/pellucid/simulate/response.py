# SPDX-License-Identifier: BSD-3-Clause
"""What a simulated camera really is: gains, pedestals, offsets, noise and broken pixels, per telescope."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.simulate.instruments import CameraPreset
from pellucid.simulate.seeds import Purpose, generator

__all__ = ["CameraResponse", "ResponseSpread", "draw_response"]

type F8 = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ResponseSpread:
    """How much the pixels of a camera differ; all widths are standard deviations of Gaussians.

    Attributes
    ----------
    gain : float
        Relative spread of the gain.
    ratio : float
        Relative spread of the ratio of the gain channels.
    efficiency : float
        Relative spread of the light yield.
    pedestal : float
        Spread of the baselines, in ADC counts.
    time : float
        Spread of the signal transit times, in ns.
    dead, noisy : float
        Fractions of pixels without signal, and with excessive noise; at least one each where above 0.
    noise_factor : float
        Noise of a noisy pixel over that of a good one.
    """

    gain: float = 0.06
    ratio: float = 0.02
    efficiency: float = 0.05
    pedestal: float = 8.0
    time: float = 0.8
    dead: float = 0.004
    noisy: float = 0.003
    noise_factor: float = 8.0


@dataclass(frozen=True, eq=False)
class CameraResponse:
    """True response of the pixels of one camera.

    Attributes
    ----------
    gain : ndarray of float64, shape (n_channels, n_pixels)
        Charge of one photo-electron, in ADC counts times samples; 0 in dead pixels.
    pedestal : ndarray of float64, shape (n_channels, n_pixels)
        Baseline, in ADC counts.
    noise : ndarray of float64, shape (n_channels, n_pixels)
        Electronic noise of a sample, in ADC counts.
    efficiency : ndarray of float64, shape (n_pixels,)
        Light yield relative to the mean pixel.
    time_offset : ndarray of float64, shape (n_pixels,)
        How much later than the mean pixel signals arrive, in ns.
    dead, noisy : ndarray of bool, shape (n_pixels,)
        Pixels without signal, pixels with excessive noise.
    """

    gain: F8
    pedestal: F8
    noise: F8
    efficiency: F8
    time_offset: F8
    dead: Bools
    noisy: Bools


def draw_response(
    kind: CameraPreset, n_pixels: int, seed: int, tel_id: int, spread: ResponseSpread | None = None
) -> CameraResponse:
    """Draw the pixels of one camera; the same for the same seed and telescope.

    Parameters
    ----------
    kind : CameraPreset
        Mean values.
    n_pixels : int
        Pixels of the camera.
    seed, tel_id : int
        Name of the random stream.
    spread : ResponseSpread, optional
        How much the pixels differ.
    """
    s = spread or ResponseSpread()
    rng = generator(seed, Purpose.CAMERA, tel_id)
    shape = (kind.n_channels, n_pixels)
    common = 1.0 + s.gain * truncated(rng, n_pixels)
    own = 1.0 + s.ratio * truncated(rng, n_pixels)
    gain = np.array(kind.charge)[:, None] * np.stack([common * own**c for c in range(kind.n_channels)])
    pedestal = kind.pedestal + s.pedestal * truncated(rng, shape)
    noise = np.array(kind.noise)[:, None] * (1.0 + 0.05 * truncated(rng, shape))
    efficiency = 1.0 + s.efficiency * truncated(rng, n_pixels)
    offset = s.time * truncated(rng, n_pixels)
    order = rng.permutation(n_pixels)
    n_dead, n_noisy = (int(np.ceil(f * n_pixels)) for f in (s.dead, s.noisy))
    dead, noisy = np.zeros(n_pixels, dtype=bool), np.zeros(n_pixels, dtype=bool)
    dead[order[:n_dead]] = True
    noisy[order[n_dead : n_dead + n_noisy]] = True
    return CameraResponse(
        gain=np.where(dead, 0.0, gain),
        pedestal=pedestal,
        noise=np.where(noisy, s.noise_factor * noise, noise),
        efficiency=efficiency,
        time_offset=offset - offset.mean(),
        dead=dead,
        noisy=noisy,
    )


def truncated(rng: np.random.Generator, shape: int | tuple[int, ...]) -> F8:
    """Standard normal numbers, held within 4: a gain is never negative."""
    return np.clip(rng.standard_normal(shape), -4.0, 4.0)
