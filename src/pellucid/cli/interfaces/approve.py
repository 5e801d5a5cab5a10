# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces approve``: approve the content of an interface."""

from pathlib import Path

from pellucid.cli.interfaces.chosen import signer
from pellucid.cli.interfaces.signing import signed
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("approve")
@signer("approve", "Why.")
def command(
    session: Session, name: str, party: str, key_file: Path, comment: str, content: str | None
) -> None:
    """Approve the content of an interface.

    ID is its id, or a TOML file. What is signed is its content; any change of it makes the signature suspect.
    """
    signed(session, "approve", name, party, key_file, comment, content)
