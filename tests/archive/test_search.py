# SPDX-License-Identifier: BSD-3-Clause
"""Questions are answered from an index, completely, and end even where the archive changes meanwhile."""

import random
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive.catalogue import Catalogue
from pellucid.archive.explain import Candidate, Explanation
from pellucid.archive.lookup import ATTEMPTS
from pellucid.archive.search import matching
from pellucid.errors import IntermittentError
from support.products import numbered

TYPE = "DL0/Monitoring/Subarray/Lidar"
NOTHING: dict[str, Any] = dict.fromkeys(
    ("types", "obs_id", "night", "tel", "tag", "time", "covered", "sha256")
)


def test_a_span_finds_what_touches_it_and_nothing_else(catalogue: Catalogue) -> None:
    chance = random.Random(20261123)
    products = [numbered(0)]
    for number in range(1, 300):
        start = chance.randrange(10_000)
        length = chance.choice((1, 5, 50, 50, 400, 5000))
        kind = chance.choice(("raw", "raw", "night"))
        products.append(
            numbered(number, time_start=start, time_stop=start + length, device=f"d{length}", collection=kind)
        )
    half = len(products) // 2
    catalogue.register_many(products[:half])
    catalogue.register_many(products[half:])  # longer ones of the same sorts may come later
    for _ in range(60):
        start = chance.randrange(-100, 10_500)
        stop = start + chance.choice((1, 1, 30, 1000))
        found = [p.name for p in catalogue.find(time=(start, stop), collection="raw")]
        assert found == [
            p.name
            for p in reversed(products)
            if p.collection == "raw" and p.time_start is not None and p.time_stop is not None
            if p.time_start < stop and p.time_stop > start
        ]
    assert len(catalogue.find(time=(-(2**63), 2**63 - 1))) == len(products) - 1
    assert catalogue.find(covered=False) == [catalogue.get(products[0].id)]


@pytest.mark.parametrize(
    "condition",
    [
        {"time": (10**9, 2 * 10**9)},
        {"time": (10**9, 2 * 10**9), "types": [TYPE]},
        {"types": [TYPE]},
        {"night": 20261123},
        {"obs_id": 5},
        {"tel": 3},
        {"tag": "t"},
        {"sha256": "ab" * 32},
        {"device": "raman-1"},
    ],
)
def test_no_question_reads_all_products(tmp_path: Path, condition: dict[str, Any]) -> None:
    catalogue = Catalogue(tmp_path / "index.sqlite")  # PostgreSQL reads all of a small table, and rightly
    query = matching(**NOTHING | condition)
    compiled = query.compile(catalogue.engine, compile_kwargs={"render_postcompile": True})
    values = tuple(compiled.params[name] for name in compiled.positiontup or ())
    with catalogue.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values).all()
    catalogue.close()
    steps = [row[-1] for row in plan]
    assert not [step for step in steps if step.startswith(("SCAN products", "SCAN covering"))], steps


def test_a_look_up_that_never_agrees_with_its_explanation_ends(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Candidate("ab" * 32, "x", TYPE, "tel-3", "B", 100, 200, "chosen", "")
    asked = []

    def explain(*question: object) -> Explanation:
        asked.append(question)
        return Explanation(chosen, (), None)

    monkeypatch.setattr(catalogue._lookup, "explain", explain)
    with pytest.raises(IntermittentError) as caught:
        catalogue.lookup(TYPE, None, 150, "B")
    assert caught.value.code == "index-changing"
    assert len(asked) == ATTEMPTS


def test_a_look_up_survives_a_change_between_its_questions(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (
        catalogue.register(numbered(n, product_type="DL1/Monitoring/Telescope/Pedestal", telescopes=(3,)))[0]
        for n in (1, 2)
    )
    catalogue.certify(old, "B", 100, 200)
    explain = catalogue.explain

    def exchanged(*question: Any) -> Explanation:
        told = explain(*question)
        if told.chosen is not None and told.chosen.product == old.id:
            catalogue.decertify(old, "B")
            catalogue.certify(new, "A", 100, 200)
        return told

    monkeypatch.setattr(catalogue._lookup, "explain", exchanged)
    assert catalogue.lookup("DL1/*", None, 150, ["B", "A"]).product == new
