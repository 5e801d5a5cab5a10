# SPDX-License-Identifier: BSD-3-Clause
"""Products are found by the numbers and words of their summaries, alike on both engines."""

import random
from typing import Any

import pytest

from pellucid.archive.catalogue import Catalogue
from pellucid.archive.summaries import SummaryCondition, summarised
from pellucid.errors import UsageError
from support.products import numbered

SUMMARIES: list[dict[str, Any]] = [
    {},
    {"n": 7, "check": "passed", "cloudy": False},
    {"n": 7.5, "check": "failed", "cloudy": True, "rates": {"median": 0.1}},
    {"n": -3, "check": "ü\"'%", "rates": {"median": 2, "null": 1}},
    {"n": "7", "check": 7, "cloudy": None},
    {"n": None, "rates": [1, 2]},
    {"n": [7], "check": ["passed"]},
    {"n": 2**53, "rates": {"median": -1e300}},
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("n = 7", [1]),
        ("n=7.0", [1]),
        ("n != 7", [2, 3, 7]),
        ("n<7", [3]),
        ("n <= 7", [1, 3]),
        ("n>7", [2, 7]),
        (" n >= 7.5 ", [2, 7]),
        ("n = 9007199254740992", [7]),
        ("check = passed", [1]),
        ("check != passed", [2, 3]),
        ("check = ü\"'%", [3]),
        ("check > 6", [4]),
        ("cloudy = true", [2]),
        ("cloudy = false", [1]),
        ("rates.median < 1", [2, 7]),
        ("rates.null = 1", [3]),
        ("rates > 0", []),
        ("absent > 0", []),
        ("absent != 0", []),
    ],
)
def test_a_condition_finds_what_fulfils_it(catalogue: Catalogue, text: str, found: list[int]) -> None:
    catalogue.register_many([numbered(i + 1, summary=s) for i, s in enumerate(SUMMARIES)])
    condition = SummaryCondition.parse(text)
    assert [int(p.name) - 1 for p in catalogue.find(summary=[condition])] == found[::-1]


def test_conditions_hold_together_and_beside_others(catalogue: Catalogue) -> None:
    chance = random.Random(20261123)
    products = [
        numbered(n, summary={"x": chance.random(), "y": chance.randrange(9)}, obs_id=n % 3)
        for n in range(200)
    ]
    catalogue.register_many(products)
    conditions = [SummaryCondition("x", ">", 0.25), SummaryCondition("y", "<=", 4)]
    found = catalogue.find(summary=conditions, obs_id=1)
    assert [p.name for p in found] == [
        p.name
        for p in reversed(products)
        if p.obs_id == 1 and p.summary["x"] > 0.25 and p.summary["y"] <= 4  # type: ignore[operator]
    ]
    assert len(found) > 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n",
        "n >",
        "= 3",
        "n == 3",
        "n < many",
        "n > nan",
        "n < inf",
        "a b = 3",
        "a..b = 1",
        "n ~ 3",
        "$ = 1",
    ],
)
def test_what_is_no_condition_is_told(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        SummaryCondition.parse(text)
    assert caught.value.code == "ill-condition"
    assert caught.value.mend


def test_the_value_a_condition_looks_at() -> None:
    assert summarised(SUMMARIES[2], "rates.median") == 0.1
    assert summarised(SUMMARIES[2], "n.median") is None
    assert summarised({}, "n") is None
