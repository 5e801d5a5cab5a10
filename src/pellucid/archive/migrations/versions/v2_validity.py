# SPDX-License-Identifier: BSD-3-Clause
"""Layout 2: devices, and calibrations certified for a span of time, of which no two may overlap."""

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "2"
down_revision = "1"

ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")

SQLITE = (
    # of those in force the latest that begins before the end ends last: one step down an index, however
    # many there are; of the others only those count that were known later than the new one
    """
    CREATE TRIGGER validity_no_overlap BEFORE INSERT ON validity
    WHEN NEW.start < (
        SELECT stop FROM validity
        WHERE slot = NEW.slot AND known_to = 9223372036854775807 AND start < NEW.stop
        ORDER BY start DESC LIMIT 1
    )
    OR EXISTS (
        SELECT 1 FROM validity WHERE slot = NEW.slot AND known_to > NEW.known_from
        AND known_to < 9223372036854775807 AND known_from < NEW.known_to
        AND start < NEW.stop AND stop > NEW.start
    )
    BEGIN SELECT RAISE(ABORT, 'validity_no_overlap: two calibrations would be valid at once'); END
    """,
    """
    CREATE TRIGGER validity_only_ends BEFORE UPDATE ON validity
    WHEN OLD.known_to <> 9223372036854775807 OR NEW."row" <> OLD."row" OR NEW.slot <> OLD.slot
    OR NEW.start <> OLD.start OR NEW.stop <> OLD.stop OR NEW.product <> OLD.product
    OR NEW.known_from <> OLD.known_from
    BEGIN SELECT RAISE(ABORT, 'validity_only_ends: what was known once is history'); END
    """,
    """
    CREATE TRIGGER validity_kept BEFORE DELETE ON validity
    BEGIN SELECT RAISE(ABORT, 'validity_only_ends: what was known once is history'); END
    """,
)

POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    """
    ALTER TABLE validity ADD CONSTRAINT validity_no_overlap EXCLUDE USING gist (
        slot WITH =, int8range(start, stop) WITH &&, int8range(known_from, known_to) WITH &&
    )
    """,
    """
    CREATE FUNCTION validity_is_history() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.known_to = 9223372036854775807
        AND (NEW."row", NEW.slot, NEW.start, NEW.stop, NEW.product, NEW.known_from)
        = (OLD."row", OLD.slot, OLD.start, OLD.stop, OLD.product, OLD.known_from) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'validity_only_ends: what was known once is history'
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER validity_only_ends BEFORE UPDATE OR DELETE ON validity
    FOR EACH ROW EXECUTE FUNCTION validity_is_history()
    """,
)


def upgrade() -> None:
    """Add what certifies calibrations; what is there stays as it is."""
    op.add_column("products", sa.Column("device", sa.Text))
    # rows are numbered in the order they came, and of raw products the content is the identity
    op.drop_index("products_by_age", "products")
    op.drop_index("products_by_content", "products")
    derived = sa.text("sha256 <> id")
    op.create_index(
        "derived_by_content", "products", ["sha256"], sqlite_where=derived, postgresql_where=derived
    )
    op.create_table(
        "slots",
        sa.Column("slot", ROW, primary_key=True, autoincrement=True),
        sa.Column("product_type", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.UniqueConstraint("product_type", "device", "collection", name="slots_once"),
    )
    op.create_table(
        "acts",
        sa.Column("tick", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "action",
            sa.Text,
            sa.CheckConstraint("action IN ('certify', 'decertify')", name="act"),
            nullable=False,
        ),
        sa.Column("product", ROW, sa.ForeignKey("products.row"), nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
    )
    op.create_table(
        "validity",
        sa.Column("row", ROW, primary_key=True, autoincrement=True),
        sa.Column("slot", ROW, sa.ForeignKey("slots.slot"), nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("stop", sa.BigInteger, nullable=False),
        sa.Column("product", ROW, sa.ForeignKey("products.row"), nullable=False),
        sa.Column("known_from", sa.BigInteger, sa.ForeignKey("acts.tick"), nullable=False),
        sa.Column("known_to", sa.BigInteger, nullable=False),
        sa.CheckConstraint(
            "start >= 0 AND start < stop AND stop < 9223372036854775807", name="validity_finite"
        ),
        sa.CheckConstraint("known_from < known_to", name="knowledge_not_empty"),
        sa.Index("validity_in_force", "slot", "known_to", "start"),
        sa.Index("validity_history", "slot", "start"),
        sa.Index("validity_by_product", "product"),
    )
    own = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[op.get_bind().dialect.name]
    for statement in own:
        op.execute(statement)
