# SPDX-License-Identifier: BSD-3-Clause
"""A LIDAR's night, scan, final profile and transmission as steps; what can be wrong with their input."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from pellucid.archive.ingest import sniff
from pellucid.atmosphere.lidar.raman import depth
from pellucid.atmosphere.molecular import standard_air
from pellucid.cli.run import run
from pellucid.errors import (
    ConfigurationError,
    CorruptedInput,
    InsufficientStatistics,
    MissingInput,
    UsageError,
)
from pellucid.formats.air_profile import air_profile_time, read_air_profile, write_air_profile
from pellucid.formats.cover import cover_of
from pellucid.formats.licel import LicelFile, write_licel
from pellucid.formats.lidar_night import read_lidar_night
from pellucid.formats.lidar_profile import read_lidar_profile, read_optical_depth
from pellucid.formats.lidar_scan import read_lidar_scan
from pellucid.formats.transmission import read_transmission
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.atmosphere import analyse_files
from pellucid.pipeline.steps.lidar import scan_files
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel, simulate_scan
from pellucid.simulate.lidar_night import simulate_lidar_night

SKY = Sky((Layer(0.0, 1500.0, 0.2), Layer(9000.0, 10000.0, 0.2, 25.0, 0.0)))
DRY = {"dead_time": 4.0}


@pytest.fixture(scope="module")
def files() -> list[LicelFile]:
    return simulate_licel(SKY, CTA, np.random.default_rng(4), files=3)


@pytest.fixture(scope="module")
def paths(files: list[LicelFile], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("raw")
    for file in files:
        write_licel(folder / file.header.name, file)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def profile(paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "p.h5"
    step = step_named("lidar-raman")
    pairs = {"wavelengths": [[355, 387], [532, 607]]}
    summary = step.run({"lidar": paths[0]}, path, step.complete(pairs), {})
    # 0.127 of the aerosol lie above full overlap, below a grey cloud of 0.2
    true = -np.log((0.127 + 0.2) / (0.127 * 355.0 / 532.0 + 0.2)) / np.log(355.0 / 532.0)
    assert abs(summary["angstrom"] - true) < 4.0 * summary["angstrom_error"]
    return path


def test_the_final_profile_takes_the_air_of_the_night(paths: list[Path], tmp_path: Path) -> None:
    heights = np.arange(2000.0, 30000.0, 200.0)
    step = step_named("lidar-final")
    found = {}
    for name, factor in (("same", 1.0), ("dense", 1.05)):
        air = standard_air(heights)
        write_air_profile(
            tmp_path / name, replace(air, pressure=air.pressure * factor), "2026-11-23T21:00:00"
        )
        output = tmp_path / f"{name}.h5"
        parameters = step.complete({**DRY, "draws": 40})
        step.run({"lidar": paths[0], "air": tmp_path / name}, output, parameters, {})
        found[name] = read_lidar_profile(output).group("nm355")
    # denser air explains more of the slope: less is left for aerosol
    low = found["same"]["range"] < 4000.0
    difference = np.nanmean(found["dense"]["extinction"][low] - found["same"]["extinction"][low])
    assert -6e-6 < difference < -1e-6
    raman = step_named("lidar-raman")
    raman.run({"lidar": paths[0]}, tmp_path / "r.h5", raman.complete(DRY), {})
    plain = read_lidar_profile(tmp_path / "r.h5").group("nm355")
    both = np.isfinite(plain["extinction"]) & np.isfinite(found["same"]["extinction"])
    assert found["same"]["extinction"][both] == pytest.approx(plain["extinction"][both], abs=1e-6)
    assert not np.array_equal(plain["extinction_error"], found["same"]["extinction_error"], equal_nan=True)


def test_profiles_of_the_air_are_recognised_with_their_time(tmp_path: Path) -> None:
    path = tmp_path / "air.ecsv"
    write_air_profile(path, standard_air(np.arange(0.0, 9000.0, 500.0)), "2026-11-23T21:00:00")
    assert sniff(path).product_type == "DL0/Monitoring/Array/AirProfile"
    assert cover_of(path, "ecsv").time_start == air_profile_time(path)
    assert read_air_profile(path).pressure[0] == pytest.approx(101325.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("pressure", "p"), "bad-air-profile"),
        (("unit: hPa", "unit: K"), "bad-air-profile"),
        (("# %ECSV 1.0", "# nothing"), "bad-air-profile"),
        (("2026-11-23T21:00:00", "yesterday"), "bad-air-profile"),
    ],
)
def test_what_is_no_profile_of_the_air_is_told(change: tuple[str, str], code: str, tmp_path: Path) -> None:
    path = tmp_path / "air.ecsv"
    write_air_profile(path, standard_air(np.arange(0.0, 9000.0, 500.0)), "2026-11-23T21:00:00")
    path.write_text(path.read_text().replace(*change))
    read = air_profile_time if "yesterday" in change else read_air_profile
    with pytest.raises(CorruptedInput) as caught:
        read(path)
    assert caught.value.code == code
    with pytest.raises(MissingInput):
        read_air_profile(tmp_path / "none")


def test_a_night_leaves_bad_files_out_and_counts_them(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "half").write_bytes(paths[1].read_bytes()[:5000])
    step = step_named("lidar-night")
    given = {"lidar": (*paths, tmp_path / "half")}
    summary = step.run(given, tmp_path / "n.h5", step.complete({**DRY, "files_per_profile": 2}), {})
    assert summary["rejected"] == 1
    assert summary["flags"] == ["rejected-files"]
    assert summary["cloudy_355"] == 1.0
    night = read_lidar_night(tmp_path / "n.h5")[0][355]
    assert night.light.shape[0] == 3
    assert night.time.shape[0] == 2


def test_a_scan_gives_the_depth_of_the_sky(tmp_path: Path) -> None:
    sky = Sky((Layer(0.0, 1800.0, 0.25),))
    angles = (0.0, 30.0, 50.0, 60.0)
    dim = replace(CTA, channels=tuple(c for c in CTA.channels if c.laser == 355))
    made = simulate_scan(sky, dim, np.random.default_rng(3), angles, unevenness=0.03)
    folder = tmp_path / "raw"
    folder.mkdir()
    for file in made:
        write_licel(folder / file.header.name, file)
    step = step_named("lidar-scan")
    parameters = step.complete({**DRY, "stop": 6400.0})
    summary = step.run({"lidar": tuple(sorted(folder.iterdir()))}, tmp_path / "s.h5", parameters, {})
    assert summary["directions"] == 4
    found = read_lidar_scan(tmp_path / "s.h5")
    group = found.group("nm355")
    at = (np.arange(1200) + 0.5) * 7.5
    truth = np.interp(group["height"], at, depth(sky.aerosol(at, 355.0)[0], 7.5))
    assert group["depth"] == pytest.approx(truth, abs=0.03)
    assert found.attributes["nm355"]["has_prior"]
    assert found.attributes["nm355"]["ground"] is None
    air = standard_air(np.arange(2000.0, 30000.0, 200.0))
    write_air_profile(tmp_path / "air", replace(air, pressure=air.pressure * 1.05), "2026-11-23T21:00:00")
    given = {"lidar": tuple(sorted(folder.iterdir())), "air": tmp_path / "air"}
    step.run(given, tmp_path / "a.h5", parameters, {})
    # denser air leaves less to aerosol
    assert read_lidar_scan(tmp_path / "a.h5").group("nm355")["depth"][-1] < group["depth"][-1] - 0.003
    with pytest.raises(ConfigurationError) as caught:
        scan_files(made[:1], parameters)
    assert caught.value.code == "scan-angles"


def test_horizontal_shots_of_a_scan_tell_the_extinction_at_the_ground(tmp_path: Path) -> None:
    sky = Sky((Layer(0.0, 1800.0, 0.25),))
    dim = replace(CTA, channels=tuple(c for c in CTA.channels if c.laser == 355))
    random = np.random.default_rng(3)
    made = simulate_scan(sky, dim, random, (0.0, 40.0, 60.0), unevenness=0.0)
    level = simulate_licel(sky, dim, random, zenith=90.0)
    step = step_named("lidar-scan")
    parameters = step.complete({**DRY, "stop": 6400.0, "start": 1000.0, "wavelengths": [[355, 0]]})
    fits = [scan_files(files, parameters)[0][355] for files in (made, [*made, *level])]
    ground = fits[1].ground
    assert ground is not None
    true = float(sky.aerosol(np.array([0.0]), 355.0)[0][0])
    assert abs(ground.extinction - true) < 4.0 * ground.error
    assert ground.error < 0.05 * true
    assert fits[0].ground is None
    assert fits[1].error[0] < fits[0].error[0]
    assert fits[1].value[0] == pytest.approx(true * fits[1].height[0], rel=0.1)
    with pytest.raises(ConfigurationError) as caught:
        scan_files(level, parameters)
    assert caught.value.code == "scan-angles"
    dark = replace(dim, channels=tuple(replace(c, constant=c.constant * 1e-9) for c in dim.channels))
    unlit = simulate_licel(sky, dark, random, zenith=90.0)
    _, _, flags = scan_files([*made, *unlit], parameters)
    assert flags == ["355: no-horizontal"]


def test_the_transmission_follows_from_the_profile(profile: Path, tmp_path: Path) -> None:
    step = step_named("lidar-transmission")
    summary = step.run({"profile": profile}, tmp_path / "t.h5", step.complete({}), {})
    found = read_transmission(tmp_path / "t.h5").arrays
    value, error = found["transmission"], found["error"]
    assert value.shape == (6, 6, found["height"].size)
    assert ((value > 0.0) & (value < 1.0)).all()
    assert (np.diff(value, axis=0) < 0.0).all()
    # a measured depth may fall with height, but only within its noise
    assert (np.diff(value, axis=2) < 3.0 * error[..., 1:]).all()
    again = (found["factors"] ** 2).sum(axis=-1) + found["diagonal"]
    assert np.sqrt(again) == pytest.approx(error, rel=1e-6)
    depths, (zenith, altitude) = read_optical_depth(profile)
    assert (zenith, altitude) == (0.0, 2200.0)
    cell = int(np.argmin(np.abs(found["height"] - 5000.0)))
    aerosol = depths[355].below + depths[355].between(depths[355].start, 5000.0)[0]
    molecular = -np.log(value[0, 1, cell]) - aerosol
    assert molecular == pytest.approx(0.22, abs=0.02)
    assert summary["aerosol_depth"] > 0.15


def test_elastic_light_tells_the_transmission_within_the_error_of_its_lidar_ratio(tmp_path: Path) -> None:
    (file,) = simulate_licel(Sky((Layer(0.0, 1500.0, 0.2),)), CTA, np.random.default_rng(5))
    write_licel(tmp_path / "raw", file)
    found = []
    for suffix, maker in (("-online", "lidar-elastic"), ("", "lidar-raman")):
        name = f"lidar-transmission{suffix}"
        made, output = tmp_path / f"{maker}.h5", tmp_path / f"{name}.h5"
        step_named(maker).run({"lidar": tmp_path / "raw"}, made, step_named(maker).complete({}), {})
        step = step_named(name)
        summary = step.run({"profile": made}, output, step.complete({"top": 5000.0}), {})
        assert summary["flags"] == (["assumed-lidar-ratio"] if suffix else [])
        found.append(read_transmission(output))
    online, raman = (x.arrays for x in found)
    assert found[0].attributes["flags"] == ["assumed-lidar-ratio"]
    cells = min(x["height"].size for x in (online, raman))
    assert cells > 4
    error = np.hypot(online["error"][..., :cells], raman["error"][..., :cells])
    pull = (online["transmission"][..., :cells] - raman["transmission"][..., :cells]) / error
    assert np.abs(pull).max() < 3.0
    assert (online["error"][0, 1, 2:cells] > 0.01).all()  # 0.13 of aerosol, whose ratio is known to 30 %


def test_without_an_optical_depth_there_is_no_transmission(tmp_path: Path) -> None:
    # no clean air between the ground layer and a low cloud
    low = Sky((Layer(0.0, 1500.0, 0.2), Layer(4000.0, 4500.0, 0.2, 25.0, 0.0)))
    write_licel(tmp_path / "raw", simulate_licel(low, CTA, np.random.default_rng(4))[0])
    elastic = step_named("lidar-elastic")
    elastic.run({"lidar": tmp_path / "raw"}, tmp_path / "e.h5", elastic.complete(DRY), {})
    step = step_named("lidar-transmission")
    with pytest.raises(InsufficientStatistics) as caught:
        step.run({"profile": tmp_path / "e.h5"}, tmp_path / "t.h5", step.complete({}), {})
    assert caught.value.code == "no-optical-depth"
    assert not (tmp_path / "t.h5").exists()
    with pytest.raises(CorruptedInput) as other:
        read_transmission(tmp_path / "e.h5")
    assert other.value.code == "bad-lidar-product"


def with_raw(file: LicelFile, nm: int, raw: np.ndarray) -> LicelFile:
    index = file.index(nm, photon=True)
    return replace(file, raw=tuple(raw if i == index else r for i, r in enumerate(file.raw)))


def test_a_profile_without_any_count_is_told(files: list[LicelFile]) -> None:
    dark = with_raw(files[0], 355, np.zeros_like(files[0].raw[0]))
    with pytest.raises(CorruptedInput) as caught:
        analyse_files([dark], step_named("lidar-elastic").complete(DRY))
    assert caught.value.code == "lidar-no-counts"


def test_a_missing_raman_channel_is_named(files: list[LicelFile]) -> None:
    with pytest.raises(MissingInput) as caught:
        analyse_files(files[:1], step_named("lidar-raman").complete({**DRY, "wavelengths": [[355, 386]]}))
    assert caught.value.code == "licel-no-channel"
    assert "387 nm BC" in caught.value.got


def test_a_dead_raman_channel_costs_the_depth_and_nothing_else(files: list[LicelFile]) -> None:
    index = files[0].index(387, photon=True)
    noise = np.random.default_rng(1).poisson(1.0, files[0].raw[index].size).astype(np.int32)
    found = analyse_files([with_raw(files[0], 387, noise)], step_named("lidar-raman").complete(DRY))[355]
    assert "no-raman-signal" in found.flags
    assert found.optical_depth is None
    assert found.reference is not None


def test_without_clean_air_the_elastic_result_is_withheld() -> None:
    hazy = Sky((Layer(0.0, 14000.0, 0.9, 30.0),))
    file = simulate_licel(hazy, CTA, np.random.default_rng(2))
    parameters = step_named("lidar-elastic").complete({**DRY, "reference": [2000.0, 9000.0], "stop": 9000.0})
    found = analyse_files(file, parameters)[355]
    assert found.reference is None
    assert "no-reference" in found.flags
    assert np.isnan(found.extinction.value).all()
    assert np.isnan(found.backscatter.value).all()


def test_a_cloud_that_eats_the_signal_leaves_the_height_of_last_trust() -> None:
    sky = Sky((Layer(0.0, 1500.0, 0.1), Layer(5000.0, 6000.0, 8.0, 20.0, 0.0)))
    found = analyse_files(
        simulate_licel(sky, CTA, np.random.default_rng(2)), step_named("lidar-raman").complete(DRY)
    )[355]
    assert 5000.0 < found.trusted < 7500.0
    assert found.optical_depth is not None
    assert found.optical_depth.trusted < 7000.0


def test_files_of_several_directions_are_no_profile(files: list[LicelFile]) -> None:
    turned = replace(files[1], header=replace(files[1].header, pointing=(30.0, 0.0)))
    with pytest.raises(CorruptedInput) as caught:
        analyse_files([files[0], turned], step_named("lidar-raman").complete(DRY))
    assert caught.value.code == "lidar-directions"


def test_a_night_goes_from_the_command_line_to_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--workspace", str(tmp_path / "w"), "-q"]
    raw = tmp_path / "raw"
    assert run(["simulate", "lidar", "-o", str(raw), "--files", "2", "--cloud", "0"]) == 0
    assert run(["ingest", *map(str, sorted(raw.iterdir())), *where]) == 0
    assert run(["run", "--night", "2026-11-23", "--level", "B", "--steps", "lidar-night", *where]) == 0
    page = tmp_path / "page.html"
    assert run(["lidar", "2026-11-23", "-o", str(page), *where]) == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert run(["lidar", "2026-11-23", "-o", str(page), *where]) == 2
    assert run(["lidar", "2026-11-20", "-o", str(tmp_path / "x"), *where]) == 105
    assert run(["lidar", "today", "-o", str(tmp_path / "x"), *where]) == 2
    capsys.readouterr()


def test_a_night_that_cannot_be_simulated_is_told(tmp_path: Path) -> None:
    begin = datetime(2026, 1, 1)
    for zenith, files in (("up", 1), ("95", 1), ("0", 0)):
        with pytest.raises(UsageError):
            simulate_lidar_night(
                tmp_path,
                seed=1,
                files=files,
                aerosol=0.1,
                cloud=0.0,
                zenith=zenith,
                start=begin,
            )
