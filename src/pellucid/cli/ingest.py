# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid ingest``: take files into the archive."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("ingest")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--type", "product_type", metavar="TYPE", help="Product type, where a file does not tell it.")
@click.option("--obs", "obs_id", type=int, metavar="ID", help="Observation the files belong to.")
def command(session: Session, files: tuple[Path, ...], product_type: str | None, obs_id: int | None) -> None:
    """Take files into the archive, as they are.

    A file that is there already, under whatever name, stays what it is.
    """
    products = []
    with session.workspace(create=True) as workspace:
        from pellucid.pipeline.intake import take_in

        for file in files:
            with session.progress(f"ingest {file.name}") as progress:
                product, is_new = take_in(
                    workspace.archive, file, product_type, obs_id=obs_id, progress=progress
                )
            products.append({"file": str(file), "new": is_new, **product.as_dict()})
    text = "\n".join(
        f"{str(p['id'])[:12]}  {'new' if p['new'] else 'already there'}  {p['product_type']}  {p['file']}"
        for p in products
    )
    session.show({"products": products}, text)
