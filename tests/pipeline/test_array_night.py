# SPDX-License-Identifier: BSD-3-Clause
"""A night of an array: rates, muons, showers to throughput and clocks, and these applied to events."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.archive import Workspace
from pellucid.errors import InsufficientStatistics, MissingInput
from pellucid.formats.array_products import read_intercalibration, read_joint, read_time_offsets
from pellucid.formats.ctapipe_hdf5.reader import (
    read_corrections,
    read_image_times,
    read_images,
    read_lineage,
)
from pellucid.formats.transparency import read_transparency
from pellucid.pipeline.execute import execute
from pellucid.pipeline.report import RunReport
from pellucid.pipeline.steps import step_named
from pellucid.simulate.array_night import write_rates
from support.arraynight import WANTED, ArrayNight, run_night, simulate_night, take_night

HOUR = 3600 * 10**9

type Done = tuple[ArrayNight, Workspace, RunReport]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> ArrayNight:
    return simulate_night(tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="module")
def done(night: ArrayNight, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    with Workspace.open(tmp_path_factory.mktemp("ws")) as workspace:
        take_night(workspace, night)
        yield night, workspace, run_night(workspace, night, *WANTED)


def path_of(done: Done, step: str) -> Path:
    return next(done[1].archive.path(p) for p in done[2].products if p.step == step)


def test_the_night_runs_whole(done: Done) -> None:
    assert done[2].exit_code == 0, done[2].as_text()
    made = {p.step for p in done[2].products}
    assert {"intercalibration", "joint-throughput", "transparency", "corrected-dl1"} <= made


def test_a_part_of_the_array_runs_and_each_step_tells_what_it_lacks(
    night: ArrayNight, tmp_path: Path
) -> None:
    with Workspace.open(tmp_path / "ws") as workspace:
        take_night(workspace, night)
        report = run_night(workspace, night, *WANTED, telescopes=[1, 2])
    assert report.exit_code == 0, report.as_text()
    assert {t for p in report.products for t in p.telescopes} == {1, 2}
    lacks = {e.task.step.name: "; ".join(e.without) for e in report.entries}
    for name in ("transparency", "joint-throughput", "intercalibration", "time-offsets"):
        assert "tel-3, tel-4, which nobody asked for" in lacks[name]
    assert "which nobody asked for" not in lacks["corrected-dl1"]  # a telescope's own
    with pytest.raises(InsufficientStatistics) as caught:
        step_named("time-offsets").run(
            {"showers": night.showers, "description": night.run.description},
            tmp_path / "none",
            step_named("time-offsets").complete({"telescopes": [2]}),
            {},
        )
    assert caught.value.code == "no-events"


def test_deliveries_of_the_simulation_pass_the_check(done: Done) -> None:
    for kind in ("DL0/Monitoring/Telescope/TriggerRates", "DL2/Event/Subarray/ShowerImages"):
        found = done[1].archive.find(product_type=kind)
        assert {p.summary["check"] for p in found} == {"passed"}


def test_transparency_and_throughput_are_the_truth(done: Done) -> None:
    night = done[0]
    ctc = read_transparency(path_of(done, "transparency"))
    assert (ctc["anchored"] == 1.0).all()
    off = ctc["eta"] / night.transparency - 1.0
    assert abs(off.mean()) < 0.02
    assert off.std() < 0.02
    tel_id, _, joint = read_joint(path_of(done, "joint-throughput"))
    assert tel_id.tolist() == [1, 2, 3, 4]
    assert np.abs((joint.optics - night.truth.optics) / joint.optics_error).max() < 4.0
    assert np.abs((joint.gain - night.truth.gain) / joint.gain_error).max() < 4.0
    assert joint.optics_error.max() < 0.01
    assert set(joint.methods) == {"rates", "gains", "muons", "images"}
    assert all(abs(m.mean) < 5.0 * m.mean_error for m in joint.methods.values())


def test_the_edge_of_a_cloud_over_the_array_is_told(done: Done, tmp_path: Path) -> None:
    night, n = done[0], 20
    flat, steep = (replace(night.truth, gradient=(g, 0.0)) for g in (0.0, 2.0))
    uneven = {}
    for name, truth in (("flat", flat), ("steep", steep)):
        (tmp_path / name).mkdir()
        rates = write_rates(truth, tmp_path / name, night.start, np.full(n, 0.8), np.full(n, 20.0), 7)
        reference = next(
            done[1].archive.path(p)
            for p in done[1].archive.find(product_type="DL2/Monitoring/Subarray/RateReference")
        )
        step, output = step_named("transparency"), tmp_path / f"{name}.h5"
        step.run({"rates": rates, "reference": reference}, output, step.complete({"window": 10}), {})
        uneven[name] = read_transparency(output)["p_value"][9:]
    # muons tell the telescopes' light, so that what is left is the air's
    assert uneven["flat"].min() > 1e-3
    assert uneven["steep"].max() < 1e-3


def test_shared_showers_tell_relative_light_and_clocks(done: Done) -> None:
    truth = done[0].truth
    _, light, pairs, scales = read_intercalibration(path_of(done, "intercalibration"))
    off = light.value[1:] - (truth.optics / truth.optics[0])[1:]
    assert np.abs(off / light.error[1:]).max() < 4.0
    assert pairs.first.min() == 1
    assert len(scales) == 1
    _, clocks = read_time_offsets(path_of(done, "time-offsets"))
    off = clocks.value - (truth.clock - truth.clock.mean())
    assert np.abs(off / clocks.error).max() < 4.0
    assert clocks.error.max() < 0.1


def test_events_carry_what_corrected_them(done: Done) -> None:
    _, workspace, report = done
    tel_ids, _, joint = read_joint(path_of(done, "joint-throughput"))
    for product in (p for p in report.products if p.step == "corrected-dl1"):
        (tel_id,) = product.telescopes
        path = workspace.archive.path(product)
        rows = read_corrections(path, tel_id)
        scale = joint.optics[0, tel_ids == tel_id]
        assert np.isin(rows["light_scale"], joint.optics[:, tel_ids == tel_id]).all()
        assert rows["light_scale"][0] == pytest.approx(float(scale[0]), rel=0.01)
        assert (rows["light_scale_error"] > 0.0).all()
        # the drive starts 10 s before the events, moves 15 arcsec a second, and passes north
        time = read_image_times(path, tel_id)
        seconds = (time - (done[0].start + 1790 * 10**9)) / 1e9
        expected = (359.9 + seconds * 15.0 / 3600.0) % 360.0
        np.testing.assert_allclose(rows["azimuth"], expected, atol=1e-6)
        assert (rows["pointing_status"] == 8).all()
        named = {i["role"]: i["sha256"] for i in read_lineage(path)["inputs"]}
        for role in ("throughput", "pointing"):
            (used,) = [r.product for r in product.inputs if r.role == role]
            assert named[role] == workspace.archive.get(used).sha256


def test_sizes_are_divided_once_and_flashes_are_not(done: Done, tmp_path: Path) -> None:
    archive, tel_id = done[1].archive, 1
    corrected = next(p for p in done[2].products if p.step == "corrected-dl1" and p.telescopes == (tel_id,))
    inputs = {r.role: archive.get(r.product) for r in corrected.inputs}
    plain = execute(
        archive, step_named("certified-dl1"), {k: inputs[k] for k in ("events", "description", "calibration")}
    ).product
    before, after = (read_images(archive.path(p), tel_id)["image"] for p in (plain, corrected))
    scale = read_corrections(archive.path(corrected), tel_id)["light_scale"]
    np.testing.assert_allclose(after, before / scale[:, None], rtol=2e-5, atol=1e-4)
    with pytest.raises(MissingInput) as caught:
        read_corrections(archive.path(plain), tel_id)
    assert caught.value.code == "no-such-table"


def test_without_throughput_in_force_the_policy_decides(done: Done, tmp_path: Path) -> None:
    night, before, report = done
    joint = next(p for p in report.products if p.step == "joint-throughput")
    with Workspace.open(tmp_path / "ws") as workspace:
        take_night(workspace, night)
        refused = run_night(workspace, night, "camera-coefficients", "corrected-dl1", alone=True)
        assert refused.exit_code == 105
        assert "JointThroughput" in refused.as_text()
        assert {p.step for p in refused.products} == {"camera-coefficients"}
        last, _ = workspace.archive.ingest(before.archive.path(joint), joint.product_type)
        workspace.archive.certify(last, "B", night.start - HOUR, night.start)
        helped = run_night(workspace, night, "camera-coefficients", "corrected-dl1", alone=True)
        assert helped.exit_code == 0, helped.as_text()
        (product, *_) = (p for p in helped.products if p.step == "corrected-dl1")
        assert product.parameters["fallback"] == {"throughput": "last-valid"}
        assert any("throughput" in flag for flag in product.flags)


def test_a_correction_of_other_telescopes_is_refused(done: Done, tmp_path: Path) -> None:
    night, workspace, report = done
    product = next(p for p in report.products if p.step == "corrected-dl1" and p.telescopes == (1,))
    files = {r.role: workspace.archive.path(workspace.archive.get(r.product)) for r in product.inputs}
    step = step_named("corrected-dl1")
    with pytest.raises(MissingInput) as caught:
        step.run({**files, "pointing": night.pointing[2]}, tmp_path / "x.h5", step.complete(), {})
    assert caught.value.code == "other-telescope"
