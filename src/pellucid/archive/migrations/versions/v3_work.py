# SPDX-License-Identifier: BSD-3-Clause
"""Layout 3: nights, rights, quality; claims on work; verdicts; tagged sets; products that nobody changes."""

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "3"
down_revision = "2"

ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ACTIONS = "action IN ('certify', 'decertify', 'judge', 'tag', 'untag')"

# the night of what is there: from noon to noon at Greenwich
NIGHT = {
    "sqlite": "CAST(strftime('%Y%m%d', time_start / 1000000000 - 43200, 'unixepoch') AS INTEGER)",
    "postgresql": "CAST(to_char(to_timestamp(time_start / 1000000000 - 43200) AT TIME ZONE 'UTC', "
    "'YYYYMMDD') AS INTEGER)",
}

SQLITE = (
    """
    CREATE TRIGGER verdicts_only_end BEFORE UPDATE ON verdicts
    WHEN OLD.known_to <> 9223372036854775807 OR NEW."row" <> OLD."row" OR NEW.product <> OLD.product
    OR NEW.party <> OLD.party OR NEW.verdict <> OLD.verdict OR NEW.reason <> OLD.reason
    OR NEW.signature <> OLD.signature OR NEW.known_from <> OLD.known_from
    BEGIN SELECT RAISE(ABORT, 'verdicts_only_end: what was judged once is history'); END
    """,
    """
    CREATE TRIGGER verdicts_kept BEFORE DELETE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts_only_end: what was judged once is history'); END
    """,
    """
    CREATE TRIGGER tagged_only_ends BEFORE UPDATE ON tagged
    WHEN OLD.known_to <> 9223372036854775807 OR NEW."row" <> OLD."row" OR NEW.name <> OLD.name
    OR NEW.product <> OLD.product OR NEW.known_from <> OLD.known_from
    BEGIN SELECT RAISE(ABORT, 'tagged_only_ends: what was tagged once is history'); END
    """,
    """
    CREATE TRIGGER tagged_kept BEFORE DELETE ON tagged
    BEGIN SELECT RAISE(ABORT, 'tagged_only_ends: what was tagged once is history'); END
    """,
    """
    CREATE TRIGGER products_unchanged BEFORE UPDATE ON products
    BEGIN SELECT RAISE(ABORT, 'products_kept: a product is never changed or removed'); END
    """,
    """
    CREATE TRIGGER products_kept BEFORE DELETE ON products
    BEGIN SELECT RAISE(ABORT, 'products_kept: a product is never changed or removed'); END
    """,
)

POSTGRESQL = (
    """
    CREATE FUNCTION knowledge_only_ends() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.known_to = 9223372036854775807 THEN
            OLD.known_to := NEW.known_to;
            IF OLD = NEW THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION '%_only_end: what was known once is history', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER verdicts_only_end BEFORE UPDATE OR DELETE ON verdicts
    FOR EACH ROW EXECUTE FUNCTION knowledge_only_ends()
    """,
    """
    CREATE TRIGGER tagged_only_ends BEFORE UPDATE OR DELETE ON tagged
    FOR EACH ROW EXECUTE FUNCTION knowledge_only_ends()
    """,
    """
    CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%_kept: a product is never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER products_kept BEFORE UPDATE OR DELETE ON products
    FOR EACH ROW EXECUTE FUNCTION never()
    """,
)


def upgrade() -> None:
    """Add the columns and tables; what is there gets the night it covers."""
    engine = op.get_bind().dialect.name
    for column in (
        sa.Column("night", sa.Integer),
        sa.Column("quality", sa.Text),
        sa.Column(
            "rights", sa.Text, sa.CheckConstraint("rights IN ('PUBLIC', 'SECURE', 'PROPRIETARY')", "rights")
        ),
        sa.Column("release_date", sa.BigInteger),
    ):
        op.add_column("products", column)
    op.execute(f"UPDATE products SET night = {NIGHT[engine]} WHERE time_start IS NOT NULL")
    op.create_index("products_by_night", "products", ["night"])
    _more_acts()
    op.create_table(
        "claims",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "verdicts",
        sa.Column("row", ROW, primary_key=True, autoincrement=True),
        sa.Column("product", ROW, sa.ForeignKey("products.row"), nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column(
            "verdict",
            sa.Text,
            sa.CheckConstraint("verdict IN ('accepted', 'rejected')", name="verdict"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("known_from", sa.BigInteger, sa.ForeignKey("acts.tick"), nullable=False),
        sa.Column("known_to", sa.BigInteger, nullable=False),
        sa.CheckConstraint("known_from < known_to", name="verdict_not_empty"),
        sa.UniqueConstraint("product", "party", "known_to", name="verdicts_once"),
    )
    op.create_table(
        "tagged",
        sa.Column("row", ROW, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("product", ROW, sa.ForeignKey("products.row"), nullable=False),
        sa.Column("known_from", sa.BigInteger, sa.ForeignKey("acts.tick"), nullable=False),
        sa.Column("known_to", sa.BigInteger, nullable=False),
        sa.CheckConstraint("known_from < known_to", name="tag_not_empty"),
        sa.UniqueConstraint("name", "known_to", "product", name="tagged_once"),
        sa.Index("tagged_by_product", "product"),
    )
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[engine]:
        op.execute(statement)


def _more_acts() -> None:
    """Let the journal of acts tell of verdicts and tags too."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("act", "acts")
        op.create_check_constraint("act", "acts", ACTIONS)
        return
    # SQLite changes no constraint; nothing watches foreign keys while an index is led on
    op.create_table(
        "acts_of_3",
        sa.Column("tick", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("action", sa.Text, sa.CheckConstraint(ACTIONS, name="act"), nullable=False),
        sa.Column("product", ROW, sa.ForeignKey("products.row"), nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO acts_of_3 SELECT * FROM acts")
    op.drop_table("acts")
    op.rename_table("acts_of_3", "acts")
