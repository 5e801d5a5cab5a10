# SPDX-License-Identifier: BSD-3-Clause
"""Older layouts of the index are led to today's with everything in them; newer ones are refused."""

import sqlite3
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy import text as sa_text

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


@pytest.fixture
def third(index: Path | str) -> Path | str:
    """An index of the third layout, with what the fourth moves."""
    engine = create_engine(
        f"sqlite:///{index}" if isinstance(index, Path) else index.replace("postgresql", "postgresql+psycopg")
    )
    blank = dict.fromkeys(PRODUCT_OF_3) | {
        "parameters": "{}",
        "software": "{}",
        "flags": "[]",
        "summary": "{}",
    }
    blank |= {"kind": "raw", "size": 1, "format": "hdf5", "name": "x", "collection": "raw", "created_ns": 5}
    rows = [
        blank
        | {"row": 1, "id": A, "sha256": A, "product_type": DL0, "device": "raman-1", "rights": "PUBLIC"},
        blank | {"row": 4, "id": B, "sha256": B, "product_type": DL0, "time_start": 100, "time_stop": 900},
        blank
        | {"row": 7, "id": C, "sha256": "d" * 64, "product_type": DL1, "kind": "derived", "step": "s"}
        | {
            "code": "e" * 64,
            "parameters": '{"x":1}',
            "flags": '["odd"]',
            "summary": '{"n":3}',
            "quality": "good",
        },
    ]
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            for number in ("v1_products", "v2_validity", "v3_work"):
                import_module(f"pellucid.archive.migrations.versions.{number}").upgrade()
        names = ", ".join(f'"{n}"' for n in PRODUCT_OF_3)
        text = f"INSERT INTO products ({names}) VALUES ({', '.join(':' + n for n in PRODUCT_OF_3)})"
        connection.execute(sa_text("INSERT INTO product_types VALUES (:n)"), [{"n": DL0}, {"n": DL1}])
        connection.execute(sa_text(text), rows)
        for statement in (
            "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
            "INSERT INTO alembic_version VALUES ('3')",
            "INSERT INTO schema_version VALUES (1, '0'), (2, '0'), (3, '0')",
            "INSERT INTO product_telescopes VALUES (2, 4), (11, 4), (3, 7)",
            "INSERT INTO inputs VALUES (7, 'from', 0, 1), (7, 'from', 1, 4)",
            "INSERT INTO acts VALUES (50, 'certify', 7, 'B', 'why'), (60, 'tag', 1, 't', '')",
            f"INSERT INTO slots VALUES (1, '{DL1}', 'tel-3', 'B')",
            "INSERT INTO validity VALUES (1, 1, 100, 200, 7, 50, 9223372036854775807)",
            "INSERT INTO tagged VALUES (1, 't', 1, 60, 9223372036854775807)",
        ):
            connection.execute(sa_text(statement))
    engine.dispose()
    return index


DL0, DL1 = "DL0/Monitoring/Subarray/Lidar", "DL1/Monitoring/Telescope/Pedestal"
PRODUCT_OF_3 = (
    *("row", "id", "product_type", "kind", "sha256", "size", "format", "name", "obs_id", "category"),
    *("collection", "time_start", "time_stop", "step", "step_version", "parameters", "code", "software"),
    *(
        "determinism",
        "flags",
        "summary",
        "created_ns",
        "device",
        "night",
        "quality",
        "rights",
        "release_date",
    ),
)


def test_the_third_layout_is_led_to_todays_on_both_engines(third: Path | str) -> None:
    catalogue = Catalogue(third)
    derived, timed, device = catalogue.find()
    assert (device.id, device.device, device.rights, device.telescopes) == (A, "raman-1", "PUBLIC", ())
    assert (timed.id, timed.sha256, timed.telescopes, timed.time_stop) == (B, B, (2, 11), 900)
    assert (derived.id, derived.sha256, derived.code, derived.step) == (C, "d" * 64, "e" * 64, "s")
    assert (derived.parameters, derived.summary, derived.flags) == ({"x": 1}, {"n": 3}, ("odd",))
    assert (derived.quality, derived.telescopes) == ("good", (3,))
    assert [catalogue.find(tel=tel) for tel in (3, 11, 4)] == [[derived], [timed], []]
    assert [(i.role, i.position, i.product) for i in derived.inputs] == [("from", 0, A), ("from", 1, B)]
    assert catalogue.lookup(DL1, 3, 150, "B").product == derived
    assert catalogue.tags.tagged("t") == [device]
    assert catalogue.find(time=(0, 101)) == [timed], "the longest cover of its sort is known"
    again = replace(timed, id="f" * 64, sha256="f" * 64)
    assert catalogue.register(again)[1]
    catalogue.close()
    assert differences(third) == []


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
