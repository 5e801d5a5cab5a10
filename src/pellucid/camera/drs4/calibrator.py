# SPDX-License-Identifier: BSD-3-Clause
"""From dark events and flashes of a run to what is known of a DRS4 camera's capacitors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.camera.calibration_events import DARK
from pellucid.camera.drs4.baseline import BaselineAccumulator
from pellucid.camera.drs4.cell_timing import CellTimingAccumulator
from pellucid.camera.drs4.chip import Chip
from pellucid.camera.drs4.corrector import Drs4Calibration, Drs4Corrector
from pellucid.camera.drs4.events import Drs4Events
from pellucid.camera.drs4.lapse import TimeLapse
from pellucid.camera.drs4.spikes import SpikeAccumulator, SpikeFinder
from pellucid.camera.timing import centres_of_gravity
from pellucid.errors import MissingInput
from pellucid.events.batch import EventType

__all__ = ["Drs4Options", "calibrate_drs4"]

type Source = Callable[[], Iterator[Drs4Events]]

_PEAK_FLASHES = 100
"""Flashes that tell where the window lies."""


@dataclass(frozen=True)
class Drs4Options:
    """What one can choose.

    Attributes
    ----------
    min_dark : int
        Events without light, at least.
    min_flashes : int
        Flashes from which on delays are fitted; fewer are not used.
    width, shift : int
        Window of the pulses' times, in samples, and its start before the flashes' peak.
    least_charge : float
        Charge that a pulse must have, in ADC counts times samples.
    harmonics : int
        Of the delay around the ring.
    """

    min_dark: int = 1000
    min_flashes: int = 5000
    width: int = 18
    shift: int = 8
    least_charge: float = 200.0
    harmonics: int = 15


def calibrate_drs4(
    chip: Chip,
    tel_id: int,
    events: Source,
    rate: float,
    options: Drs4Options | None = None,
    even: npt.NDArray[np.bool_] | None = None,
) -> Drs4Calibration:
    """Find offsets of capacitors and heights of spikes, and, with flashes, delays by capacitor.

    The events are gone through twice: offsets come from readings in no spike, of capacitors at rest; all
    else stands on the offsets. Every event makes the chips remember, whatever its kind.

    Parameters
    ----------
    chip : Chip
        How the camera reads; its clock counts ns of the events' time.
    tel_id : int
        Telescope.
    events : callable
        Yields the events in the order of their times, from the start at each call.
    rate : float
        Of sampling, in GHz.
    options : Drs4Options, optional
        How.
    even : ndarray of bool, shape (n_pixels,), optional
        Pixels on even channels of their chips.

    Raises
    ------
    MissingInput, InsufficientStatistics
        There are no events without light, or too few.
    CorruptedInput
        Time goes backwards, a capacitor is unknown, or events are of several cameras.
    """
    chosen = options or Drs4Options()
    calibration, flashes, peak = _baseline(chip, tel_id, events, chosen, even)
    use_flashes = flashes >= max(1, chosen.min_flashes)
    if not (chip.has_spikes or use_flashes):
        return calibration
    corrector = Drs4Corrector(chip, calibration, even)
    shape = calibration.baseline.mean.shape[:2]
    heights, times = SpikeAccumulator(*shape), CellTimingAccumulator(chip, *shape)
    for batch in events():
        waveforms, found = corrector.correct(batch)
        dark = np.isin(batch.kind, DARK)
        heights.update(waveforms[dark], found[dark])
        lit = batch.kind == EventType.FLATFIELD
        if use_flashes and lit.any():
            start = int(np.clip(peak - chosen.shift, 0, max(0, waveforms.shape[3] - chosen.width)))
            window = slice(start, start + chosen.width)
            centres = centres_of_gravity(waveforms[lit], np.zeros(shape), start, chosen.width, rate)
            charges = waveforms[lit][..., window].sum(axis=3, dtype=np.float64)
            times.update(centres, charges, batch.first_cell[lit], chosen.least_charge)
    if chip.has_spikes:
        calibration = replace(calibration, spikes=heights.finish())
    if use_flashes:
        timing = times.finish(chosen.harmonics, chosen.min_flashes)
        calibration = replace(calibration, timing=timing)
    return calibration


def _baseline(
    chip: Chip, tel_id: int, events: Source, options: Drs4Options, even: npt.NDArray[np.bool_] | None
) -> tuple[Drs4Calibration, int, int]:
    """Return a calibration of offsets alone, the number of flashes, and the sample of their peak."""
    gather: BaselineAccumulator | None = None
    flashes, pulse, times = 0, np.zeros(1), []
    for batch in events():
        _, n_channels, n_pixels, n_samples = batch.adc.shape
        if gather is None:
            gather = BaselineAccumulator(chip, n_channels, n_pixels)
            finder = SpikeFinder(chip, n_channels, n_pixels)
            lapse = None if chip.lapse is None else TimeLapse(chip, n_channels, n_pixels, even)
        usable = finder.find(batch.first_cell, n_samples) < 0
        if lapse is not None:
            usable &= lapse.at_rest(batch.first_cell, batch.time, n_samples)
        dark, lit = np.isin(batch.kind, DARK), batch.kind == EventType.FLATFIELD
        if dark.any():
            gather.update(batch.adc[dark], batch.first_cell[dark], usable[dark])
        if flashes < _PEAK_FLASHES:
            pulse = pulse + batch.adc[lit][: _PEAK_FLASHES - flashes, 0].sum(axis=(0, 1), dtype=np.float64)
        flashes += int(lit.sum())
        times += [int(batch.time[0]), int(batch.time[-1])]
    if gather is None:
        raise MissingInput("There are no events.", expected="events without light", code="no-events")
    baseline = gather.finish(options.min_dark)
    return Drs4Calibration(tel_id, min(times), max(times) + 1, baseline), flashes, int(np.argmax(pulse))
