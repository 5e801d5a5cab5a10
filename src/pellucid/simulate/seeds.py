# SPDX-License-Identifier: BSD-3-Clause
"""Random numbers by name: each stream follows from (seed, purpose, telescope, event) and nothing else.

So an event comes out the same whichever others are simulated, in whatever order and process.
"""

from enum import IntEnum

import numpy as np

__all__ = ["Purpose", "generator"]


class Purpose(IntEnum):
    """What a stream of random numbers is for."""

    PLAN = 0
    CAMERA = 1
    SHOWER = 2
    LIGHT = 3
    READOUT = 4
    HISTORY = 5
    SLOW_CONTROL = 6
    CHIPS = 7
    FIRST_CELLS = 8


def generator(seed: int, purpose: Purpose, tel_id: int = 0, event_id: int = 0) -> np.random.Generator:
    """Return the generator of one purpose, telescope and event (0 where it belongs to none)."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, purpose, tel_id, event_id])))
