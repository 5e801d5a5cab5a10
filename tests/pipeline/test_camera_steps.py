# SPDX-License-Identifier: BSD-3-Clause
"""From a simulated DL0 file through the archive to calibration and DL1: bytes, numbers, errors."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.archive.workspace import Workspace
from pellucid.errors import CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.formats.camera_calibration import as_coefficients, read_calibration
from pellucid.pipeline.execute import execute
from pellucid.pipeline.steps import step_named
from pellucid.simulate.run import SimulatedRun, SimulationConfig, simulate_run
from pellucid.simulate.truth import read_truth

CONFIG = SimulationConfig(camera="small", telescopes=1, pedestals=100, flashes=150, showers=6, muons=2)
STEP = step_named("camera-coefficients")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    return simulate_run(CONFIG, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def made(run: SimulatedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "c.h5"
    inputs = {"events": run.telescopes[1], "description": run.description}
    STEP.run(inputs, output, STEP.complete(), {"product": "test"})
    return output


def test_calibration_holds_the_truth_within_its_errors(run: SimulatedRun, made: Path) -> None:
    c, truth = read_calibration(made), read_truth(run.truth[1]).response
    good = ~(truth.dead | truth.noisy)
    assert np.array_equal(c.unusable[0], ~good)
    for estimate, true in [(c.pedestal.baseline, truth.pedestal), (c.gain.gain, truth.gain)]:
        pull = ((estimate.value - true) / estimate.error)[0, good]
        assert abs(pull.mean()) < 4 / np.sqrt(good.sum())
        assert pull.std() == pytest.approx(1.0, abs=0.15)


def test_reading_gives_back_what_was_written(made: Path, tmp_path: Path) -> None:
    from pellucid.formats.camera_calibration import write_calibration

    c = read_calibration(made)
    assert c.illumination is None
    write_calibration(tmp_path / "again.h5", c, {"product": "test"}, 1)
    assert (tmp_path / "again.h5").read_bytes() == made.read_bytes()
    coefficients = as_coefficients(c)
    assert np.isfinite(coefficients.factor).all()
    assert not coefficients.factor[coefficients.unusable].any()


def test_the_flasher_s_profile_is_kept_with_its_errors(run: SimulatedRun, tmp_path: Path) -> None:
    inputs = {"events": run.telescopes[1], "description": run.description}
    STEP.run(inputs, tmp_path / "c.h5", STEP.complete({"illumination": True}), {})
    c = read_calibration(tmp_path / "c.h5")
    assert c.illumination is not None
    pull = (c.illumination.profile - 1.0) / c.illumination.error
    # the simulated flasher lights all pixels alike
    assert 0.0 < c.illumination.error.max() < 0.05
    assert np.sqrt((pull**2).mean()) < 2.5
    assert c.illumination.covariance.shape == (4, 4)


def test_archived_twice_is_one_product_of_equal_bytes(run: SimulatedRun, tmp_path: Path) -> None:
    hashes = []
    for name in ("one", "two"):
        with Workspace.open(tmp_path / name) as workspace:
            archive = workspace.archive
            description, _ = archive.ingest(run.description)
            events, _ = archive.ingest(run.telescopes[1], obs_id=1, telescopes=[1])
            inputs = {"events": events, "description": description}
            calibration = execute(archive, STEP, inputs).product
            dl1 = execute(
                archive, step_named("telescope-dl1"), {**inputs, "calibration": calibration}
            ).product
            hashes.append((calibration.sha256, dl1.sha256))
            assert execute(archive, STEP, inputs).reused
            assert dl1.summary["telescope_events"] == len(read_truth(run.truth[1]).index)
    assert hashes[0] == hashes[1]


def test_too_few_flashes_stop_the_step(run: SimulatedRun, tmp_path: Path) -> None:
    inputs = {"events": run.telescopes[1], "description": run.description}
    with pytest.raises(InsufficientStatistics, match="too few flash"):
        STEP.run(inputs, tmp_path / "c.h5", STEP.complete({"min_flashes": 1000}), {})
    assert not (tmp_path / "c.h5").exists()


def test_other_files_are_no_calibration(run: SimulatedRun, tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_calibration(tmp_path / "none.h5")
    with pytest.raises(CorruptedInput):
        read_calibration(run.truth[1])
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(CorruptedInput):
        read_calibration(tmp_path / "text.h5")
