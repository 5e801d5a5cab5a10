# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid config``: what is configured, what can be, and a file to start from."""

import click

from pellucid.cli.application import Group
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@click.group("config", cls=Group)
def command() -> None:
    """Show, explain or begin the configuration."""


@verb("show")
def show(session: Session) -> None:
    """Show the values in force and where each comes from."""
    from pellucid.config import as_toml, options

    effective = session.configuration()
    written = {key: options()[key].written(value) for key, value in effective.values.items()}
    document = {"values": written, "origins": effective.origins, **effective.tables}
    session.show(document, as_toml(effective.values, effective.origins, effective.tables).rstrip())


@verb("keys", configured=False)
def keys(session: Session) -> None:
    """List every key: what it takes, its default, what it means."""
    from pellucid.config import options

    document = {
        "keys": [
            {
                "key": o.key,
                "default": o.written(o.default),
                "unit": o.unit,
                "choices": list(o.choices),
                "minimum": o.minimum,
                "expected": o.expected,
                "doc": o.doc,
            }
            for o in options().values()
        ]
    }
    blocks = [
        f"{o.key}  ({o.written(o.default)})\n    {o.doc}\n    Takes {o.expected}." for o in options().values()
    ]
    session.show(document, "\n".join(blocks))


@verb("init", configured=False)
def init(session: Session) -> None:
    """Write a configuration file to start from.

    It is pellucid.toml in the workspace and holds every key, commented out.
    """
    from pellucid.config import WORKSPACE_FILE, template
    from pellucid.errors import OutputExists

    path = session.folder / WORKSPACE_FILE
    session.folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise OutputExists(
            "The workspace has a configuration already.", where=str(path), mend="edit it, or remove it first"
        ) from None
    session.show({"output": str(path)}, f"wrote {path}")


for subcommand in (show, keys, init):
    command.add_command(subcommand)
