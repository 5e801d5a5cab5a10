# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces keygen``: make a key with which a party signs."""

from pathlib import Path

import click

from pellucid.cli.interfaces.chosen import history_of
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("keygen")
@click.argument("party")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Private key; PARTY.key if not given.",
)
@click.option(
    "--role", type=click.Choice(("member", "responsible")), default="responsible", show_default=True,
    help="Members propose, those responsible sign.",
)  # fmt: skip
@click.option(
    "--endorsed-by", type=click.Path(path_type=Path), metavar="FILE",
    help="A responsible key of the party; all but its first key need one.",
)  # fmt: skip
def command(session: Session, party: str, output: Path | None, role: str, endorsed_by: Path | None) -> None:
    """Make a key of a party and register it in the workspace.

    The private key stays in its file, which only you can read; the workspace learns the public one.
    """
    from pellucid.interfaces.keys import new_key, read_key

    history = history_of(session)
    endorsed = None if endorsed_by is None else read_key(endorsed_by)
    path = Path(f"{party}.key") if output is None else output
    with session.workspace(create=True):
        key = new_key(path)
        try:
            entry = history.register(party, key, role, endorsed=endorsed)
        except BaseException:
            # a key that is not registered is good for nothing
            path.unlink(missing_ok=True)
            raise
    session.show({"key": str(path), **entry.as_dict()}, f"{path}: {role} of {party}, {key.public[:16]}")
