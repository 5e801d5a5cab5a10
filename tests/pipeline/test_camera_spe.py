# SPDX-License-Identifier: BSD-3-Clause
"""Single photo-electrons as a step: from a run's file to gains in the archive."""

from dataclasses import asdict
from pathlib import Path

import pytest

from pellucid.archive.workspace import Workspace
from pellucid.camera.spe.gains import SpeOptions
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.spe_gains import read_spe_gains
from pellucid.interfaces.product_types import check_defined
from pellucid.pipeline.execute import execute
from pellucid.pipeline.steps import step_named
from pellucid.simulate.run import RunSimulator, SimulationConfig, simulate_run

STEP = step_named("camera-spe")
CONFIG = SimulationConfig(
    camera="tiny", telescopes=1, pedestals=0, dark_pedestals=150, flashes=0, dim_flashes=600, showers=0,
    muons=0, sky=0.0, shape="caroff", seed=4,
)  # fmt: skip
FEW = {"min_dark": 100, "min_flashes": 500}


def test_the_step_s_parameters_are_the_options() -> None:
    assert STEP.complete() == asdict(SpeOptions())


def test_its_product_is_defined() -> None:
    check_defined(STEP.output)


def test_a_run_gives_gains(tmp_path: Path) -> None:
    run = simulate_run(CONFIG, tmp_path / "run")
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        archive = workspace.archive
        kind = "DL0/Event/Telescope/SinglePhotoElectron"
        events, _ = archive.ingest(run.telescopes[1], kind, obs_id=1, telescopes=[1])
        description, _ = archive.ingest(run.description)
        made = execute(archive, STEP, {"events": events, "description": description}, FEW)
        product = made.product
        assert (product.product_type, product.telescopes) == (STEP.output, (1,))
        assert product.summary["flashes"] == 600
        assert product.summary["dark_pedestals"] == 150
        gains = read_spe_gains(archive.path(product))
    response = RunSimulator(CONFIG).camera(1).response
    sound = ~(response.dead | response.noisy)
    assert gains.fit.usable[sound].mean() > 0.97
    assert not gains.fit.usable[~sound].any()
    pull = ((gains.fit.gain - response.gain[0]) / gains.fit.gain_error)[gains.fit.usable]
    assert pull.std() == pytest.approx(1.0, abs=0.2)
    assert abs(pull.mean()) < 1.0
    assert (gains.tel_id, gains.window) == (1, (8, 18))


def test_what_is_no_such_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_spe_gains(tmp_path / "none.h5")
    (tmp_path / "other.h5").write_bytes(b"\x89HDF nothing of the kind")
    with pytest.raises(CorruptedInput) as other:
        read_spe_gains(tmp_path / "other.h5")
    assert other.value.code == "bad-calibration"
