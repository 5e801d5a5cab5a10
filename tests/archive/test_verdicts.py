# SPDX-License-Identifier: BSD-3-Clause
"""Verdicts are kept for good, and a rejected product is offered by no look-up."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from pellucid.archive import Product
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.engine import transaction
from pellucid.archive.explain import CalibrationExpired, CalibrationMissing
from pellucid.archive.tables import FOREVER
from pellucid.errors import MissingInput, UsageError
from support.products import numbered

TYPE = "DL1/Monitoring/Telescope/Calibration"


@pytest.fixture
def certified(catalogue: Catalogue) -> list[Product]:
    products = [
        registered
        for registered, _ in catalogue.register_many([numbered(n, telescopes=(3,)) for n in (1, 2)])
    ]
    catalogue.certify(products[0], "B", 100, 200)
    catalogue.certify(products[1], "A", 100, 200)
    return products


def test_verdicts_are_kept_in_order(catalogue: Catalogue, certified: list[Product]) -> None:
    good, _ = certified
    first = catalogue.judge(good.id, party="LST", verdict="accepted", reason="closes")
    other = catalogue.judge(good.id, party="CAL", verdict="accepted", reason="agrees", signature="s1")
    last = catalogue.judge(
        good.short_id.rstrip("1") + good.id[12:], party="LST", verdict="rejected", reason="cloud"
    )
    told = catalogue.verdicts(good.id)
    assert [v.reason for v in told] == ["closes", "agrees", "cloud"]
    assert told == [first._replace(known_to=last.known_from), other, last]
    assert last.known_to == FOREVER
    assert catalogue.verdicts(certified[1].id) == []


def test_a_rejected_product_is_no_longer_offered(catalogue: Catalogue, certified: list[Product]) -> None:
    best, second = certified
    assert catalogue.lookup(TYPE, 3, 150, ["B", "A"]).product == best
    said = catalogue.judge(best.id, party="LST", verdict="rejected", reason="cloud over the flasher")
    assert catalogue.lookup(TYPE, 3, 150, ["B", "A"]).product == second
    told = catalogue.explain(TYPE, 3, 150, ["B", "A"])
    assert told.chosen is not None
    assert told.chosen.product == second.id
    (no,) = told.rejected
    assert (no.product, no.reason) == (best.id, "rejected")
    assert "LST" in no.why
    assert "cloud over the flasher" in no.why
    with pytest.raises(CalibrationMissing, match="rejected"):
        catalogue.lookup(TYPE, 3, 150, "B")
    with pytest.raises(CalibrationExpired):
        catalogue.lookup(TYPE, 3, 250, "B")
    # another party's consent does not lift it, nor does it reach into the past
    catalogue.judge(best.id, party="CAL", verdict="accepted", reason="fine")
    assert catalogue.lookup(TYPE, 3, 150, ["B", "A"]).product == second
    assert catalogue.lookup(TYPE, 3, 150, ["B", "A"], said.known_from - 1).product == best
    again = catalogue.judge(best.id, party="LST", verdict="accepted", reason="it was the shutter")
    assert catalogue.lookup(TYPE, 3, 150, ["B", "A"]).product == best
    assert catalogue.lookup(TYPE, 3, 150, ["B", "A"], again.known_from - 1).product == second
    assert catalogue.find() == [second, best], "it is found all the time"


@pytest.mark.parametrize(
    ("party", "verdict", "reason"), [("LST", "maybe", "x"), ("", "accepted", "x"), ("LST", "rejected", " ")]
)
def test_what_is_no_verdict_is_refused(
    catalogue: Catalogue, certified: list[Product], party: str, verdict: Any, reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.judge(certified[0].id, party=party, verdict=verdict, reason=reason)
    assert caught.value.code == "verdict"
    assert catalogue.verdicts(certified[0].id) == []


def test_nobody_judges_what_is_not_there(catalogue: Catalogue) -> None:
    with pytest.raises(MissingInput):
        catalogue.judge("ab" * 32, party="LST", verdict="accepted", reason="x")
    with pytest.raises(MissingInput):
        catalogue.opinions.judge(numbered(5), party="LST", verdict="accepted", reason="x")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE verdicts SET reason = 'x'",
        "DELETE FROM verdicts",
        "UPDATE verdicts SET known_to = 1 + known_from, party = 'x'",
    ],
)
def test_the_database_keeps_what_was_said(
    catalogue: Catalogue, certified: list[Product], statement: str
) -> None:
    catalogue.judge(certified[0].id, party="LST", verdict="rejected", reason="cloud")
    with pytest.raises(IntegrityError, match="history"), transaction(catalogue.engine) as connection:
        connection.exec_driver_sql(statement)
