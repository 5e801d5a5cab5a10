# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid export``: what the archive knows, in the forms that others read."""

import click

from pellucid.cli.application import LazyGroup

__all__ = ["command"]

FORMS = ("prov", "provdm", "rocrate", "ctao", "cwl")
"""Each is a module of `pellucid.cli.exports` with a ``command``."""


@click.group("export", cls=LazyGroup, package="pellucid.cli.exports", verbs=FORMS)
def command() -> None:
    """Write lineage and workflows in the forms that others read."""
