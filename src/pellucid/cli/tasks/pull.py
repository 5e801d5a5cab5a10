# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks pull``: take over what changed in Redmine."""

from pellucid.cli.tasks.redmine import redmine_verb

__all__ = ["command"]

command = redmine_verb("pull", "Take over what changed in Redmine.", push=False, pull=True)
