# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid export prov``: what products were made of, as W3C PROV."""

from pathlib import Path

import click

from pellucid.cli.exports.selection import output, overwrite, products, selected
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("prov")
@products
@output
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "xml", "provn"]),
    default="json",
    show_default=True,
    help="PROV-JSON, PROV-XML or PROV-N.",
)
@overwrite
def command(
    session: Session, product_id: str | None, night: int | None, output: Path, form: str, overwrite: bool
) -> None:
    """Write what products were made of as W3C PROV.

    ID is the id, or as many of the first digits as tell it from others.
    """
    from pellucid.archive.output import check_output, write_text

    check_output(output, overwrite=overwrite)
    with session.workspace() as workspace:
        from pellucid.archive.exports.w3c import prov_text

        history = selected(workspace.archive, product_id, night)
        write_text(output, prov_text(history, form), overwrite=overwrite)
    document = {"file": str(output), "format": form, "products": len(history.products)}
    session.show(document, f"{output}: {len(history.products)} products")
