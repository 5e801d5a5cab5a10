# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces show``: one interface as a page."""

from pellucid.cli.interfaces.chosen import history_of, identity, opened
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("show")
@identity
def command(session: Session, name: str) -> None:
    """Show all that was agreed on in one interface.

    ID is its id, or a TOML file.
    """
    from pellucid.interfaces.page import page
    from pellucid.interfaces.status import standing

    interface = opened(session, name)
    proved = standing(interface, history_of(session))
    session.show({**interface.as_dict(), "standing": proved.as_dict()}, page(interface).rstrip())
