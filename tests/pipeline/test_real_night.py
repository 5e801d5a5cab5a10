# SPDX-License-Identifier: BSD-3-Clause
"""A night of simulated instruments through the real steps: cameras' runs and a LIDAR's recordings."""

from pathlib import Path

from pellucid.archive import Workspace
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import make_plan
from pellucid.pipeline.run import carry_out
from support import toyrun
from support.realnight import NIGHT, deliver_real_night, real_graph, run_real_night


def test_cameras_and_lidars_go_through_a_run_and_a_second_one_runs_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    toyrun.take_all(workspace, deliver_real_night(tmp_path))
    events = workspace.archive.find(product_type="DL0/Event/Telescope/*", tel=1)[0]
    assert (events.telescopes, events.obs_id) == ((1,), 1)
    assert {p.night for p in workspace.archive.find(kind="raw", covered=True)} == {20261123}
    run_real_night(workspace)
    made = {p.step for p in workspace.archive.find(kind="derived")}
    assert made == {step.name for step in real_graph().steps}
    assert made >= {"camera-coefficients", "telescope-dl1", "lidar-raman", "lidar-transmission"}
    plan = make_plan(workspace.archive, real_graph(), toyrun.level(), Night.parse(NIGHT).span)
    again = carry_out(workspace.archive, plan, InProcess(workspace.archive))
    assert (again.count("made"), again.count("there")) == (0, len(plan.tasks))
