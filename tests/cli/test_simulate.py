# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid simulate camera``."""

import json
from dataclasses import asdict
from pathlib import Path

import click
import pytest

from pellucid.cli.run import run
from pellucid.cli.simulate import camera
from pellucid.simulate.run import SimulationConfig


def test_the_options_have_the_defaults_of_the_simulation() -> None:
    shown = {p.name: p.default for p in camera.params if isinstance(p, click.Option)}
    defaults = asdict(SimulationConfig())
    common = shown.keys() & defaults.keys()
    assert len(common) >= 13
    assert {name: shown[name] for name in common} == {name: defaults[name] for name in common}


def test_it_writes_the_files_it_names_and_never_over_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {"telescopes": 1, "pedestals": 2, "flashes": 2, "showers": 0, "muons": 0}
    small = ["--camera", "tiny", *(part for name, n in counts.items() for part in (f"--{name}", str(n)))]
    arguments = ["simulate", "camera", "-o", str(tmp_path), *small, "--json"]
    assert run(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    files = [document["trigger"], document["description"]]
    files += [*document["telescopes"].values(), *document["truth"].values()]
    assert len(files) == 4
    assert all(Path(f).stat().st_size > 0 for f in files)

    assert run(arguments) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "output-exists"

    # tables of capacitors are for chips
    refused = [*arguments[:3], str(tmp_path / "other"), *arguments[4:], "--cell-times", "table.fits"]
    assert run(refused) == 101
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "simulation-range"
    assert run([*refused[:-2], "--chips", "lst"]) == 0


def test_a_value_out_of_range_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "camera", "-o", str(tmp_path), "--telescopes", "0", "--json"]) == 101
    assert json.loads(capsys.readouterr().out)["error"]["where"] == "telescopes"
