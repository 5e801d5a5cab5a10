# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces schema``: an interface as JSON Schema."""

from pellucid.cli.interfaces.chosen import identity, opened
from pellucid.cli.output import print_json
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("schema")
@identity
def command(session: Session, name: str) -> None:
    """Print an interface as JSON Schema.

    ID is its id, or a TOML file.
    """
    from pellucid.interfaces.schema import json_schema

    print_json(json_schema(opened(session, name)))
