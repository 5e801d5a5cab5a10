# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid find``: look for products in the archive."""

from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb

if TYPE_CHECKING:
    from pellucid.archive import Product

__all__ = ["command"]


@verb("find")
@click.option("--type", "product_type", metavar="PATTERN", help="Product type, e.g. 'DL1/*'.")
@click.option("--obs", "obs_id", type=int, metavar="ID", help="Observation.")
@click.option("--tel", type=int, metavar="ID", help="Telescope the product covers.")
@click.option("--name", metavar="PATTERN", help="File name, e.g. 'gamma*'.")
@click.option("--step", metavar="STEP", help="Step that made the product.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
def command(session: Session, limit: int, **conditions: Any) -> None:
    """List the products that fulfil all conditions.

    The newest come first. Patterns know * and ? and [...] as a shell does.
    """
    with session.workspace() as workspace:
        # one more than asked tells whether there are more
        found = workspace.archive.find(limit=limit + 1, **conditions)
    shown = found[:limit]
    text = table(("ID", "TYPE", "OBS", "TELESCOPES", "STEP", "SIZE", "NAME"), [_row(p) for p in shown])
    if len(found) > limit:
        text += f"\n(the newest {limit}; there are more: raise --limit)"
    session.show(
        {"products": [p.as_dict() for p in shown], "more": len(found) > limit},
        text if found else "no product fulfils these conditions",
    )


def _row(product: "Product") -> tuple[str, ...]:
    return (
        product.short_id,
        product.product_type,
        "" if product.obs_id is None else str(product.obs_id),
        ",".join(map(str, product.telescopes)),
        product.step or product.kind,
        str(product.size),
        " ".join((product.name, *(f"[{flag}]" for flag in product.flags))),
    )
