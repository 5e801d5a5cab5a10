# SPDX-License-Identifier: BSD-3-Clause
"""The page of a camera's night: equal bytes, nothing from outside, and what changed in words."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pellucid.archive.workspace import Workspace
from pellucid.cli.camera import command
from pellucid.errors import MissingInput, UsageError
from pellucid.formats.camera_calibration import read_calibration
from pellucid.formats.description import read_description
from pellucid.pipeline.execute import execute
from pellucid.pipeline.steps import step_named
from pellucid.simulate.run import SimulationConfig, simulate_run
from pellucid.views.camera_night import write_camera_page

DAY = 86400


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nights")
    with Workspace.open(folder / "ws", True) as ws:
        for k, start in enumerate((1768514400, 1768514400 + DAY, 1768514400 + DAY + 3600)):
            config = SimulationConfig(
                camera="tiny", telescopes=1, pedestals=60, dark_pedestals=60 * (k == 2), flashes=120,
                showers=0, muons=0, start_unix=start, obs_id=k + 1, seed=1 + (k > 0),
            )  # fmt: skip
            run = simulate_run(config, folder / str(k))
            description, _ = ws.archive.ingest(run.description)
            events, _ = ws.archive.ingest(run.telescopes[1], obs_id=k + 1, telescopes=[1])
            execute(
                ws.archive, step_named("camera-coefficients"), {"events": events, "description": description}
            )
    return folder / "ws"


def drawn(workspace: Path, *arguments: str) -> str:
    result = CliRunner().invoke(command, [*arguments, "--workspace", str(workspace)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_a_night_is_drawn_beside_the_night_before(workspace: Path, tmp_path: Path) -> None:
    drawn(workspace, "2026-01-16", "--tel", "1", "-o", str(tmp_path / "a.html"))
    page = (tmp_path / "a.html").read_text()
    assert "2 calibrations of this night" in page
    assert "Since the last night" in page
    assert "In the course of the night" in page
    assert re.search(r"Gains changed by [+-]\d", page)
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert page.count("data:image/png") == 4


def test_the_first_night_has_nothing_to_be_held_against(workspace: Path, tmp_path: Path) -> None:
    drawn(workspace, "2026-01-15", "--tel", "1", "-o", str(tmp_path / "a.html"))
    page = (tmp_path / "a.html").read_text()
    assert "Since the last night" not in page
    assert "In the course of the night" not in page


def test_a_night_without_calibrations_and_a_day_that_is_none(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no calibration of telescope 1"):
        drawn(workspace, "2026-03-01", "--tel", "1", "-o", str(tmp_path / "a.html"))
    with pytest.raises(UsageError, match="no day"):
        drawn(workspace, "yesterday", "--tel", "1", "-o", str(tmp_path / "a.html"))


def test_reasons_have_their_rows_and_pages_equal_bytes(workspace: Path, tmp_path: Path) -> None:
    with Workspace.open(workspace) as ws:
        (product, *_) = ws.archive.find(product_type="DL1/Monitoring/Telescope/CameraCalibration")
        calibration = read_calibration(ws.archive.path(product))
        (description, *_) = ws.archive.find(name="subarray.json")
        telescope = read_description(ws.archive.path(description)).telescopes[1]
    write_camera_page(tmp_path / "a.html", telescope, [calibration])
    page = (tmp_path / "a.html").read_text()
    write_camera_page(tmp_path / "b.html", telescope, [calibration])
    assert (tmp_path / "b.html").read_text() == page
    assert ("<td>dead</td>" in page) == bool((calibration.reasons & 1).any())
    assert "<td>dead</td>" in page
