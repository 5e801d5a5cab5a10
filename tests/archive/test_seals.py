# SPDX-License-Identifier: BSD-3-Clause
"""Sealed collections take nothing new, on both engines, whoever tries and however."""

from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from pellucid.archive.catalogue import MANY, Catalogue
from pellucid.archive.engine import transaction
from pellucid.archive.rows import insert_products
from pellucid.archive.seals import CollectionSealed
from pellucid.errors import ConfigurationError, MissingInput, UsageError
from support.products import numbered
from support.shell import Shell

RELEASE = "C/2026-1"


@pytest.fixture
def sealed(catalogue: Catalogue) -> Catalogue:
    catalogue.register(numbered(1, collection=RELEASE))
    seal, is_new = catalogue.seal(RELEASE, because="release 2026-1")
    assert (seal.collection, seal.because, is_new) == (RELEASE, "release 2026-1", True)
    return catalogue


def test_nothing_new_comes_into_it(sealed: Catalogue) -> None:
    for product in (numbered(2, collection=RELEASE), numbered(2, collection=RELEASE, device="other-sort")):
        with pytest.raises(CollectionSealed) as caught:
            sealed.register_many([numbered(3), product])
        assert caught.value.code == "collection-sealed"
        assert "release 2026-1" in caught.value.got
    assert len(sealed.find()) == 1, "all or none"
    assert sealed.register(numbered(2, collection="C/2026-2"))[1]


def test_what_is_there_may_be_registered_again(sealed: Catalogue) -> None:
    assert not sealed.register(numbered(1, collection=RELEASE))[1]
    many = [numbered(n, collection=RELEASE if n == 1 else "B") for n in range(1, MANY + 5)]
    assert [is_new for _, is_new in sealed.register_many(many)] == [False] + [True] * (MANY + 3)


def test_the_database_itself_refuses(sealed: Catalogue) -> None:
    with pytest.raises(IntegrityError, match="not_into_sealed"), transaction(sealed.engine) as connection:
        insert_products(connection, [numbered(2, collection=RELEASE)], [2], sealed.common)
    sealed.common.forget()
    for statement in ("DELETE FROM sealed", "UPDATE sealed SET collection = 'x'"):
        with pytest.raises(DBAPIError, match="_kept"), transaction(sealed.engine) as connection:
            connection.exec_driver_sql(statement)
    assert len(sealed.find()) == 1


def test_a_seal_is_for_good_and_known_to_all(sealed: Catalogue, index: Path | str) -> None:
    (seal,) = sealed.seals()
    assert sealed.seal(RELEASE, because="again") == (seal, False)
    other = Catalogue(index)
    with pytest.raises(CollectionSealed):
        other.register(numbered(2, collection=RELEASE))
    assert other.seals() == [seal]
    other.close()


def test_what_cannot_be_sealed_is_told(catalogue: Catalogue) -> None:
    catalogue.register(numbered(1, collection=RELEASE))
    with pytest.raises(MissingInput, match=r"C/2026-1") as missing:
        catalogue.seal("C/2026-2")
    assert missing.value.code == "no-such-collection"
    with pytest.raises(UsageError):
        catalogue.seal("raw")
    with pytest.raises(ConfigurationError):
        catalogue.seal("no name")
    assert catalogue.seals() == []


def test_the_command_line_seals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(tmp_path / "ws", capsys)
    shell.json("archive", "init")
    assert shell.json("archive", "seal", RELEASE, code=105)["error"]["code"] == "no-such-collection"
    assert shell.text("archive", "seals") == "no collection is sealed\n"
    index = Catalogue(tmp_path / "ws" / "index.sqlite")
    index.register(numbered(1, collection=RELEASE))
    index.close()
    assert shell.json("archive", "seal", RELEASE, "--because", "released")["new"] is True
    assert shell.text("archive", "seal", RELEASE) == f"{RELEASE} was sealed before\n"
    assert [s["because"] for s in shell.json("archive", "seals")["sealed"]] == ["released"]
