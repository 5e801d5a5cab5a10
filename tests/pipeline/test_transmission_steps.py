# SPDX-License-Identifier: BSD-3-Clause
"""Transmission as steps: the night's own air, ozone, and what a shower's light keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.atmosphere.molecular import standard_air
from pellucid.errors import ConfigurationError, InsufficientStatistics
from pellucid.formats.air_profile import write_air_profile
from pellucid.formats.licel import write_licel
from pellucid.formats.transmission import read_shower_transmission, read_transmission
from pellucid.pipeline.steps import step_named
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel

ONE = replace(CTA, channels=tuple(c for c in CTA.channels if c.laser == 355))
DRY = {"dead_time": 4.0}
SHOWER = step_named("lidar-shower-transmission")


def profile(folder: Path, sky: Sky, name: str = "lidar-raman") -> Path:
    write_licel(folder / "raw", simulate_licel(sky, ONE, np.random.default_rng(3))[0])
    step = step_named(name)
    step.run({"lidar": folder / "raw"}, folder / "p.h5", step.complete(DRY), {})
    return folder / "p.h5"


@pytest.fixture(scope="module")
def hazy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return profile(tmp_path_factory.mktemp("hazy"), Sky((Layer(0.0, 1500.0, 0.3),)))


def test_ozone_takes_the_shortest_light_alone(hazy: Path, tmp_path: Path) -> None:
    step = step_named("lidar-transmission")
    found = []
    for ozone in (0.0, 300.0):
        step.run({"profile": hazy}, tmp_path / "t.h5", step.complete({"ozone": ozone}), {})
        found.append(read_transmission(tmp_path / "t.h5").arrays)
    ratio = found[1]["transmission"][0, :, -1] / found[0]["transmission"][0, :, -1]
    assert 0.4 < ratio[0] < 0.7  # 300 nm
    assert ratio[1:4] == pytest.approx(1.0, abs=2e-3)  # 355 to 450 nm
    assert ratio[5] == pytest.approx(0.993, abs=3e-3)  # 600 nm
    # the column is known to 15 %
    relative = [(x["error"] / x["transmission"])[0, 0, -1] for x in found]
    assert np.sqrt(relative[1] ** 2 - relative[0] ** 2) == pytest.approx(-0.15 * np.log(ratio[0]), rel=0.1)


def test_the_final_table_takes_the_air_of_the_night(hazy: Path, tmp_path: Path) -> None:
    step = step_named("lidar-transmission-final")
    assert "air" in step.inputs
    heights = np.arange(2000.0, 30000.0, 200.0)
    found = []
    for factor in (1.0, 1.05):
        air = standard_air(heights)
        write_air_profile(tmp_path / "a", replace(air, pressure=air.pressure * factor), "2026-11-23T21:00:00")
        inputs = {"profile": hazy, "air": tmp_path / "a"}
        step.run(inputs, tmp_path / "t.h5", step.complete({}), {})
        found.append(read_transmission(tmp_path / "t.h5").arrays)
    plain = step_named("lidar-transmission")
    plain.run({"profile": hazy}, tmp_path / "p.h5", plain.complete({}), {})
    standard = read_transmission(tmp_path / "p.h5").arrays
    assert found[0]["transmission"] == pytest.approx(standard["transmission"], rel=2e-3)
    assert (found[0]["error"] < standard["error"]).all()  # the air is better known
    moved = -np.log(found[1]["transmission"] / found[0]["transmission"])[0, 1, -1]
    assert moved == pytest.approx(0.05 * 0.37, rel=0.1)


def test_a_shower_keeps_what_the_air_leaves_of_it(hazy: Path, tmp_path: Path) -> None:
    summary = SHOWER.run({"profile": hazy}, tmp_path / "s.h5", SHOWER.complete({}), {})
    contents = read_shower_transmission(tmp_path / "s.h5")
    value, error = contents.arrays["transmission"], contents.arrays["error"]
    assert (summary["transmission"], summary["transmission_error"]) == (value[0], error[0])
    # 0.27 more aerosol than simulations have, seen at a mean wavelength of about 390 nm
    assert value[0] == pytest.approx(np.exp(-0.27 * 355.0 / 390.0), abs=0.03)
    assert (np.diff(value) < 0.0).all()
    assert (error > 0.003).all()
    assert 0.0 <= float(str(contents.attributes["unseen"])) < 0.1


def test_the_air_of_the_simulations_leaves_everything(tmp_path: Path) -> None:
    made = profile(tmp_path, Sky((Layer(0.0, 2000.0, 0.05),)))
    changes = {"reference_depth": 0.05, "reference_scale": 1000.0}
    SHOWER.run({"profile": made}, tmp_path / "s.h5", SHOWER.complete(changes), {})
    found = read_shower_transmission(tmp_path / "s.h5").arrays
    assert np.abs(found["transmission"] - 1.0)[0] < 3.0 * found["error"][0] + 0.01


def test_showers_above_a_thick_cloud_are_withheld(tmp_path: Path) -> None:
    made = profile(tmp_path, Sky((Layer(0.0, 1500.0, 0.1), Layer(4000.0, 5000.0, 8.0, 20.0, 0.0))))
    with pytest.raises(InsufficientStatistics) as caught:
        SHOWER.run({"profile": made}, tmp_path / "s.h5", SHOWER.complete({}), {})
    assert caught.value.code == "beyond-trust"


@pytest.mark.parametrize(
    "changes", [{"emission": [[1.0, 2.0]]}, {"response": [[400.0, 1.0], [300.0, 1.0]]}, {"emission": [1.0]}]
)
def test_what_is_no_shower_is_told(changes: dict[str, object], hazy: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SHOWER.run({"profile": hazy}, tmp_path / "s.h5", SHOWER.complete(changes), {})
    assert caught.value.code == "bad-shower"


def test_a_lidar_ratio_that_is_known_takes_the_flag_away(tmp_path: Path) -> None:
    write_licel(
        tmp_path / "raw",
        simulate_licel(Sky((Layer(0.0, 1500.0, 0.2, 70.0),)), ONE, np.random.default_rng(3))[0],
    )
    elastic, step = step_named("lidar-elastic"), step_named("lidar-transmission-online")
    errors = []
    for column in (None, [[355, 0.2, 0.01]]):
        parameters = elastic.complete({"column": column})
        elastic.run({"lidar": tmp_path / "raw"}, tmp_path / "e.h5", parameters, {})
        summary = step.run({"profile": tmp_path / "e.h5"}, tmp_path / "t.h5", step.complete({}), {})
        assert summary["flags"] == ([] if column else ["assumed-lidar-ratio"])
        errors.append(read_transmission(tmp_path / "t.h5").arrays["error"][0, 1, -1])
    assert errors[1] < 0.7 * errors[0]
