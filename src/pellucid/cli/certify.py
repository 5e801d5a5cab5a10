# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid certify``: declare a calibration valid for a span of time."""

import click

from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("certify")
@click.argument("product_id", metavar="ID")
@click.option(
    "--collection", required=True, metavar="NAME", help="Where it shall be found, e.g. B or C/2027."
)
@click.option("--from", "start", required=True, metavar="UTC", help="First moment, e.g. 2026-11-23T18:00.")
@click.option("--to", "stop", required=True, metavar="UTC", help="First moment for which it is not valid.")
@click.option("--because", default="", metavar="TEXT", help="Why, for those who ask later.")
def command(session: Session, product_id: str, collection: str, start: str, stop: str, because: str) -> None:
    """Declare a calibration valid for a span of time.

    It is found from then on for each telescope it covers, or for its device. Another calibration of its
    type and device in force for a part of the span is an error. Times are UTC.
    """
    from pellucid.archive.moments import parse_moment, span_text

    with session.workspace() as workspace:
        span = parse_moment(start), parse_moment(stop)
        product = workspace.archive.get(product_id)
        certificates, is_new = workspace.archive.certify(product, collection, *span, because=because)
    state = "certified" if is_new else "certified already"
    lines = [
        f"{product.short_id}  {state} in {collection} for {c.device}, {span_text(c.start, c.stop)}"
        for c in certificates
    ]
    session.show({"new": is_new, "certificates": [c._asdict() for c in certificates]}, "\n".join(lines))
