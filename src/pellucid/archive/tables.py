# SPDX-License-Identifier: BSD-3-Clause
"""Tables of the index as queries see them, and the version of their layout."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = [
    "ACTS",
    "CLAIMS",
    "FOREVER",
    "INPUTS",
    "METADATA",
    "PRODUCTS",
    "PRODUCT_TELESCOPES",
    "PRODUCT_TYPES",
    "SCHEMA_VERSION",
    "SCHEMA_VERSIONS",
    "SLOTS",
    "TAGGED",
    "VALIDITY",
    "VERDICTS",
]

SCHEMA_VERSION = 3
"""Version of this layout; `pellucid.archive.migrations` leads every older one to it."""

FOREVER = 2**63 - 1
"""Where a span of knowledge is still open."""

METADATA = MetaData()

# SQLite numbers rows by itself only in a column that is spelled INTEGER
_ROW = BigInteger().with_variant(Integer, "sqlite")

SCHEMA_VERSIONS = Table(
    "schema_version",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("written_by", Text, nullable=False),
)

PRODUCT_TYPES = Table("product_types", METADATA, Column("name", Text, primary_key=True))

PRODUCTS = Table(
    "products",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("product_type", Text, ForeignKey("product_types.name"), nullable=False),
    Column("kind", Text, CheckConstraint("kind IN ('raw', 'derived')"), nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("format", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("obs_id", BigInteger),
    Column("category", Text, CheckConstraint("category IN ('A', 'B', 'C')")),
    Column("collection", Text, nullable=False),
    Column("time_start", BigInteger),
    Column("time_stop", BigInteger),
    Column("step", Text),
    Column("step_version", Text),
    Column("parameters", Text, nullable=False),
    Column("code", Text),
    Column("software", Text, nullable=False),
    Column("determinism", Text),
    Column("flags", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("device", Text),
    Column("night", Integer),
    Column("quality", Text),
    Column("rights", Text, CheckConstraint("rights IN ('PUBLIC', 'SECURE', 'PROPRIETARY')", "rights")),
    Column("release_date", BigInteger),
    CheckConstraint("(time_start IS NULL) = (time_stop IS NULL)", name="cover_whole"),
    CheckConstraint("time_start < time_stop", name="cover_not_empty"),
    Index("products_by_type", "product_type", "time_start"),
    Index("products_by_observation", "obs_id"),
    Index("products_by_name", "name"),
    Index("products_by_night", "night"),
    # of raw products the content is the identity, which has an index already
    Index(
        "derived_by_content",
        "sha256",
        sqlite_where=text("sha256 <> id"),
        postgresql_where=text("sha256 <> id"),
    ),
)

PRODUCT_TELESCOPES = Table(
    "product_telescopes",
    METADATA,
    Column("tel_id", Integer, primary_key=True, autoincrement=False),
    Column("product", _ROW, ForeignKey("products.row"), primary_key=True, autoincrement=False),
    Index("telescopes_by_product", "product"),
)

INPUTS = Table(
    "inputs",
    METADATA,
    Column("product", _ROW, ForeignKey("products.row"), primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("input", _ROW, ForeignKey("products.row"), nullable=False),
    Index("inputs_by_input", "input"),
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
    Index("validity_in_force", "slot", "known_to", "start"),
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
