# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid export provdm``: what products were made of, as tables of the IVOA Provenance Data Model."""

from pathlib import Path

import click

from pellucid.cli.exports.selection import output, overwrite, products, selected
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("provdm")
@products
@output
@click.option(
    "--format",
    "form",
    type=click.Choice(["votable", "csv"]),
    default="votable",
    show_default=True,
    help="One VOTable, or a folder with a file for each table.",
)
@overwrite
def command(
    session: Session, product_id: str | None, night: int | None, output: Path, form: str, overwrite: bool
) -> None:
    """Write what products were made of as IVOA ProvDM tables.

    ID is the id, or as many of the first digits as tell it from others.
    """
    from pellucid.archive.output import check_output, new_folder, write_text

    if form == "votable":
        check_output(output, overwrite=overwrite)
    with session.workspace() as workspace:
        from pellucid.archive.exports.ivoa import provdm_csv, provdm_votable

        history = selected(workspace.archive, product_id, night)
        if form == "csv":
            provdm_csv(history, new_folder(output))
        else:
            write_text(output, provdm_votable(history), overwrite=overwrite)
    document = {"output": str(output), "format": form, "products": len(history.products)}
    session.show(document, f"{output}: {len(history.products)} products")
