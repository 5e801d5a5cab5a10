# SPDX-License-Identifier: BSD-3-Clause
"""CPU time from a raw file to DL1 on disk, against ctapipe on the same file in the same run.

The input repeats the events of a real file with the noise of every ADC sample varied, without the
simulation's photo-electrons, as zstd. Both programs write images and parameters; Pellucid also copies
the raw file into its archive, hashes it and keeps the lineage. One thread each. The marginal time is
the difference between a long and a short file, so start-up drops out; whole-process figures include it.

    python bench/process.py [--quick]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers import peer_command, peer_version
from pellucid.simulate.simtel import repeat_events

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("PELLUCID_TEST_DATA", REPOSITORY.parent / "shared" / "data")) / "camera" / "simtel"
INPUTS = {
    "prod6": ("gamma_prod6_tel_event_header_v4.simtel.zst", 150, 7),
    "hist": ("history_meta_75.simtel.zst", 60, 15),
}
BOUND = 4.0
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "BLOSC")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in THREADS}


@dataclass
class Input:
    path: Path
    telescope_events: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one input, fewer events, one repetition")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="pellucid-bench-") as folder:
        names = ["prod6"] if quick else list(INPUTS)
        results = [row for name in names for row in compare(name, Path(folder), quick)]
    print(json.dumps(results, indent=2))


def compare(name: str, folder: Path, quick: bool) -> list[dict[str, object]]:
    """Time both programs on a short and a long file."""
    source, copies, per_copy = INPUTS[name]
    short, long = (
        make(DATA / source, folder / f"{name}-{n}.simtel.zst", n, per_copy)
        for n in ((30, 120) if quick else (copies, 3 * copies))
    )
    ours, theirs = best_of(1 if quick else 3, [short, long], folder)
    events = long.telescope_events - short.telescope_events
    version = peer_version("ctapipe")
    rows = []
    for figure, mine, peer in (
        (f"{name}: marginal CPU", (ours[1] - ours[0]) / events, (theirs[1] - theirs[0]) / events),
        (f"{name}: whole process, {short.telescope_events} telescope events", ours[0], theirs[0]),
        (f"{name}: whole process, {long.telescope_events} telescope events", ours[1], theirs[1]),
    ):
        whole = "whole" in figure
        rows.append(
            {
                "figure": figure,
                "value": round(mine if whole else 1e3 * mine, 3),
                "unit": "s" if whole else "ms per telescope event",
                "bound": BOUND,
                "peer": round(peer if whole else 1e3 * peer, 3),
                "peer_version": f"ctapipe {version}",
                "ratio": round(peer / mine, 2),
                "load": round(os.getloadavg()[0], 2),
            }
        )
    return rows


def make(source: Path, target: Path, copies: int, per_copy: int) -> Input:
    """Write an input file."""
    n = repeat_events(source, target, copies)
    return Input(target, n * per_copy)


def best_of(repetitions: int, inputs: Sequence[Input], folder: Path) -> tuple[list[float], list[float]]:
    """Return the smallest CPU seconds per input, for both programs, run in turn."""
    warm_up(inputs[0], folder)
    ours = [[run_pellucid(i, folder) for i in inputs] for _ in range(repetitions)]
    theirs = [[run_ctapipe(i, folder) for i in inputs] for _ in range(repetitions)]
    return [min(times) for times in zip(*ours)], [min(times) for times in zip(*theirs)]


def warm_up(one: Input, folder: Path) -> None:
    """Let both programs compile what they compile once per installation."""
    run_pellucid(one, folder)
    run_ctapipe(one, folder)


def run_pellucid(one: Input, folder: Path) -> float:
    """CPU seconds of `pellucid process`."""
    workspace, output = folder / "workspace", folder / "ours.h5"
    command = [sys.executable, "-m", "pellucid.cli", "process", one.path, "-o", output, "--overwrite",
               "--workspace", workspace, "--threads", "1", "--json"]  # fmt: skip
    seconds, shown = cpu_seconds(command)
    assert json.loads(shown)["telescope_events"] == one.telescope_events
    # an empty archive each time, or the product would be taken from it; the cache stays, as it does in use
    shutil.rmtree(workspace / "store")
    for index in workspace.glob("index.sqlite*"):
        index.unlink()
    return seconds


def run_ctapipe(one: Input, folder: Path) -> float:
    """CPU seconds of `ctapipe-process`."""
    command = [*peer_command("ctapipe-process"), "-i", one.path, "-o", folder / "theirs.h5", "--overwrite",
               "--write-images", "--write-parameters", "-q", "--no-progress",
               "--provenance-log", folder / "provenance.log"]  # fmt: skip
    return cpu_seconds(command)[0]


def cpu_seconds(command: Sequence[object]) -> tuple[float, str]:
    """Run a command; return its user and system time, and what it printed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | ONE_THREAD
    with tempfile.TemporaryFile("w+") as shown:
        process = subprocess.Popen([str(c) for c in command], stdout=shown, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
        shown.seek(0)
        return usage.ru_utime + usage.ru_stime, shown.read()


if __name__ == "__main__":
    main()
