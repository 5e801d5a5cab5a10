# SPDX-License-Identifier: BSD-3-Clause
"""Single photo-electrons as a step: from a run's file to gains in the archive."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive.workspace import Workspace
from pellucid.camera.spe.gains import SpeOptions
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.spe_gains import read_spe_gains
from pellucid.interfaces.product_types import check_defined
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.graph import build
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import make_plan
from pellucid.pipeline.run import carry_out
from pellucid.pipeline.steps import step_named
from pellucid.simulate.run import RunSimulator, SimulationConfig, simulate_run
from pellucid.times import from_unix_utc, to_tai_ns
from support import toyrun

STEP = step_named("camera-spe")
EVENTS = "DL0/Event/Telescope"
CONFIG = SimulationConfig(
    camera="tiny", telescopes=1, pedestals=0, dark_pedestals=30, flashes=0, dim_flashes=600, showers=0,
    muons=0, sky=0.0, shape="caroff", seed=4,
)  # fmt: skip
FEW = {"min_dark": 100, "min_flashes": 500}


def test_the_step_s_parameters_are_the_options() -> None:
    assert STEP.complete() == asdict(SpeOptions())


def test_its_product_is_defined() -> None:
    check_defined(STEP.output)


def test_a_level_makes_gains_of_the_runs_of_a_night(tmp_path: Path) -> None:
    run = simulate_run(CONFIG, tmp_path / "run")
    unlit = replace(CONFIG, dim_flashes=0, dark_pedestals=150, obs_id=8, start_unix=CONFIG.start_unix + 60)
    dark = simulate_run(unlit, tmp_path / "dark").telescopes[1]
    start = int(to_tai_ns(from_unix_utc(CONFIG.start_unix, 0))[0])
    cover: dict[str, Any] = {"time_start": start, "time_stop": start + 10**10, "telescopes": [1]}
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        archive = workspace.archive
        archive.ingest(run.telescopes[1], f"{EVENTS}/SinglePhotoElectron", obs_id=1, **cover)
        archive.ingest(dark, f"{EVENTS}/Pedestal", obs_id=8, **cover)
        archive.ingest(run.description)
        steps = build([STEP], level="B")
        span = Night.at(start).span
        plan = make_plan(archive, steps, toyrun.level(), span, parameters={STEP.name: FEW})
        report = carry_out(archive, plan, InProcess(archive))
        assert report.exit_code == 0, report.as_text()
        (product,) = report.products
        assert (product.product_type, product.telescopes) == (STEP.output, (1,))
        assert product.summary["flashes"] == 600
        # of both files
        assert product.summary["dark_pedestals"] == 180
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
