# SPDX-License-Identifier: BSD-3-Clause
"""Layout 4: what many products have in common is written once, and hashes are bytes."""

import sqlite3
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "4"
down_revision = "3"

ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SORT = (
    "kind",
    "product_type",
    "format",
    "category",
    "collection",
    "device",
    "step",
    "step_version",
    "determinism",
    "quality",
    "rights",
)
MAKING = ("parameters", "code", "software")

SQLITE = tuple(
    f"""
    CREATE TRIGGER {name} BEFORE {event} ON {table}
    BEGIN SELECT RAISE(ABORT, 'products_kept: a product is never changed or removed'); END
    """
    for name, event, table in (
        ("products_unchanged", "UPDATE", "products"),
        ("products_kept", "DELETE", "products"),
        ("sorts_unchanged", f"UPDATE OF sort, {', '.join(SORT)}", "sorts"),
        ("sorts_kept", "DELETE", "sorts"),
        ("makings_unchanged", "UPDATE", "makings"),
        ("makings_kept", "DELETE", "makings"),
    )
)

POSTGRESQL = (
    "ALTER TABLE inputs ADD FOREIGN KEY (product) REFERENCES products (row)",
    "ALTER TABLE inputs ADD FOREIGN KEY (input) REFERENCES products (row)",
    "ALTER TABLE product_telescopes ADD FOREIGN KEY (product) REFERENCES products (row)",
    "ALTER TABLE acts ADD FOREIGN KEY (product) REFERENCES products (row)",
    "ALTER TABLE validity ADD FOREIGN KEY (product) REFERENCES products (row)",
    "ALTER TABLE verdicts ADD FOREIGN KEY (product) REFERENCES products (row)",
    "ALTER TABLE tagged ADD FOREIGN KEY (product) REFERENCES products (row)",
    *(
        f"""
        CREATE TRIGGER {table}_kept BEFORE UPDATE{columns} OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION never()
        """
        for table, columns in (("products", ""), ("sorts", f" OF sort, {', '.join(SORT)}"), ("makings", ""))
    ),
)


def upgrade() -> None:
    """Rewrite the products; each keeps its row, to which all else refers."""
    _make_tables()
    _fill()
    engine = op.get_bind().dialect.name
    op.execute("DROP TABLE products" + (" CASCADE" if engine == "postgresql" else ""))
    op.rename_table("products_of_4", "products")
    op.drop_table("product_types")
    if engine == "sqlite":
        _without_rowid()
    else:
        op.execute("ALTER INDEX products_of_4_pkey RENAME TO products_pkey")
        op.drop_index("telescopes_by_product", "product_telescopes")
    op.create_index("products_by_sort", "products", ["sort", "time_start"])
    op.create_index("products_by_observation", "products", ["obs_id"])
    op.create_index("products_by_name", "products", ["name"])
    op.create_index("products_by_night", "products", ["night"])
    derived = sa.text("sha256 IS NOT NULL")
    op.create_index(
        "derived_by_content", "products", ["sha256"], sqlite_where=derived, postgresql_where=derived
    )
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[engine]:
        op.execute(statement)


def _make_tables() -> None:
    def words(*names: str) -> list[sa.Column[str]]:
        return [sa.Column(name, sa.Text, nullable=False) for name in names]

    op.create_table(
        "sorts",
        sa.Column("sort", ROW, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        *words(*SORT),
        sa.Column("longest", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('raw', 'derived')", name="kind"),
        sa.CheckConstraint("category IN ('', 'A', 'B', 'C')", name="category"),
        sa.CheckConstraint("rights IN ('', 'PUBLIC', 'SECURE', 'PROPRIETARY')", name="rights"),
    )
    op.create_table(
        "makings",
        sa.Column("making", ROW, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        *words(*MAKING),
    )
    op.create_table(
        "products_of_4",
        sa.Column("row", ROW, primary_key=True, autoincrement=True),
        sa.Column("id", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("sort", ROW, sa.ForeignKey("sorts.sort"), nullable=False),
        sa.Column("making", ROW, sa.ForeignKey("makings.making"), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("obs_id", sa.BigInteger),
        sa.Column("night", sa.Integer),
        sa.Column("time_start", sa.BigInteger),
        sa.Column("time_stop", sa.BigInteger),
        sa.Column("release_date", sa.BigInteger),
        sa.Column("telescopes", sa.Text, nullable=False),
        sa.Column("flags", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.CheckConstraint("(time_start IS NULL) = (time_stop IS NULL)", name="cover_whole"),
        sa.CheckConstraint("time_start < time_stop", name="cover_not_empty"),
    )


def _fill() -> None:
    connection = op.get_bind()
    old = sa.table("products", *(sa.column(n) for n in ("time_start", "time_stop", *SORT, *MAKING)))
    longest = sa.func.coalesce(sa.func.max(old.c.time_stop - old.c.time_start), 0).label("longest")
    for name, names, more in (("sorts", SORT, [longest]), ("makings", MAKING, [])):
        columns = [sa.func.coalesce(old.c[n], "").label(n) for n in names]
        query = sa.select(*columns, *more).group_by(*(old.c[n] for n in names))
        rows = [dict(row) for row in connection.execute(query).mappings()]
        new = sa.table(name, *(sa.column(n) for n in ("digest", *names, *(c.name for c in more))))
        for row in rows:
            digest = sha256("\x1f".join(row[n] for n in names).encode()).digest()
            connection.execute(sa.insert(new).values(digest=digest, **row))
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.create_function("from_hex", 1, bytes.fromhex, deterministic=True)
        op.execute(_copy("from_hex({})", "group_concat(tel_id, ',')"))
    else:
        op.execute(_copy("decode({}, 'hex')", "string_agg(CAST(tel_id AS text), ',')"))


def _copy(key: str, joined: str) -> str:
    same = [f"{t}.{n} = coalesce(p.{n}, '')" for t, names in (("s", SORT), ("m", MAKING)) for n in names]
    return f"""
    INSERT INTO products_of_4
    SELECT p."row", {key.format("p.id")}, CASE WHEN p.sha256 <> p.id THEN {key.format("p.sha256")} END,
    s.sort, m.making, p.size, p.name, p.obs_id, p.night, p.time_start, p.time_stop, p.release_date,
    coalesce((SELECT {joined} FROM (
        SELECT tel_id FROM product_telescopes WHERE product = p."row" ORDER BY tel_id
    ) AS t), ''),
    CASE p.flags WHEN '[]' THEN '' ELSE p.flags END, CASE p.summary WHEN '{{}}' THEN '' ELSE p.summary END,
    p.created_ns
    FROM products p, sorts s, makings m WHERE {" AND ".join(same)}
    """


def _without_rowid() -> None:
    """Let SQLite keep what is nothing but a key in the key alone."""
    op.create_table(
        "product_telescopes_of_4",
        sa.Column("tel_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("product", ROW, sa.ForeignKey("products.row"), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inputs_of_4",
        sa.Column("product", ROW, sa.ForeignKey("products.row"), primary_key=True, autoincrement=False),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("input", ROW, sa.ForeignKey("products.row"), nullable=False),
        sqlite_with_rowid=False,
    )
    for name in ("product_telescopes", "inputs"):
        op.execute(f"INSERT INTO {name}_of_4 SELECT * FROM {name}")
        op.drop_table(name)
        op.rename_table(f"{name}_of_4", name)
    op.create_index("inputs_by_input", "inputs", ["input"])
