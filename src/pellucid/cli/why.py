# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid why``: what a product was made of, down to the raw files."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("why")
@click.argument("product_id", metavar="ID")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Draw it into a file, too.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
def command(session: Session, product_id: str, svg: Path | None, overwrite: bool) -> None:
    """Show what a product was made of, down to raw files.

    ID is its id, or as many of the first digits as tell it from others.
    """
    with session.workspace() as workspace:
        from pellucid.archive.output import write_text
        from pellucid.archive.why import as_json, as_text, lineage_of
        from pellucid.views.lineage import lineage_svg

        lineage = lineage_of(workspace.archive, product_id)
        if svg is not None:
            write_text(svg, lineage_svg(lineage), overwrite=overwrite)
    session.show(as_json(lineage), as_text(lineage))
