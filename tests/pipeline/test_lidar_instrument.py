# SPDX-License-Identifier: BSD-3-Clause
"""What a night tells about the LIDAR itself: dead times and overlap, and what profiles do with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.atmosphere.lidar.raman import depth
from pellucid.errors import ConfigurationError, InsufficientStatistics, MissingInput, UsageError
from pellucid.formats.licel import LicelFile, write_licel
from pellucid.formats.lidar_instrument import read_lidar_instrument
from pellucid.formats.lidar_profile import read_lidar_profile
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.atmosphere import analyse_files
from pellucid.pipeline.steps.lidar_instrument import instrument_of
from pellucid.simulate.lidar import CTA, Layer, LidarInstrument, Sky, simulate_licel

ONE = replace(CTA, channels=tuple(c for c in CTA.channels if c.laser == 355))
SKY = Sky((Layer(0.0, 1500.0, 0.2),))
STEP, RAMAN, ELASTIC = (step_named(f"lidar-{n}") for n in ("instrument", "raman", "elastic"))


def made(
    instrument: LidarInstrument = ONE, *, seed: int = 7, files: int = 2, zenith: float = 0.0, sky: Sky = SKY
) -> list[LicelFile]:
    return simulate_licel(sky, instrument, np.random.default_rng(seed), files=files, zenith=zenith)


def true_overlap(distance: np.ndarray, length: float = 150.0) -> np.ndarray:
    seen: np.ndarray = 1.0 - np.exp(-((distance / length) ** 4))
    return seen


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("raw")
    for file in made(files=4):
        write_licel(folder / file.header.name, file)
    return sorted(folder.iterdir())


def test_the_night_tells_dead_times_and_profiles_take_them(paths: list[Path], tmp_path: Path) -> None:
    summary = STEP.run({"lidar": tuple(paths)}, tmp_path / "i.h5", STEP.complete({}), {})
    found = read_lidar_instrument(tmp_path / "i.h5")
    assert summary["files"] == 4
    assert summary["flags"] == []
    assert set(found.twins) == {355, 387}
    for nm, fit in found.twins.items():
        assert summary[f"dead_time_{nm}"] == fit.tau * 1e3
        assert abs(fit.tau - 0.004) < 4.0 * fit.tau_error + 1e-4
        assert fit.delay == pytest.approx(8.0, abs=0.2)
    profiles = {}
    for name, inputs in (
        ("with", {"lidar": paths[0], "instrument": tmp_path / "i.h5"}),
        ("without", {"lidar": paths[0]}),
    ):
        RAMAN.run(inputs, tmp_path / f"{name}.h5", RAMAN.complete({}), {})
        profiles[name] = read_lidar_profile(tmp_path / f"{name}.h5").group("nm355")
    assert not np.array_equal(profiles["with"]["depth"], profiles["without"]["depth"])
    assert profiles["with"]["depth"] == pytest.approx(profiles["without"]["depth"], abs=0.02)


def test_the_step_stands_before_the_profiles_of_its_night() -> None:
    assert STEP.output == RAMAN.inputs["instrument"].type
    assert not RAMAN.inputs["instrument"].required


def test_raman_light_tells_the_overlap_and_profiles_are_corrected_for_it() -> None:
    files = made(files=6)
    changes = {"overlap": "raman-elastic", "lidar_ratio": 50.0, "lidar_ratio_error": 5.0}
    found, flags = instrument_of(files, STEP.complete(changes))
    assert flags == []
    overlap = found.overlap[355]
    part = (overlap.range > 120.0) & (overlap.range < 350.0)
    pull = (overlap.value - true_overlap(overlap.range))[part] / overlap.error[part]
    assert np.abs(pull).mean() < 2.0
    assert overlap.full < 600.0
    near = {"wavelengths": [[355, 0]], "start": 200.0}
    plain, corrected = (analyse_files(files, ELASTIC.complete(near), None, i)[355] for i in (None, found))
    truth = SKY.aerosol(plain.range, 355.0)[1]
    at = (plain.range > 200.0) & (plain.range < 230.0)
    off = [abs(float((a.backscatter.value[0] - truth)[at].mean())) for a in (plain, corrected)]
    assert np.isfinite(off).all()
    assert off[1] < 0.3 * float(truth[at].mean())


def test_horizontal_shots_tell_the_overlap() -> None:
    level = made(seed=8, zenith=90.0)
    found, flags = instrument_of([*made(), *level], STEP.complete({"overlap": "horizontal"}))
    assert flags == []
    overlap = found.overlap[355]
    part = (overlap.range > 100.0) & (overlap.range < 900.0)
    assert overlap.value[part] == pytest.approx(true_overlap(overlap.range)[part], abs=0.06)
    with pytest.raises(MissingInput) as caught:
        instrument_of(made(), STEP.complete({"overlap": "horizontal"}))
    assert caught.value.code == "no-horizontal"
    with pytest.raises(UsageError) as refused:
        analyse_files(level, RAMAN.complete({}))
    assert refused.value.code == "lidar-horizontal"


def test_a_near_telescope_tells_the_overlap() -> None:
    small = replace(ONE, overlap=40.0, channels=(replace(ONE.channels[0], constant=4e11, background=1e-3),))
    files = []
    for far, near in zip(made(), made(small, seed=9), strict=True):
        datasets = tuple(replace(d, device=d.device[:2] + "9") for d in near.header.datasets)
        header = replace(far.header, datasets=(*far.header.datasets, *datasets))
        files.append(LicelFile(header, (*far.raw, *near.raw)))
    found, flags = instrument_of(files, STEP.complete({"overlap": "near-range", "near": "BC9"}))
    assert flags == []
    overlap = found.overlap[355]
    part = (overlap.range > 120.0) & (overlap.range < 600.0) & np.isfinite(overlap.value)
    assert part.sum() > 30
    pull = (overlap.value - true_overlap(overlap.range))[part] / overlap.error[part]
    assert np.abs(pull).mean() < 1.5
    with pytest.raises(MissingInput, match="BC7"):
        instrument_of(files, STEP.complete({"overlap": "near-range", "near": "BC7"}))


def test_what_a_night_does_not_tell_is_flagged() -> None:
    parameters = STEP.complete({"overlap": "raman-elastic", "wavelengths": [[355, 0]]})
    found, flags = instrument_of(made(), parameters)
    assert flags == ["355: no-overlap"]
    assert found.overlap == {}
    dim = replace(ONE, channels=tuple(replace(c, constant=c.constant * 1e-6) for c in ONE.channels))
    with pytest.raises(InsufficientStatistics) as caught:
        instrument_of(made(dim), STEP.complete({}))
    assert caught.value.code == "no-dead-time"
    with pytest.raises(ConfigurationError):
        STEP.complete({"overlap": "raman"})


@pytest.mark.parametrize(
    ("changes", "paralysable"),
    [({"joint": True}, False), ({"paralysable": True}, True)],
    ids=["likelihood", "paralysable"],
)
def test_both_gluings_and_dead_times_give_the_depth_of_the_sky(
    changes: dict[str, bool], paralysable: bool
) -> None:
    kind = replace(ONE, channels=tuple(replace(c, paralysable=paralysable) for c in ONE.channels))
    got = analyse_files(made(kind), RAMAN.complete(changes))[355].optical_depth
    assert got is not None
    tau = depth(SKY.aerosol(np.arange(2000) * 7.5 + 3.75, 355.0)[0], 7.5)
    truth = np.interp([got.start, 5000.0], np.arange(2000) * 7.5 + 3.75, tau)
    value, error = got.between(got.start, 5000.0)
    assert abs(value - (truth[1] - truth[0])) < 4.0 * error
    assert error < 0.02


def test_likelihood_knows_no_prolonged_dead_time() -> None:
    with pytest.raises(ConfigurationError) as caught:
        analyse_files(made(), RAMAN.complete({"joint": True, "paralysable": True}))
    assert caught.value.code == "joint-gluing"


def test_records_that_begin_before_the_shot_have_their_background_there() -> None:
    (file,) = made(files=1)
    lead = 60
    dark = np.random.default_rng(1).poisson(0.05 * 1200 * 7.5 / 150.0, (len(file.raw), lead))
    raw = []
    for i, r in enumerate(file.raw):
        ahead = dark[i] if file.header.active[i].mode == 1 else np.full(lead, np.rint(r[-500:].mean()))
        raw.append(np.concatenate([ahead, r]).astype(np.int32)[: r.size])
    shifted = LicelFile(file.header, tuple(raw))
    known = {"dead_time": 4.0, "stop": 12000.0, "reference": [3000.0, 12000.0], "wavelengths": [[355, 0]]}
    plain = analyse_files([file], ELASTIC.complete(known))[355]
    changes = {**known, "zero_bin": float(lead), "background": [-440.0, -10.0]}
    found = analyse_files([shifted], ELASTIC.complete(changes))[355]
    at = (plain.range > 500.0) & (plain.range < 1200.0)
    other = np.interp(plain.range[at], found.range, found.backscatter.value[0])
    assert other == pytest.approx(plain.backscatter.value[0][at], rel=0.1)


def test_a_counter_that_is_mostly_dead_is_flagged() -> None:
    files = made(files=1)
    calm = analyse_files(files, ELASTIC.complete({"dead_time": 4.0, "start": 3000.0}))[355]
    hasty = analyse_files(files, ELASTIC.complete({"dead_time": 4.0}))[355]
    assert "busy-counter" not in calm.flags
    assert "busy-counter" in hasty.flags


def test_the_lidar_ratio_follows_from_the_column() -> None:
    heavy = Sky((Layer(0.0, 1500.0, 0.3, 75.0),))
    files = made(files=2, sky=heavy)
    assumed, known = (
        analyse_files(files, ELASTIC.complete(c))[355] for c in ({}, {"column": [[355, 0.3, 0.01]]})
    )
    assert known.constrained
    assert not assumed.constrained
    assert known.used_ratio is not None
    ratio, error = known.used_ratio
    assert ratio[0] == pytest.approx(75.0, abs=max(3.0 * error, 8.0))
    assert error < 10.0
    at = (known.range > 500.0) & (known.range < 1200.0)
    truth = heavy.aerosol(known.range, 355.0)[0]
    off = [abs(float((a.extinction.value[0][at] / truth[at]).mean()) - 1.0) for a in (assumed, known)]
    assert off[1] < 0.08 < off[0]
    impossible = analyse_files(files, ELASTIC.complete({"column": [[355, 9.0, 0.1]]}))[355]
    assert "no-lidar-ratio" in impossible.flags
    assert not impossible.constrained


def test_the_lidar_ratio_may_differ_with_height() -> None:
    two = Sky((Layer(0.0, 1500.0, 0.2, 30.0), Layer(2500.0, 4000.0, 0.2, 70.0)))
    files = made(files=3, sky=two)
    profile = [[0.0, 30.0], [2000.0, 30.0], [2100.0, 70.0], [9000.0, 70.0]]
    found = analyse_files(files, ELASTIC.complete({"lidar_ratio_profile": profile}))[355]
    truth = two.aerosol(found.range, 355.0)[0]
    for low, high in ((500.0, 1200.0), (2800.0, 3700.0)):
        at = (found.range > low) & (found.range < high)
        assert float((found.extinction.value[0][at] / truth[at]).mean()) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"column": [[355, 0.1]]}, "bad-column"),
        ({"column": "0.1"}, "bad-column"),
        ({"lidar_ratio_profile": [[100.0, 50.0], [50.0, 40.0]]}, "bad-lidar-ratio"),
        ({"lidar_ratio_profile": [[0.0, -5.0]]}, "bad-lidar-ratio"),
    ],
)
def test_tables_that_are_none_are_told(changes: dict[str, object], code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        analyse_files(made(files=1), ELASTIC.complete({"dead_time": 4.0, **changes}))
    assert caught.value.code == code
