# SPDX-License-Identifier: BSD-3-Clause
"""A night of simulated instruments through the real steps: a camera's run and a LIDAR's recording."""

from pathlib import Path

import numpy as np

from pellucid.archive import Workspace
from pellucid.formats.licel import write_licel
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.graph import build
from pellucid.pipeline.intake import take_in
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import make_plan
from pellucid.pipeline.run import carry_out
from pellucid.pipeline.steps import all_steps
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel
from pellucid.simulate.run import SimulationConfig, simulate_run
from support import toyrun


def test_cameras_and_lidars_go_through_a_run_and_a_second_one_runs_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    config = SimulationConfig(
        seed=1, camera="tiny", telescopes=1, pedestals=60, flashes=110, showers=3, muons=1
    )
    camera = simulate_run(config, tmp_path / "camera")
    for path in (*camera.telescopes.values(), camera.trigger, camera.description):
        take_in(workspace.archive, path)
    (recording,) = simulate_licel(Sky((Layer(0.0, 1500.0, 0.2),)), CTA, np.random.default_rng(1), files=1)
    write_licel(tmp_path / "recording", recording)
    lidar, _ = take_in(workspace.archive, tmp_path / "recording")
    events = workspace.archive.find(product_type="DL0/Event/Telescope/*")[0]
    assert (events.telescopes, events.obs_id) == ((1,), config.obs_id)
    assert None not in (events.time_start, lidar.time_start)

    own = [s for s in all_steps().values() if s.function.startswith("pellucid.")]
    steps = build(own, level="B", wanted=["telescope-dl1", "lidar-raman"])
    made = set()
    for raw in (events, lidar):
        assert raw.time_start is not None
        span = Night.at(raw.time_start).span
        for again in (False, True):
            plan = make_plan(workspace.archive, steps, toyrun.level(), span)
            report = carry_out(workspace.archive, plan, InProcess(workspace.archive))
            assert report.exit_code == 0, report.as_text()
            assert (report.count("made") == 0) is again
            made |= {product.step for product in report.products}
    assert {"camera-coefficients", "telescope-dl1", "lidar-raman"} <= made
