# SPDX-License-Identifier: BSD-3-Clause
"""What differs between two products: inputs, parameters, code, software, numbers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pellucid.archive import Product, Workspace
from pellucid.archive.diff import diff
from pellucid.pipeline.execute import execute
from pellucid.pipeline.step import Step

type MakeFile = Callable[..., Path]
type Steps = dict[str, Step]


def total(workspace: Workspace, toy: Steps, path: Path, factor: float = 2.0) -> Product:
    raw, _ = workspace.archive.ingest(path)
    count = execute(workspace.archive, toy["toy-count"], {"events": raw}, {"factor": factor}).product
    return execute(workspace.archive, toy["toy-add"], {"left": count, "right": count}).product


def test_a_product_does_not_differ_from_itself(workspace: Workspace, toy: Steps, raw_file: MakeFile) -> None:
    product = total(workspace, toy, raw_file())
    found = diff(workspace.archive, product.id, product.short_id)
    assert found.same_bytes
    assert found.code.same
    empty = (found.attributes, found.parameters, found.software, found.inputs, found.raw, found.numbers)
    assert empty == ({}, {}, {}, {}, {}, None)


def test_other_parameters_and_other_raw_files_are_named(
    workspace: Workspace, toy: Steps, raw_file: MakeFile
) -> None:
    archive = workspace.archive
    raw, _ = archive.ingest(raw_file())
    two, three = (execute(archive, toy["toy-count"], {"events": raw}, {"factor": f}).product for f in (2, 3))
    found = diff(archive, two.id, three.id)
    assert found.parameters == {"factor": (2.0, 3.0)}
    assert (found.inputs, found.raw) == ({}, {})
    assert found.numbers is not None
    (deviation,) = found.numbers.deviations
    assert (deviation.dataset, deviation.relative) == ("/total", 0.5)
    first, second = (total(workspace, toy, raw_file(f"{n}.simtel", n.encode())) for n in ("one", "two"))
    found = diff(archive, first.id, second.id)
    assert found.raw == {"one.simtel": "first", "two.simtel": "second"}
    assert set(found.inputs) == {"left[0]", "right[0]"}
    assert found.inputs["left[0]"] == (first.inputs[0].product, second.inputs[0].product)
    json.dumps(found.as_dict(), allow_nan=False)


def test_the_functions_that_changed_are_named(
    workspace: Workspace, raw_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = tmp_path / "changing_algorithm.py"
    text = (
        "import json\n\n\ndef run(inputs, output, parameters, provenance):\n"
        "    output.write_text(json.dumps({'n': helper()}))\n    return {}\n\n\ndef helper():\n    return 1\n"
    )
    raw, _ = workspace.archive.ingest(raw_file())
    products = []
    for version in (text, text.replace("return 1", "return other()") + "\n\ndef other():\n    return 2\n"):
        source.write_text(version)
        monkeypatch.delitem(__import__("sys").modules, "changing_algorithm", raising=False)
        step = Step(
            name="changing",
            version="1",
            function="changing_algorithm:run",
            inputs={"raw": raw.product_type},
            output="DL1/Event/Subarray/Observation",
            format="json",
        )
        products.append(execute(workspace.archive, step, {"raw": raw}).product)
    found = diff(workspace.archive, products[0].id, products[1].id)
    assert found.code.is_recorded
    assert found.code.changed == ("changing_algorithm:helper",)
    assert found.code.second_only == ("changing_algorithm:other",)
    assert found.code.first_only == ()
    assert products[1].code is not None
    workspace.archive.store.remove(products[1].code)
    unknown = diff(workspace.archive, products[0].id, products[1].id).code
    assert (unknown.same, unknown.is_recorded) == (False, False)


def test_what_has_no_numbers_or_no_bytes_is_told(
    workspace: Workspace, toy: Steps, raw_file: MakeFile
) -> None:
    product = total(workspace, toy, raw_file())
    raw = workspace.archive.find(kind="raw")[0]
    found = diff(workspace.archive, raw.id, product.id)
    assert found.numbers is None
    assert "format" in found.remark
    assert found.attributes["product_type"] == (raw.product_type, product.product_type)
    workspace.archive.path(product).unlink()
    assert "gone" in diff(workspace.archive, product.id, raw.id).remark
