# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks sync``: both ways."""

from pellucid.cli.tasks.redmine import redmine_verb

__all__ = ["command"]

command = redmine_verb(
    "sync", "Take over what changed in Redmine, and bring what changed here into it.", push=True, pull=True
)
