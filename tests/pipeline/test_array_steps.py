# SPDX-License-Identifier: BSD-3-Clause
"""From delivered trigger rates to the transparency of the air, as a product."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import (
    ConfigurationError,
    CorruptedInput,
    InsufficientStatistics,
    MissingInput,
    PellucidError,
)
from pellucid.formats.array_products import read_intercalibration
from pellucid.formats.delivery.parquet import write_parquet
from pellucid.formats.delivery.table import WrittenColumn
from pellucid.formats.description import write_description
from pellucid.formats.transparency import read_transparency
from pellucid.formats.trigger_rates import read_trigger_rates
from pellucid.interfaces.check import check_files
from pellucid.interfaces.registry import interface_named
from pellucid.pipeline.steps import step_named
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.rates import RateTruth, simulate_counts

ETA = np.array([0.95, 0.8, 0.6])


def deliver(
    folder: Path,
    tel_ids: tuple[int, ...] = (3, 5, 8, 9),
    dead: int = -1,
    *,
    never: Collection[tuple[int, int]] = (),
    first: Mapping[str, float] | None = None,
) -> list[Path]:
    """Write rates of telescopes, of which one has no live time in the last slice where asked for.

    Pairs of ``never`` (by place) have no events; columns of the first telescope have the values of ``first``.
    """
    n, slices = len(tel_ids), ETA.size
    live = np.full((n, slices), 57.0)
    if dead >= 0:
        live[dead, -1] = 0.0
    truth = RateTruth.of(np.linspace(0.9, 1.1, n), ETA)
    together = np.zeros((slices, n, n), np.int64)
    for s, counts in enumerate(simulate_counts(truth, np.random.default_rng(1), 57.0 * 0.95)):
        together[s, counts.first, counts.second] = counts.count
    for one, other in never:
        together[:, one, other] = 0
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
        if i == 0:
            columns |= {name: np.full_like(columns[name], value) for name, value in (first or {}).items()}
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


@pytest.mark.parametrize(
    ("tel_ids", "dead"), [((3, 5, 8, 9), -1), ((3, 5, 8, 9), 0), ((1, 2), -1)], ids=["whole", "dead", "pair"]
)
def test_a_transparency_is_as_its_interface_says(tmp_path: Path, tel_ids: tuple[int, ...], dead: int) -> None:
    step, output = step_named("transparency"), tmp_path / "ctc.h5"
    step.run({"rates": deliver(tmp_path, tel_ids, dead)}, output, step.complete(), {})
    agreed = interface_named("I-DATA-COM-3201")
    assert agreed.delivery("transparency").product_type == step.output
    report = check_files(agreed, [output])
    assert report.ok, report.text()


def test_the_form_of_hess_is_that_at_zenith_over_its_own_norm(tmp_path: Path) -> None:
    step, rates = step_named("transparency"), deliver(tmp_path, first={"zenith": 60.0})
    found = {}
    for name, choices in (("plain", {}), ("norm", {"normalisation": [1.0, 1.0, 1.5, 2.0]})):
        step.run({"rates": rates}, tmp_path / name, step.complete(choices), {})
        found[name] = read_transparency(tmp_path / name)
    t, live = found["plain"]["t"], 57.0
    counted = np.stack([read_trigger_rates(path)[1]["n_stereo"] for path in rates], axis=1)
    cosine = np.array([0.5, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(t, (counted / live / cosine) ** (1.0 / 1.7) / 0.2)
    np.testing.assert_allclose(found["plain"]["t_mean"], t.mean(axis=1))
    np.testing.assert_allclose(found["norm"]["t_mean"], t.mean(axis=1) / 2.0)
    assert (found["plain"]["t_mean_error"] > 0.0).all()


def test_a_slice_that_tells_nothing_has_a_status(tmp_path: Path) -> None:
    step, output = step_named("transparency"), tmp_path / "ctc.h5"
    step.run({"rates": deliver(tmp_path, (1, 2))}, output, step.complete(), {})
    found = read_transparency(output)
    assert found["status"].tolist() == [1, 1, 1]
    assert np.isnan(found["eta"]).all()
    # the form per telescope is what is left
    assert np.isfinite(found["t"]).all()
    assert (np.diff(found["t_mean"]) < -3.0 * found["t_mean_error"][:-1]).all()


def test_a_telescope_without_live_time_is_left_out(tmp_path: Path) -> None:
    step, output = step_named("transparency"), tmp_path / "ctc.h5"
    step.run({"rates": deliver(tmp_path, dead=0)}, output, step.complete(), {})
    found = read_transparency(output)
    assert found["status"].tolist() == [0, 0, 0]
    assert np.isnan(found["throughput"][2, 0])
    assert np.isfinite(found["throughput"][2, 1:]).all()
    assert np.isnan(found["t"][2, 0])


def transparency(folder: Path, rates: list[Path]) -> tuple[dict, dict]:
    step, output = step_named("transparency"), folder / "ctc.h5"
    summary = step.run({"rates": rates}, output, step.complete(), {})
    return summary, read_transparency(output)


def test_a_telescope_in_no_pair_is_left_out_and_the_rest_is_right(tmp_path: Path) -> None:
    summary, found = transparency(tmp_path, deliver(tmp_path, never=[(0, 1), (0, 2), (0, 3)]))
    assert summary["slices_without_transparency"] == 0
    assert np.isnan(found["throughput"][:, 0]).all()
    e = np.linspace(0.9, 1.1, 4)[1:]
    scale = np.exp(np.log(e).mean())
    assert np.abs((found["eta"] - ETA * scale) / found["eta_error"]).max() < 4.0
    assert np.abs(found["throughput"][0, 1:] / (e / scale) - 1.0).max() < 0.1


def test_pairs_between_two_sides_tell_nothing_and_why_is_told(tmp_path: Path) -> None:
    summary, found = transparency(tmp_path, deliver(tmp_path, never=[(0, 1), (2, 3)]))
    assert found["status"].tolist() == [1, 1, 1]
    assert summary["refused"] == {"bipartite": 3}


def test_a_rate_above_the_dead_time_limit_is_left_out_and_flagged(tmp_path: Path) -> None:
    summary, found = transparency(tmp_path, deliver(tmp_path, first={"n_stereo": 60 * 200_000}))
    assert summary["flags"] == ["rate-above-dead-time-limit"]
    assert found["too_busy"].tolist() == [[True, False, False, False]] * 3
    assert np.isnan(found["throughput"][:, 0]).all()
    assert np.isnan(found["t"][:, 0]).all()
    assert np.isfinite(found["throughput"][:, 1:]).all()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"live_time": -1.0}, "bad-live-time"),
        ({"live_time": 61.0}, "bad-live-time"),
        ({"muon_efficiency": 0.0}, "bad-efficiency"),
        ({"gain": 0.0}, "bad-efficiency"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, values: dict[str, float], code: str) -> None:
    with pytest.raises(CorruptedInput) as caught:
        transparency(tmp_path, deliver(tmp_path, first=values))
    assert caught.value.code == code


def test_a_reference_needs_light_that_varies_or_a_known_exponent(tmp_path: Path) -> None:
    step, output = step_named("rate-reference"), tmp_path / "ref.h5"
    with pytest.raises(InsufficientStatistics) as caught:
        step.run({"rates": deliver(tmp_path)}, output, step.complete(), {})
    assert caught.value.code == "too-few-conditions"
    with pytest.raises(InsufficientStatistics) as caught:
        step.run({"rates": deliver(tmp_path, (1, 2), never=[(0, 1)])}, output, step.complete(), {})
    assert caught.value.code == "no-events"


def test_a_part_of_an_array_is_an_array(tmp_path: Path) -> None:
    step, rates = step_named("transparency"), deliver(tmp_path)
    found = {}
    for name, choices in (("whole", {}), ("part", {"array": [3, 5, 8, 9]})):
        given = rates if name == "whole" else [rates[0], rates[2], rates[3]]
        step.run({"rates": given}, tmp_path / name, step.complete(choices), {})
        found[name] = read_transparency(tmp_path / name)
    part, whole = found["part"], found["whole"]
    assert part["tel_id"].tolist() == [3, 8, 9]
    assert (part["n_events"] < whole["n_events"]).all()
    e = np.linspace(0.9, 1.1, 4)[[0, 2, 3]]
    scale = np.exp(np.log(e).mean())
    assert np.abs((part["eta"] - ETA * scale) / part["eta_error"]).max() < 4.0
    assert np.abs(part["throughput"] / (e / scale) - 1.0).max() < 0.1
    assert (part["throughput_error"] > whole["throughput_error"][:, [0, 2, 3]]).all()


def write_images(path: Path, event: list[int], tel_id: list[int]) -> Path:
    n = len(event)
    values = dict.fromkeys(("size", "energy", "energy_error", "impact", "front_time"), np.full(n, 100.0))
    values |= dict.fromkeys(("front_time_error", "direction_error"), np.full(n, 0.1))
    values |= {"azimuth": np.full(n, 180.0), "altitude": np.full(n, 70.0), "h_max": np.full(n, 9e3)}
    values |= {"core_x": np.zeros(n), "core_y": np.zeros(n)}
    values["size"] = 100.0 + np.arange(n)
    numbers = {"time": np.array(event) * 10**9, "event_id": np.array(event), "tel_id": np.array(tel_id)}
    columns = {k: WrittenColumn(v) for k, v in (numbers | values).items()}
    write_parquet(path, {"obs_id": 1}, columns)
    return path


def showers(folder: Path, event: list[int], tel_id: list[int]) -> dict[str, Path]:
    description = folder / "array.json"
    write_description(make_subarray(preset("tiny"), 4), description)
    return {"showers": write_images(folder / "i.parquet", event, tel_id), "description": description}


def test_pairs_of_a_single_shower_are_left_out(tmp_path: Path) -> None:
    events = [i for i in range(1, 31) for _ in range(2)] + [31, 31]
    inputs = showers(tmp_path, events, [1, 2] * 30 + [2, 3])
    step, output = step_named("intercalibration"), tmp_path / "ic.h5"
    summary = step.run(inputs, output, step.complete({"references": [1]}), {})
    assert summary["pairs"]["no-error"] == 1
    assert summary["unconnected"] == [3, 4]
    assert summary["flags"] == ["unconnected-telescopes"]
    _, found, _, _ = read_intercalibration(output)
    assert np.isnan(found.value[2:]).all()
    only = showers(tmp_path, [1, 1, 2, 2], [1, 2, 2, 3])
    with pytest.raises(InsufficientStatistics) as caught:
        step.run(only, output, step.complete(), {})
    assert caught.value.code == "no-pairs"


def two_kinds(folder: Path) -> dict[str, Path]:
    """Two telescopes of one type, two of another, all of which see the same showers."""
    inputs = showers(folder, [i for i in range(1, 41) for _ in range(4)], [1, 2, 3, 4] * 40)
    array, small = make_subarray(preset("tiny"), 4), make_subarray(preset("small"), 4)
    kinds = {t: (array if t < 3 else small).telescopes[t] for t in array.tel_ids}
    write_description(replace(array, telescopes=kinds), inputs["description"])
    return inputs


def test_types_have_references_of_their_own_by_size_and_one_by_energy(tmp_path: Path) -> None:
    step, output, inputs = step_named("intercalibration"), tmp_path / "ic.h5", two_kinds(tmp_path)
    summary = step.run(inputs, output, step.complete({"references": [4]}), {})
    assert summary["references"] == [1, 4]
    assert summary["unconnected"] == []
    _, found, _, scales = read_intercalibration(output)
    assert found.reference.tolist() == [0, 0, 3, 3]
    assert len(scales) == 2
    with pytest.raises(ConfigurationError) as caught:
        step.run(inputs, output, step.complete({"references": [77]}), {})
    assert caught.value.code == "no-such-reference"
    with pytest.raises(ConfigurationError) as two:
        step.run(inputs, output, step.complete({"references": [1, 2]}), {})
    assert two.value.code == "two-references"


@pytest.mark.parametrize(
    ("event", "tel_id", "code"),
    [
        ([1, 1, 1], [1, 1, 2], "twice-in-event"),
        ([1, 1], [1, 77], "bad-pair"),
        ([], [], "no-events"),
        ([1, 2, 3], [1, 2, 3], "no-pairs"),
    ],
)
def test_showers_that_tell_nothing_are_refused(
    tmp_path: Path, event: list[int], tel_id: list[int], code: str
) -> None:
    step = step_named("intercalibration")
    with pytest.raises(PellucidError) as caught:
        step.run(showers(tmp_path, event, tel_id), tmp_path / "x.h5", step.complete(), {})
    assert caught.value.code == code


def test_clocks_need_showers_in_two_telescopes_and_enough_of_them(tmp_path: Path) -> None:
    step = step_named("time-offsets")
    for event, tel_id in (([1, 2, 3], [1, 2, 3]), ([1, 1, 2, 2], [1, 2, 1, 2])):
        with pytest.raises(InsufficientStatistics) as caught:
            step.run(showers(tmp_path, event, tel_id), tmp_path / "x.h5", step.complete(), {})
        assert caught.value.code == "too-few-events"


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
