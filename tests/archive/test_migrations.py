# SPDX-License-Identifier: BSD-3-Clause
"""Older layouts of the index are led to today's with everything in them; newer ones are refused."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from pellucid import __version__
from pellucid.archive import Workspace
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.engine import open_engine, transaction
from pellucid.archive.tables import METADATA, SCHEMA_VERSION
from pellucid.errors import ConfigurationError, IntermittentError

FIRST_LAYOUT = """
CREATE TABLE product_types (
    name TEXT NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE schema_version (
    version INTEGER NOT NULL,
    written_by TEXT NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE products (
    "row" INTEGER NOT NULL,
    id TEXT NOT NULL,
    product_type TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('raw', 'derived')),
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    format TEXT NOT NULL,
    name TEXT NOT NULL,
    obs_id BIGINT,
    category TEXT CHECK (category IN ('A', 'B', 'C')),
    collection TEXT NOT NULL,
    time_start BIGINT,
    time_stop BIGINT,
    step TEXT,
    step_version TEXT,
    parameters TEXT NOT NULL,
    code TEXT,
    software TEXT NOT NULL,
    determinism TEXT,
    flags TEXT NOT NULL,
    summary TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY ("row"),
    CONSTRAINT cover_whole CHECK ((time_start IS NULL) = (time_stop IS NULL)),
    CONSTRAINT cover_not_empty CHECK (time_start < time_stop),
    UNIQUE (id),
    FOREIGN KEY(product_type) REFERENCES product_types (name)
);
CREATE INDEX products_by_age ON products (created_ns);
CREATE INDEX products_by_content ON products (sha256);
CREATE INDEX products_by_name ON products (name);
CREATE INDEX products_by_observation ON products (obs_id);
CREATE INDEX products_by_type ON products (product_type, time_start);
CREATE TABLE inputs (
    product INTEGER NOT NULL,
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    input INTEGER NOT NULL,
    PRIMARY KEY (product, role, position),
    FOREIGN KEY(product) REFERENCES products ("row"),
    FOREIGN KEY(input) REFERENCES products ("row")
);
CREATE INDEX inputs_by_input ON inputs (input);
CREATE TABLE product_telescopes (
    tel_id INTEGER NOT NULL,
    product INTEGER NOT NULL,
    PRIMARY KEY (tel_id, product),
    FOREIGN KEY(product) REFERENCES products ("row")
);
CREATE INDEX telescopes_by_product ON product_telescopes (product);
INSERT INTO schema_version VALUES (1, '0.1.0');
INSERT INTO product_types VALUES ('DL0/Event/Subarray/ObservationSim'), ('DL1/Event/Subarray/Observation');
INSERT INTO products VALUES
    (1, '{a}', 'DL0/Event/Subarray/ObservationSim', 'raw', '{a}', 10, 'eventio', 'a.simtel', 7, NULL, 'raw',
     NULL, NULL, NULL, NULL, '{{}}', NULL, '{{}}', NULL, '[]', '{{}}', 1000),
    (2, '{b}', 'DL1/Event/Subarray/Observation', 'derived', '{c}', 20, 'hdf5', 'a.h5', 7, 'B', 'B', 100, 200,
     'events', '1', '{{"x":1}}', '{c}', '{{"numpy":"2"}}', 'bitwise', '["partial"]', '{{"n":3}}', 2000);
INSERT INTO product_telescopes VALUES (1, 2), (5, 2);
INSERT INTO inputs VALUES (2, 'events', 0, 1);
"""
"""What the first version made, as text, with two products in it."""

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "index.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(FIRST_LAYOUT.format(a=A, b=B, c=C))
    connection.close()
    return path


def test_the_first_layout_is_led_to_todays_and_nothing_is_lost(old: Path) -> None:
    catalogue = Catalogue(old)
    product = catalogue.get(B)
    assert (product.sha256, product.telescopes, product.flags) == (C, (1, 5), ("partial",))
    assert [(i.role, i.position, i.product) for i in product.inputs] == [("events", 0, A)]
    assert (product.parameters, product.summary, product.device) == ({"x": 1}, {"n": 3}, None)
    assert [p.created_ns for p in catalogue.find()] == [2000, 1000]
    with sqlite3.connect(old) as connection:
        versions = connection.execute("SELECT version, written_by FROM schema_version").fetchall()
    assert versions == [(1, "0.1.0"), *((v, __version__) for v in range(2, SCHEMA_VERSION + 1))]
    catalogue.close()
    again = Catalogue(old)
    assert len(again.find()) == 2


def test_a_workspace_with_the_first_layout_opens(old: Path) -> None:
    with Workspace.open(old.parent, create=False) as workspace:
        assert workspace.archive.get("bbbb").name == "a.h5"


def differences(where: Path | str) -> list[object]:
    """Compare tables, columns, constraints and indices of a database with those declared."""
    engine = open_engine(where)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    return list(found)


def test_a_new_index_has_the_layout_that_queries_see(index: Path | str) -> None:
    assert differences(index) == []


def test_an_old_index_gets_the_layout_that_queries_see(old: Path) -> None:
    assert differences(old) == []
    with sqlite3.connect(old) as connection:
        connection.execute("DROP INDEX products_by_name")
    assert len(differences(old)) == 1, "a difference would be noticed"


def test_a_broken_way_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sqlite3.connect(old).execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    with monkeypatch.context() as patch:
        patch.setattr("pellucid.archive.migrations.__version__", None)  # not allowed in the last row written
        with pytest.raises(Exception, match="NOT NULL"):
            Catalogue(old)
    assert sqlite3.connect(old).execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
    assert len(Catalogue(old).find()) == 2


def test_a_future_layout_is_refused_and_left_alone(index: Path | str) -> None:
    catalogue = Catalogue(index)
    with transaction(catalogue.engine) as connection:
        connection.exec_driver_sql(f"INSERT INTO schema_version VALUES ({SCHEMA_VERSION + 1}, '7.3.1')")
    with pytest.raises(ConfigurationError) as caught:
        Catalogue(index)
    assert caught.value.code == "future-schema"
    assert "7.3.1" in caught.value.mend
    assert f"layout {SCHEMA_VERSION + 1}" in caught.value.got
    catalogue.close()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://a/b", "index-url"),
        ("nonsense", "index-url"),
        ("sqlite:///x", "index-url"),
        ("", "index-url"),
    ],
)
def test_what_is_no_database_for_an_index_is_refused(url: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Catalogue(url)
    assert caught.value.code == code


def test_a_server_out_of_reach_is_intermittent_and_no_password_is_told() -> None:
    with pytest.raises(IntermittentError) as caught:
        Catalogue("postgresql://me:secret@127.0.0.1:1/nothing")
    assert caught.value.code == "index-unavailable"
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in caught.value.where
