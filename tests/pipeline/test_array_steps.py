# SPDX-License-Identifier: BSD-3-Clause
"""From delivered trigger rates to the transparency of the air, as a product."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.delivery.parquet import write_parquet
from pellucid.formats.delivery.table import WrittenColumn
from pellucid.formats.transparency import read_transparency
from pellucid.pipeline.steps import step_named
from pellucid.simulate.rates import RateTruth, simulate_counts

ETA = np.array([0.95, 0.8, 0.6])


def deliver(folder: Path, tel_ids: tuple[int, ...] = (3, 5, 8, 9), dead: int = -1) -> list[Path]:
    """Write rates of telescopes, of which one has no live time in the last slice where asked for."""
    n, slices = len(tel_ids), ETA.size
    live = np.full((n, slices), 57.0)
    if dead >= 0:
        live[dead, -1] = 0.0
    truth = RateTruth.of(np.linspace(0.9, 1.1, n), ETA)
    together = np.zeros((slices, n, n), np.int64)
    for s, counts in enumerate(simulate_counts(truth, np.random.default_rng(1), 57.0 * 0.95)):
        together[s, counts.first, counts.second] = counts.count
    together += together.transpose(0, 2, 1)
    paths = []
    for i, tel_id in enumerate(tel_ids):
        columns = {
            "time": 1795399200 * 10**9 + 60 * 10**9 * np.arange(slices),
            "duration": np.full(slices, 60.0),
            "live_time": live[i],
            "n_stereo": together[:, i].sum(axis=1),
            "n_pairs": np.delete(together[:, i], i, axis=1),
            "zenith": np.zeros(slices),
            "azimuth": np.full(slices, 180.0),
            "night_sky": np.full(slices, 250.0),
            "muon_efficiency": np.full(slices, 0.2),
            "muon_efficiency_error": np.full(slices, 0.004),
            "gain": np.ones(slices),
        }
        paths.append(folder / f"{tel_id}.parquet")
        write_parquet(paths[-1], {"tel_id": tel_id}, {k: WrittenColumn(v) for k, v in columns.items()})
    return paths


def test_rates_become_a_transparency_in_time(tmp_path: Path) -> None:
    step, output = step_named("transparency"), tmp_path / "ctc.h5"
    summary = step.run({"rates": deliver(tmp_path)}, output, step.complete(), {"made": "here"})
    found = read_transparency(output)
    scale = np.exp(np.log(np.linspace(0.9, 1.1, 4)).mean())
    pull = (found["eta"] - ETA * scale) / found["eta_error"]
    assert np.abs(pull).max() < 4.0
    assert found["tel_id"].tolist() == [3, 5, 8, 9]
    assert summary["telescopes"] == [3, 5, 8, 9]
    assert summary["slices_without_transparency"] == 0
    assert np.isfinite(found["t"]).all()
    assert found["covariance"].shape == (3, 5, 5)
    again = tmp_path / "again.h5"
    step.run({"rates": deliver(tmp_path)[::-1]}, again, step.complete(), {"made": "here"})
    assert again.read_bytes() == output.read_bytes()


def test_a_slice_that_tells_nothing_has_a_status(tmp_path: Path) -> None:
    step, output = step_named("transparency"), tmp_path / "ctc.h5"
    step.run({"rates": deliver(tmp_path, (1, 2))}, output, step.complete(), {})
    found = read_transparency(output)
    assert found["status"].tolist() == [1, 1, 1]
    assert np.isnan(found["eta"]).all()


def test_a_telescope_without_live_time_is_left_out(tmp_path: Path) -> None:
    step, output = step_named("transparency"), tmp_path / "ctc.h5"
    step.run({"rates": deliver(tmp_path, dead=0)}, output, step.complete(), {})
    found = read_transparency(output)
    assert found["status"].tolist() == [0, 0, 0]
    assert np.isnan(found["throughput"][2, 0])
    assert np.isfinite(found["throughput"][2, 1:]).all()
    assert np.isnan(found["t"][2, 0])


def test_rates_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    step = step_named("transparency")
    with pytest.raises(CorruptedInput, match="belong together"):
        step.run({"rates": deliver(tmp_path)[:3]}, tmp_path / "x.h5", step.complete(), {})


def test_another_file_is_no_transparency(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_transparency(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("nothing")
    with pytest.raises(CorruptedInput):
        read_transparency(tmp_path / "text.h5")
