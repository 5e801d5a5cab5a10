# SPDX-License-Identifier: BSD-3-Clause
"""The page of an array's night: equal bytes, nothing from outside, what is unknown said in words."""

import json
import re
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from click.testing import CliRunner

from pellucid.archive import Workspace
from pellucid.cli.array import command
from pellucid.errors import MissingInput
from pellucid.formats.array_products import read_joint
from pellucid.formats.pointing import read_pointing
from pellucid.formats.pointing_model import PointingModel
from pellucid.formats.transparency import read_transparency
from pellucid.pipeline.steps import step_named
from pellucid.pointing.bending import BendingFit
from pellucid.simulate.array_night import write_muons, write_rates
from pellucid.views.array_night import ArrayNight, write_array_page
from support.arraynight import array_truth, clear_nights, configured, write_drive

START = 1795399200 * 10**9


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products of half an hour, in a folder: solution, transparency, drive of one telescope."""
    folder = tmp_path_factory.mktemp("night")
    truth = array_truth(configured(1, (1.0,) * 4))
    slices = 30
    rates = write_rates(truth, folder, START, np.full(slices, 0.9), np.full(slices, 20.0), 5)
    write_muons(truth, folder / "muons.h5", START, 8)
    write_drive(folder / "drive.h5", 2, START, 60)
    reference = {"rates": clear_nights(truth, folder, START, 20)}
    made = {
        "rate-reference": reference,
        "transparency": {"rates": rates, "reference": folder / "rate-reference.h5"},
        "joint-throughput": {
            "rates": rates,
            "reference": folder / "rate-reference.h5",
            "muons": [folder / "muons.h5"],
        },
    }
    for name, inputs in made.items():
        step = step_named(name)
        step.run(inputs, folder / f"{name}.h5", step.complete(), {})
    return folder


def whole(folder: Path) -> ArrayNight:
    air = dict(read_transparency(folder / "transparency.h5"))
    air["status"] = np.where(np.arange(30) == 3, 1, air["status"])
    air["p_value"] = np.where(np.arange(30) == 7, 1e-9, 0.5)
    return ArrayNight(
        "2026-11-22",
        joint=read_joint(folder / "joint-throughput.h5"),
        transparency=(air,),
        pointing=dict([read_pointing(folder / "drive.h5")]),
        models={2: bent(2)},
    )


def bent(tel_id: int) -> PointingModel:
    random, n = np.random.default_rng(2), 60
    names = ("altitude", "azimuth", "across_residual", "upward_residual")
    fit = BendingFit(
        ("IA",),
        np.array([10.0]) * u.arcsec,
        np.array([0.5]) * u.arcsec,
        np.array([[0.25]]) * u.arcsec**2,
        4.25 * u.arcsec,
        (np.arange(n) < 3).astype(np.float64),
        n,
    )
    return PointingModel(tel_id, fit, {name: random.normal(0.0, 4.0, n) for name in names}, 4.75 * u.arcsec)


def test_the_page_tells_all_and_loads_nothing(night: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_array_page(tmp_path / f"{name}.html", whole(night))
    page = (tmp_path / "a.html").read_text()
    assert page == (tmp_path / "b.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count("<img") == 5
    assert "4.2 arcsec on each axis" in page
    assert "of 60 stars" in page
    assert "1 of them without a transparency" in page
    assert "1 with air that differs over the array" in page
    assert "Muons tell its scale." in page
    (optics,) = read_joint(night / "joint-throughput.h5")[2].optics
    for value in optics:
        assert f"{value:.4f} ±" in page
    assert page.count("as the encoders read") == 1
    assert page.count("<td>not known</td>") == 3


def test_what_is_absent_is_said(night: Path, tmp_path: Path) -> None:
    air = read_transparency(night / "transparency.h5")
    write_array_page(tmp_path / "a.html", ArrayNight("2026-11-22", transparency=(air,)))
    page = (tmp_path / "a.html").read_text()
    assert "There is no joint solution of this night." in page
    assert "No drive told where its telescope looked." in page
    assert "There is no model of the mounts." in page


def test_the_verb_takes_what_the_archive_has(night: Path, tmp_path: Path) -> None:
    where = ["--workspace", str(tmp_path / "ws")]
    with Workspace.open(tmp_path / "ws", True) as workspace:
        for name, kind in (
            ("joint-throughput", "JointThroughput"),
            ("transparency", "CherenkovTransparency"),
        ):
            path, stop = night / f"{name}.h5", START + 1800 * 10**9
            kind = f"DL2/Monitoring/Subarray/{kind}"
            workspace.archive.ingest(path, kind, time_start=START, time_stop=stop)
    arguments = ["night", "2026-11-22", "-o", str(tmp_path / "n.html"), "--json", *where]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.output)["products"]) == 2
    assert "Transparency of the air" in (tmp_path / "n.html").read_text()
    other = CliRunner().invoke(command, ["night", "2026-11-20", "-o", str(tmp_path / "x.html"), *where])
    assert isinstance(other.exception, MissingInput)
    assert not (tmp_path / "x.html").exists()
