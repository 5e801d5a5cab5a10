# SPDX-License-Identifier: BSD-3-Clause
"""Tagged sets gather products from any collection, let them go, and remember."""

import pytest
from sqlalchemy.exc import IntegrityError

from pellucid.archive import Product
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.engine import transaction
from pellucid.errors import ConfigurationError, MissingInput
from support.products import numbered


@pytest.fixture
def products(catalogue: Catalogue) -> list[Product]:
    return [
        registered
        for registered, _ in catalogue.register_many(
            [numbered(n, collection=f"run{n % 2}") for n in range(1, 5)]
        )
    ]


def test_a_set_gathers_and_lets_go(catalogue: Catalogue, products: list[Product]) -> None:
    ids = [p.id for p in products]
    assert catalogue.tag("paper/crab", ids[:2], because="clear nights") == 2
    assert catalogue.tag("paper/crab", ids[1:3]) == 1
    assert catalogue.tag("other", [ids[3]]) == 1
    assert catalogue.tags.tagged("paper/crab") == products[2::-1]
    assert catalogue.find(tag="paper/crab", collection="run1") == [products[2], products[0]]
    assert catalogue.tags.tags() == ["other", "paper/crab"]
    assert catalogue.untag("paper/crab", [ids[0], ids[3]]) == 1
    assert catalogue.tags.tagged("paper/crab") == products[2:0:-1]
    assert catalogue.find(collection="run1") == [products[2], products[0]], "the run collection is as it was"
    assert catalogue.tag("paper/crab", [ids[0]]) == 1, "what was let go may come back"
    assert catalogue.tags.tagged("paper/crab") == products[2::-1]
    assert catalogue.tags.tagged("nobody-made-it") == []


def test_what_was_in_it_then_is_known(catalogue: Catalogue, products: list[Product]) -> None:
    catalogue.tag("t", [products[0].id])
    before = _last_tick(catalogue)
    catalogue.tag("t", [products[1].id])
    between = _last_tick(catalogue)
    catalogue.untag("t", [products[0].id])
    assert catalogue.tags.tagged("t", before - 1) == []
    assert catalogue.tags.tagged("t", before) == [products[0]]
    assert catalogue.tags.tagged("t", between) == [products[1], products[0]]
    assert catalogue.tags.tagged("t") == [products[1]]


def test_all_or_none(catalogue: Catalogue, products: list[Product]) -> None:
    with pytest.raises(MissingInput):
        catalogue.tags.tag("t", [products[0], numbered(99)])
    with pytest.raises(ConfigurationError):
        catalogue.tag("two words", [products[0].id])
    assert catalogue.tags.tags() == []


@pytest.mark.parametrize("statement", ["UPDATE tagged SET name = 'x'", "DELETE FROM tagged"])
def test_the_database_keeps_what_was_tagged(
    catalogue: Catalogue, products: list[Product], statement: str
) -> None:
    catalogue.tag("t", [products[0].id])
    with pytest.raises(IntegrityError, match="history"), transaction(catalogue.engine) as connection:
        connection.exec_driver_sql(statement)


def _last_tick(catalogue: Catalogue) -> int:
    with catalogue.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT max(tick) FROM acts").scalar_one())
