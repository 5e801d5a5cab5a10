# SPDX-License-Identifier: BSD-3-Clause
"""What DRS4 chips add to a waveform: offsets of capacitors, memory of the last reading, spikes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import Chip
from pellucid.camera.drs4.spikes import SPIKE_SAMPLES

__all__ = ["DarkEvents", "Drs4Camera", "Drs4Readout", "simulate_dark"]

type F8 = npt.NDArray[np.float64]
type I8 = npt.NDArray[np.int64]

_EXTRA, _EXTRA_FROM, _EXTRA_TO = 12, 767, 1013
"""Capacitors one ring on that even channels renew, where the first one of a reading lies between these."""


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
    delays : ndarray of float64, shape (n_pixels, ring), optional
        How late a pulse seems, by the capacitor that the window begins with, in ns; not at all if not given.
    even : ndarray of bool, shape (n_pixels,), optional
        Pixels on even channels of their chips, which renew more capacitors than they read; none if not given.
    """

    chip: Chip
    offsets: F8
    noise: float
    spikes: F8
    delays: F8 | None = None
    even: npt.NDArray[np.bool_] | None = None


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
    readout = Drs4Readout(camera)
    adc = np.empty((n_events, n_channels, n_pixels, n_samples), np.uint16)
    for event in range(n_events):  # events have to come one after the other, since capacitors remember
        noise = random.normal(0.0, camera.noise, adc.shape[1:])
        adc[event] = readout.read(noise, first[event], int(clock[event]))
    return DarkEvents(adc, first, clock)


class Drs4Readout:
    """Chips that read one event after the other, and remember.

    Parameters
    ----------
    camera : Drs4Camera
        The truth.
    """

    def __init__(self, camera: Drs4Camera) -> None:
        self._camera = camera
        self._last_read = np.full(camera.offsets.shape, -1, np.int64)
        self._before: I8 | None = None

    def read(
        self, value: npt.NDArray[np.floating], first: I8, clock: int, full_scale: int = 65535
    ) -> npt.NDArray[np.uint16]:
        """Return the samples of an event with all that the chips add.

        Parameters
        ----------
        value : ndarray of float, shape (n_channels, n_pixels, n_samples)
            What ideal chips would read, in ADC counts.
        first : ndarray of int64, shape (n_channels, n_pixels)
            Capacitor of the first sample; no unit.
        clock : int
            Of the event, not before the last one's, in ticks.
        full_scale : int
            Highest count.
        """
        camera, n_samples = self._camera, value.shape[2]
        chip, (n_channels, n_pixels, n_cells) = camera.chip, camera.offsets.shape
        channels, pixels = np.ogrid[:n_channels, :n_pixels]
        cells = (first[..., None] + np.arange(n_samples)) % n_cells
        at = (channels[..., None], pixels[..., None], cells)
        found = camera.offsets[at] + value
        if chip.lapse is not None:
            last = self._last_read[at]
            since = np.where(last >= 0, (clock - last) / chip.clock, np.inf)
            near = (since < chip.lapse.longest) & (since > 0)
            left = chip.lapse.amplitude * np.where(near, since, 1.0) ** -chip.lapse.exponent
            found += np.where(near, left - chip.lapse.constant, 0.0)
        if chip.has_spikes and self._before is not None:
            found += _spikes(camera, self._before, first, n_samples)
        self._last_read[at] = clock
        if camera.even is not None:
            self._renew(first, clock, camera.even)
        self._before = first
        return np.asarray(np.clip(np.rint(found), 0, full_scale), np.uint16)

    def _renew(self, first: I8, clock: int, even: npt.NDArray[np.bool_]) -> None:
        """Note the capacitors that even channels renew beside those they read, one by one."""
        ring, n_cells = self._camera.chip.ring, self._camera.chip.n_cells
        for channel, pixel in np.argwhere((first % ring > _EXTRA_FROM) & even).tolist():
            begin = int(first[channel, pixel])
            end = begin + ring + _EXTRA
            if begin % ring >= _EXTRA_TO:
                end = begin + ring + (ring - begin % ring)
            self._last_read[channel, pixel, np.arange(begin + ring, end) % n_cells] = clock


def _spikes(camera: Drs4Camera, before: I8, first: I8, n_samples: int) -> F8:
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
