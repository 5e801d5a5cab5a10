# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces activate``: put an approved interface into use."""

from pathlib import Path

from pellucid.cli.interfaces.chosen import signer
from pellucid.cli.interfaces.signing import signed
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("activate")
@signer("activate", "Why.")
def command(
    session: Session, name: str, party: str, key_file: Path, comment: str, content: str | None
) -> None:
    """Put an approved interface into use.

    ID is its id, or a TOML file. What is signed is its content; any change of it makes the signature suspect.
    """
    signed(session, "activate", name, party, key_file, comment, content)
