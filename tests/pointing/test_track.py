# SPDX-License-Identifier: BSD-3-Clause
"""The drive's track: interpolated across north, silent in gaps, corrected by a bending model."""

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput
from pellucid.formats.fact_drive import DriveLog, read_drive_log, read_source_commands
from pellucid.pointing.bending import fit_bending
from pellucid.pointing.track import Track
from pellucid.simulate.stars import simulate_sky

S = 1_000_000_000
START = 1_700_000_000 * S


@pytest.fixture(scope="module")
def log(data_dir: Path) -> DriveLog:
    return read_drive_log(data_dir / "camera" / "fact" / "testDriveFile.fits")


@given(st.floats(0.0, 359.99), st.floats(-5.0, 5.0))
@settings(deadline=None, max_examples=100)
def test_azimuth_is_interpolated_the_short_way(first: float, speed: float) -> None:
    azimuth = (first + speed * np.arange(5)) % 360.0
    track = Track.of(START + S * np.arange(5), azimuth * u.deg, np.full(5, 60.0) * u.deg)
    got, altitude = track.at(START + S * np.array([1, 2]) + S // 2)
    expected = (first + speed * np.array([1.5, 2.5])) % 360.0
    away = (got.to_value(u.deg) - expected + 180.0) % 360.0 - 180.0
    assert np.abs(away).max() < 1e-9
    assert ((got >= 0 * u.deg) & (got < 360 * u.deg)).all()
    assert altitude.to_value(u.deg) == pytest.approx(60.0)


def test_gaps_and_the_ends_are_not_tracked() -> None:
    times = START + S * np.array([0, 1, 2, 20, 21])
    track = Track.of(times, np.arange(5) * u.deg, np.full(5, 50.0) * u.deg)
    assert track.at(times)[0].to_value(u.deg) == pytest.approx(np.arange(5))
    for moment in (times[2] + 5 * S, times[0] - 1, times[-1] + 1):
        with pytest.raises(MissingInput) as error:
            track.at([times[1], moment])
        assert error.value.code == "not-tracked"
    track.at(times[2] + 5 * S, longest_gap=30.0 * u.s)


def test_logs_that_cannot_be_are_refused() -> None:
    here = {"azimuth": np.array([1.0, 2.0, 3.0]) * u.deg, "altitude": np.full(3, 50.0) * u.deg}
    with pytest.raises(CorruptedInput) as back:
        Track.of(START + S * np.array([0, 2, 1]), **here)
    assert (back.value.code, back.value.where) == ("time-backwards", "line 3")
    with pytest.raises(CorruptedInput) as twice:
        Track.of(START + S * np.array([0, 1, 1]), **here)
    assert twice.value.code == "repeated-time"
    same = Track.of(
        START + S * np.array([0, 1, 1]), np.array([359.0, 0.5, 360.5]) * u.deg, np.full(3, 50.0) * u.deg
    )
    assert same.time.size == 2
    with pytest.raises(MissingInput):
        Track.of([], [] * u.deg, [] * u.deg)
    with pytest.raises(ConfigurationError):
        Track.of(START + S * np.arange(3), np.arange(3), here["altitude"])


def test_the_correction_puts_the_telescope_where_it_looks() -> None:
    truth = {"IA": 300.0, "IE": -120.0, "CA": 45.0, "AN": 15.0}
    run = simulate_sky(np.random.default_rng(2), 200, truth, 5.0)
    model = fit_bending(run.altitude, run.azimuth, run.across, run.upward, terms=tuple(truth))
    track = Track.of(
        START + S * np.arange(50), np.linspace(350, 370, 50) * u.deg, np.linspace(40, 80, 50) * u.deg
    )
    table = track.corrections(model)
    corrected = track.corrected(table)
    across, upward = model.offset(track.altitude * u.rad, track.azimuth * u.rad)
    assert np.degrees(corrected.altitude - track.altitude) * 3600 == pytest.approx(upward.value)
    moved = np.degrees(corrected.azimuth - track.azimuth) * 3600 * np.cos(track.altitude)
    assert moved == pytest.approx(across.value)
    assert (table.azimuth_error > table.altitude_error).any()
    other = Track.of(START + S * np.arange(49), np.ones(49) * u.deg, np.ones(49) * u.deg)
    with pytest.raises(CorruptedInput, match="another log"):
        other.corrected(table)


def test_a_real_night_is_where_the_sky_was(log: DriveLog) -> None:
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    track = Track.of(log.time, log.azimuth * u.deg, (90.0 - log.zenith) * u.deg)
    assert (np.diff(track.time) > 5 * S).sum() == 32
    some = slice(500, None, 1500)
    place = EarthLocation(lat=28.7617 * u.deg, lon=-17.8911 * u.deg, height=2200 * u.m)
    when = Time(log.time[some] / 1e9, format="unix_tai")
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "warn"):
        source = SkyCoord(log.right_ascension[some] * u.hourangle, log.declination[some] * u.deg)
        seen = source.transform_to(AltAz(obstime=when, location=place))
    azimuth, altitude = track.at(log.time[some])
    sent = SkyCoord(azimuth, altitude, frame=AltAz(obstime=when, location=place))
    assert sent.separation(seen).max() < 0.1 * u.deg


def test_sources_of_a_real_night(data_dir: Path, log: DriveLog, tmp_path: Path) -> None:
    path = data_dir / "camera" / "fact" / "20130102.DRIVE_CONTROL_SOURCE_POSITION.fits"
    commands = read_source_commands(path)
    assert len(commands.name) == 32
    assert "Crab" in commands.name
    assert set(np.round(commands.offset, 3)) == {0.0, 0.6}
    with pytest.raises(CorruptedInput) as error:
        read_drive_log(path)
    assert error.value.code == "unknown-table"
    with pytest.raises(MissingInput):
        read_drive_log(tmp_path / "none.fits")
    (tmp_path / "text.fits").write_text("no FITS at all\n" * 300)
    with pytest.raises(CorruptedInput) as text:
        read_drive_log(tmp_path / "text.fits")
    assert text.value.code == "not-fits"
