# SPDX-License-Identifier: BSD-3-Clause
"""All corrections of a DRS4 camera in their order, on a stream that may be cut anywhere."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.baseline import CellBaseline, subtract_baseline
from pellucid.camera.drs4.cell_timing import CellTiming
from pellucid.camera.drs4.chip import Chip
from pellucid.camera.drs4.events import Drs4Events
from pellucid.camera.drs4.lapse import TimeLapse
from pellucid.camera.drs4.sampling import weigh_by_interval
from pellucid.camera.drs4.spikes import SpikeFinder, SpikeHeights, subtract_spikes
from pellucid.errors import CorruptedInput

__all__ = ["Drs4Calibration", "Drs4Corrector"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drs4Calibration:
    """What is known of the capacitors of a camera.

    Attributes
    ----------
    tel_id : int
        Telescope.
    start, stop : int
        Times of the first event behind it and just after the last, in ns TAI.
    baseline : CellBaseline
        Offsets of capacitors.
    spikes : SpikeHeights or None
        Heights of spikes; None where none are taken off.
    timing : CellTiming or None
        Delay by the first capacitor; None where it is not known.
    intervals : ndarray of float64, shape (n_channels, n_pixels, n_cells), or None
        How long each capacitor samples, in mean intervals; None where samples are not weighed.
    amplitude : ndarray of float64, shape (n_channels, n_pixels, n_cells), or None
        What a signal has in each capacitor over what it should have; no unit; None where it is not known.
    sample_offset : ndarray of float64, shape (n_channels, n_pixels, n_samples), or None
        What each sample of a window has beside, in ADC counts; None where it is not known.
    """

    tel_id: int
    start: int
    stop: int
    baseline: CellBaseline
    spikes: SpikeHeights | None = None
    timing: CellTiming | None = None
    intervals: F8 | None = None
    amplitude: F8 | None = None
    sample_offset: F8 | None = None

    def weights(self) -> F8 | None:
        """What multiplies the samples of each capacitor, shape of the baseline, no unit; None for nothing."""
        if self.amplitude is None:
            return self.intervals
        return (1.0 if self.intervals is None else self.intervals) / self.amplitude


class Drs4Corrector:
    """Takes off offsets of capacitors, what is left of the last reading, and spikes, in this order.

    Parameters
    ----------
    chip : Chip
        How the camera reads; its clock counts ns of the events' time.
    calibration : Drs4Calibration
        Coefficients.
    even : ndarray of bool, shape (n_pixels,), optional
        Pixels on even channels of their chips.
    """

    def __init__(
        self, chip: Chip, calibration: Drs4Calibration, even: npt.NDArray[np.bool_] | None = None
    ) -> None:
        self.chip, self.calibration = chip, calibration
        n_channels, n_pixels, n_cells = calibration.baseline.mean.shape
        if n_cells != chip.n_cells:
            raise CorruptedInput(
                "The coefficients are those of other chips.",
                expected=f"{chip.n_cells} capacitors behind a pixel",
                got=str(n_cells),
                mend="name the preset of the camera that the coefficients are of",
                code="other-camera",
            )
        self._weights = calibration.weights()
        self._finder = SpikeFinder(chip, n_channels, n_pixels)
        self._lapse = None if chip.lapse is None else TimeLapse(chip, n_channels, n_pixels, even)

    def correct(self, events: Drs4Events) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
        """Return corrected samples, and which of them are in spikes.

        Parameters
        ----------
        events : Drs4Events
            In the order of their times, also from one call to the next.

        Returns
        -------
        tuple of ndarray of float32 and of int8, shape (n, n_channels, n_pixels, n_samples)
            Samples above the baseline, in ADC counts; 0, 1 or 2 within a spike, -1 outside.

        Raises
        ------
        CorruptedInput
            The events are of another camera (``other-camera``), their time goes backwards
            (``time-backwards``), or a capacitor is unknown (``first-cell``).
        """
        self._check(events)
        known = self.calibration.baseline.mean
        waveforms = subtract_baseline(events.adc, events.first_cell, known, self.chip)
        if self._lapse is not None:
            self._lapse.correct(waveforms, events.first_cell, events.time)
        found = self._finder.find(events.first_cell, waveforms.shape[3])
        if self.calibration.spikes is not None:
            subtract_spikes(waveforms, found, self.calibration.spikes)
        if self.calibration.sample_offset is not None:
            waveforms -= self.calibration.sample_offset.astype(np.float32)
        if self._weights is not None:
            waveforms = weigh_by_interval(waveforms, events.first_cell, self._weights, self.chip)
        return waveforms, found

    def time_shift(self, events: Drs4Events) -> npt.NDArray[np.float32] | None:
        """Return what to subtract from times of pulses, (n, n_channels, n_pixels), in ns; None if unknown."""
        timing = self.calibration.timing
        return None if timing is None else timing.delay(events.first_cell).astype(np.float32)

    def replay(self, events: Drs4Events) -> None:
        """Remember the readings of events that came before, so that a stream goes on as if never cut.

        Parameters
        ----------
        events : Drs4Events
            In the order of their times, shapes as there; at least the last one, for the spikes, and all
            within the lapse.

        Raises
        ------
        CorruptedInput
            As for `correct`.
        """
        self._check(events)
        n_samples = events.adc.shape[3]
        self._finder.find(events.first_cell, n_samples)
        if self._lapse is not None:
            self._lapse.at_rest(events.first_cell, events.time, n_samples)

    def _check(self, events: Drs4Events) -> None:
        known = self.calibration.baseline.mean.shape[:2]
        if events.first_cell.shape[1:] != known:
            raise CorruptedInput(
                "The coefficients are those of another camera.",
                expected=f"channels and pixels {events.first_cell.shape[1:]}, as the events have",
                got=f"coefficients for {known}",
                mend="certify the coefficients of the camera that took the data",
                code="other-camera",
            )
        offset = self.calibration.sample_offset
        if offset is not None and offset.shape[2] != events.adc.shape[3]:
            raise CorruptedInput(
                "The coefficients are those of another window.",
                expected=f"{events.adc.shape[3]} samples, as the events have",
                got=f"offsets of {offset.shape[2]}",
                mend="give the coefficients of a run with windows of this length",
                code="other-camera",
            )
