# SPDX-License-Identifier: BSD-3-Clause
"""From maps of the pedestals' variance to how far off a telescope looked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import ICRS, SkyCoord
from astropy.table import Table

from pellucid.archive import Workspace
from pellucid.camera.coefficients import CameraCalibration
from pellucid.camera.estimate import Estimate
from pellucid.cli.run import run as command
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.formats.camera_calibration import read_calibration, write_calibration
from pellucid.formats.delivery.parquet import write_parquet
from pellucid.formats.delivery.table import WrittenColumn
from pellucid.formats.description import read_description
from pellucid.formats.star_catalogue import read_star_catalogue
from pellucid.formats.star_offsets import read_star_offsets, write_star_offsets
from pellucid.pipeline.night import Night
from pellucid.pipeline.steps import step_named
from pellucid.pointing.sky import horizon, known_earth, stars_in_view
from pellucid.simulate.run import SimulatedRun, SimulationConfig, simulate_run
from pellucid.simulate.stars import simulate_spots

STEP = step_named("star-offsets")
S = 1_000_000_000
AZIMUTH, ALTITUDE = 100.0, 60.0
STARS = np.array([[0.5, 0.1], [-0.4, 0.5], [0.0, -0.6], [-0.5, -0.4]])
"""Upward and along azimuth, in deg."""

UNITS = {"time": "ns", "state": ""}

ACROSS, UPWARD = 70.0, -40.0
"""By how much the telescope looks off, in arcsec."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    config = SimulationConfig(camera="small", telescopes=1, pedestals=60, flashes=100, showers=0, muons=0)
    return simulate_run(config, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def plain(run: SimulatedRun, tmp_path_factory: pytest.TempPathFactory) -> CameraCalibration:
    path, step = tmp_path_factory.mktemp("made") / "c.h5", step_named("camera-coefficients")
    step.run({"events": run.telescopes[1], "description": run.description}, path, step.complete(), {})
    return read_calibration(path)


@pytest.fixture(scope="module")
def inputs(
    run: SimulatedRun, plain: CameraCalibration, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Write a map with four stars of a catalogue, of a telescope that looks off, and the log of its drive."""
    folder = tmp_path_factory.mktemp("stars")
    array = read_description(run.description)
    telescope, place = array.telescopes[1], array.reference
    focal = telescope.optics.focal_length()
    middle = (plain.start + plain.stop) // 2
    frame = horizon(middle, (place.longitude, place.latitude, place.height))
    axis = SkyCoord(AZIMUTH * u.deg, ALTITUDE * u.deg, frame=frame)
    up, along = STARS.T * u.deg
    with known_earth(frame.obstime):
        on_sky = SkyCoord(along, up, frame=axis.skyoffset_frame()).transform_to(frame)
        on_sky = SkyCoord(on_sky.az, on_sky.alt, frame=frame).transform_to(ICRS())
    table = Table(
        {"RA": on_sky.ra.deg * u.deg, "DEC": on_sky.dec.deg * u.deg, "Vmag": np.full(4, 3.0) * u.mag}
    )
    table.meta["EPOCH"] = 2000.0
    table.write(folder / "stars.fits")
    places = focal * np.radians(STARS - np.array([UPWARD, ACROSS]) / 3600.0)
    pixels = np.stack([telescope.geometry.pix_x, telescope.geometry.pix_y], axis=1)
    width = focal * np.radians(0.06)
    random = np.random.default_rng(1)
    value, error = simulate_spots(random, pixels, places, np.full(4, 40.0), width, 4.0, 2000)
    factor = plain.factor.value[0]
    value, error = (np.stack([v / factor**2] * len(plain.factor.value)) for v in (value, error))
    drawn = Estimate(value, error, 2000, plain.pedestal.charge_variance.status)
    seen = replace(plain, pedestal=replace(plain.pedestal, charge_variance=drawn))
    write_calibration(folder / "map.h5", seen, {}, 1)
    return {
        "maps": (folder / "map.h5",),
        "drive": drive(folder / "drive", plain),
        "description": run.description,
        "catalogue": folder / "stars.fits",
    }


def drive(path: Path, plain: CameraCalibration, state: str = "tracking", **changes: Any) -> Path:
    time = np.arange(plain.start - 3 * S, plain.stop + 3 * S, S // 2)
    columns: dict[str, Any] = {"time": time, "state": np.full(time.size, state)}
    for name, angle in (("azimuth", AZIMUTH), ("altitude", ALTITUDE)):
        columns |= {name: np.full(time.size, angle), f"{name}_asked": np.full(time.size, angle)}
    write_parquet(
        path, {"tel_id": 1} | changes, {n: WrittenColumn(c, UNITS.get(n, "deg")) for n, c in columns.items()}
    )
    return path


def test_how_far_off_a_telescope_looks_is_found(inputs: dict[str, Any], tmp_path: Path) -> None:
    summary = STEP.run(inputs, tmp_path / "s.h5", STEP.complete(), {"made": "here"})
    assert summary["stars"] == 4
    found = read_star_offsets(tmp_path / "s.h5")
    c = {name: float(values[0]) for name, values in found.columns.items()}
    for name, truth in (("across", ACROSS), ("upward", UPWARD), ("rotation", 0.0), ("scale", 0.0)):
        assert abs(c[name] - truth) < 4.0 * c[f"{name}_error"], name
    assert c["across_error"] < 10.0
    assert found.tel_id == 1
    assert (c["azimuth"], c["altitude"]) == pytest.approx((AZIMUTH, ALTITUDE))
    write_star_offsets(tmp_path / "again.h5", found, {"made": "here"})
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "s.h5").read_bytes()


def maps_of_a_look(
    run: SimulatedRun, plain: CameraCalibration, inputs: dict[str, Any], folder: Path, drift: float = 0.0
) -> dict[str, Any]:
    """Write three maps, four minutes apart, of a field that turns; a fourth while the drive slews.

    The offset upward drifts, in arcsec / h, around that of the middle of the three.
    """
    array = read_description(run.description)
    telescope, place = array.telescopes[1], array.reference
    focal = telescope.optics.focal_length()
    pixels = np.stack([telescope.geometry.pix_x, telescope.geometry.pix_y], axis=1)
    table = Table.read(inputs["catalogue"])
    stars = SkyCoord(table["RA"], table["DEC"])
    middle = (plain.start + plain.stop) // 2
    frame = horizon(middle, (place.longitude, place.latitude, place.height))
    with known_earth(frame.obstime):
        source = SkyCoord(AZIMUTH * u.deg, ALTITUDE * u.deg, frame=frame).transform_to(ICRS())
    moments = middle + S * np.array([0, 240, 480, 720])
    random, where, maps = np.random.default_rng(2), [], []
    for k, moment in enumerate(moments.tolist()):
        now = horizon(moment, (place.longitude, place.latitude, place.height))
        with known_earth(now.obstime):
            axis = source.transform_to(now)
            seen = stars.transform_to(now)
            offset = seen.transform_to(SkyCoord(axis.az, axis.alt, frame=now).skyoffset_frame())
        where.append((axis.az.deg, axis.alt.deg))
        on_sky = np.stack([offset.lat.deg, offset.lon.wrap_at(180 * u.deg).deg], axis=1)
        upward = UPWARD + drift * (k - 1) * 240.0 / 3600.0
        places = focal * np.radians(on_sky - np.array([upward, ACROSS]) / 3600.0)
        width, factor = focal * np.radians(0.06), plain.factor.value[0]
        value, error = simulate_spots(random, pixels, places, np.full(4, 40.0), width, 4.0, 2000)
        value, error = (np.stack([v / factor**2] * len(plain.factor.value)) for v in (value, error))
        drawn = Estimate(value, error, 2000, plain.pedestal.charge_variance.status)
        shift = moment - middle
        one = replace(
            plain,
            pedestal=replace(plain.pedestal, charge_variance=drawn),
            start=plain.start + shift,
            stop=plain.stop + shift,
        )
        maps.append(folder / f"map-{k}.h5")
        write_calibration(maps[-1], one, {}, 1)
    time = np.arange(plain.start - 3 * S, plain.stop + 723 * S, S)
    seconds, nodes = (time - middle) / S, (moments - middle) / S
    state = np.where(time < plain.start + 700 * S, "tracking", "slewing")
    columns: dict[str, Any] = {"time": time, "state": state}
    for name, angle in zip(("azimuth", "altitude"), np.transpose(where)):
        columns[name] = columns[f"{name}_asked"] = np.polyval(np.polyfit(nodes, angle, 3), seconds)
    units = {n: WrittenColumn(c, UNITS.get(n, "deg")) for n, c in columns.items()}
    write_parquet(folder / "drive", {"tel_id": 1}, units)
    return {**inputs, "maps": tuple(maps[::-1]), "drive": folder / "drive"}


def test_all_maps_of_a_look_are_fitted_together(
    run: SimulatedRun, plain: CameraCalibration, inputs: dict[str, Any], tmp_path: Path
) -> None:
    given = maps_of_a_look(run, plain, inputs, tmp_path)
    summary = STEP.run(given, tmp_path / "s.h5", STEP.complete(), {})
    assert (summary["looks"], summary["maps_not_tracked"], summary["stars"]) == (1, 1, 12)
    together = {n: float(v[0]) for n, v in read_star_offsets(tmp_path / "s.h5").columns.items()}
    assert together["n_maps"] == 3
    for name, truth in (("across", ACROSS), ("upward", UPWARD), ("rotation", 0.0), ("scale", 0.0)):
        assert abs(together[name] - truth) < 4.0 * together[f"{name}_error"], name
    assert together["chi2"] / together["degrees"] < 2.5
    assert np.isnan(together["across_drift"])
    STEP.run(given, tmp_path / "each.h5", STEP.complete({"together": "1 s"}), {})
    each = read_star_offsets(tmp_path / "each.h5").columns
    assert each["time"].size == 3
    assert together["across_error"] == pytest.approx(each["across_error"].mean() / np.sqrt(3.0), rel=0.1)


def test_a_drift_in_a_look_is_found_where_asked_for(
    run: SimulatedRun, plain: CameraCalibration, inputs: dict[str, Any], tmp_path: Path
) -> None:
    given = maps_of_a_look(run, plain, inputs, tmp_path, drift=900.0)
    STEP.run(given, tmp_path / "s.h5", STEP.complete({"drift": True}), {})
    found = {n: float(v[0]) for n, v in read_star_offsets(tmp_path / "s.h5").columns.items()}
    for name, truth in (("across_drift", 0.0), ("upward_drift", 900.0), ("upward", UPWARD)):
        assert abs(found[name] - truth) < 4.0 * found[f"{name}_error"], name
    assert 8.0 * found["upward_drift_error"] < 900.0
    assert found["chi2"] / found["degrees"] < 2.5


def test_coma_moves_the_stars_that_are_expected(inputs: dict[str, Any], tmp_path: Path) -> None:
    scale = {}
    # an asymmetry that grows with the distance and a scale that does not stretch the camera's image
    coma = {"asymmetry": [0.0, 1.0, 0.2], "radial": [0.005, 0.0, 0.0, 0.0], "polar": [0.01, 1.0, 0.01]}
    for name, given in (("plain", {}), ("coma", {"coma": coma})):
        STEP.run(inputs, tmp_path / name, STEP.complete(given), {})
        scale[name] = float(read_star_offsets(tmp_path / name).columns["scale"][0])
    # S (1 - K^2) / K at K = 1 - 0.2 r is about 0.4 S r
    assert scale["plain"] - scale["coma"] == pytest.approx(0.4 * 0.005, rel=0.1)


def test_a_look_at_stars_is_a_product_of_a_run(
    inputs: dict[str, Any], plain: CameraCalibration, tmp_path: Path
) -> None:
    where = ["--workspace", str(tmp_path / "ws")]
    with Workspace.open(tmp_path / "ws") as workspace:
        for path, kind in (
            (inputs["maps"][0], "DL1/Monitoring/Telescope/CameraCalibration"),
            (inputs["drive"], "DL0/Monitoring/Telescope/Drive"),
        ):
            workspace.archive.ingest(path, kind, telescopes=[1], time_start=plain.start, time_stop=plain.stop)
    for role, kind in (("catalogue", "DL0/Service/Array/StarCatalogue"), ("description", "")):
        given = ["--type", kind] if kind else []
        assert command(["ingest", str(inputs[role]), *given, *where]) == 0
    night = Night.at(plain.start, -17.9).day
    assert command(["run", "--night", night, "--level", "B", "--steps", "star-offsets", *where]) == 0
    with Workspace.open(tmp_path / "ws") as workspace:
        (made,) = workspace.archive.find(product_type="DL1/Monitoring/Telescope/StarOffset")
        assert (made.telescopes, made.summary["stars"]) == ((1,), 4)


def test_a_catalogue_without_an_epoch_is_refused(inputs: dict[str, Any], tmp_path: Path) -> None:
    table = Table.read(inputs["catalogue"])
    table.meta.pop("EPOCH")
    table.write(tmp_path / "bare.fits")
    bare = inputs | {"catalogue": tmp_path / "bare.fits"}
    with pytest.raises(ConfigurationError) as error:
        STEP.run(bare, tmp_path / "s", STEP.complete(), {})
    assert error.value.code == "no-epoch"
    assert STEP.run(bare, tmp_path / "s", STEP.complete({"epoch": 2000.0}), {})["stars"] == 4
    table["RA"].unit = None
    table.write(tmp_path / "unitless.fits")
    with pytest.raises(CorruptedInput) as unit:
        read_star_catalogue(tmp_path / "unitless.fits", 2000.0)
    assert unit.value.code == "no-column"
    with pytest.raises(CorruptedInput) as text:
        read_star_catalogue(inputs["maps"][0], 2000.0)
    assert text.value.code == "not-fits"


def test_a_drive_that_slews_or_is_another_tells_no_offsets(
    plain: CameraCalibration, inputs: dict[str, Any], tmp_path: Path
) -> None:
    later = replace(plain, start=plain.start + 3600 * S, stop=plain.stop + 3600 * S)
    slewing, elsewhere = drive(tmp_path / "a", plain, "slewing"), drive(tmp_path / "c", later)
    for log in (slewing, elsewhere):
        with pytest.raises(MissingInput) as error:
            STEP.run(inputs | {"drive": log}, tmp_path / "s", STEP.complete(), {})
        assert error.value.code == "not-tracked"
    with pytest.raises(CorruptedInput) as other:
        STEP.run(
            inputs | {"drive": drive(tmp_path / "b", plain, tel_id=2)}, tmp_path / "s", STEP.complete(), {}
        )
    assert other.value.code == "other-telescope"


def test_a_sky_without_stars_tells_no_offsets(inputs: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises((InsufficientStatistics, MissingInput)):
        STEP.run(inputs, tmp_path / "s", STEP.complete({"faintest": 2.0}), {})
    with pytest.raises(InsufficientStatistics):
        STEP.run(inputs, tmp_path / "s", STEP.complete({"least": 500.0}), {})


def test_stars_of_a_real_catalogue_are_where_they_are_known_to_be(data_dir: Path) -> None:
    catalogue = read_star_catalogue(data_dir / "camera" / "fact" / "yale_bright_stars.fits.gz", 2000.0)
    site = (-17.89, 28.76, 2200.0)
    at = 1_795_471_237 * S
    pole, magnitude = stars_in_view(
        catalogue,
        at,
        0.0 * u.deg,
        site[1] * u.deg,
        site,
        faintest=2.5,
        view=2.0 * u.deg,
        apart=0.1 * u.deg,
    )
    # Polaris, 0.62 deg from the pole in 2026, which refraction lifts by 0.02 deg
    assert magnitude == pytest.approx([2.02], abs=0.02)
    assert np.hypot(*pole.to_value(u.deg)[0]) == pytest.approx(0.63, abs=0.03)
    with pytest.raises(MissingInput) as error:
        stars_in_view(
            catalogue,
            at + 730 * 86400 * S,
            0 * u.deg,
            30 * u.deg,
            site,
            faintest=3.0,
            view=1 * u.deg,
            apart=0 * u.deg,
        )
    assert error.value.code == "no-earth-rotation"
