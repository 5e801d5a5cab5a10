# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration on small cameras: the table agrees with the truth, the page is whole and stands alone."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.demo import DemoResult, run
from pellucid.demo.compare import DemoRow, compare, fit_circle
from pellucid.demo.products import DemoTelescope, load_telescope
from pellucid.errors import OutputExists
from pellucid.formats.description import read_description
from pellucid.simulate.plan import SimulationConfig
from pellucid.views.demo_page import write_demo_page

CONFIG = SimulationConfig(camera="small", telescopes=2, pedestals=120, flashes=200, showers=8, muons=0)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoResult, list[int]]:
    steps: list[int] = []
    folder = tmp_path_factory.mktemp("demo") / "new"
    return run(folder, 3, lambda n, total, unit: steps.append(n), CONFIG), steps


@pytest.fixture(scope="module")
def telescopes(done: tuple[DemoResult, list[int]]) -> list[DemoTelescope]:
    result = done[0]
    folder = result.page.parent
    subarray = read_description(folder / "simulated" / "subarray.json")
    from pellucid.archive.workspace import Workspace

    with Workspace.open(result.workspace) as workspace:
        made = [[p for p in result.products if p.step and p.telescopes == (t,)] for t in (1, 2)]
        return [
            load_telescope(
                subarray.telescopes[t],
                *(workspace.archive.path(p) for p in made[t - 1]),
                folder / "simulated" / "truth" / f"TEL{t:03d}.h5",
            )
            for t in (1, 2)
        ]


def test_everything_agrees_with_the_truth(done: tuple[DemoResult, list[int]]) -> None:
    result, steps = done
    assert result.agrees, result.table()
    assert len(result.rows) > 12
    assert all(line.endswith("yes") for line in result.table().splitlines()[2:])
    assert json.loads(json.dumps(result.as_dict(), allow_nan=False))["agrees"] is True
    assert steps[-1] == 100
    assert steps == sorted(steps)


def test_what_the_telescopes_deliver_is_checked(done: tuple[DemoResult, list[int]]) -> None:
    checks = {p.product_type: p.summary["check"] for p in done[0].products if p.kind == "raw"}
    assert checks == {
        "DL0/Event/Telescope/Observation": "passed",
        "DL0/Event/Subarray/Observation": "no interface covers this",
        "DL0/Service/Subarray/Description": "no interface covers this",
    }


def test_a_wrong_calibration_is_seen(telescopes: list[DemoTelescope]) -> None:
    t = telescopes[0]
    offset = t.calibration.time_offset
    flipped = replace(t.calibration, time_offset=replace(offset, value=-offset.value))
    brighter = replace(t, calibration=flipped, image=t.image * np.float32(1.03))
    rows = {row.quantity.split(" (")[0]: row for row in compare([brighter], CONFIG)}
    assert not rows["Time offsets: measured against true"].within
    assert not rows["Charge of bright pixels over the true one"].within
    assert rows["Gain, high gain"].within


def test_the_page_is_whole_stands_alone_and_comes_out_the_same(
    done: tuple[DemoResult, list[int]], telescopes: list[DemoTelescope], tmp_path: Path
) -> None:
    result = done[0]
    page = result.page.read_text()
    assert page.count("data:image/png;base64,") == 4
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", page)
    assert "<script" not in page
    for product in result.products:
        assert product.id in page
    write_demo_page(
        tmp_path / "again.html", replace(CONFIG, seed=3), telescopes, result.rows, result.products
    )
    assert (tmp_path / "again.html").read_text() == page


def test_a_used_folder_is_refused(done: tuple[DemoResult, list[int]]) -> None:
    with pytest.raises(OutputExists):
        run(done[0].page.parent, config=CONFIG)


def test_rows_know_when_they_disagree() -> None:
    assert DemoRow("x", "", 1.0, 1.2, 0.1).within
    assert not DemoRow("x", "", 1.0, 1.4, 0.1).within
    assert DemoRow("x", "", 3.0, 3.0, 0.0).within
    assert not DemoRow("x", "", 3.0, 4.0, 0.0).within
    assert not DemoRow("x", "", float("nan"), 1.0, 0.1).within


def test_circles_are_fitted_without_bias() -> None:
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(300):
        phi = rng.uniform(0, 2 * np.pi, 200)
        r = 1.1 + 0.05 * rng.standard_normal(200)
        radius, error = fit_circle(0.2 + r * np.cos(phi), -0.1 + r * np.sin(phi), np.ones(200))
        pulls.append((radius - 1.1) / error)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(300)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
