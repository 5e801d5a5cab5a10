# SPDX-License-Identifier: BSD-3-Clause
"""What a Redmine has to have and REST cannot make: looked for, and the exact remedy told."""

from collections.abc import Collection, Mapping
from typing import Any

from pellucid.errors import ConfigurationError
from pellucid.interfaces.task import PRIORITIES, STATUSES

__all__ = ["CUSTOM_FIELDS", "TRACKER", "check_setup"]

TRACKER = "Task"

CUSTOM_FIELDS = {
    "key": "Pellucid task",
    "interface": "Interface",
    "kind": "Kind",
    "phase": "Phase",
    "work_package": "Work package",
    "ccf": "CCF",
    "interested": "Interested",
}
"""Names of the custom fields that an issue needs."""


def check_setup(
    project: Mapping[str, Any], statuses: Collection[str], priorities: Collection[str], url: str
) -> None:
    """Make sure that a project has all that its issues need.

    Parameters
    ----------
    project : mapping
        The project as Redmine tells it, with trackers, custom fields and activities.
    statuses, priorities : collection of str
        The names that the server knows.
    url : str
        The server, for errors.

    Raises
    ------
    ConfigurationError
        Something is not there (``redmine-setup``); the remedy is the Ruby that makes it.
    """
    missing: dict[str, str] = {}
    for name in STATUSES:
        if name not in statuses:
            closed = ", is_closed: true" if name in ("Closed", "Rejected") else ""
            missing[f"status '{name}'"] = f"IssueStatus.create!(name: '{name}'{closed})"
    for name in PRIORITIES:
        if name not in priorities:
            missing[f"priority '{name}'"] = f"IssuePriority.create!(name: '{name}')"
    if TRACKER not in {t["name"] for t in project.get("trackers") or ()}:
        missing[f"tracker '{TRACKER}'"] = "project.trackers |= [task]"
    for name in CUSTOM_FIELDS.values():
        if name not in {c["name"] for c in project.get("issue_custom_fields") or ()}:
            missing[f"custom field '{name}'"] = f"field.call('{name}')"
    if not project.get("time_entry_activities"):
        missing["an activity for spent time"] = "TimeEntryActivity.create!(name: 'Development')"
    if missing:
        raise ConfigurationError(
            "Redmine lacks what its REST interface cannot make.",
            where=f"{url}, project {project['identifier']}",
            expected=", ".join(missing),
            got="none of these",
            mend=f"ask Redmine's administrator to run, in its folder:\n{_remedy(missing, project['id'])}",
            code="redmine-setup",
        )


def _remedy(missing: Mapping[str, str], number: int) -> str:
    """Return a command that makes what is missing, and leaves alone what is there."""
    lines = list(missing.values())
    if any("task" in line or "field" in line for line in lines):
        makers = [
            f"project = Project.find({number})",
            f"task = Tracker.find_by(name: '{TRACKER}')",
            f"task ||= Tracker.create!(name: '{TRACKER}', default_status: IssueStatus.find_by!(name: 'New'))",
            # REST tells the fields of a project, not those that are for all
            "field = lambda { |name| f = IssueCustomField.find_or_initialize_by(name: name); "
            "f.field_format = 'string' if f.new_record?; f.trackers |= [task]; f.projects |= [project]; "
            "f.save! }",
        ]
        first_task = next(i for i, line in enumerate(lines) if "task" in line or "field" in line)
        lines[first_task:first_task] = makers
        # a new tracker has no workflow, and without one no status ever changes
        lines.append(
            "Role.all.each { |role| IssueStatus.all.to_a.permutation(2) { |from, to| "
            "WorkflowTransition.find_or_create_by!(tracker_id: task.id, role_id: role.id, "
            "old_status_id: from.id, new_status_id: to.id) } }"
        )
    text = ";\n    ".join(lines)
    return f'  bundle exec rails runner -e production "\n    {text}\n  "'
