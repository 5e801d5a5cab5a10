# SPDX-License-Identifier: BSD-3-Clause
"""Layout 5: an index on a server knows where its store is; sorts are found by type."""

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "settings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("sorts_by_type", "sorts", ["product_type"])
