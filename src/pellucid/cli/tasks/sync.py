# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks sync``: both ways."""

from pellucid.cli.tasks.redmine import redmine_verb

__all__ = ["command"]

command = redmine_verb(
    "sync", "Take changes over from Redmine, and bring ours into it.", push=True, pull=True
)
