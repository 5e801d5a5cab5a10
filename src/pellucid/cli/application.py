# SPDX-License-Identifier: BSD-3-Clause
"""The command ``pellucid`` and its verbs; a verb's module is imported when it is looked at."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from pellucid import __version__
from pellucid.errors import UsageError, nearest

__all__ = ["VERBS", "Group", "LazyGroup", "application"]

VERBS = (
    "demo",
    "simulate",
    "process",
    "ingest",
    "run",
    "watch",
    "step",
    "camera",
    "lidar",
    "array",
    "find",
    "show",
    "why",
    "replay",
    "diff",
    "certify",
    "decertify",
    "archive",
    "export",
    "interfaces",
    "tasks",
    "config",
)
"""In the order in which data flow through them; each is a module beside this one, with a ``command``."""


class Group(click.Group):
    """A command with verbs, which keeps their order and names the nearest one to a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in their own order."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; a mistyped one is an error that names the nearest."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            raise UsageError(
                f"There is no verb '{args[0]}'.", where=ctx.command_path, mend=nearest(args[0], known)
            )
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group whose verbs are modules of a package, each with a ``command``, imported when looked at.

    Parameters
    ----------
    package : str
        The package.
    verbs : sequence of str
        The verbs, in the order of the help.
    modules : mapping of str to str, optional
        Modules that are not named as their verb.
    """

    def __init__(
        self,
        *args: Any,
        package: str,
        verbs: Sequence[str],
        modules: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._package = package
        self._verbs = tuple(verbs)
        self._modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in their own order."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb, or None where there is none of this name."""
        if cmd_name not in self._verbs:
            return None
        module = self._modules.get(cmd_name, cmd_name)
        command: click.Command = import_module(f"{self._package}.{module}").command
        return command


@click.group(
    "pellucid",
    cls=LazyGroup,
    package="pellucid.cli",
    verbs=VERBS,
    modules={"run": "run_night"},  # run.py runs the command itself
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
def application() -> None:
    """The calibration system of Cherenkov-telescope arrays: the instruments, and the air above them.

    Every verb takes --json (one document on standard output; what it tells on the way goes to
    standard error) and exits with 0, or with 2 wrong usage, 100 try again, 101 configuration,
    104 damaged input, 105 missing input, 106 too few data, 1 anything else.
    """
