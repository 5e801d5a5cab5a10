# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces diff``: what changed between two versions, and whether the version says so."""

import click

from pellucid.cli.interfaces.chosen import opened
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("diff")
@click.argument("old")
@click.argument("new")
def command(session: Session, old: str, new: str) -> None:
    """Tell whether a new version is compatible or breaking.

    A version that hides a change is refused.

    OLD and NEW are ids or TOML files. A change is compatible where all that was right stays right.
    """
    from pellucid.interfaces.compare import check_version, compare

    after = opened(session, new)
    comparison = compare(opened(session, old), after)
    check_version(comparison, after.source)
    head = (
        f"{after.id}: {comparison.old} -> {comparison.new}, {comparison.kind} (at least {comparison.least})"
    )
    session.show(comparison.as_dict(), "\n".join([head, *map(str, comparison.changes)]))
