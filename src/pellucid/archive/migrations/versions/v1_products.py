# SPDX-License-Identifier: BSD-3-Clause
"""Layout 1: products, their telescopes and their inputs."""

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "1"
down_revision = None

ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "schema_version",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("written_by", sa.Text, nullable=False),
    )
    op.create_table("product_types", sa.Column("name", sa.Text, primary_key=True))
    op.create_table(
        "products",
        sa.Column("row", ROW, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("product_type", sa.Text, sa.ForeignKey("product_types.name"), nullable=False),
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('raw', 'derived')"), nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("obs_id", sa.BigInteger),
        sa.Column("category", sa.Text, sa.CheckConstraint("category IN ('A', 'B', 'C')")),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("time_start", sa.BigInteger),
        sa.Column("time_stop", sa.BigInteger),
        sa.Column("step", sa.Text),
        sa.Column("step_version", sa.Text),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("software", sa.Text, nullable=False),
        sa.Column("determinism", sa.Text),
        sa.Column("flags", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.CheckConstraint("(time_start IS NULL) = (time_stop IS NULL)", name="cover_whole"),
        sa.CheckConstraint("time_start < time_stop", name="cover_not_empty"),
        sa.Index("products_by_type", "product_type", "time_start"),
        sa.Index("products_by_observation", "obs_id"),
        sa.Index("products_by_name", "name"),
        sa.Index("products_by_content", "sha256"),
        sa.Index("products_by_age", "created_ns"),
    )
    op.create_table(
        "product_telescopes",
        sa.Column("tel_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("product", ROW, sa.ForeignKey("products.row"), primary_key=True, autoincrement=False),
        sa.Index("telescopes_by_product", "product"),
    )
    op.create_table(
        "inputs",
        sa.Column("product", ROW, sa.ForeignKey("products.row"), primary_key=True, autoincrement=False),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("input", ROW, sa.ForeignKey("products.row"), nullable=False),
        sa.Index("inputs_by_input", "input"),
    )
