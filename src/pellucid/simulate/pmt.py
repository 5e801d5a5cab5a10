# SPDX-License-Identifier: BSD-3-Clause
"""Photomultipliers: single photo-electron charges with excess noise, and the pulses they make."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel
from pellucid.simulate.instruments import CameraPreset, split_gaussian

__all__ = ["PHASES", "PulseTemplate", "add_pulses", "pulse_template", "spe_charges"]

type F4 = npt.NDArray[np.float32]
type I4 = npt.NDArray[np.int32]

PHASES = 64
"""Positions of a peak within a sample for which the pulse is tabulated."""


def spe_charges(rng: np.random.Generator, n: int, excess: float) -> F4:
    """Draw charges of single photo-electrons: positive, mean 1, variance ``excess`` - 1.

    The gamma distribution of shape k = 1 / (F^2 - 1) and scale 1 / k has E[q^2] / E[q]^2 = F^2, the
    excess noise factor squared, and no negative charges.

    Parameters
    ----------
    rng : Generator
        Source of the random numbers.
    n : int
        How many.
    excess : float
        F^2, above 1; 1 gives unit charges.

    Returns
    -------
    ndarray of float32, shape (n,)
        Charges, in mean photo-electrons.
    """
    if excess <= 1.0:
        return np.ones(n, dtype=np.float32)
    shape = 1.0 / (excess - 1.0)
    charges = rng.standard_gamma(shape, size=n, dtype=np.float32)
    charges *= np.float32(1.0 / shape)
    return charges


@dataclass(frozen=True, eq=False)
class PulseTemplate:
    """Pulse of one photo-electron at the samples around its peak.

    Attributes
    ----------
    values : ndarray of float32, shape (n_channels, PHASES, n_taps)
        Samples of a pulse of unit charge; a full pulse sums to 1.
    first : int
        Sample of the first tap, relative to the sample the peak lies in.
    rate : float
        Samples per ns.
    """

    values: F4
    first: int
    rate: float


def pulse_template(kind: CameraPreset) -> PulseTemplate:
    """Tabulate the pulses of a camera, normalised so that the samples of a whole pulse sum to 1."""
    reach = 5.0
    first = -int(np.ceil(reach * max(kind.rise) * kind.sampling_rate))
    last = int(np.ceil(reach * max(kind.fall) * kind.sampling_rate)) + 1
    phase = (np.arange(PHASES) + 0.5) / PHASES
    time = (np.arange(first, last + 1)[None, :] - phase[:, None]) / kind.sampling_rate
    values = np.stack([split_gaussian(time, r, f) for r, f in zip(kind.rise, kind.fall, strict=True)])
    values /= values.sum(axis=2, keepdims=True)
    return PulseTemplate(values.astype(np.float32), first, kind.sampling_rate)


@kernel
def add_pulses(
    waveform: F4, gain: F4, pixel: I4, time: F4, charge: F4, template: F4, first: int, rate: float
) -> None:
    """Add the pulses of photo-electrons to waveforms, in place.

    Parameters
    ----------
    waveform : ndarray of float32, shape (n_channels, n_pixels, n_samples)
        In ADC counts.
    gain : ndarray of float32, shape (n_channels, n_pixels)
        Charge of one photo-electron, in ADC counts times samples.
    pixel, time, charge : ndarray, shape (n,)
        Pixel, peak time from the first sample in ns, and charge of each photo-electron.
    template : ndarray of float32, shape (n_channels, PHASES, n_taps)
        As in `PulseTemplate`.
    first : int
        Sample of the first tap.
    rate : float
        Samples per ns.
    """
    n_channels, n_phases, n_taps = template.shape
    n_pixels, n_samples = waveform.shape[1], waveform.shape[2]
    samples, pulse = waveform.reshape(-1), template.reshape(-1)
    for k in range(pixel.size):
        p = pixel[k]
        x = time[k] * rate
        sample = int(np.floor(x))
        phase = min(int((x - sample) * n_phases), n_phases - 1)
        start = sample + first
        low, high = max(0, -start), min(n_taps, n_samples - start)
        if high <= low:
            continue
        for c in range(n_channels):
            scale = charge[k] * gain[c, p]
            # unsigned places need no look at their sign, so that the inner loop runs in vectors
            place = np.uint64((c * n_pixels + p) * n_samples + start + low)
            tap = np.uint64((c * n_phases + phase) * n_taps + low)
            for i in range(np.uint64(high - low)):
                samples[place + i] += scale * pulse[tap + i]
