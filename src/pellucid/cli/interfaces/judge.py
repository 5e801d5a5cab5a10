# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces judge``: a party accepts or rejects a data product, signed."""

from pathlib import Path
from typing import Any

import click

from pellucid.cli.interfaces.chosen import history_of
from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

__all__ = ["command"]


@verb("judge")
@click.argument("product_id", metavar="ID")
@click.option("--accept", "verdict", flag_value="accepted", help="It is good for use.")
@click.option("--reject", "verdict", flag_value="rejected", help="No look-up shall offer it any more.")
@click.option("--because", default="", metavar="TEXT", help="Why.")
@click.option("--party", metavar="PARTY", help="In whose name you judge.")
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), metavar="FILE", help="Private key of the party."
)
def command(
    session: Session,
    product_id: str,
    verdict: str | None,
    because: str,
    party: str | None,
    key_file: Path | None,
) -> None:
    """Accept or reject a product in the name of a party.

    Without a verdict, show what was said of it.

    ID is its id, or as many of the first digits as tell it from others. What a party rejected is offered by
    no look-up until that party accepts it.
    """
    from pellucid.interfaces.keys import read_key
    from pellucid.interfaces.validation import holds, validate

    if (verdict is None) != (party is None) or (party is None) != (key_file is None):
        raise UsageError(
            "A verdict is signed by a party.",
            expected="--accept or --reject, with --party, --key and --because; or none of them",
            code="verdict",
        )
    with session.workspace() as workspace:
        history = history_of(session)
        if verdict is not None and party is not None and key_file is not None:
            validate(
                workspace.archive,
                history,
                product_id,
                party=party,
                key=read_key(key_file),
                verdict="accepted" if verdict == "accepted" else "rejected",
                reason=because,
            )
        product = workspace.archive.get(product_id)
        said = [(v, holds(v, history)) for v in workspace.archive.verdicts(product.id)]
    documents: list[dict[str, Any]] = [
        {"party": v.party, "verdict": v.verdict, "reason": v.reason, "signed": signed} for v, signed in said
    ]
    rows = [
        (d["party"], d["verdict"], "signed" if d["signed"] else "NOT SIGNED", d["reason"]) for d in documents
    ]
    text = table(("PARTY", "VERDICT", "", "BECAUSE"), rows) if rows else "nobody has judged it"
    session.show({"product": product.id, "verdicts": documents}, text)
