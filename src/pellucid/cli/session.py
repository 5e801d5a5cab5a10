# SPDX-License-Identifier: BSD-3-Clause
"""What all verbs share: the workspace, the configuration, and how results are shown."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.output import Progress, bar, print_json, set_up_logging

if TYPE_CHECKING:
    from pellucid.archive import Workspace
    from pellucid.config import Effective

__all__ = ["DEFAULT_WORKSPACE", "Session", "verb"]

DEFAULT_WORKSPACE = "pellucid-data"


@dataclass(frozen=True)
class Session:
    """One call of a verb.

    Attributes
    ----------
    folder : Path
        The workspace; of one that is named by its index's URL, this user's own folder for it.
    as_json : bool
        Whether the result is printed as a JSON document.
    verbosity : int
        -1 quiet, 0 normal, 1 or more verbose.
    config_file : Path or None
        Configuration file named on the command line.
    settings : tuple of str
        Settings ``key=value`` made on the command line.
    server : str or None
        URL of the index by which the workspace is named, if it is.
    """

    folder: Path
    as_json: bool = False
    verbosity: int = 0
    config_file: Path | None = None
    settings: tuple[str, ...] = ()
    server: str | None = None

    def configuration(self, *settings: str) -> "Effective":
        """Return the effective configuration, with further settings ``key=value`` on top."""
        from pellucid.config import load

        return load(self.folder, self.config_file, [*self.settings, *settings])

    def workspace(self, *, create: bool = False) -> "Workspace":
        """Open the workspace, after a look at its configuration; make it where missing and wanted."""
        from pellucid.archive import Workspace

        self.configuration()
        return Workspace.open(self.server or self.folder, create)

    def show(self, document: dict[str, Any], text: str) -> None:
        """Print the result: as JSON where asked for, else as text (nothing where it is empty)."""
        if self.as_json:
            print_json(document)
        elif text:
            print(text)

    def progress(self, label: str) -> AbstractContextManager[Progress | None]:
        """Show a progress bar while the context lasts; see `pellucid.cli.output.bar`."""
        return bar(label, shown=self.verbosity >= 0)


def verb(name: str, *, configured: bool = True) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a verb of a function that takes a `Session` first; it may return an exit code.

    The options that all verbs have are added after the verb's own. The configuration is looked at before
    anything is done, so that a mistyped key stops every verb but those that help to mend it.
    """

    def decorate(function: Callable[..., int | None]) -> click.Command:
        @wraps(function)
        def call(
            *,
            as_json: bool,
            workspace: str,
            config_file: Path | None,
            settings: tuple[str, ...],
            verbose: int,
            quiet: bool,
            debug: bool,
            **own: object,
        ) -> int | None:
            set_up_logging(-1 if quiet else 2 if debug else verbose)
            from pellucid.archive.workspace import is_server, joined_folder

            server = workspace if is_server(workspace) else None
            folder = joined_folder(workspace) if server else Path(workspace)
            session = Session(folder, as_json, -1 if quiet else verbose, config_file, settings, server)
            if configured:
                session.configuration()
            return function(session, **own)

        command = click.command(name)(call)
        command.params += _common_options()
        return command

    return decorate


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
        click.Option(
            ["--workspace"],
            default=DEFAULT_WORKSPACE,
            envvar="PELLUCID_WORKSPACE",
            show_default=True,
            show_envvar=True,
            metavar="DIR",
            help="Folder with the archive, or postgresql:// URL of its index.",
        ),
        click.Option(
            ["--config", "config_file"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Configuration to use on top of the workspace's own.",
        ),
        click.Option(
            ["--set", "settings"],
            multiple=True,
            metavar="KEY=VALUE",
            help="Set one configuration key; repeatable.",
        ),
        click.Option(["-v", "--verbose"], count=True, help="Tell more on the way; -vv tells most."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Tell errors only, show no progress."),
        click.Option(["--debug"], is_flag=True, help="Show where an internal error happened."),
    ]
