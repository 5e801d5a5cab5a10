# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces history``: who said what of the interfaces, and when."""

import click

from pellucid.cli.interfaces.chosen import history_of
from pellucid.cli.output import table
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("history")
@click.argument("name", metavar="[ID]", required=False)
def command(session: Session, name: str | None) -> None:
    """Show who signed what, and when.

    The oldest comes first; every signature is looked at.

    ID is an interface; without it, all of them and the keys.
    """
    from pellucid.interfaces.registry import interface_named

    everything = history_of(session).entries
    entries = [e for e in everything if name in (None, e.interface)]
    if name is not None and not entries:
        interface_named(name)
    rows = [
        (
            e.time,
            e.party,
            e.action,
            e.interface or e.role,
            e.version,
            e.digest[:12] or e.public[:12],
            e.comment,
        )
        for e in entries
    ]
    head = ("TIME", "PARTY", "ACTION", "INTERFACE", "VERSION", "CONTENT", "COMMENT")
    session.show({"entries": [e.as_dict() for e in entries]}, table(head, rows) if rows else "nothing signed")
