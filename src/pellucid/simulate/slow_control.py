# SPDX-License-Identifier: BSD-3-Clause
"""What the slow control of a simulated camera reads while its gains step with the high voltage."""

import numpy as np

from pellucid.camera.slow_control import SlowControl
from pellucid.simulate.history import HistoryPlan
from pellucid.simulate.seeds import Purpose, generator

__all__ = ["simulate_slow_control"]

VOLTAGE, SPREAD, NOISE = 1000.0, 40.0, 0.3
"""Mean high voltage, its scatter among pixels, and the noise of a reading, in V."""

POWER = 7.0
"""Gain of a photomultiplier goes with this power of its voltage."""


def simulate_slow_control(
    plan: HistoryPlan, n_pixels: int, start: int, seconds: float, seed: int, tel_id: int, every: float = 0.2
) -> SlowControl:
    """Read voltages and a temperature in even steps of time; the same for the same seed and telescope.

    Parameters
    ----------
    plan : HistoryPlan
        What happens to the camera.
    n_pixels : int
        Pixels.
    start : int
        Begin, in ns TAI.
    seconds, every : float
        How long, and how far apart readings are, in s.
    seed, tel_id : int
        Name of the random stream.
    """
    rng = generator(seed, Purpose.SLOW_CONTROL, tel_id)
    since = np.arange(0.0, seconds, every)
    usual = VOLTAGE + SPREAD * rng.standard_normal(n_pixels)
    stepped = np.where(since >= plan.hv_time, (1.0 + plan.hv_step) ** (1.0 / POWER), 1.0)
    voltage = usual * stepped[:, None] + NOISE * rng.standard_normal((since.size, n_pixels))
    temperature = 25.0 + 0.05 * rng.standard_normal((since.size, 1))
    time = start + np.rint(1e9 * since).astype(np.int64)
    return SlowControl(time, voltage, temperature)
