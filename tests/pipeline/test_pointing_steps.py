# SPDX-License-Identifier: BSD-3-Clause
"""From drives' logs and stars to where telescopes looked: real and simulated, in force, or refused."""

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from pellucid.archive import Workspace
from pellucid.cli.run import run as command
from pellucid.errors import CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.formats.delivery.parquet import write_parquet
from pellucid.formats.delivery.table import WrittenColumn
from pellucid.formats.pointing import read_pointing
from pellucid.formats.pointing_model import read_pointing_model, write_pointing_model
from pellucid.formats.star_offsets import COLUMNS, StarOffsets, write_star_offsets
from pellucid.interfaces.fake import fake
from pellucid.interfaces.registry import interface_named
from pellucid.pipeline.steps import step_named
from pellucid.pointing.looking import LookStatus
from pellucid.simulate.stars import simulate_sky

POINTING, MODEL = step_named("pointing"), step_named("pointing-model")
S = 1_000_000_000
NIGHT = 1_795_471_237 * S
"""2026-11-23T22:00:00 UTC."""

TRUTH = {"IA": 300.0, "IE": -120.0, "CA": 45.0, "NPAE": -20.0, "AN": 15.0, "AW": -8.0, "TF": 30.0}


UNITS = {
    "time": "ns",
    **dict.fromkeys(("azimuth", "altitude", "azimuth_asked", "altitude_asked"), "deg"),
    **dict.fromkeys(("across", "upward", "across_error", "upward_error"), "arcsec"),
}


def deliver(
    path: Path, tel_id: int | None, columns: dict[str, Any], units: dict[str, str] | None = None
) -> Path:
    metadata = {} if tel_id is None else {"tel_id": tel_id}
    units = UNITS if units is None else units
    written = {name: WrittenColumn(np.asanyarray(c), units.get(name, "")) for name, c in columns.items()}
    write_parquet(path, metadata, written)
    return path


def drive(path: Path, seconds: Any, tel_id: int | None = 3, **changes: Any) -> Path:
    """Write a log that turns through north at 0.1 deg / s, 2 arcsec above what it is asked for."""
    seconds = np.asarray(seconds)
    azimuth = (359.0 + 0.1 * seconds) % 360.0
    columns = {
        "time": NIGHT + S * seconds,
        "azimuth_asked": azimuth,
        "altitude_asked": np.full(seconds.size, 60.0),
        "azimuth": azimuth,
        "altitude": np.full(seconds.size, 60.0 + 2.0 / 3600.0),
        "state": np.full(seconds.size, "tracking"),
    }
    return deliver(path, tel_id, columns | changes)


def stars(path: Path, tel_id: int | None = 3, n: int = 150, seed: int = 1, **changes: Any) -> Path:
    sky = simulate_sky(np.random.default_rng(seed), n, TRUTH, 8.0)
    columns = {
        "time": NIGHT - 3600 * S + S * np.arange(n),
        "azimuth": sky.azimuth.to_value(u.deg),
        "altitude": sky.altitude.to_value(u.deg),
        "across": sky.across.to_value(u.arcsec),
        "upward": sky.upward.to_value(u.arcsec),
        "across_error": np.full(n, 8.0),
        "upward_error": np.full(n, 8.0),
        "n_stars": np.ones(n, np.int64),
    }
    return deliver(path, tel_id, columns | changes)


def pointing(path: Path, output: Path, **parameters: Any) -> Any:
    POINTING.run({"drive": path}, output, POINTING.complete(parameters), {"made": "here"})
    return read_pointing(output)[1]


def test_a_real_night_is_read_tracked_and_deviates_as_known(data_dir: Path, tmp_path: Path) -> None:
    log = data_dir / "camera" / "fact" / "testDriveFile.fits"
    summary = POINTING.run({"drive": log}, tmp_path / "p", POINTING.complete({"telescope": 5}), {})
    assert (summary["telescopes"], summary["lines"], summary["gaps"]) == ([5], 12113, 32)
    assert summary["deviation_5_50_95"] == pytest.approx([0.81, 4.46, 21.2], abs=0.02)
    assert summary["flags"] == ["gaps", "uncorrected"]
    with pytest.raises(MissingInput) as error:
        POINTING.run({"drive": log}, tmp_path / "q", POINTING.complete(), {})
    assert error.value.code == "no-telescope"


