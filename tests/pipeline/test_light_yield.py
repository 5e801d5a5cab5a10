# SPDX-License-Identifier: BSD-3-Clause
"""From images of a telescope to its light yield in time: closure on a power law, and what tells nothing."""

from dataclasses import asdict
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import tables

from pellucid.array.light_yield import LST1
from pellucid.formats.light_yield import read_light_yield
from pellucid.formats.pointing import write_pointing
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.light_yield import CONSTANTS
from pellucid.pointing.looking import Pointing
from pellucid.pointing.track import Track

SECOND = 10**9
START = 1795399200 * SECOND


def write_images(path: Path, random: np.random.Generator, rate: float, seconds: int) -> None:
    """Write images whose intensities fall as A (I/422)^b from 250 p.e. on, with b of LST-1 at zenith."""
    index = float(LST1.at(0.0 * u.deg)[1])
    above = rate * 422.0 / (-1.0 - index) * (250.0 / 422.0) ** (1.0 + index)
    n = random.poisson(above * seconds)
    size = 250.0 * random.uniform(size=n) ** (1.0 / (1.0 + index))
    time = np.sort(START + random.integers(0, seconds * SECOND, n))
    triggers = np.zeros(n, [("tel_id", "<i2"), ("time", "<u4", (2,))])
    triggers["tel_id"], triggers["time"][:, 0] = 1, time // SECOND
    triggers["time"][:, 1] = time % SECOND * 4
    parameters = np.zeros(n, [("hillas_intensity", "<f8")])
    parameters["hillas_intensity"] = size
    with tables.open_file(str(path), "w") as file:
        file.create_table("/dl1/event/telescope", "trigger", triggers, createparents=True)
        file.create_table("/dl1/event/telescope/parameters", "tel_001", parameters, createparents=True)


def write_zenith(path: Path, seconds: int) -> None:
    time = START + np.arange(0, seconds, 10, dtype=np.int64) * SECOND
    track = Track.of(time, np.zeros(time.size) * u.deg, np.full(time.size, 90.0) * u.deg)
    tracking = np.ones(time.size, np.bool_)
    write_pointing(path, 1, Pointing(track, np.zeros(time.size), tracking, 30.0 * u.s), {})


def test_the_step_s_constants_are_those_of_lst1() -> None:
    own = {"reference_picture": "picture"}
    for name, value in CONSTANTS.items():
        known = asdict(LST1)[own.get(name, name)]
        assert np.array_equal(np.array(value), np.array(known)), name


@pytest.mark.parametrize(("rate", "expected"), [(1.5, 0.8872), (1.0, 0.6397)])
def test_the_yield_closes_on_a_power_law(tmp_path: Path, rate: float, expected: float) -> None:
    step, random = step_named("light-yield"), np.random.default_rng(4)
    write_images(tmp_path / "images.h5", random, rate, 900)
    # the drive's log ends in the 12th minute
    write_zenith(tmp_path / "pointing.h5", 720)
    inputs = {"images": tmp_path / "images.h5", "pointing": tmp_path / "pointing.h5"}
    choices = step.complete({"picture": 8.0, "dead_time": "0 s"})
    summary = step.run(inputs, tmp_path / "yield.h5", choices, {"made": "here"})
    tel_id, found = read_light_yield(tmp_path / "yield.h5")
    assert tel_id == 1
    assert found["status"].tolist() == [0] * 12 + [2] * 3
    good = found["status"] == 0
    pull = (found["value"][good] - expected) / found["error"][good]
    assert abs(pull.mean()) < 4.0 / np.sqrt(good.sum())
    assert 0.4 < pull.std() < 1.8
    assert found["live_time"][0] == pytest.approx(60.0, rel=0.01)
    assert summary["slices_without_yield"] == 3
    step.run(inputs, tmp_path / "again.h5", choices, {"made": "here"})
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "yield.h5").read_bytes()


def test_a_slice_with_too_few_images_has_a_status(tmp_path: Path) -> None:
    step = step_named("light-yield")
    write_images(tmp_path / "images.h5", np.random.default_rng(4), 1e-4, 600)
    write_zenith(tmp_path / "pointing.h5", 720)
    inputs = {"images": tmp_path / "images.h5", "pointing": tmp_path / "pointing.h5"}
    step.run(inputs, tmp_path / "yield.h5", step.complete(), {})
    _, found = read_light_yield(tmp_path / "yield.h5")
    assert set(found["status"].tolist()) == {1}
    assert np.isnan(found["value"]).all()
