# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid export rocrate``: products with all they were made of, as a folder that explains itself."""

from pathlib import Path

import click

from pellucid.cli.exports.selection import output, products, selected
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("rocrate")
@products
@output
@click.option("--with-raw", is_flag=True, help="Put raw files in too, not only their hashes.")
def command(
    session: Session, product_id: str | None, night: int | None, output: Path, with_raw: bool
) -> None:
    """Write products with their history as an RO-Crate.

    It is a new folder with the files and a description of how each was made. ID is the id, or as many
    of the first digits as tell it from others.
    """
    with session.workspace() as workspace:
        from pellucid.archive.exports.crate import write_crate

        history = selected(workspace.archive, product_id, night)
        name = f"Night {night}" if night is not None else history.wanted[0].name
        with session.progress("rocrate") as progress:
            files = write_crate(
                workspace.archive, history, output, name=name, with_raw=with_raw, progress=progress
            )
    document = {"output": str(output), "files": files, "products": len(history.products)}
    session.show(document, f"{output}: {len(files)} files of {len(history.products)} products")
