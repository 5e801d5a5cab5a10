# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces list``: all interfaces in a table."""

from pathlib import Path

import click

from pellucid.cli.interfaces.chosen import history_of
from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option

__all__ = ["command"]


@verb("list")
@files_option
@click.option("--party", metavar="PARTY", help="Those of one party only.")
def command(session: Session, files: tuple[Path, ...], party: str | None) -> None:
    """List all interfaces.

    The status is what was signed in this workspace, not what a file claims.
    """
    from pellucid.interfaces.registry import all_interfaces
    from pellucid.interfaces.status import standing

    history = history_of(session)
    rows, documents = [], []
    for i in all_interfaces(files).values():
        if party is not None and party not in [p.sub_project for p in i.parties]:
            continue
        state = standing(i, history).state
        documents.append(
            {
                "id": i.id,
                "title": i.title,
                "version": i.version,
                "parties": [{"sub_project": p.sub_project, "role": p.role} for p in i.parties],
                "level": i.level,
                "status": state,
                "deliveries": [d.product_type for d in i.deliveries],
                "tasks": [t.id for t in i.tasks],
                "digest": i.digest,
            }
        )
        parties = " -> ".join(p.sub_project for p in i.parties)
        rows.append((i.id, i.version, state, i.level, parties, str(len(i.tasks)), i.title))
    head = ("ID", "VERSION", "STATUS", "LEVEL", "PARTIES", "TASKS", "TITLE")
    session.show({"interfaces": documents}, table(head, rows) if rows else "no interface")
