# SPDX-License-Identifier: BSD-3-Clause
"""The way from every older layout of the index to today's: one numbered step each, run by alembic.

A step never changes once it was released; a new layout is a new step beside it, and a new
`pellucid.archive.tables.SCHEMA_VERSION`.
"""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert

from pellucid import __version__
from pellucid.archive.tables import SCHEMA_VERSION, SCHEMA_VERSIONS

__all__ = ["upgrade"]


def upgrade(connection: Connection, version: int) -> None:
    """Lead an index to today's layout, inside the transaction that is open.

    Parameters
    ----------
    connection : Connection
        To a database of which nothing else knows yet, or that nobody else changes now.
    version : int
        Its layout; 0 where there is none.
    """
    folder = Path(__file__).parent
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("version_locations", str(folder / "versions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")  # folders may have blanks in their names
    script = ScriptDirectory.from_config(config)
    if version == 1:
        MigrationContext.configure(connection).stamp(script, "1")  # the first layout came before alembic

    def steps(revision: str, _context: MigrationContext) -> list[Any]:
        return list(script._upgrade_revs("head", revision))  # as alembic's own command does

    with EnvironmentContext(config, script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
    rows = [
        {"version": reached, "written_by": __version__} for reached in range(version + 1, SCHEMA_VERSION + 1)
    ]
    connection.execute(insert(SCHEMA_VERSIONS), rows)
