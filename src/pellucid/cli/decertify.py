# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid decertify``: withdraw a calibration."""

import click

from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

__all__ = ["command"]


@verb("decertify")
@click.argument("product_id", metavar="ID")
@click.option("--collection", required=True, metavar="NAME", help="Where it is certified.")
@click.option("--from", "start", metavar="UTC", help="First moment to withdraw it for, if not for all.")
@click.option("--to", "stop", metavar="UTC", help="First moment for which it stays.")
@click.option("--because", default="", metavar="TEXT", help="Why, for those who ask later.")
def command(
    session: Session, product_id: str, collection: str, start: str | None, stop: str | None, because: str
) -> None:
    """Withdraw a calibration, for all time or a part.

    Nothing is forgotten: find --as-of an earlier moment still gives it.
    """
    from pellucid.archive.moments import parse_moment, span_text

    if (start is None) != (stop is None):
        raise UsageError(
            "A span has two ends.", expected="--from and --to, or neither", mend="give the other one too"
        )
    with session.workspace() as workspace:
        span = None if start is None or stop is None else (parse_moment(start), parse_moment(stop))
        product = workspace.archive.get(product_id)
        withdrawn = workspace.archive.decertify(product, collection, *(span or ()), because=because)
    lines = []
    for c in withdrawn:
        part = (c.start, c.stop) if span is None else (max(c.start, span[0]), min(c.stop, span[1]))
        lines.append(f"{product.short_id}  withdrawn from {collection} for {c.device}, {span_text(*part)}")
    session.show({"withdrawn": [c._asdict() for c in withdrawn]}, "\n".join(lines))
