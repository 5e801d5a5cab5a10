# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces reject``: reject the content of an interface, with a reason."""

from pathlib import Path

from pellucid.cli.interfaces.chosen import signer
from pellucid.cli.interfaces.signing import signed
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("reject")
@signer("reject", "Why; a rejection needs one.")
def command(
    session: Session, name: str, party: str, key_file: Path, comment: str, content: str | None
) -> None:
    """Reject the content of an interface, with a reason.

    ID is its id, or a TOML file. What is signed is its content; any change of it makes the signature suspect.
    """
    signed(session, "reject", name, party, key_file, comment, content)
