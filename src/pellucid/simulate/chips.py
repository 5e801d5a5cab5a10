# SPDX-License-Identifier: BSD-3-Clause
"""Which DRS4 chips read a simulated camera: drawn, or from tables of chips that exist."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import FACT, LST, Chip
from pellucid.formats.fact import read_fact_run
from pellucid.formats.fact_times import read_fact_cell_times
from pellucid.simulate.drs4 import Drs4Camera
from pellucid.simulate.instruments import PIXELS_PER_MODULE
from pellucid.simulate.seeds import Purpose, generator

__all__ = ["ChipPlan", "draw_chips", "first_cells"]

type F8 = npt.NDArray[np.float64]

SPREAD = 40.0
"""Standard deviation of the offsets of capacitors, in ADC counts."""

HEIGHTS = (45.0, 60.0, 30.0)
"""Of the samples of a spike, in ADC counts."""

DELAY, HARMONICS = 0.5, 15
"""Standard deviation of the first harmonic of the delay around the ring, in ns; the n-th is 1 / n of it."""


@dataclass(frozen=True)
class ChipPlan:
    """Chips that are to read a camera.

    Attributes
    ----------
    kind : {"", "lst", "fact", "generic"}
        Preset; none of them where empty: the samples are ideal ones.
    offsets : str
        Raw run of FACT whose offsets of capacitors, about their mean, the pixels get in turn; drawn if empty.
    times : str
        FACT's table of cell times that the pixels get in turn; drawn if empty.
    """

    kind: Literal["", "lst", "fact", "generic"] = ""
    offsets: str = ""
    times: str = ""

    @property
    def chip(self) -> Chip:
        """The preset, its clock that of the events' times."""
        return replace({"lst": LST, "fact": FACT}.get(self.kind, Chip()), clock=1e6)


def draw_chips(
    plan: ChipPlan, shape: tuple[int, int], rate: float, peak: int, seed: int, tel_id: int
) -> Drs4Camera:
    """Return the chips of a camera; the same for the same seed and telescope.

    Parameters
    ----------
    plan : ChipPlan
        What they are like.
    shape : tuple of int
        Channels and pixels.
    rate : float
        Of sampling, in GHz.
    peak : int
        Sample in which light comes: there, times of cells are felt.
    seed, tel_id : int
        Name of the random stream.
    """
    chip, (n_channels, n_pixels) = plan.chip, shape
    rng = generator(seed, Purpose.CHIPS, tel_id)
    offsets = SPREAD * rng.standard_normal((n_channels, n_pixels, chip.n_cells))
    delays = _drawn_delays(rng, n_pixels, chip.ring)
    if plan.offsets:
        table = read_fact_run(Path(plan.offsets)).offsets.astype(np.float64)
        offsets = _in_turn(table - table.mean(), offsets.shape)
    if plan.times:
        # a cell that opens later sees a later part of the pulse: in the samples it comes earlier
        late = _in_turn(read_fact_cell_times(Path(plan.times)), (n_pixels, chip.ring))
        delays = (late - np.roll(late, -peak, axis=1)) / rate
    even = np.arange(n_pixels) % PIXELS_PER_MODULE % 2 == 0 if plan.kind == "lst" else None
    return Drs4Camera(chip, offsets, 0.0, np.array(HEIGHTS), delays, even)


def first_cells(camera: Drs4Camera, seed: int, tel_id: int, event_id: int) -> npt.NDArray[np.int64]:
    """Return the capacitors that an event begins with, shape (n_channels, n_pixels), no unit.

    The chips of a camera stop together, each where it happens to be; both gain channels of a pixel alike.
    """
    n_channels, n_pixels, n_cells = camera.offsets.shape
    start = generator(seed, Purpose.FIRST_CELLS, tel_id).integers(0, n_cells, n_pixels)
    stop = generator(seed, Purpose.FIRST_CELLS, tel_id, event_id).integers(0, n_cells)
    return np.tile((start + stop) % n_cells, (n_channels, 1))


def _drawn_delays(rng: np.random.Generator, n_pixels: int, ring: int) -> F8:
    order = np.arange(1, HARMONICS + 1)
    angle = 2.0 * np.pi / ring * np.arange(ring)[:, None] * order
    waves = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    amplitude = DELAY * rng.standard_normal((n_pixels, 2 * HARMONICS)) / np.tile(order, 2)
    return np.asarray(amplitude @ waves.T)


def _in_turn(table: F8, shape: tuple[int, ...]) -> F8:
    """Give every pixel rows of a table, one after the other, as many as it has rings behind it."""
    return np.resize(table, shape)
