# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks push``: bring tasks into Redmine."""

from pellucid.cli.tasks.redmine import redmine_verb

__all__ = ["command"]

command = redmine_verb("push", "Bring what changed here into Redmine.", push=True, pull=False)
