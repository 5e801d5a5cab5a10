# SPDX-License-Identifier: BSD-3-Clause
"""How long an action takes."""

import time
from collections.abc import Callable

import numpy as np


def milliseconds(action: Callable[[], object], repeats: int) -> float:
    """Return the median time of an action in ms, after one call that is not counted."""
    action()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return 1e3 * float(np.median(taken))