def test_a_real_night_is_in_force_after_a_run(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--workspace", str(tmp_path / "ws")]
    assert command(["ingest", str(data_dir / "camera" / "fact" / "testDriveFile.fits"), *where]) == 0
    own = tmp_path / "own.toml"
    own.write_text("[steps.pointing]\ntelescope = 5\n")
    night = ["--night", "2013-01-02", "--level", "B", "--steps", "pointing"]
    assert command(["run", *night, "--config", str(own), *where]) == 0
    capsys.readouterr()
    asked = ["find", "DL1/Monitoring/Telescope/Pointing", "--tel", "5", "--at", "2013-01-02T22:00:00"]
    assert command([*asked, "--path", "B", *where]) == 0
    assert "pointing.h5" in capsys.readouterr().out


def test_a_delivered_log_is_followed_through_north_and_not_over_gaps(tmp_path: Path) -> None:
    state = np.array(["tracking"] * 25 + ["slewing"] * 5)
    seconds = np.concatenate([np.arange(20), np.arange(60, 70)])
    known = pointing(drive(tmp_path / "d", seconds, state=state), tmp_path / "p")
    seen = known.at(NIGHT + np.array([10 * S + S // 2, 40 * S, 80 * S, 66 * S]))
    assert seen.azimuth.to_value(u.deg)[0] == pytest.approx(0.05)
    assert (seen.status & ~LookStatus.UNCORRECTED).tolist() == [
        LookStatus.GOOD,
        LookStatus.GAP,
        LookStatus.OUTSIDE,
        LookStatus.NOT_TRACKING,
    ]
    assert known.deviation == pytest.approx(np.full(30, 2.0), abs=1e-6)
    longer = pointing(tmp_path / "d", tmp_path / "q", longest_gap="1 min")
    assert longer.at(NIGHT + 40 * S).is_known.all()


def test_the_same_log_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pointing(drive(tmp_path / f"d{name}", np.arange(20)), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("seconds", "changes", "code"),
    [
        ([0, 2, 1], {}, "time-backwards"),
        ([0, 1, 1], {"azimuth": [1.0, 2.0, 3.0]}, "repeated-time"),
        ([0, 1, 2], {"altitude": [60.0, 60.0, 200.0]}, "altitude"),
        ([0, 1, 2], {"azimuth": [1.0, np.nan, 3.0]}, "not-finite"),
        ([0, 1, 2], {"azimuth": np.ma.MaskedArray([1.0, 2.0, 3.0], [False, True, False])}, "missing-values"),
    ],
)
def test_logs_that_cannot_be_are_refused(
    tmp_path: Path, seconds: list[int], changes: dict[str, Any], code: str
) -> None:
    path = drive(tmp_path / "d", seconds, **changes)
    with pytest.raises(CorruptedInput) as error:
        pointing(path, tmp_path / "p")
    assert error.value.code == code


def test_radians_are_converted_and_numbers_without_a_unit_refused(tmp_path: Path) -> None:
    plain = pointing(drive(tmp_path / "d", np.arange(9)), tmp_path / "p").track
    columns = {
        "time": plain.time,
        "azimuth": plain.azimuth,
        "altitude": plain.altitude,
        "azimuth_asked": np.degrees(plain.azimuth),
        "altitude_asked": np.degrees(plain.altitude),
        "state": np.full(9, "tracking"),
    }
    told = UNITS | {"azimuth": "rad", "altitude": "rad"}
    known = pointing(deliver(tmp_path / "r", 3, columns, told), tmp_path / "q")
    assert known.track.azimuth == pytest.approx(plain.azimuth, abs=1e-12)
    assert known.deviation == pytest.approx(np.zeros(9), abs=1e-3)
    for unit in ("", "m", "furlong"):
        deliver(tmp_path / "w", 3, columns, told | {"altitude": unit})
        with pytest.raises(CorruptedInput) as error:
            pointing(tmp_path / "w", tmp_path / "x")
        assert error.value.code == "unit-needed"
        assert error.value.where.endswith("column altitude")


def test_a_line_that_is_there_twice_is_one_line(tmp_path: Path) -> None:
    assert pointing(drive(tmp_path / "d", [0, 1, 1, 2]), tmp_path / "p").track.time.size == 3


def test_a_log_without_columns_or_lines_is_told(tmp_path: Path) -> None:
    with pytest.raises(CorruptedInput) as error:
        pointing(deliver(tmp_path / "d", 3, {"time": [1, 2]}), tmp_path / "p")
    assert error.value.code == "no-column"
    with pytest.raises(MissingInput) as empty:
        pointing(drive(tmp_path / "e", np.zeros(0, np.int64)), tmp_path / "p")
    assert empty.value.code == "no-lines"


def test_a_model_is_fitted_and_foretells_other_stars(tmp_path: Path) -> None:
    files = {"stars": [stars(tmp_path / "a"), stars(tmp_path / "b", seed=2)]}
    summary = MODEL.run(files, tmp_path / "m", MODEL.complete(), {"made": "here"})
    model = read_pointing_model(tmp_path / "m")
    pull = (model.fit.value.value - np.array(list(TRUTH.values()))) / model.fit.error.value
    assert np.abs(pull).max() < 4.0
    assert summary["noise"] == pytest.approx(8.0, rel=0.15)
    assert summary["cross_validation"] == pytest.approx(8.0, rel=0.15)
    good = model.fit.outlier < 0.5
    assert 270 <= good.sum() <= 295
    assert model.stars["upward_residual"][good].std() == pytest.approx(8.0, rel=0.15)
    write_pointing_model(tmp_path / "again", model, {"made": "here"})
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()


def test_what_was_delivered_and_what_was_made_are_fitted_together(tmp_path: Path) -> None:
    sky = simulate_sky(np.random.default_rng(9), 50, TRUTH, 8.0)
    values = sky.azimuth, sky.altitude, sky.across, sky.upward
    columns = {n: v.to_value(x) for n, v, x in zip(COLUMNS[1:5], values, (u.deg,) * 2 + (u.arcsec,) * 2)}
    columns |= {n: np.full(50, 8.0) for n in COLUMNS[5:7]} | {"time": NIGHT + np.arange(50)}
    columns["n_stars"] = np.ones(50, np.int64)
    write_star_offsets(tmp_path / "made", StarOffsets(3, columns), {})
    both = {"stars": [stars(tmp_path / "a"), tmp_path / "made"]}
    assert MODEL.run(both, tmp_path / "m", MODEL.complete(), {})["stars"] == 200


def test_stars_that_tell_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InsufficientStatistics) as few:
        MODEL.run({"stars": [stars(tmp_path / "a", n=5)]}, tmp_path / "m", MODEL.complete(), {})
    assert few.value.code == "too-few-stars"
    two = [stars(tmp_path / "a"), stars(tmp_path / "b", tel_id=4)]
    with pytest.raises(CorruptedInput) as other:
        MODEL.run({"stars": two}, tmp_path / "m", MODEL.complete(), {})
    assert other.value.code == "other-telescope"
    nobody = {"stars": [stars(tmp_path / "c", tel_id=None)]}
    with pytest.raises(MissingInput):
        MODEL.run(nobody, tmp_path / "m", MODEL.complete(), {})
    MODEL.run(nobody, tmp_path / "m", MODEL.complete({"telescope": 4}), {})
    own = {"drive": drive(tmp_path / "d", np.arange(9)), "model": tmp_path / "m"}
    with pytest.raises(CorruptedInput) as mount:
        POINTING.run(own, tmp_path / "p", POINTING.complete(), {})
    assert mount.value.code == "other-telescope"


def test_a_delivery_of_star_offsets_can_be_faked_and_read(tmp_path: Path) -> None:
    (path,) = fake(interface_named("I-DATA-LST-1001"), tmp_path, delivery="star-offsets", rows=40)
    assert MODEL.run({"stars": [path]}, tmp_path / "m", MODEL.complete({"terms": ["CA", "IE"]}), {})["stars"]


def test_a_night_is_corrected_by_the_model_of_its_stars_and_found_by_its_time(tmp_path: Path) -> None:
    where = ["--workspace", str(tmp_path / "ws")]
    with Workspace.open(tmp_path / "ws") as workspace:
        for path, kind, start, stop in (
            (stars(tmp_path / "s"), "DL0/Monitoring/Telescope/StarOffset", -3600, -3000),
            (drive(tmp_path / "d", np.arange(0, 1800, 2)), "DL0/Monitoring/Telescope/Drive", 0, 1800),
        ):
            workspace.archive.ingest(
                path, kind, telescopes=[3], time_start=NIGHT + start * S, time_stop=NIGHT + stop * S
            )
    steps = "pointing-model,pointing"
    assert command(["run", "--night", "2026-11-23", "--level", "B", "--steps", steps, *where]) == 0
    with Workspace.open(tmp_path / "ws") as workspace:
        at = NIGHT + 900 * S
        found = workspace.archive.lookup("DL1/Monitoring/Telescope/Pointing", 3, at, "B").product
        model = workspace.archive.lookup("DL2/Monitoring/Telescope/PointingModel", 3, at, "B").product
        assert model.id in {reference.product for reference in found.inputs}
        tel_id, known = read_pointing(workspace.archive.path(found))
        seen = known.at(at)
        assert (tel_id, seen.status.tolist()) == (3, [LookStatus.GOOD])
        assert 0 < seen.altitude_error[0].value < 5
        upward = TRUTH["IE"] + TRUTH["TF"] * np.cos(np.radians(60))
        sent = 60.0 + 2.0 / 3600
        azimuth = np.radians((359.0 + 90.0) % 360.0)
        upward += TRUTH["AN"] * np.cos(azimuth) - TRUTH["AW"] * np.sin(azimuth)
        away = (seen.altitude[0].to_value(u.deg) - sent) * 3600 - upward
        assert abs(away) < 4 * seen.altitude_error[0].value
