# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks``: what teams have to do at their interfaces, when; Redmine kept equal."""

import click

from pellucid.cli.application import LazyGroup

__all__ = ["VERBS", "command"]

VERBS = (
    "list",
    "show",
    "set",
    "interest",
    "prove",
    "schedule",
    "gantt",
    "calendar",
    "push",
    "pull",
    "sync",
    "resolve",
)
"""Each is a module of this package with a ``command``."""


@click.group("tasks", cls=LazyGroup, package="pellucid.cli.tasks", verbs=VERBS)
def command() -> None:
    """See, plan and report the tasks of interfaces, and keep Redmine equal."""
