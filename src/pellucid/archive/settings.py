# SPDX-License-Identifier: BSD-3-Clause
"""What all who share an index have to agree on, kept in the index itself."""

from sqlalchemy import delete, insert, select

from pellucid.archive.engine import database_errors, transaction
from pellucid.archive.part import Part
from pellucid.archive.tables import SETTINGS

__all__ = ["STORE", "Settings"]

STORE = "store"
"""Name of the setting that tells where the store is: a URL, or a folder."""


class Settings(Part):
    """Names with values."""

    def get(self, name: str) -> str | None:
        """Return a value, or None where nobody set it."""
        with database_errors(self._where), self._engine.connect() as connection:
            return connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.name == name))

    def set(self, name: str, value: str) -> None:
        """Set a value, in place of the last one."""
        with database_errors(self._where), transaction(self._engine) as connection:
            connection.execute(delete(SETTINGS).where(SETTINGS.c.name == name))
            connection.execute(insert(SETTINGS).values(name=name, value=value))
