# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces``: what device teams deliver, agreed on, checked, faked, signed."""

import click

from pellucid.cli.application import LazyGroup

__all__ = ["VERBS", "command"]

VERBS = (
    "list",
    "show",
    "check",
    "fake",
    "schema",
    "export",
    "diff",
    "keygen",
    "propose",
    "approve",
    "reject",
    "activate",
    "retire",
    "history",
    "judge",
    "status",
    "methods",
)
"""Each is a module of this package with a ``command``."""


@click.group("interfaces", cls=LazyGroup, package="pellucid.cli.interfaces", verbs=VERBS)
def command() -> None:
    """See the interfaces between device teams and data management, and hold deliveries against them."""
