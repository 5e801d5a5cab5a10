# SPDX-License-Identifier: BSD-3-Clause
"""Time statistics of 2500 events of a two-gain camera, beside ctapipe's aggregator on the same numbers.

The peer runs in an environment of its own; times are CPU seconds of one thread, the best of several runs.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (2500, 2, 1855)

PEER = """
import json, sys, time
import numpy as np
from ctapipe.monitoring.aggregator import SigmaClippingAggregator
charges, repeats = np.load(sys.argv[1]), int(sys.argv[2])
aggregate, taken = SigmaClippingAggregator(), []
for _ in range(repeats):
    start = time.process_time()
    found = aggregate._compute_stats(charges, None)
    taken.append(time.process_time() - start)
np.savez(sys.argv[3], n=found.n_events, mean=found.mean, median=found.median, std=found.std)
print(json.dumps(min(taken)))
"""


def cpu(action: Any, repeats: int) -> float:
    """Return the least CPU time of an action in s, after one call that is not counted."""
    action()
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return min(taken)


def charges() -> np.ndarray:
    """Return charges of flashes, ADC counts times samples, float32, a few of them wild."""
    random = np.random.default_rng(20261123)
    made = random.normal(3600.0, 500.0, SHAPE).astype(np.float32)
    made[random.random(SHAPE) < 1e-4] *= 5.0
    return made


def peer(sample: np.ndarray, repeats: int) -> tuple[float, dict[str, np.ndarray]]:
    """Return the time and the results of ctapipe's aggregator."""
    from peers import peer_python

    with tempfile.TemporaryDirectory() as name:
        given, found = Path(name) / "charges.npy", Path(name) / "found.npz"
        np.save(given, sample)
        command = [peer_python("ctapipe"), "-c", PEER, given, str(repeats), found]
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **one})
        with np.load(found) as values:
            return float(json.loads(done.stdout)), dict(values)


def waveforms(repeats: int) -> dict[str, float]:
    """Return CPU seconds that all estimators take for 1000 pedestals, and for 1000 flashes."""
    from pellucid.camera.flatfield import FlatfieldAccumulator
    from pellucid.camera.pedestal import PedestalAccumulator
    from pellucid.camera.timing import TimeOffsetAccumulator

    dark = np.random.default_rng(1).normal(400.0, 16.0, (200, 2, 1855, 40)).astype(np.uint16)
    lit = dark.copy()
    lit[..., 14:20] += 500
    pedestals = PedestalAccumulator(2, 1855, 18)
    pedestals.update(dark)
    pedestal = pedestals.finish()
    flashes = FlatfieldAccumulator(pedestal, 8, 4095), TimeOffsetAccumulator(pedestal, 8, 1.0)
    return {
        "1000 pedestals": 5.0 * cpu(lambda: pedestals.update(dark), repeats),
        "1000 flashes": 5.0 * cpu(lambda: [one.update(lit) for one in flashes], repeats),
    }


def rows(repeats: int) -> list[dict[str, Any]]:
    """Return the figures."""
    from peers import peer_version
    from pellucid.camera.clipping import sigma_clipped
    from pellucid.camera.moments import Moments

    sample = charges()
    clip = cpu(lambda: sigma_clipped(sample), repeats)
    stream = cpu(lambda: Moments.of(sample), repeats)
    theirs, found = peer(sample, max(2, repeats // 3))
    ours = sigma_clipped(sample, corrected=False)
    if not np.array_equal(ours.n, found["n"]):
        raise SystemExit("The two sides kept other events.")
    # a sum of n numbers in float32 is off by some sqrt(n) of its roundings
    step = np.finfo(np.float32).eps * np.abs(sample).mean() * np.sqrt(len(sample))
    off = [np.abs(getattr(ours, name) - found[name]).max() for name in ("mean", "median", "std")]
    alone = {"peer": None, "peer_version": None, "ratio": None}
    calibrated = [
        {"figure": f"{name} of a camera of 2 x 1855 x 40 samples", "value": value, "unit": "CPU s",
         "bound": 1.0, **alone}
        for name, value in waveforms(repeats).items()
    ]  # fmt: skip
    same = {"peer": "ctapipe", "peer_version": peer_version("ctapipe")}
    return [
        *calibrated,
        {"figure": "sigma clipping", "value": 1e3 * clip, "unit": "ms", "bound": None, **same,
         "ratio": theirs / clip},
        {"figure": "streaming moments", "value": 1e3 * stream, "unit": "ms", "bound": None, **same,
         "ratio": theirs / stream},
        {"figure": "sigma clipping: difference", "value": float(max(off) / step),
         "unit": "rounding of a sum in float32", "bound": 1.0, **same, "ratio": None},
    ]  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    print(json.dumps(rows(3 if parser.parse_args().quick else 9), indent=1))
