# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces fake``: a delivery made up, right or broken on purpose."""

from pathlib import Path
from typing import Any

import click

from pellucid.cli.interfaces.chosen import delivery_option, identity, opened
from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

__all__ = ["command"]

ALL = "all"


@verb("fake")
@identity
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write into.")
@delivery_option
@click.option("--damage", metavar="KIND", help="Break it so; 'all' makes one of each kind that can happen.")
@click.option("--rows", type=click.IntRange(4), default=6, show_default=True, help="How many rows.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all chance.")
@click.option("--damages", is_flag=True, help="List the kinds of damage that can happen, write nothing.")
def command(
    session: Session,
    name: str,
    output: Path | None,
    delivery: str | None,
    damage: str | None,
    rows: int,
    seed: int,
    damages: bool,
) -> None:
    """Write files as the device of an interface would.

    ID is the interface, or a TOML file. The same arguments give the same bytes.
    """
    from pellucid.interfaces.damage import damages_of
    from pellucid.interfaces.fake import fake

    interface = opened(session, name)
    possible = damages_of(interface.delivery(delivery))
    if damages:
        listed = {d.name: d.about for d in possible}
        session.show({"damages": listed}, "\n".join(f"{d:<20}{about}" for d, about in listed.items()))
        return
    if output is None:
        raise UsageError("Say where the files go.", expected="-o DIR", mend="add -o and a folder")
    kinds = [d.name for d in possible] if damage == ALL else [damage]
    choice: dict[str, Any] = {"delivery": delivery, "rows": rows, "seed": seed}
    made = {k: [str(p) for p in fake(interface, output, damage=k, **choice)] for k in kinds}
    document = [{"damage": kind, "files": files} for kind, files in made.items()]
    text = "\n".join(file for files in made.values() for file in files)
    session.show({"interface": interface.id, "made": document}, text)
