# SPDX-License-Identifier: BSD-3-Clause
"""The index: what is registered is found again, whole, and nothing else is."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from pellucid.archive import InputReference, Product
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.engine import transaction
from pellucid.archive.moments import night_of, parse_moment
from pellucid.errors import (
    ConfigurationError,
    CorruptedInput,
    IntermittentError,
    MissingInput,
    PellucidError,
    UsageError,
)
from support.products import FULL, numbered

RAW, DL1 = "DL0/Event/Subarray/ObservationSim", "DL1/Event/Subarray/Observation"


def raw(number: int, **changes: Any) -> Product:
    told = {"product_type": RAW, "size": 10, "format": "eventio", "name": f"run{number}.simtel"}
    return numbered(number, **told | changes)


def test_a_product_comes_back_exactly(catalogue: Catalogue) -> None:
    catalogue.register(raw(1))
    catalogue.register(raw(2))
    registered, is_new = catalogue.register(FULL)
    assert is_new
    assert registered == replace(FULL, created_ns=registered.created_ns)
    assert registered.created_ns > 1_700_000_000 * 10**9
    assert catalogue.get(FULL.id) == registered
    assert catalogue.get(FULL.id).parameters["b"] == [1.0, 0.1, None, True]
    again = Catalogue(catalogue.path)
    assert again.get(FULL.id) == registered
    again.close()
    assert registered.as_dict()["telescopes"] == [1, 5, 32]


def test_the_same_again_changes_nothing_and_other_bytes_are_refused(catalogue: Catalogue) -> None:
    first, _ = catalogue.register(raw(1))
    assert catalogue.register(raw(1, name="other")) == (first, False)
    assert len(catalogue.find()) == 1
    with pytest.raises(CorruptedInput) as caught:
        catalogue.register(raw(1, sha256="f" * 64))
    assert caught.value.code == "not-reproducible"


def test_many_are_registered_all_or_none(catalogue: Catalogue) -> None:
    catalogue.register(raw(1))
    batch = [raw(1), raw(2), FULL, raw(2, name="again")]
    answers = catalogue.register_many(batch)
    assert [is_new for _, is_new in answers] == [False, True, True, False]
    assert [p.id for p, _ in answers] == [p.id for p in batch]
    assert answers[3][0].name == "run2.simtel", "the first of two counts"
    assert catalogue.get(FULL.id) == answers[2][0]
    assert catalogue.register_many([]) == []
    for broken, code in (
        ([raw(3), raw(4, kind="derived", inputs=(InputReference("e", 0, "e" * 64),))], "unknown-product"),
        ([raw(3), raw(2, sha256="f" * 64)], "not-reproducible"),
        ([raw(3), raw(3, sha256="f" * 64)], "not-reproducible"),
    ):
        with pytest.raises(PellucidError) as caught:
            catalogue.register_many(broken)
        assert caught.value.code == code
        assert len(catalogue.find()) == 3


def test_a_product_with_an_unknown_input_is_not_visible_at_all(catalogue: Catalogue) -> None:
    catalogue.register(raw(1))
    with pytest.raises(MissingInput) as caught:
        catalogue.register(FULL)
    assert caught.value.code == "unknown-product"
    assert [p.id for p in catalogue.find()] == [raw(1).id]
    assert catalogue.product_types() == [RAW]
    with catalogue.engine.connect() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar()
            for t in ("products", "product_telescopes", "inputs")
        ]
    assert counts == [1, 0, 0]


def test_prefixes(catalogue: Catalogue) -> None:
    ids = ["abcd" + "0" * 60, "abce" + "0" * 60, "ffff" + "0" * 60]
    for id in ids:
        catalogue.register(raw(0, id=id, name=f"{id[:4]}.simtel"))
    assert catalogue.get("abcd").id == ids[0]
    assert catalogue.get("F").id == ids[2]
    with pytest.raises(UsageError) as ambiguous:
        catalogue.get("abc")
    assert ambiguous.value.code == "ambiguous-product"
    assert ids[0][:12] in ambiguous.value.got
    assert ids[1][:12] in ambiguous.value.got
    for typed, near in (("abcf", "list"), ("abcd1", ids[0][:12]), ("ffff.simtel", ids[2][:12]), ("", "list")):
        with pytest.raises(MissingInput) as unknown:
            catalogue.get(typed)
        assert unknown.value.code == "unknown-product"
        assert near in unknown.value.mend
    with pytest.raises(MissingInput):
        catalogue.get("abcd%")
    with pytest.raises(MissingInput):
        catalogue.get("0" * 64)


def test_find_by_each_condition_newest_first(catalogue: Catalogue) -> None:
    products = [
        raw(1, obs_id=7, telescopes=(1, 2), name="a[1]_%.simtel"),
        raw(2, obs_id=8, telescopes=(2,), time_start=100, time_stop=200, name="A_x.simtel"),
        raw(
            3,
            product_type="DL0/Event/Telescope/Observation",
            time_start=200,
            time_stop=300,
            name="b.zfits",
            device="raman-1",
        ),
        raw(
            4,
            product_type=DL1,
            kind="derived",
            step="events",
            collection="B",
            inputs=(InputReference("e", 0, raw(1).id),),
        ),
    ]
    for product in products:
        catalogue.register(product)

    def found(**conditions: Any) -> list[int]:
        return [int(p.id, 16) for p in catalogue.find(**conditions)]

    assert found() == [4, 3, 2, 1]
    assert found(limit=2) == [4, 3]
    assert found(product_type="DL0/*") == [3, 2, 1]
    assert found(product_type="dl0/*") == []
    assert found(product_type="*/Observation") == [4, 3]
    assert found(product_type="DL?/Event/Sub*/*") == [4, 2, 1]
    assert found(product_type=DL1) == [4]
    assert found(obs_id=8) == [2]
    assert found(tel=2) == [2, 1]
    assert found(tel=9) == []
    assert found(name="b.zfits") == [3]
    assert found(name="a*") == [1]
    assert found(name="*.simtel") == [4, 2, 1]
    assert found(name="a[[]1]_%*") == [1]
    assert found(name="?_x.simtel", limit=5) == [2]
    assert found(step="events") == [4]
    assert found(kind="raw", tel=2, obs_id=7) == [1]
    assert found(collection="raw") == [3, 2, 1]
    assert found(device="raman-1") == [3]
    assert found(time=(150, 151)) == [2]
    assert found(time=(199, 200)) == [2]
    assert found(time=(200, 201)) == [3]
    assert found(time=(0, 100)) == []
    assert found(time=(300, 400)) == []
    assert found(time=(0, 1000)) == [3, 2]


def test_find_gives_more_than_one_batch_with_its_links(catalogue: Catalogue) -> None:
    for number in range(1, 621):
        inputs = (InputReference("e", 0, raw(number - 1).id),) if number > 1 else ()
        catalogue.register(raw(number, telescopes=(number % 50,), inputs=inputs))
    everything = catalogue.find()
    assert len(everything) == 620
    for product in everything:
        number = int(product.id, 16)
        assert product.telescopes == (number % 50,)
        assert [int(i.product, 16) for i in product.inputs] == ([number - 1] if number > 1 else [])


@pytest.mark.parametrize(
    "change",
    [
        {"product_type": "DL1/Event/Subarray"},
        {"product_type": "DL1/event/Subarray/Observation"},
        {"product_type": "DL7/Event/Subarray/Observation"},
        {"product_type": "DL1/Event/Subarray/*"},
        {"category": "D"},
        {"device": "two words"},
        {"device": ""},
        {"time_start": 5},
        {"time_start": 5, "time_stop": 5},
        {"time_start": 6, "time_stop": 5},
    ],
)
def test_a_product_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        raw(1, **change)


def test_the_index_itself_refuses_inverted_times_and_strange_kinds(catalogue: Catalogue) -> None:
    catalogue.register(raw(1))
    unlocked = {
        "sqlite": "DROP TRIGGER products_unchanged",
        "postgresql": "DROP TRIGGER products_kept ON products",
    }
    with transaction(catalogue.engine) as connection:
        connection.exec_driver_sql(unlocked[catalogue.engine.dialect.name])
    for table, wrong, rule in (
        ("products", "time_start = 2, time_stop = 1", "cover_not_empty"),
        ("products", "time_start = 1", "cover_whole"),
        ("sorts", "kind = 'x'", "kind"),
        ("sorts", "category = 'D'", "category"),
        ("sorts", "rights = 'MINE'", "rights"),
    ):
        with pytest.raises(IntegrityError, match=rule), transaction(catalogue.engine) as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {wrong}")


def test_a_damaged_index_is_told(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"this is no database, it is a text that is long enough to be read as one" * 20)
    with pytest.raises(CorruptedInput) as caught:
        Catalogue(path)
    assert caught.value.code == "damaged-index"
    assert caught.value.where == str(path)
    (tmp_path / "other.sqlite").touch()
    catalogue = Catalogue(tmp_path / "other.sqlite")
    with sqlite3.connect(catalogue.path) as connection:
        connection.execute("DELETE FROM schema_version")
    with pytest.raises(CorruptedInput):
        Catalogue(catalogue.path)


def test_a_locked_index_is_intermittent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.archive.engine.BUSY_SECONDS", 0.1)
    catalogue = Catalogue(tmp_path / "index.sqlite")
    blocker = sqlite3.connect(catalogue.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(IntermittentError) as caught:
        catalogue.register(raw(1))
    assert caught.value.code == "index-unavailable"
    assert catalogue.find() == [], "a writer must not keep readers out"
    blocker.execute("ROLLBACK")
    assert catalogue.register(raw(1))[1]


def test_the_vocabulary_is_that_of_ctao() -> None:
    from ctao_datamodel.models.dataproducts import ident

    from pellucid.archive.product import ASSOCIATIONS, DIVISIONS, LEVELS

    assert set(LEVELS) == {level.value for level in ident.DataLevel}
    assert set(DIVISIONS) == {division.value for division in ident.DataDivision}
    assert set(ASSOCIATIONS) == {association.value for association in ident.DataAssociation}


def test_errors_tell_how_to_mend(catalogue: Catalogue) -> None:
    with pytest.raises(PellucidError) as caught:
        catalogue.get("nothing")
    assert caught.value.mend
    assert caught.value.exit_code == 105


def test_a_night_begins_at_noon() -> None:
    noon = parse_moment("2026-11-23T12:00")
    assert night_of(noon) == 20261123
    assert night_of(noon - 60 * 10**9) == 20261122
    evening, morning = parse_moment("2026-12-31T23:30"), parse_moment("2027-01-01T06:30")
    for longitude in (-70.3, -17.9, 0.0):
        assert night_of(evening, longitude) == night_of(morning, longitude) == 20261231
    tokyo = 139.7
    assert night_of(parse_moment("2026-11-23T02:00"), tokyo) == 20261122
    assert night_of(parse_moment("2026-11-23T03:00"), tokyo) == 20261123


def test_the_night_is_filled_in_where_time_is_told(catalogue: Catalogue) -> None:
    start = parse_moment("2026-11-24T02:10")
    timed, _ = catalogue.register(raw(1, time_start=start, time_stop=start + 1))
    untimed, _ = catalogue.register(raw(2))
    told, _ = catalogue.register(raw(3, time_start=start, time_stop=start + 1, night=20200101))
    unset, _ = catalogue.register(raw(4, time_start=-5, time_stop=5))
    assert [p.night for p in (timed, untimed, told, unset)] == [20261123, None, 20200101, None]
    assert catalogue.find(night=20261123) == [timed]


def test_products_are_found_by_what_governs_them(catalogue: Catalogue) -> None:
    a, _ = catalogue.register(raw(1, category="A", quality="good", rights="PUBLIC"))
    b, _ = catalogue.register(raw(2, category="B", quality="bad", rights="SECURE"))
    assert (
        catalogue.find(category="A")
        == catalogue.find(quality="good")
        == catalogue.find(rights="PUBLIC")
        == [a]
    )
    assert catalogue.find(category="B", rights="SECURE") == [b]
    assert catalogue.find(category="A", rights="SECURE") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rights": "public"}, "rights"),
        ({"night": 20261131}, "night"),
        ({"night": 26}, "night"),
        ({"night": 19691230}, "night"),
        ({"quality": "not so good"}, "ill-spelled-name"),
    ],
)
def test_what_cannot_govern_a_product_is_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        raw(1, **changes)
    assert caught.value.code == code


@pytest.mark.parametrize("statement", ["UPDATE products SET size = 11", "DELETE FROM products"])
def test_the_database_lets_nobody_change_or_remove_a_product(catalogue: Catalogue, statement: str) -> None:
    catalogue.register(raw(1))
    with (
        pytest.raises(IntegrityError, match="never changed or removed"),
        transaction(catalogue.engine) as connection,
    ):
        connection.exec_driver_sql(statement)
    assert catalogue.get(f"{1:064x}").size == 10
