# SPDX-License-Identifier: BSD-3-Clause
"""Options that several verbs have, and the files and the history that they look at."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.session import Session

if TYPE_CHECKING:
    from pellucid.interfaces.approval import History
    from pellucid.interfaces.contract import Interface

__all__ = ["delivery_option", "history_of", "identity", "opened", "signer"]

identity = click.argument("name", metavar="ID")
"""An interface: its id, or a TOML file."""

delivery_option = click.option(
    "--delivery", metavar="NAME", help="Which delivery, where the interface has several."
)


def opened(session: Session, name: str) -> "Interface":
    """Return the interface of an id or in a file, after a look at the configuration."""
    from pellucid.interfaces.registry import open_interface

    session.configuration()
    return open_interface(name)


def history_of(session: Session) -> "History":
    """Return the history of the workspace, empty where there is none, after a look at the configuration."""
    from pellucid.interfaces.approval import HISTORY, History

    session.configuration()
    return History(session.folder / HISTORY)


def signer(action: str, help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb the options of those that sign; `help` says what the comment is for."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--content", metavar="DIGEST", help="Sign only if the content is still this one."),
            click.option("--comment", default="", metavar="TEXT", help=help),
            click.option(
                "--key", "key_file", required=True, type=click.Path(path_type=Path), metavar="FILE",
                help="Private key of the party.",
            ),
            click.option("--party", required=True, metavar="PARTY", help=f"In whose name you {action}."),
            identity,
        ):  # fmt: skip
            function = option(function)
        return function

    return decorate
