# SPDX-License-Identifier: BSD-3-Clause
"""Edited code: where the bytes stay equal nothing downstream is done again, else only what depends on it."""

import itertools
import sys
from collections.abc import Callable
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Workspace
from pellucid.archive.code_record import recorded_code
from pellucid.archive.repair import repair
from pellucid.archive.verify import collect_garbage, verify
from pellucid.archive.why import as_json, lineage_of
from pellucid.pipeline.execute import Outcome, execute
from pellucid.pipeline.step import Step

type MakeFile = Callable[..., Path]

NUMBERS = itertools.count()
ALGORITHMS = """
import json

LIMIT = 5


def first(inputs, output, parameters, provenance):
    total = sum(inputs["raw"].read_bytes())
    return written(output, total, provenance)


def second(inputs, output, parameters, provenance):
    return written(output, 10 * json.loads(inputs["first"].read_text())["n"], provenance)


def third(inputs, output, parameters, provenance):
    return written(output, json.loads(inputs["second"].read_text())["n"] + LIMIT, provenance)


def written(output, n, provenance):
    output.write_text(json.dumps({"n": n, "provenance": provenance}, sort_keys=True))
    return {"n": n}
"""
TYPE = "DL1/Event/Subarray/Observation"


class Chain:
    """Three steps of a package that can be edited, each over the one before."""

    def __init__(self, workspace: Workspace, folder: Path, raw: Path) -> None:
        self.archive = workspace.archive
        self.raw, _ = self.archive.ingest(raw)
        self.folder = folder
        self.text = ALGORITHMS
        self.module = f"edited{next(NUMBERS)}"  # places of modules are remembered

    def run(self, old: str = "", new: str = "") -> dict[str, Outcome]:
        """Edit the algorithms and run all three, as a new process would."""
        self.text = self.text.replace(old, new) if old else self.text
        (self.folder / f"{self.module}.py").write_text(self.text)
        invalidate_caches()
        sys.modules.pop(self.module, None)
        product, role, outcomes = self.raw, "raw", {}
        for step in ("first", "second", "third"):
            declared = Step(
                name=step,
                version="1",
                function=f"{self.module}:{step}",
                inputs={role: product.product_type},
                output=TYPE,
                format="json",
            )
            outcomes[step] = execute(self.archive, declared, {role: product})
            product, role = outcomes[step].product, step
        return outcomes


@pytest.fixture
def chain(workspace: Workspace, tmp_path: Path, raw_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.syspath_prepend(tmp_path)
    return Chain(workspace, tmp_path, raw_file())


def done(outcomes: dict[str, Outcome]) -> set[str]:
    return {step for step, outcome in outcomes.items() if not outcome.reused}


def test_equal_bytes_stop_a_reprocessing(chain: Chain) -> None:
    before = chain.run()
    assert done(before) == {"first", "second", "third"}
    assert done(chain.run()) == set()
    after = chain.run(
        'total = sum(inputs["raw"].read_bytes())', 'total = sum(iter(inputs["raw"].read_bytes()))'
    )
    assert done(after) == {"first"}
    assert after["first"].product.id != before["first"].product.id
    assert after["first"].product.sha256 == before["first"].product.sha256
    assert after["second"].product == before["second"].product
    tree: Any = as_json(lineage_of(chain.archive, after["third"].product.id))
    (second,) = tree["inputs"]
    (first,) = second["inputs"]
    assert first["id"] == before["first"].product.id
    assert first["same_bytes"] == [after["first"].product.id]


@pytest.mark.parametrize(
    ("old", "new", "redone"),
    [
        ("total = sum", "total = 1 + sum", {"first", "second", "third"}),
        ("10 * json", "11 * json", {"second", "third"}),
        ("10 * json", "5 * 2 * json", {"second"}),
        ("LIMIT = 5", "LIMIT = 6", {"third"}),
        ("LIMIT = 5", "LIMIT = 5  # why", set()),
        ("LIMIT = 5", "LIMIT = 5\nUNUSED = 1", set()),
        ('{"n": n, ', '{"n": n, **{}, ', {"first", "second", "third"}),
    ],
)
def test_an_edit_redoes_what_depends_on_it_and_no_more(
    chain: Chain, old: str, new: str, redone: set[str]
) -> None:
    chain.run()
    assert done(chain.run(old, new)) == redone


def test_what_a_fingerprint_stands_for_is_kept(chain: Chain) -> None:
    outcomes = chain.run()
    code = outcomes["third"].product.code
    assert code is not None
    identity = recorded_code(chain.archive, code)
    assert identity is not None
    assert identity.fingerprint == code
    assert set(identity.definitions) == {f"{chain.module}:{n}" for n in ("LIMIT", "third", "written")}
    assert verify(chain.archive).problems == ()
    assert collect_garbage(chain.archive, remove=True, grace=0.0).objects == {}
    chain.archive.store.remove(code)
    assert verify(chain.archive).is_whole, "it is no product's bytes"
    assert recorded_code(chain.archive, code) is None


def test_a_damaged_record_of_code_is_found_and_mended_or_removed(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile, chain: Chain
) -> None:
    archive = workspace.archive
    raw, _ = archive.ingest(raw_file())
    known = execute(archive, toy["toy-count"], {"events": raw}).product.code
    gone = chain.run()["first"].product.code
    assert known is not None
    assert gone is not None
    for code in (known, gone):
        path = workspace.path / "store" / code[:2] / code[2:]
        path.chmod(0o644)
        path.write_bytes(b"{}")
    report = verify(archive)
    assert {(p.kind, p.sha256) for p in report.problems} == {("code", known), ("code", gone)}
    assert report.is_whole
    assert {m.product: m.what.split()[0] for m in repair(archive)} == {known: "made", gone: "removed:"}
    assert verify(archive).problems == ()
    assert recorded_code(archive, known) is not None
