# SPDX-License-Identifier: BSD-3-Clause
"""A server that goes away while the archive works: a typed error, nothing half done, and on it goes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Workspace
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.rows import insert_products
from pellucid.errors import IntermittentError
from support.postgres import Server, server
from support.products import numbered

TYPE = "DL1/Monitoring/Telescope/Calibration"


@pytest.fixture
def catalogue(postgres: Server) -> Iterator[Catalogue]:
    opened = Catalogue(postgres.database())
    yield opened
    opened.close()


def test_a_connection_lost_in_mid_transaction_leaves_nothing(
    catalogue: Catalogue, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.register(numbered(1, telescopes=(1,)))

    def cut(*args: Any) -> None:
        insert_products(*args)
        postgres.cut_connections()

    with monkeypatch.context() as patch:
        patch.setattr("pellucid.archive.catalogue.insert_products", cut)
        with pytest.raises(IntermittentError) as caught:
            catalogue.register_many([numbered(2), numbered(3, telescopes=(1,))])
    assert caught.value.code == "index-unavailable"
    assert [p.name for p in catalogue.find()] == ["1"]
    assert [is_new for _, is_new in catalogue.register_many([numbered(2), numbered(3, telescopes=(1,))])] == [
        True,
        True,
    ]


def test_a_look_up_finds_its_way_back_to_the_server(catalogue: Catalogue, postgres: Server) -> None:
    registered, _ = catalogue.register(numbered(1, telescopes=(1,)))
    catalogue.certify(registered, "B", 100, 200)
    for _ in range(3):
        assert catalogue.lookup(TYPE, 1, 150, "B").product == registered
        postgres.cut_connections()
    assert catalogue.find() == [registered]


def test_a_server_that_is_gone_is_intermittent(tmp_path: Path) -> None:
    with server() as own:
        workspace = Workspace.open(tmp_path / "ws", index=own.database())
        registered, _ = workspace.archive.catalogue.register(numbered(1, telescopes=(1,)))
        workspace.archive.certify(registered, "B", 100, 200)
        assert workspace.archive.lookup(TYPE, 1, 150, "B").product == registered
    for ask in (
        lambda: workspace.archive.lookup(TYPE, 1, 150, "B"),
        lambda: workspace.archive.find(),
        lambda: workspace.archive.catalogue.register(numbered(2)),
        lambda: Workspace.open(tmp_path / "ws"),
    ):
        with pytest.raises(IntermittentError) as caught:
            ask()
        assert caught.value.code == "index-unavailable"
        assert "check the server" in caught.value.mend
    workspace.close()
