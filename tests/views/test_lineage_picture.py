# SPDX-License-Identifier: BSD-3-Clause
"""A lineage as a picture: every product once, right of what it was made of."""

from itertools import pairwise
from pathlib import Path

import pytest
from lxml import etree

from pellucid.archive import Product, Workspace, lineage_of
from pellucid.archive.product import InputReference
from pellucid.archive.why import Lineage
from pellucid.cli.run import run
from pellucid.views.boxes import Box, boxes_svg
from pellucid.views.lineage import lineage_svg

SVG = "{http://www.w3.org/2000/svg}"


def product(number: int, name: str, *inputs: Product) -> Product:
    return Product(
        id=f"{number:064x}",
        product_type="DL1/Event/Subarray/Observation",
        kind="derived" if inputs else "raw",
        sha256=f"{number:064x}",
        size=1,
        format="json",
        name=name,
        step="step" if inputs else None,
        step_version="1" if inputs else None,
        inputs=tuple(InputReference(f"r{i}", 0, p.id) for i, p in enumerate(inputs)),
    )


def drawn(text: str) -> tuple[dict[str, tuple[float, str]], int]:
    """Return the place and kind of each box by its title, and how many edges there are."""
    root = etree.fromstring(text.encode())
    texts = [t for t in root.iter(f"{SVG}text") if t.get("class") is None]
    rects = [r for r in root.iter(f"{SVG}rect") if r.get("class")]
    assert len(texts) == len(rects)
    boxes = {t.text: (float(r.get("x")), r.get("class")) for t, r in zip(texts, rects, strict=True)}
    return boxes, len(root.findall(f"{SVG}path"))


def test_each_product_is_drawn_once_right_of_what_it_was_made_of() -> None:
    raw = product(1, "raw <file> & more")
    first = product(2, "first", raw)
    last = product(3, "last", first, raw)
    leaf = Lineage(raw, "r0", True, ())
    tree = Lineage(last, "", True, (Lineage(first, "r0", False, (leaf,)), leaf))
    boxes, edges = drawn(lineage_svg(tree))
    assert edges == 4, "three, one of them in two pieces"
    assert {title: kind for title, (_, kind) in boxes.items()} == {
        "raw <file> & more": "delivered",
        "first": "missing",
        "last": "step",
    }
    assert boxes["raw <file> & more"][0] < boxes["first"][0] < boxes["last"][0]


def test_a_thousand_boxes_in_a_row() -> None:
    boxes = {f"{n:04d}": Box("step", f"{n}", "") for n in range(1000)}
    names = list(boxes)
    text = boxes_svg(boxes, pairwise(names))
    assert text.count("<path") == 999


def test_the_verb_writes_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.simtel").write_bytes(b"\x37\x8a\x1f\xd4abc")
    with Workspace.open(tmp_path / "ws") as workspace:
        raw, _ = workspace.archive.ingest(tmp_path / "a.simtel")
        assert lineage_of(workspace.archive, raw.id).product == raw
    assert run(["why", raw.id, "--workspace", "ws", "--svg", "why.svg"]) == 0
    assert "a.simtel" in drawn((tmp_path / "why.svg").read_text())[0]
    assert run(["why", raw.id, "--workspace", "ws", "--svg", "why.svg"]) == 2
    assert "exists" in capsys.readouterr().err
