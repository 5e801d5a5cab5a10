# SPDX-License-Identifier: BSD-3-Clause
"""From images to rings to the throughput of a telescope: as products, in force, and refused where it must."""

import json
from pathlib import Path

import numpy as np
import pytest

from pellucid.archive import Workspace
from pellucid.archive.provenance import Recipe
from pellucid.array.muons.fit import PARAMETERS, RingStatus
from pellucid.array.muons.light import expected_light
from pellucid.array.muons.quality import CUTS
from pellucid.array.throughput import ThroughputStatus
from pellucid.cli.run import run as command
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.formats.muons import MuonTable, read_muons, write_muons
from pellucid.formats.throughput import read_throughput, telescope_throughput
from pellucid.pipeline.steps import step_named
from pellucid.simulate.muons import MuonRun, simulate_muons
from support.muon_files import NIGHT, muon_optics, write_dl1

RINGS, THROUGHPUT = step_named("muon-rings"), step_named("optical-throughput")
N, EMPTY, EDGE = 30, 3, 2
"""Good rings, images without a ring, rings cut by the edge of the camera."""

DAY = 86400


def at_the_edge(n: int) -> tuple[np.ndarray, np.ndarray]:
    optics, light = muon_optics(), np.empty(muon_optics().x.size)
    vector = np.array([1.8, 0.0, 1.1, 0.04, 2.0, 1.0, 0.2])
    expected_light(
        vector, optics.x, optics.y, 0.1, optics.pixel_area, 11.1, 0.74, optics.photons_per_metre,
        optics.passing(1.1), light,
    )  # fmt: skip
    images = np.random.default_rng(3).normal(light, np.sqrt(1.21 + 1.25 * light), (n, light.size))
    return images, images > 6.0


@pytest.fixture(scope="module")
def simulated() -> MuonRun:
    return simulate_muons(muon_optics(), np.random.default_rng(5), N)


