# SPDX-License-Identifier: BSD-3-Clause
"""Many products made again at a time, and products that are the same only within a tolerance."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Product, Workspace
from pellucid.archive.replay import replay
from pellucid.archive.replay_many import replay_many
from pellucid.errors import ConfigurationError
from pellucid.pipeline.execute import execute
from pellucid.pipeline.step import Step

type MakeFile = Callable[..., Path]
type Steps = dict[str, Step]


def chains(workspace: Workspace, toy: Steps, raw_file: MakeFile, n: int) -> list[Product]:
    made = []
    for number in range(n):
        raw, _ = workspace.archive.ingest(raw_file(f"run{number}.simtel", bytes([number])))
        counts = [
            execute(workspace.archive, toy["toy-count"], {"events": raw}, {"factor": f}).product
            for f in (1, 2)
        ]
        total = execute(workspace.archive, toy["toy-add"], {"left": counts[0], "right": counts[1]})
        made += [*counts, total.product]
    return made


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: Steps) -> Path:
    """The source of the steps as fresh processes will find it, to be edited."""
    folder = shutil.copytree(Path(os.environ["PYTHONPATH"]), tmp_path / "changed")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder / "toysteps.py"


def test_all_products_are_made_again_each_once(workspace: Workspace, toy: Steps, raw_file: MakeFile) -> None:
    made = chains(workspace, toy, raw_file, 5)
    seen: list[tuple[int, int, str]] = []
    report = replay_many(
        workspace.archive, workspace.archive.find(), workers=2, progress=lambda *now: seen.append(now)
    )
    assert report.agree
    assert report.counts == {"identical": 15}
    assert {p.product for p in report.products} == {p.id for p in made}
    assert seen[-1] == (15, 15, "products")
    assert len(seen) == 5, "chains that share nothing are made side by side"
    assert replay_many(workspace.archive, []).products == ()


def test_what_differs_and_what_fails_is_told(
    workspace: Workspace, toy: Steps, raw_file: MakeFile, changed: Path
) -> None:
    made = chains(workspace, toy, raw_file, 2)
    changed.write_text(changed.read_text().replace("sum(totals)", "sum(totals) + 1"))
    report = replay_many(workspace.archive, made, workers=2)
    assert not report.agree
    assert report.counts == {"different": 2, "identical": 4}
    odd = [p for p in report.products if p.outcome == "different"]
    assert all(p.code_changed and p.what.startswith("/total: ") for p in odd)
    changed.write_text(changed.read_text().replace("content = ", "content = 1 / 0 #"))
    report = replay_many(workspace.archive, made, workers=1)
    assert report.counts == {"failed": 6}
    assert {p.what for p in report.products} == {
        "The step 'toy-count' of today failed where that of then did not.",
        "what it is made of failed",
    }
    changed.write_text("import os\nos._exit(3)\n")
    assert replay_many(workspace.archive, made[:1]).counts == {"failed": 1}


@pytest.mark.parametrize(("tolerance", "agrees"), [("1e-6", True), ("1e-12", False)])
def test_a_step_of_a_tolerance_agrees_within_it(
    workspace: Workspace, toy: Steps, raw_file: MakeFile, changed: Path, tolerance: str, agrees: bool
) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    step = replace(toy["toy-count"], determinism="tolerance", tolerance={"/total": (1e-6, 0.0)})
    product = execute(workspace.archive, step, {"events": raw}).product
    assert product.determinism == "tolerance"
    text = changed.read_text().replace(
        'suffix=".dl1.json",',
        f'suffix=".dl1.json", determinism="tolerance", tolerance={{"/total": ({tolerance}, 0.0)}},',
    )
    changed.write_text(text.replace("sum(content) *", "(1 + 1e-9) * sum(content) *"))
    report = replay(workspace, product.id)
    assert not report.identical
    assert report.agrees is agrees
    assert report.deviation is not None
    largest = report.deviation.largest
    assert largest is not None
    assert (largest.dataset, largest.different) == ("/total", 1)
    assert largest.relative == pytest.approx(1e-9, rel=1e-3)
    (told,) = replay_many(workspace.archive, [product]).products
    assert told.outcome == ("within" if agrees else "different")


def test_a_step_of_bytes_does_not_agree_however_little_differs(
    workspace: Workspace, toy: Steps, raw_file: MakeFile, changed: Path
) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    product = execute(workspace.archive, toy["toy-count"], {"events": raw}).product
    changed.write_text(changed.read_text().replace("sum(content) *", "(1 + 1e-15) * sum(content) *"))
    report = replay(workspace, product.id)
    assert (report.identical, report.agrees) == (False, False)


def test_a_step_says_its_tolerance_exactly_where_it_has_one(toy: Steps) -> None:
    wrong: list[dict[str, Any]] = [{"determinism": "tolerance"}, {"tolerance": {"*": (1e-6, 0.0)}}]
    for given in wrong:
        with pytest.raises(ConfigurationError):
            replace(toy["toy-count"], **given)
