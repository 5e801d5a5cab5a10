# SPDX-License-Identifier: BSD-3-Clause
"""Layout 6: a telescope alone stands in its product's row, and when a step began; sealed collections."""

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "6"
down_revision = "5"

SQLITE = (
    *(
        f"""
        CREATE TRIGGER {name} BEFORE {event} ON sealed
        BEGIN SELECT RAISE(ABORT, 'sealed_kept: what was sealed once stays so'); END
        """
        for name, event in (("sealed_unchanged", "UPDATE"), ("sealed_kept", "DELETE"))
    ),
    """
    CREATE TRIGGER products_unchanged BEFORE UPDATE ON products
    BEGIN SELECT RAISE(ABORT, 'products_kept: a product is never changed or removed'); END
    """,
)

# in SQLite a trigger on products costs as much as all else; there it is made with the first seal
POSTGRESQL = (
    "CREATE TRIGGER sealed_kept BEFORE UPDATE OR DELETE ON sealed FOR EACH ROW EXECUTE FUNCTION never()",
    """
    CREATE FUNCTION not_into_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM sealed JOIN sorts USING (collection) WHERE sorts.sort = NEW.sort) THEN
            RAISE EXCEPTION 'products_not_into_sealed: the collection is sealed'
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER products_not_into_sealed BEFORE INSERT ON products
    FOR EACH ROW EXECUTE FUNCTION not_into_sealed()
    """,
    """
    CREATE TRIGGER products_kept BEFORE UPDATE OR DELETE ON products
    FOR EACH ROW EXECUTE FUNCTION never()
    """,
)


def upgrade() -> None:
    """Add columns and table; where a product has one telescope, it moves into its row."""
    engine = op.get_bind().dialect.name
    op.add_column("products", sa.Column("tel", sa.Integer))
    op.add_column("products", sa.Column("started_ns", sa.BigInteger))
    for trigger in {"sqlite": ("products_unchanged",), "postgresql": ("products_kept",)}[engine]:
        op.execute(f"DROP TRIGGER {trigger}" + (" ON products" if engine == "postgresql" else ""))
    op.execute(
        "UPDATE products SET tel = CAST(telescopes AS INTEGER), telescopes = '' "
        "WHERE telescopes <> '' AND telescopes NOT LIKE '%,%'"
    )
    op.execute(
        "DELETE FROM product_telescopes WHERE product IN (SELECT row FROM products WHERE tel IS NOT NULL)"
    )
    alone = sa.text("tel IS NOT NULL")
    op.create_index("products_by_telescope", "products", ["tel"], sqlite_where=alone, postgresql_where=alone)
    op.create_table(
        "sealed",
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("sealed_ns", sa.BigInteger, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
    )
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[engine]:
        op.execute(statement)
