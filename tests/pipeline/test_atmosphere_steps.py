# SPDX-License-Identifier: BSD-3-Clause
"""From a LIDAR's file through the archive to profiles: bytes, numbers, errors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.archive.workspace import Workspace
from pellucid.atmosphere.lidar.raman import depth
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.formats.licel import LicelFile, write_licel
from pellucid.formats.lidar_profile import read_lidar_profile
from pellucid.pipeline.execute import execute
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.atmosphere import analyse_files
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel

SKY = Sky((Layer(0.0, 1500.0, 0.2), Layer(9000.0, 10000.0, 0.2, 25.0, 0.0)))
RAMAN, ELASTIC = step_named("lidar-raman"), step_named("lidar-elastic")


@pytest.fixture(scope="module")
def files() -> list[LicelFile]:
    return simulate_licel(SKY, CTA, np.random.default_rng(4), files=3)


def test_a_file_in_the_archive_becomes_the_same_product_twice(files: list[LicelFile], tmp_path: Path) -> None:
    write_licel(tmp_path / "SM.000", files[0])
    hashes = []
    for name in ("one", "two"):
        with Workspace.open(tmp_path / name) as workspace:
            raw, _ = workspace.archive.ingest(tmp_path / "SM.000")
            assert raw.product_type == "DL0/Monitoring/Subarray/Lidar"
            made = execute(workspace.archive, RAMAN, {"lidar": raw}).product
            elastic = execute(workspace.archive, ELASTIC, {"lidar": raw}).product
            assert execute(workspace.archive, RAMAN, {"lidar": raw}).reused
            hashes.append((made.sha256, elastic.sha256))
            found = read_lidar_profile(workspace.archive.path(made)).group("nm355")
    assert hashes[0] == hashes[1]
    assert made.summary["clouds"] == 1
    assert np.isfinite(found["extinction"][found["extinction_status"] == 0]).all()
    assert found["layers"]["cloud"].sum() == 1


def test_the_optical_depth_is_that_of_the_sky(files: list[LicelFile]) -> None:
    a = analyse_files(files, RAMAN.complete({"wavelengths": [[355, 387], [532, 607]]}))
    for wavelength in (355, 532):
        got = a[wavelength].optical_depth
        assert got is not None
        height = a[wavelength].range
        true = depth(SKY.aerosol(height, wavelength)[0], 7.5)
        value, error = got.between(got.start, 5000.0)
        assert abs(value - np.interp(5000.0, height, true) + np.interp(got.start, height, true)) < 4 * error
        assert error < 0.02


def test_the_elastic_step_flags_what_it_cannot_know(files: list[LicelFile]) -> None:
    a = analyse_files(files[:1], ELASTIC.complete({}))[355]
    assert a.flags == ("no-raman-channel",)
    assert np.isnan(a.lidar_ratio.value).all()
    assert not a.has_raman
    # what is told by an assumed ratio ends below the cloud
    assert a.optical_depth is not None
    assert a.optical_depth.trusted < 9000.0


def test_a_thick_cloud_leaves_the_elastic_profile_out(tmp_path: Path) -> None:
    sky = Sky((Layer(0.0, 1500.0, 0.2), Layer(3000.0, 4000.0, 6.0, 20.0, 0.0)))
    write_licel(tmp_path / "f", simulate_licel(sky, CTA, np.random.default_rng(4))[0])
    summary = RAMAN.run({"lidar": tmp_path / "f"}, tmp_path / "p.h5", RAMAN.complete({}), {})
    assert "355: no-reference" in summary["flags"]
    assert 3000.0 < summary["trusted_355"] < 5500.0
    contents = read_lidar_profile(tmp_path / "p.h5")
    found = contents.group("nm355")
    assert np.isnan(found["backscatter"]).all()
    assert "no-reference" in contents.attributes["nm355"]["flags"]
    assert contents.attributes["nm355"]["reference"] is None
    assert np.isfinite(found["depth"]).all()


def test_wrong_parameters_are_told(files: list[LicelFile], tmp_path: Path) -> None:
    write_licel(tmp_path / "f", files[0])
    for changes, error, code in [
        ({"time_zone": "Mars/Olympus"}, ConfigurationError, "unknown-time-zone"),
        ({"background": [70000.0, 80000.0]}, ConfigurationError, "background-window"),
        ({"wavelengths": [[355, 408]]}, MissingInput, "licel-no-channel"),
        ({"wavelengths": [355]}, ConfigurationError, "bad-wavelengths"),
        ({"dead_time": "4 ns"}, ConfigurationError, "wrong-type"),
    ]:
        with pytest.raises(error) as caught:
            RAMAN.run({"lidar": tmp_path / "f"}, tmp_path / "p.h5", RAMAN.complete(changes), {})
        assert caught.value.code == code
    dim = replace(CTA, channels=tuple(replace(c, constant=c.constant * 1e-6) for c in CTA.channels))
    dark = simulate_licel(Sky(), dim, np.random.default_rng(1))
    with pytest.raises(InsufficientStatistics, match="dead time") as told:
        analyse_files(dark, RAMAN.complete({}))
    assert "parameter dead_time" in told.value.mend


def test_other_files_are_no_profile(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_lidar_profile(tmp_path / "none")
    (tmp_path / "text").write_text("no")
    with pytest.raises(CorruptedInput):
        read_lidar_profile(tmp_path / "text")
