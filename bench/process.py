# SPDX-License-Identifier: BSD-3-Clause
"""CPU time from a raw file to DL1 on disk, against ctapipe on the same file in the same run.

The input repeats the events of a real file with the noise of every ADC sample varied, without the
simulation's photo-electrons, as zstd. All write images and parameters. "Step alone" does what the peer
does; "with archive" is `pellucid process`, which also copies the raw file into the archive, hashes it,
and keeps the lineage. One thread each. The marginal time is the difference between a long and a short
file, so start-up drops out; whole-process figures include it.

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

STEP = """
import sys
from pathlib import Path
from pellucid.pipeline.steps.events import STEPS, make_dl1
files = {"events": Path(sys.argv[1])}
summary = make_dl1(files, Path(sys.argv[2]), STEPS[0].complete({}), {"step": "dl1"})
print(summary["telescope_events"])
"""


@dataclass
class Input:
    path: Path
    telescope_events: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one input, fewer events and repetitions")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="pellucid-bench-") as folder:
        names = ["prod6"] if quick else list(INPUTS)
        results = [row for name in names for row in compare(name, Path(folder), quick)]
    print(json.dumps(results, indent=2))


def compare(name: str, folder: Path, quick: bool) -> list[dict[str, object]]:
    """Time the programs on a short and a long file."""
    source, copies, per_copy = INPUTS[name]
    files = [
        make(DATA / source, folder / f"{name}-{n}.simtel.zst", n, per_copy)
        for n in ((30, 200) if quick else (copies, 3 * copies))
    ]
    times = best_of(2 if quick else 3, files, folder)
    theirs = times.pop("ctapipe")
    extra = files[1].telescope_events - files[0].telescope_events
    rows = []
    for program, ours in times.items():
        rows.append(
            row(
                f"{name}: {program}, marginal CPU",
                1e3 * (ours[1] - ours[0]) / extra,
                1e3 * (theirs[1] - theirs[0]) / extra,
                "ms per telescope event",
            )
        )
        for file, mine, peer in zip(files, ours, theirs):
            figure = f"{name}: {program}, whole process, {file.telescope_events} telescope events"
            rows.append(row(figure, mine, peer, "s"))
    return rows


def row(figure: str, mine: float, peer: float, unit: str) -> dict[str, object]:
    """Put a figure beside that of the peer."""
    return {
        "figure": figure,
        "value": round(mine, 3),
        "unit": unit,
        "bound": BOUND,
        "peer": round(peer, 3),
        "peer_version": f"ctapipe {peer_version('ctapipe')}",
        "ratio": round(peer / mine, 2),
        "load": round(os.getloadavg()[0], 2),
    }


def make(source: Path, target: Path, copies: int, per_copy: int) -> Input:
    """Write an input file."""
    n = repeat_events(source, target, copies)
    return Input(target, n * per_copy)


def best_of(repetitions: int, inputs: Sequence[Input], folder: Path) -> dict[str, list[float]]:
    """Return the smallest CPU seconds per input of each program, run in turn."""
    programs = {"step alone": run_step, "with archive": run_pellucid, "ctapipe": run_ctapipe}
    for run in programs.values():
        run(inputs[0], folder)  # what is compiled once per installation is compiled here
    times: dict[str, list[list[float]]] = {name: [] for name in programs}
    for _ in range(repetitions):
        for name, run in programs.items():
            times[name].append([run(one, folder) for one in inputs])
    return {name: [min(seconds) for seconds in zip(*rounds)] for name, rounds in times.items()}


def run_step(one: Input, folder: Path) -> float:
    """CPU seconds of the step alone: raw file to DL1 file, as the peer does it."""
    output = folder / "step.h5"
    seconds, shown = cpu_seconds([sys.executable, "-c", STEP, one.path, output])
    assert int(shown) == one.telescope_events
    output.unlink()
    return seconds


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
