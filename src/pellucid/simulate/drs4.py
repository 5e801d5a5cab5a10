# SPDX-License-Identifier: BSD-3-Clause
"""What DRS4 chips add to a waveform: offsets of capacitors, memory of the last reading, spikes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import Chip
from pellucid.camera.drs4.spikes import SPIKE_SAMPLES

__all__ = ["DarkEvents", "Drs4Camera", "simulate_dark"]

type I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Drs4Camera:
    """The truth behind a camera.

    Attributes
    ----------
    chip : Chip
        How it reads.
    offsets : ndarray of float64, shape (n_channels, n_pixels, n_cells)
        Offset of each capacitor, in ADC counts.
    noise : float
        Of each sample, in ADC counts.
    spikes : ndarray of float64, shape (3,)
        Heights of the samples of a spike, in ADC counts.
    """

    chip: Chip
    offsets: npt.NDArray[np.float64]
    noise: float
    spikes: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DarkEvents:
    """Events without light.

    Attributes
    ----------
    adc : ndarray of uint16, shape (n_events, n_channels, n_pixels, n_samples)
        In ADC counts.
    first_cell : ndarray of int64, shape (n_events, n_channels, n_pixels)
        Capacitor of the first sample; no unit.
    clock : ndarray of int64, shape (n_events,)
        In ticks of the readout.
    """

    adc: npt.NDArray[np.uint16]
    first_cell: I8
    clock: I8


def simulate_dark(
    camera: Drs4Camera, random: np.random.Generator, n_events: int, n_samples: int, rate: float = 1.0
) -> DarkEvents:
    """Draw events without light at random times.

    Parameters
    ----------
    camera : Drs4Camera
        The truth.
    random : Generator
        Source of random numbers.
    n_events, n_samples : int
        Size of the run.
    rate : float
        Triggers per ms.
    """
    chip, (n_channels, n_pixels, n_cells) = camera.chip, camera.offsets.shape
    clock = np.cumsum(np.rint(random.exponential(chip.clock / rate, n_events))).astype(np.int64) + 1
    # the chips of a camera stop together, each where it happens to be
    start = random.integers(0, n_cells, (n_channels, n_pixels))
    first = (start + random.integers(0, n_cells, (n_events, 1, 1))) % n_cells
    last_read = np.full(camera.offsets.shape, -1, np.int64)
    channels, pixels = np.ogrid[:n_channels, :n_pixels]
    adc = np.empty((n_events, n_channels, n_pixels, n_samples), np.uint16)
    for event in range(n_events):  # events have to come one after the other, since capacitors remember
        cells = (first[event][..., None] + np.arange(n_samples)) % n_cells
        at = (channels[..., None], pixels[..., None], cells)
        value = camera.offsets[at] + random.normal(0.0, camera.noise, cells.shape)
        if chip.lapse is not None:
            since = np.where(last_read[at] >= 0, (clock[event] - last_read[at]) / chip.clock, np.inf)
            near = (since < chip.lapse.longest) & (since > 0)
            left = chip.lapse.amplitude * np.where(near, since, 1.0) ** -chip.lapse.exponent
            value += np.where(near, left - chip.lapse.constant, 0.0)
        if chip.has_spikes and event:
            value += _spikes(camera, first[event - 1], first[event], n_samples)
        last_read[at] = clock[event]
        adc[event] = np.clip(np.rint(value), 0, 65535).astype(np.uint16)
    return DarkEvents(adc, first, clock)


def _spikes(camera: Drs4Camera, before: I8, first: I8, n_samples: int) -> npt.NDArray[np.float64]:
    """Heights of the spikes, found capacitor by capacitor: another way than the one that removes them."""
    ring, n_cells = camera.chip.ring, camera.chip.n_cells
    end = (before + n_samples - 1) % ring
    raised = np.zeros((*before.shape, n_cells))
    channels, pixels = np.ogrid[: before.shape[0], : before.shape[1]]
    for rings in range(n_cells // ring):
        for start in (end + rings * ring, n_cells - end - 2 + rings * ring):
            for j in range(SPIKE_SAMPLES):
                raised[channels, pixels, (start + j) % n_cells] = camera.spikes[j]
    raised[(end % 2 == 1) | (end >= ring // 2)] = 0.0
    cells = (first[..., None] + np.arange(n_samples)) % n_cells
    return np.asarray(raised[channels[..., None], pixels[..., None], cells])
