# SPDX-License-Identifier: BSD-3-Clause
"""Layout 7: the index that look-ups go down holds all they need of a certificate, and spares a page each."""

from alembic import op

__all__ = ["upgrade"]

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Make the index anew, with two columns more."""
    op.drop_index("validity_in_force", "validity")
    op.create_index("validity_in_force", "validity", ["slot", "known_to", "start", "stop", "product"])
