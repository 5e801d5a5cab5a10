# SPDX-License-Identifier: BSD-3-Clause
"""A night of simulated instruments, a camera's run and a LIDAR's recordings, through the real steps."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pellucid.archive import Workspace
from pellucid.formats.licel import write_licel
from pellucid.pipeline.executors import executor_of
from pellucid.pipeline.graph import Graph, build
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import make_plan
from pellucid.pipeline.run import carry_out
from pellucid.pipeline.steps import all_steps
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel
from pellucid.simulate.run import SimulationConfig, simulate_run
from support import toyrun

NIGHT = "2026-11-23"
WANTED = ("telescope-dl1", "lidar-elastic", "lidar-transmission")
"""Steps of the night; what they need is run too."""

_START_UNIX = 1795473000  # 22:30 UTC


def deliver_real_night(folder: Path) -> list[Path]:
    """Write the files of two cameras and a LIDAR."""
    config = SimulationConfig(
        seed=1,
        camera="tiny",
        telescopes=2,
        pedestals=60,
        flashes=110,
        showers=5,
        muons=1,
        start_unix=_START_UNIX,
    )
    camera = simulate_run(config, folder / "camera")
    files = [*camera.telescopes.values(), camera.trigger, camera.description]
    sky = Sky((Layer(0.0, 1500.0, 0.2),))
    for number, recording in enumerate(simulate_licel(sky, CTA, np.random.default_rng(1), files=2)):
        write_licel(folder / f"recording{number}", recording)
        files.append(folder / f"recording{number}")
    return files


def real_graph() -> Graph:
    """Wire the night's steps at level B."""
    own = [s for s in all_steps().values() if s.function.startswith("pellucid.")]
    return build(own, level="B", wanted=WANTED)


def run_real_night(workspace: Workspace, who: str = "", effort: Mapping[str, int] | None = None) -> None:
    """Run the night in this process, in two others (``processes``) or on a cluster of two (``dask``)."""
    doer = executor_of(workspace.path, workspace.archive, 2 if who else 0, "local" if who == "dask" else "")
    try:
        plan = make_plan(workspace.archive, real_graph(), toyrun.level(), Night.parse(NIGHT).span)
        report = carry_out(workspace.archive, plan, doer, effort=effort)
    finally:
        doer.close()
    assert report.exit_code == 0, report.as_text()
    assert report.count("made") == len(report.entries)
