# SPDX-License-Identifier: BSD-3-Clause
"""What the verbs that sign have in common."""

from pathlib import Path

from pellucid.cli.interfaces.chosen import history_of, opened
from pellucid.cli.session import Session

__all__ = ["signed"]


def signed(
    session: Session,
    action: str,
    name: str,
    party: str,
    key_file: Path,
    comment: str,
    content: str | None,
) -> None:
    """Sign, and show where the interface stands then."""
    from pellucid.interfaces.keys import read_key
    from pellucid.interfaces.status import sign, standing

    interface = opened(session, name)
    key = read_key(key_file)
    with session.workspace(create=True):
        history = history_of(session)
        entry = sign(history, action, interface, party, key, comment=comment, content=content)
    now = standing(interface, history)
    session.show(
        {"entry": entry.as_dict(), "standing": now.as_dict()},
        f"{interface.id} {interface.version}: {party} {action}, now {now.state} ({interface.digest[:16]})",
    )
