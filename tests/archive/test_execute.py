# SPDX-License-Identifier: BSD-3-Clause
"""Steps over archived products: run once, kept with their lineage, made again to the byte."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Product, Workspace, derived_key, lineage_of
from pellucid.archive.fingerprint import code_fingerprint, software_versions
from pellucid.archive.replay import replay
from pellucid.archive.why import as_json, as_text
from pellucid.errors import (
    ConfigurationError,
    CorruptedInput,
    InsufficientStatistics,
    MissingInput,
    PellucidError,
    UsageError,
)
from pellucid.pipeline.execute import execute
from pellucid.pipeline.step import Step
from pellucid.pipeline.steps import step_named

type MakeFile = Callable[..., Path]
type Steps = dict[str, Step]


def counted(workspace: Workspace, toy: Steps, path: Path, **parameters: Any) -> Product:
    raw, _ = workspace.archive.ingest(path)
    return execute(workspace.archive, toy["toy-count"], {"events": raw}, parameters).product


@pytest.fixture
def added(workspace: Workspace, toy: Steps, raw_file: MakeFile) -> Product:
    """A product of two steps: the sum of two counts."""
    left = counted(workspace, toy, raw_file("left.simtel.zst", b"\x01"))
    right = counted(workspace, toy, raw_file("right.simtel", b"\x02"), factor=3)
    return execute(workspace.archive, toy["toy-add"], {"right": right, "left": left}).product


def test_a_step_makes_a_product_with_everything_in_it(
    workspace: Workspace, toy: Steps, raw_file: MakeFile
) -> None:
    raw, _ = workspace.archive.ingest(raw_file("run.simtel.zst", b"\x01\x02"))
    reports: list[tuple[int, int, str]] = []
    outcome = execute(
        workspace.archive,
        toy["toy-count"],
        {"events": raw},
        {"factor": 3, "keep": {"partial": True}},
        category="B",
        progress=lambda *report: reports.append(report),
    )
    product = outcome.product
    assert not outcome.reused
    assert reports == [(6, 6, "B")]
    parameters = {"factor": 3.0, "keep": {"partial": True}, "order": [1, 2]}
    code = code_fingerprint("toysteps:count")
    assert product.id == derived_key("toy-count", "1.0", parameters, code, {"events": [raw.id]})
    assert (product.kind, product.format, product.name) == ("derived", "json", "run.dl1.json")
    assert (product.obs_id, product.telescopes, product.flags) == (7, (1, 3), ("partial",))
    assert (product.time_start, product.time_stop, product.category) == (100, 200, "B")
    total = 3.0 * (sum(b"\x37\x8a\x1f\xd4") + 3)
    assert product.summary == {"total": total}
    written = json.loads(workspace.archive.path(product).read_text())
    assert written["total"] == total
    provenance = written["provenance"]
    assert provenance == {
        "step": "toy-count",
        "version": "1.0",
        "parameters": parameters,
        "inputs": [{"role": "events", "sha256": raw.sha256, "product_type": raw.product_type}],
    }
    assert (product.code, product.software) == (code, software_versions())


def test_the_same_is_not_done_twice_and_anything_else_is(
    workspace: Workspace, toy: Steps, raw_file: MakeFile
) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    other, _ = workspace.archive.ingest(raw_file(content=b"other"))
    step = toy["toy-count"]
    first = execute(workspace.archive, step, {"events": raw})
    assert execute(workspace.archive, step, {"events": raw}, {"factor": 2}).reused
    again = execute(workspace.archive, step, {"events": raw}, {"order": [1, 2]})
    assert again.reused
    assert again.product == first.product
    fresh = [
        execute(workspace.archive, step, {"events": raw}, {"factor": 2.5}),
        execute(workspace.archive, step, {"events": raw}, {"order": [2, 1]}),
        execute(workspace.archive, step, {"events": other}),
        execute(workspace.archive, replace(step, version="1.1"), {"events": raw}),
    ]
    assert not any(outcome.reused for outcome in fresh)
    assert len({first.product.id, *(o.product.id for o in fresh)}) == 5


def test_lost_bytes_are_made_again_under_the_same_product(
    workspace: Workspace, toy: Steps, raw_file: MakeFile
) -> None:
    product = counted(workspace, toy, raw_file())
    raw = workspace.archive.find(kind="raw")[0]
    workspace.archive.path(product).unlink()
    again = execute(workspace.archive, toy["toy-count"], {"events": raw})
    assert not again.reused
    assert again.product == product
    assert workspace.archive.store.verify(product.sha256).size == product.size


def test_a_fickle_step_cannot_replace_lost_bytes(
    workspace: Workspace, toy: Steps, raw_file: MakeFile
) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    product = execute(workspace.archive, toy["toy-fickle"], {"events": raw}).product
    workspace.archive.path(product).unlink()
    with pytest.raises(CorruptedInput) as caught:
        execute(workspace.archive, toy["toy-fickle"], {"events": raw})
    assert caught.value.code == "not-reproducible"
    assert not workspace.archive.has_bytes(product)


@pytest.mark.parametrize(
    ("step", "kind", "code"),
    [
        ("toy-fail", InsufficientStatistics, "insufficient-statistics"),
        ("toy-idle", PellucidError, "no-output"),
    ],
)
def test_a_failing_step_leaves_nothing(
    workspace: Workspace, toy: Steps, raw_file: MakeFile, step: str, kind: type[PellucidError], code: str
) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    files = sorted((workspace.path / "store").rglob("*"))
    with pytest.raises(kind) as caught:
        execute(workspace.archive, toy[step], {"events": raw})
    assert caught.value.code == code
    assert workspace.archive.find() == [raw]
    assert sorted((workspace.path / "store").rglob("*")) == files
    assert list((workspace.path / "store" / "staging").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "where", "mend"),
    [
        ({"facter": 1}, "toy-count", "did you mean 'factor'?"),
        ({"keep": {"partiel": True}}, "toy-count.keep", "did you mean 'partial'?"),
        ({"factor": "2"}, "toy-count.factor", ""),
        ({"factor": True}, "toy-count.factor", ""),
        ({"factor": float("nan")}, "toy-count.factor", ""),
        ({"order": "12"}, "toy-count.order", ""),
        ({"keep": True}, "toy-count.keep", ""),
        ({"keep": {"partial": 1}}, "toy-count.keep.partial", ""),
    ],
)
def test_mistyped_parameters_stop_the_run(toy: Steps, given: dict[str, Any], where: str, mend: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        toy["toy-count"].complete(given)
    assert caught.value.where == where
    assert mend in caught.value.mend


def test_inputs_must_fit_the_step(workspace: Workspace, toy: Steps, raw_file: MakeFile) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    for step, inputs in (
        ("toy-count", {}),
        ("toy-count", {"event": raw}),
        ("toy-count", {"events": raw, "more": raw}),
        ("toy-add", {"left": raw, "right": raw}),
    ):
        with pytest.raises(UsageError) as caught:
            execute(workspace.archive, toy[step], inputs)
        assert caught.value.code == "wrong-input"
    workspace.archive.path(raw).unlink()
    with pytest.raises(MissingInput) as gone:
        execute(workspace.archive, toy["toy-count"], {"events": raw})
    assert gone.value.code == "object-missing"


def test_steps_of_outside_packages_are_known(toy: Steps) -> None:
    assert {"toy-add", "toy-count"} <= set(toy)
    with pytest.raises(MissingInput) as caught:
        step_named("toy-cuont")
    assert (caught.value.code, "'toy-count'" in caught.value.mend) == ("unknown-step", True)
    with pytest.raises(ConfigurationError):
        replace(toy["toy-add"], function="no colon")


def test_why_shows_the_tree(workspace: Workspace, added: Product) -> None:
    tree = lineage_of(workspace.archive, added.id[:10])
    assert [n.role for n in tree.inputs] == ["left", "right"]
    assert [n.product.kind for n in tree.walk()] == ["raw", "derived", "raw", "derived", "derived"]
    left, right = (n.product for n in tree.inputs)
    raw_left, raw_right = (n.inputs[0].product for n in tree.inputs)
    workspace.archive.path(raw_right).unlink()
    assert as_text(lineage_of(workspace.archive, added.id)).splitlines() == [
        "left.dl2.json  DL2/Event/Subarray/Observation",
        f"│  {added.short_id}  step toy-add 2.1, sha256 {added.sha256[:12]}",
        "├─ left: left.dl1.json  DL1/Event/Subarray/Observation",
        f"│  │  {left.short_id}  step toy-count 1.0, sha256 {left.sha256[:12]}",
        "│  └─ events: left.simtel.zst  DL0/Event/Subarray/ObservationSim",
        f"│        {raw_left.short_id}  raw, sha256 {raw_left.sha256[:12]}",
        "└─ right: right.dl1.json  DL1/Event/Subarray/Observation",
        f"   │  {right.short_id}  step toy-count 1.0, sha256 {right.sha256[:12]}",
        "   └─ events: right.simtel  DL0/Event/Subarray/ObservationSim",
        f"         {raw_right.short_id}  raw, sha256 {raw_right.sha256[:12]}, bytes are gone",
    ]
    document = json.loads(json.dumps(as_json(tree)))
    assert document["inputs"][1]["inputs"][0]["id"] == raw_right.id
    assert document["inputs"][1]["parameters"]["factor"] == 3.0


def test_a_product_used_twice_is_drawn_once(workspace: Workspace, toy: Steps, raw_file: MakeFile) -> None:
    count = counted(workspace, toy, raw_file())
    both = execute(workspace.archive, toy["toy-add"], {"left": count, "right": count}).product
    text = as_text(lineage_of(workspace.archive, both.id))
    assert text.count("run.simtel") == 1
    assert text.splitlines()[-1] == f"└─ right: run.dl1.json  {count.short_id} (as above)"


def test_replay_makes_the_same_bytes_from_raw_in_a_fresh_process(
    workspace: Workspace, added: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = [i.product for i in added.inputs]
    for id in between:  # what lies between is made again, not read
        workspace.archive.path(workspace.archive.get(id)).unlink()
    monkeypatch.setenv("PYTHONHASHSEED", "271828")
    before = sorted((workspace.path / "store").rglob("*"))
    report = replay(workspace, added.id[:12])
    assert report.identical
    assert report.expected_sha256 == report.got_sha256 == added.sha256
    assert not report.code_changed
    assert report.software_changed == {}
    assert {r.product for r in report.rebuilt} == {added.id, *between}
    assert report.rebuilt[-1].product == added.id
    assert json.loads(json.dumps(report.as_dict()))["identical"] is True
    assert sorted((workspace.path / "store").rglob("*")) == before


def test_replay_tells_other_code_other_software_and_other_bytes(
    workspace: Workspace, toy: Steps, raw_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    monkeypatch.setattr("pellucid.pipeline.execute.software_versions", lambda: {"numpy": "0.1", "gone": "3"})
    product = execute(workspace.archive, toy["toy-count"], {"events": raw}).product
    changed = shutil.copytree(Path(os.environ["PYTHONPATH"]), tmp_path / "changed")
    source = changed / "toysteps.py"
    source.write_text(source.read_text().replace("sum(content)", "(1 + sum(content))"))
    report = replay(workspace, product.id)
    assert report.identical
    assert report.software_changed["gone"] == ("3", "")
    assert report.software_changed["numpy"][0] == "0.1"
    assert not report.code_changed
    monkeypatch.setenv("PYTHONPATH", str(changed))
    report = replay(workspace, product.id)
    assert report.code_changed
    assert not report.identical
    assert report.got_sha256 != report.expected_sha256 == product.sha256
    source.write_text(source.read_text().replace('parameters["factor"]', 'parameters["gone"]'))
    with pytest.raises(PellucidError) as caught:
        replay(workspace, product.id)
    assert (caught.value.code, caught.value.got) == ("step-failed", "KeyError: 'gone'")
    source.write_text("import os\nos._exit(3)\n")
    with pytest.raises(PellucidError) as caught:
        replay(workspace, product.id)
    assert (caught.value.code, caught.value.got) == ("worker-died", "exit 3: no message")


def test_what_cannot_be_replayed(
    workspace: Workspace, added: Product, toy: Steps, raw_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, _ = workspace.archive.ingest(raw_file("left.simtel.zst", b"\x01"))
    with pytest.raises(UsageError) as caught:
        replay(workspace, raw.id)
    assert caught.value.code == "raw-product"
    place = workspace.archive.path(raw)
    good = place.read_bytes()
    place.chmod(0o600)
    place.write_bytes(good[:-1] + b"\x00")
    with pytest.raises(CorruptedInput) as damaged:
        replay(workspace, added.id)
    assert damaged.value.code == "damaged-object"
    assert "left.simtel.zst" in damaged.value.what
    place.unlink()
    with pytest.raises(MissingInput) as missing:
        replay(workspace, added.id)
    assert "left.simtel.zst" in missing.value.what
    workspace.archive.ingest(raw_file("left.simtel.zst", b"\x01"))
    assert replay(workspace, added.id).identical
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(MissingInput) as unknown:
        replay(workspace, added.id)
    assert unknown.value.code == "unknown-step"
