# SPDX-License-Identifier: BSD-3-Clause
"""Raw files of a simulated camera with DRS4 chips."""

from pathlib import Path

import numpy as np

from pellucid.events.batch import EventType
from pellucid.simulate.dl0 import DL0Names, TelescopeWriter, quiet
from pellucid.simulate.drs4 import DarkEvents
from pellucid.times import from_unix_utc, shifted, to_tai_ns

START_UNIX = 1768514400


def write_raw(
    folder: Path, events: DarkEvents, first: int = 0, *, tel_id: int = 1, applied: int = 0,
    kind: EventType = EventType.DARK_PEDESTAL,
) -> Path:  # fmt: skip
    """Write events as messages; ``first`` is the number of those in the files before."""
    start = from_unix_utc(START_UNIX, 0)
    names = DL0Names(folder, 1, 1, 1, int(to_tai_ns(start)[0]))
    n_channels, n_pixels, n_samples = events.adc.shape[1:]
    # modules are read out in another order than the pixels' numbers
    order = np.roll(np.arange(n_pixels), 7) if n_pixels > 7 else np.arange(n_pixels)
    shape = n_channels, n_pixels, n_samples
    with (
        quiet(),
        TelescopeWriter(
            names, tel_id, "LSTN-01", shape, 1.0, order, np.arange(n_pixels // 7), calibration_id=applied
        ) as writer,
    ):
        times = shifted(np.broadcast_to(start, (len(events.clock), 2)), events.clock.astype(np.float64))
        for k, (adc, cells) in enumerate(zip(events.adc, events.first_cell, strict=True)):
            writer.write(first + k + 1, int(kind), times[k], adc, cells.astype(np.uint16))
    return names.telescope(tel_id, "LSTN-01")


def some_of(events: DarkEvents, start: int, stop: int) -> DarkEvents:
    """Return a part of the events."""
    rows = slice(start, stop)
    return DarkEvents(events.adc[rows], events.first_cell[rows], events.clock[rows])