@pytest.fixture(scope="module")
def dl1(simulated: MuonRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rings, of which two are cut by the edge, among images of showers and of nothing."""
    optics = muon_optics()
    none = np.random.default_rng(6).normal(0.0, 1.1, (EMPTY, optics.x.size))
    none[1:] += 60.0 * np.exp(-0.5 * ((optics.x / 0.3) ** 2 + (optics.y / 0.1) ** 2))
    edge, lit = at_the_edge(EDGE)
    images = np.concatenate([simulated.images, none, edge])
    cleaned = np.concatenate([simulated.cleaned, none > 6.0, lit])
    path = tmp_path_factory.mktemp("dl1") / "run.dl1.h5"
    write_dl1(path, images, cleaned, 60 * np.arange(len(images)))
    return path


@pytest.fixture(scope="module")
def rings(dl1: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rings") / "run.muons.h5"
    RINGS.run({"images": dl1}, path, RINGS.complete(), {"made": "here"})
    return path


def test_the_cuts_of_the_step_are_those_of_the_algorithm() -> None:
    assert RINGS.complete()["cuts"] == {name: [cut.low, cut.high] for name, cut in CUTS.items()}


def test_rings_are_found_among_other_images_and_fitted_within_their_errors(
    simulated: MuonRun, rings: Path
) -> None:
    table = read_muons(rings)[1]
    assert table.images == N + EMPTY + EDGE
    own = table.rings[table.rings["event_id"] <= N]
    assert len(table.rings) == N + EDGE
    assert (own["time"] == (NIGHT + 60 * (own["event_id"] - 1)) * 10**9).all()
    which = PARAMETERS.index("efficiency")
    errors = np.sqrt(own["covariance"][:, which, which])
    pull = (own["efficiency"] - simulated.truth[:, which]) / errors
    assert abs(pull.mean()) < 4.0 / np.sqrt(N)
    assert pull.std() == pytest.approx(1.0, abs=4.0 / np.sqrt(2 * N))
    assert table.optics["mirror_radius"] == pytest.approx(11.1)


def test_rings_cut_by_the_edge_are_told_and_not_used(rings: Path) -> None:
    table = read_muons(rings)[1]
    cut = table.rings[table.rings["event_id"] > N]
    assert ((cut["status"] & RingStatus.CUT) != 0).all()
    assert not cut["good"].any()
    assert table.rejected["containment"] == EDGE


def test_the_same_rings_are_the_same_bytes(dl1: Path, rings: Path, tmp_path: Path) -> None:
    write_muons(tmp_path / "again.h5", read_muons(rings), {"made": "here"})
    assert (tmp_path / "again.h5").read_bytes() == rings.read_bytes()
    with pytest.raises(CorruptedInput) as error:
        read_muons(dl1)
    assert error.value.code == "bad-muons"


def test_a_throughput_in_force_is_found_at_its_time(
    dl1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--workspace", str(tmp_path / "ws")]
    with Workspace.open(tmp_path / "ws") as workspace:
        workspace.archive.ingest(
            dl1,
            "DL1/Event/Telescope/Observation",
            telescopes=[1],
            time_start=NIGHT * 10**9,
            time_stop=(NIGHT + 3600) * 10**9,
        )
    steps = "muon-rings,optical-throughput"
    assert command(["run", "--night", "2026-11-23", "--level", "B", "--steps", steps, *where]) == 0
    capsys.readouterr()
    asked = ["find", "DL2/Monitoring/Telescope/Throughput", "--at", "2026-11-23T23:30:00", "--tel", "1"]
    assert command([*asked, "--path", "B", "--json", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    with Workspace.open(tmp_path / "ws") as workspace:
        at = (NIGHT + 5400) * 10**9
        found = workspace.archive.lookup("DL2/Monitoring/Telescope/Throughput", 1, at, "B")
        assert found.product.id in json.dumps(told)
        known = telescope_throughput(workspace.archive.path(found.product), 1)
        value, error = known.efficiency.at(at)
        assert abs(value[0] - 0.2) < 4.0 * error[0]
        assert known.efficiency.n <= N
        assert known.psf is not None
        assert 0.03 < known.psf.width < 0.06
        assert found.product.summary["throughput"] == {"tel-1": known.efficiency.value}


def test_a_telescope_without_rings_is_told_and_the_others_go_on(rings: Path, tmp_path: Path) -> None:
    good = read_muons(rings)[1]
    none = MuonTable(good.rings[:3], good.optics, 50)
    write_muons(tmp_path / "none", {2: none}, {})
    two = {"rings": [rings, tmp_path / "none"]}
    summary = THROUGHPUT.run(two, tmp_path / "t", THROUGHPUT.complete(), {})
    assert list(read_throughput(tmp_path / "t")) == summary["telescopes"] == [1]
    assert str(summary["without"]).startswith("['tel-2: There are too few muon rings")
    with pytest.raises(InsufficientStatistics) as error:
        THROUGHPUT.run({"rings": [tmp_path / "none"]}, tmp_path / "x", THROUGHPUT.complete(), {})
    assert (error.value.code, error.value.where) == ("too-few-rings", "telescope 2")


def test_a_file_without_rings_is_a_product_that_says_so(dl1: Path, tmp_path: Path) -> None:
    strict = RINGS.complete({"least_pixels": 2000})
    summary = RINGS.run({"images": dl1}, tmp_path / "m", strict, {})
    assert (summary["rings"], summary["flags"]) == (0, ["no-good-rings", "extractor: unknown"])
    with pytest.raises(InsufficientStatistics):
        THROUGHPUT.run({"rings": [tmp_path / "m"]}, tmp_path / "t", THROUGHPUT.complete(), {})


def test_a_mirror_that_loses_light_has_a_trend(rings: Path, tmp_path: Path) -> None:
    first = read_muons(rings)[1]
    paths = []
    for day, factor in enumerate((1.0, 0.9, 0.8)):
        later = first.rings.copy()
        later["time"] += day * DAY * 10**9
        later["efficiency"] *= factor
        paths.append(tmp_path / f"{day}")
        write_muons(paths[-1], {1: MuonTable(later, first.optics, 60)}, {})
    THROUGHPUT.run({"rings": paths}, tmp_path / "t", THROUGHPUT.complete(), {})
    found = telescope_throughput(tmp_path / "t", 1).efficiency
    assert found.status & ThroughputStatus.TREND
    assert found.slope == pytest.approx(-0.02, abs=4 * found.slope_error)
    begin, end = found.at([found.start, found.stop])[0]
    assert end / begin == pytest.approx(0.8, abs=0.05)


def test_what_cannot_be_is_refused(dl1: Path, rings: Path, tmp_path: Path) -> None:
    first = read_muons(rings)[1]
    dark = first.rings.copy()
    dark["efficiency"][0] = 0.0
    write_muons(tmp_path / "dark", {1: MuonTable(dark, first.optics, 60)}, {})
    with pytest.raises(CorruptedInput) as zero:
        THROUGHPUT.run({"rings": [tmp_path / "dark"]}, tmp_path / "t", THROUGHPUT.complete(), {})
    assert zero.value.code == "bad-efficiency"
    write_muons(tmp_path / "other", {1: MuonTable(first.rings, {**first.optics, "hole_radius": 0.0}, 60)}, {})
    with pytest.raises(CorruptedInput) as other:
        THROUGHPUT.run({"rings": [rings, tmp_path / "other"]}, tmp_path / "t", THROUGHPUT.complete(), {})
    assert other.value.code == "other-optics"
    with pytest.raises(ConfigurationError, match="radus"):
        RINGS.complete({"cuts": {"radus": [0.0, 1.0]}})


def test_rings_of_the_large_telescope_are_those_of_the_peer(data_dir: Path, tmp_path: Path) -> None:
    (path,) = (data_dir / "camera" / "simtel").glob("lst_muons_with_true_photons*")
    dl1, nominal = step_named("dl1"), {"focal_length": "nominal"}
    made = Recipe(
        step="dl1", version="1", parameters=dl1.complete(nominal), code="", software={}, inputs={}
    ).provenance()
    dl1.run({"events": path}, tmp_path / "dl1.h5", dl1.complete(nominal), made)
    summary = RINGS.run({"images": tmp_path / "dl1.h5"}, tmp_path / "m", RINGS.complete(nominal), {})
    assert (summary["good_rings"], summary["flags"]) == (3, ["extractor: neighbor-peak"])
    radius = read_muons(tmp_path / "m")[1].rings["radius"]
    assert radius == pytest.approx([1.2077, 1.2007, 1.2014], rel=0.02)
