# SPDX-License-Identifier: BSD-3-Clause
"""Tables of the index as queries see them, and the version of their layout.

What many products have in common (their sort: type, format, collection, step, …; their making: parameters,
code, software) stands in a row of its own once, and products name the row. That halves the index and doubles
the speed at which it fills.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

__all__ = [
    "ACTS",
    "CLAIMS",
    "FOREVER",
    "INPUTS",
    "MAKINGS",
    "METADATA",
    "PRODUCTS",
    "PRODUCT_TELESCOPES",
    "SCHEMA_VERSION",
    "SCHEMA_VERSIONS",
    "SEALED",
    "SETTINGS",
    "SLOTS",
    "SORTS",
    "TAGGED",
    "VALIDITY",
    "VERDICTS",
    "Key",
]

SCHEMA_VERSION = 7
"""Version of this layout; `pellucid.archive.migrations` leads every older one to it."""

FOREVER = 2**63 - 1
"""Where a span of knowledge is still open."""

METADATA = MetaData()

# SQLite numbers rows by itself only in a column that is spelled INTEGER
_ROW = BigInteger().with_variant(Integer, "sqlite")


class Key(TypeDecorator[str]):
    """A hash: 64 hexadecimal digits here, 32 bytes in the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> bytes | None:
        """Return the bytes."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: Any) -> str | None:
        """Return the digits."""
        return None if value is None else value.hex()


SCHEMA_VERSIONS = Table(
    "schema_version",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("written_by", Text, nullable=False),
)

# a text is empty where a product has none; longest is the longest cover in ns there is of the sort
SORTS = Table(
    "sorts",
    METADATA,
    Column("sort", _ROW, primary_key=True, autoincrement=True),
    Column("digest", Key, nullable=False, unique=True),
    Column("kind", Text, CheckConstraint("kind IN ('raw', 'derived')", "kind"), nullable=False),
    Column("product_type", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("category", Text, CheckConstraint("category IN ('', 'A', 'B', 'C')", "category"), nullable=False),
    Column("collection", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("step_version", Text, nullable=False),
    Column("determinism", Text, nullable=False),
    Column("quality", Text, nullable=False),
    Column(
        "rights",
        Text,
        CheckConstraint("rights IN ('', 'PUBLIC', 'SECURE', 'PROPRIETARY')", "rights"),
        nullable=False,
    ),
    Column("longest", BigInteger, nullable=False, default=0),
    Index("sorts_by_type", "product_type"),
)

MAKINGS = Table(
    "makings",
    METADATA,
    Column("making", _ROW, primary_key=True, autoincrement=True),
    Column("digest", Key, nullable=False, unique=True),
    Column("parameters", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("software", Text, nullable=False),
)

# sha256 is NULL where it is the id, as of all raw products; lists and mappings are empty where there is none.
# A telescope alone is in tel; several are in telescopes, and to find the product by in PRODUCT_TELESCOPES
PRODUCTS = Table(
    "products",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("id", Key, nullable=False, unique=True),
    Column("sha256", Key),
    Column("sort", _ROW, ForeignKey("sorts.sort"), nullable=False),
    Column("making", _ROW, ForeignKey("makings.making"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("obs_id", BigInteger),
    Column("night", Integer),
    Column("time_start", BigInteger),
    Column("time_stop", BigInteger),
    Column("release_date", BigInteger),
    Column("telescopes", Text, nullable=False),
    Column("flags", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("tel", Integer),
    Column("started_ns", BigInteger),
    CheckConstraint("(time_start IS NULL) = (time_stop IS NULL)", name="cover_whole"),
    CheckConstraint("time_start < time_stop", name="cover_not_empty"),
    Index("products_by_sort", "sort", "time_start"),
    Index("products_by_observation", "obs_id"),
    Index("products_by_name", "name"),
    Index("products_by_night", "night"),
    Index(
        "products_by_telescope",
        "tel",
        sqlite_where=text("tel IS NOT NULL"),
        postgresql_where=text("tel IS NOT NULL"),
    ),
    Index(
        "derived_by_content",
        "sha256",
        sqlite_where=text("sha256 IS NOT NULL"),
        postgresql_where=text("sha256 IS NOT NULL"),
    ),
)

PRODUCT_TELESCOPES = Table(
    "product_telescopes",
    METADATA,
    Column("tel_id", Integer, primary_key=True, autoincrement=False),
    Column("product", _ROW, ForeignKey("products.row"), primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

INPUTS = Table(
    "inputs",
    METADATA,
    Column("product", _ROW, ForeignKey("products.row"), primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("input", _ROW, ForeignKey("products.row"), nullable=False),
    Index("inputs_by_input", "input"),
    sqlite_with_rowid=False,
)

# what may be certified at most once for a moment: one type of product, of one device, in one collection
SLOTS = Table(
    "slots",
    METADATA,
    Column("slot", _ROW, primary_key=True, autoincrement=True),
    Column("product_type", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("collection", Text, nullable=False),
    UniqueConstraint("product_type", "device", "collection", name="slots_once"),
)

# the journal of what people and programs decided; the tick is when the archive learnt of it. The
# collection is the tag's name where products are tagged, and empty where they are judged
ACTS = Table(
    "acts",
    METADATA,
    Column("tick", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "action",
        Text,
        CheckConstraint("action IN ('certify', 'decertify', 'judge', 'tag', 'untag')", name="act"),
        nullable=False,
    ),
    Column("product", _ROW, ForeignKey("products.row"), nullable=False),
    Column("collection", Text, nullable=False),
    Column("because", Text, nullable=False),
)

# [start, stop) in ns TAI, known during [known_from, known_to) in ns since 1970 UTC; no two overlap in both
VALIDITY = Table(
    "validity",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("slot", _ROW, ForeignKey("slots.slot"), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("stop", BigInteger, nullable=False),
    Column("product", _ROW, ForeignKey("products.row"), nullable=False),
    Column("known_from", BigInteger, ForeignKey("acts.tick"), nullable=False),
    Column("known_to", BigInteger, nullable=False),
    CheckConstraint("start >= 0 AND start < stop AND stop < 9223372036854775807", name="validity_finite"),
    CheckConstraint("known_from < known_to", name="knowledge_not_empty"),
    # with all that look-ups and the check of overlaps need of a row
    Index("validity_in_force", "slot", "known_to", "start", "stop", "product"),
    Index("validity_history", "slot", "start"),
    Index("validity_by_product", "product"),
)

# at most one verdict of a party on a product is known at a time; a new one ends the knowledge of the old
VERDICTS = Table(
    "verdicts",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("product", _ROW, ForeignKey("products.row"), nullable=False),
    Column("party", Text, nullable=False),
    Column(
        "verdict",
        Text,
        CheckConstraint("verdict IN ('accepted', 'rejected')", name="verdict"),
        nullable=False,
    ),
    Column("reason", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("known_from", BigInteger, ForeignKey("acts.tick"), nullable=False),
    Column("known_to", BigInteger, nullable=False),
    CheckConstraint("known_from < known_to", name="verdict_not_empty"),
    UniqueConstraint("product", "party", "known_to", name="verdicts_once"),
)

TAGGED = Table(
    "tagged",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("product", _ROW, ForeignKey("products.row"), nullable=False),
    Column("known_from", BigInteger, ForeignKey("acts.tick"), nullable=False),
    Column("known_to", BigInteger, nullable=False),
    CheckConstraint("known_from < known_to", name="tag_not_empty"),
    UniqueConstraint("name", "known_to", "product", name="tagged_once"),
    Index("tagged_by_product", "product"),
)

# who does a piece of work now, and until when nobody else may take it; the one table that forgets
CLAIMS = Table(
    "claims",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
)

# collections into which nothing new may come; sealed_ns is UTC since 1970
SEALED = Table(
    "sealed",
    METADATA,
    Column("collection", Text, primary_key=True),
    Column("sealed_ns", BigInteger, nullable=False),
    Column("because", Text, nullable=False),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
