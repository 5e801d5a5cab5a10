# SPDX-License-Identifier: BSD-3-Clause
"""DRS4 chips as cameras use them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput

__all__ = ["FACT", "LST", "Chip", "Lapse"]


@dataclass(frozen=True)
class Lapse:
    """Offset left in a capacitor that was read a short time ago: amplitude t^-exponent - constant.

    Attributes
    ----------
    amplitude, constant : float
        In ADC counts, for t in ms.
    exponent : float
        No unit.
    longest : float
        In ms; nothing is left after it.
    """

    amplitude: float
    exponent: float
    constant: float
    longest: float


@dataclass(frozen=True)
class Chip:
    """How a camera reads its pixels through DRS4 chips.

    Attributes
    ----------
    ring : int
        Capacitors of a channel of the chip.
    cascade : int
        Channels in a row behind a pixel.
    skip_first, skip_last : int
        Samples at the ends of a window that are not used for baselines.
    clock : float
        Ticks of the readout's clock per ms.
    lapse : Lapse or None
        What a short time since the last reading leaves; None where it is not known.
    has_spikes : bool
        Whether the last sample of an event leaves spikes in the next (type A of the LST's chips).
    """

    ring: int = 1024
    cascade: int = 1
    skip_first: int = 0
    skip_last: int = 0
    clock: float = 1e6
    lapse: Lapse | None = None
    has_spikes: bool = False

    @property
    def n_cells(self) -> int:
        """Capacitors behind a pixel."""
        return self.ring * self.cascade

    def check(self, first_cell: npt.NDArray[np.integer]) -> None:
        """Refuse numbers of capacitors that the chip does not have; shape (n_events, ...), no unit.

        Raises
        ------
        CorruptedInput
            One is below 0 or too large (``first-cell``).
        """
        bad = np.argwhere((first_cell < 0) | (first_cell >= self.n_cells))
        if bad.size:
            place = tuple(int(i) for i in bad[0])
            raise CorruptedInput(
                "The first sample comes from a capacitor that the chip does not have.",
                where=f"event, channel and pixel {place}" if len(place) == 3 else f"at {place}",
                expected=f"0 to {self.n_cells - 1}",
                got=str(int(first_cell[place])),
                mend="check that the preset is that of the camera, and leave damaged events out",
                code="first-cell",
            )


LST = Chip(
    cascade=4,
    skip_first=10,
    skip_last=1,
    clock=133_000.0,
    lapse=Lapse(amplitude=32.99, exponent=0.22, constant=11.9, longest=100.0),
    has_spikes=True,
)
"""LST: four channels of 1024 in cascade, clock of 133 MHz; lapse at 20 degrees Celsius."""

FACT = Chip()
"""FACT: one channel of 1024 a pixel, 300 samples."""
