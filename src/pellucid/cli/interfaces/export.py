# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces export``: an interface in the standards of others."""

import click

from pellucid.cli.interfaces.chosen import identity, opened
from pellucid.cli.output import print_json
from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

__all__ = ["command"]


@verb("export")
@identity
@click.option("--odcs", is_flag=True, help="In the Open Data Contract Standard, version 3.")
def command(session: Session, name: str, odcs: bool) -> None:
    """Print an interface in a standard of others.

    ID is its id, or a TOML file. The document is JSON, which is YAML as well.
    """
    interface = opened(session, name)
    if not odcs:
        raise UsageError("Say in which standard.", expected="--odcs", mend="add --odcs")
    from pellucid.interfaces.odcs import odcs_document

    print_json(odcs_document(interface))
