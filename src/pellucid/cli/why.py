# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid why``: what a product was made of, down to the raw files."""

import click

from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("why")
@click.argument("product_id", metavar="ID")
def command(session: Session, product_id: str) -> None:
    """Show what a product was made of, down to raw files.

    ID is its id, or as many of the first digits as tell it from others.
    """
    with session.workspace() as workspace:
        from pellucid.archive.why import as_json, as_text, lineage_of

        lineage = lineage_of(workspace.archive, product_id)
    session.show(as_json(lineage), as_text(lineage))
