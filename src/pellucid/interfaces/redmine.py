# SPDX-License-Identifier: BSD-3-Clause
"""One project of a Redmine server: its issues as tasks, and what it lacks."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pellucid.errors import ConfigurationError, CorruptedInput, nearest
from pellucid.interfaces.redmine_client import Refused, connect, no_redmine, redmine_errors
from pellucid.interfaces.redmine_fields import DERIVED, Entry, Wire
from pellucid.interfaces.redmine_setup import CUSTOM_FIELDS, TRACKER, check_setup
from pellucid.interfaces.task import PRIORITIES, STATUSES

__all__ = ["Issue", "Project"]

_PLAIN = {
    "title": "subject",
    "start": "start_date",
    "due": "due_date",
    "done": "done_ratio",
    "estimated_hours": "estimated_hours",
}
"""Fields that Redmine has under another name, or the same."""


@dataclass
class Issue:
    """An issue as it is in Redmine.

    Attributes
    ----------
    number : int
        Its number there.
    wire : dict
        Its fields, see `pellucid.interfaces.redmine_fields`; without those that Redmine derives.
    relations : dict of str to int
        Number of the relation to each task that it follows.
    derived : dict
        The fields that Redmine derives, where it has subtasks.
    """

    number: int
    wire: Wire
    relations: dict[str, int] = field(default_factory=dict)
    derived: Wire = field(default_factory=dict)


class Project:
    """A project on a Redmine server, open for reading and writing.

    Parameters
    ----------
    url : str
        Where Redmine is, e.g. ``https://redmine.example.org``.
    key : str
        API key of the user.
    identifier : str
        The project's identifier.
    known : int, optional
        The number that the project had at the last synchronisation.

    Attributes
    ----------
    number, name : int and str
        The project's number, which never changes, and what it is called.
    user : str
        Full name of the key's user.
    watched : set of str
        Ids of tasks that the key's own user shall watch. Redmine makes everybody a watcher of what he
        touches, so that in all others this user does not count.

    Raises
    ------
    IntermittentError
        Redmine does not answer (``redmine-down``) or fails (``redmine-failed``).
    ConfigurationError
        The key is not known (``redmine-key``), there is no such project (``redmine-project``), it has another
        identifier now (``redmine-renamed``), it lacks what REST cannot make (``redmine-setup``), or what
        answers is no Redmine (``no-redmine``).
    """

    def __init__(self, url: str, key: str, identifier: str, known: int | None = None) -> None:
        self.url = url.rstrip("/")
        self.identifier = identifier
        self.redmine = connect(self.url, key)
        self.watched: set[str] = set()
        self._names: dict[int, str] = {}
        self._watching: dict[int, dict[str, int]] = {}
        try:
            with redmine_errors(self.url):
                self._look_around(known)
        except (Refused, KeyError) as error:
            # a server that is a Redmine has all that is asked for here
            raise no_redmine(self.url, str(error)) from None

    def _look_around(self, known: int | None) -> None:
        project = self._project(known)
        self.number: int = project["id"]
        self.name: str = project["name"]
        statuses = {s["name"]: s["id"] for s in self._all("issue_status")}
        priorities = {
            p["name"]: p["id"]
            for p in self._listed(self.redmine.enumeration.filter(resource="issue_priorities"))
        }
        check_setup(project, statuses, priorities, self.url)
        self._tracker = {t["name"]: t["id"] for t in project["trackers"]}[TRACKER]
        self._statuses = {name: statuses[name] for name in STATUSES}
        self._priorities = {name: priorities[name] for name in PRIORITIES}
        self._custom = {c["name"]: c["id"] for c in project["issue_custom_fields"]}
        self._categories = {c["name"]: c["id"] for c in project.get("issue_categories") or ()}
        self._activity: int = project["time_entry_activities"][0]["id"]
        self._people = self._members()
        me = self.redmine.user.get("current").raw()
        self._me: int = me["id"]
        self.user = f"{me['firstname']} {me['lastname']}"

    def issues(self) -> tuple[dict[str, Issue], list[int]]:
        """Return the issues that are tasks, by id of the task, and the numbers of all others.

        Raises
        ------
        CorruptedInput
            Two issues claim to be the same task (``doubled-issue``).
        """
        with redmine_errors(self.url):
            found = self._filtered("issue", project_id=self.number, status_id="*", subproject_id="!*")
        raw = []
        for issue in found:
            # what is removed meanwhile is not there
            with suppress(Refused), redmine_errors(self.url):
                raw.append(self._one(issue["id"]))
        names: dict[int, str] = {}
        strangers = []
        for issue in raw:
            name = self._value(issue, "key")
            if name is None:
                strangers.append(issue["id"])
            elif name in names.values():
                twice = sorted([issue["id"], *(n for n, other in names.items() if other == name)])
                raise CorruptedInput(
                    f"Two issues claim to be the task {name}.",
                    where=self.url,
                    got=", ".join(f"#{n}" for n in twice),
                    mend=f"empty '{CUSTOM_FIELDS['key']}' in the one that is not",
                    code="doubled-issue",
                )
            else:
                names[issue["id"]] = name
        self._names = names
        return {names[issue["id"]]: self._issue(issue) for issue in raw if issue["id"] in names}, sorted(
            strangers
        )

    def read(self, number: int) -> Issue:
        """Return one issue as it is now.

        Raises
        ------
        Refused
            It is not there any more.
        """
        with redmine_errors(self.url):
            return self._issue(self._one(number))

    def create(self, entry: Entry, numbers: Mapping[str, int]) -> Issue:
        """Make an issue, without relations and spent hours.

        Parameters
        ----------
        entry : Entry
            What it shall be.
        numbers : mapping of str to int
            Numbers of the issues that are there, by id.

        Raises
        ------
        Refused
            Redmine does not take a value.
        """
        wire = {n: v for n, v in entry.wire.items() if n not in ("follows", "spent_hours")}
        given = self._fields(wire, numbers)
        custom = given.setdefault("custom_fields", [])
        custom.append({"id": self._custom[CUSTOM_FIELDS["key"]], "value": entry.id})
        custom.append({"id": self._custom[CUSTOM_FIELDS["interface"]], "value": entry.interface})
        with redmine_errors(self.url):
            raw = self.redmine.issue.create(
                project_id=self.number,
                tracker_id=self._tracker,
                category_id=self._category(entry.category),
                description=entry.interface,
                **given,
            ).raw()
            self._names[raw["id"]] = entry.id
            # the answer leaves out what a new issue cannot have, and who watches it
            return self._issue({"children": [], "relations": [], **raw, "watchers": []})

    def update(self, issue: Issue, changes: Wire, numbers: Mapping[str, int]) -> None:
        """Give an issue other values, one request for all fields with one value.

        Raises
        ------
        Refused
            Redmine does not take a value.
        """
        given = self._fields(changes, numbers)
        with redmine_errors(self.url):
            if given:
                self.redmine.issue.update(issue.number, **given)
            if "spent_hours" in changes:
                self._log_time(issue, changes["spent_hours"])
            if "watchers" in changes:
                self._watch(issue, changes["watchers"])

    def relate(self, issue: Issue, follows: Mapping[str, int], numbers: Mapping[str, int]) -> None:
        """Make an issue follow these tasks, with these delays in working days, and no others.

        Raises
        ------
        Refused
            Redmine does not take a relation, or an issue is not there.
        """
        now = issue.wire["follows"]
        with redmine_errors(self.url):
            for name in sorted(set(now) | set(follows)):
                if now.get(name) == follows.get(name):
                    continue
                if name in follows and name not in numbers:
                    raise Refused(f"there is no issue for {name}")
                if name in now:
                    # a delay cannot be changed, only the relation made anew
                    self.redmine.issue_relation.delete(issue.relations[name])
                if name in follows:
                    self.redmine.issue_relation.create(
                        issue_id=numbers[name],
                        issue_to_id=issue.number,
                        relation_type="precedes",
                        delay=follows[name],
                    )

    def _project(self, known: int | None) -> dict[str, Any]:
        from redminelib.exceptions import ResourceNotFoundError

        parts = "trackers,issue_categories,issue_custom_fields,time_entry_activities"
        try:
            found: dict[str, Any] = self.redmine.project.get(self.identifier, include=parts).raw()
        except ResourceNotFoundError:
            raise self._no_project(known) from None
        return found

    def _no_project(self, known: int | None) -> ConfigurationError:
        there = {p["id"]: p["identifier"] for p in self._all("project")}
        if known in there:
            return ConfigurationError(
                f"The project '{self.identifier}' has another identifier now.",
                where=self.url,
                got=there[known],
                mend=f"name it with --project {there[known]}; what was agreed on is kept",
                code="redmine-renamed",
            )
        return ConfigurationError(
            f"There is no project '{self.identifier}' that this key may see.",
            where=self.url,
            mend=nearest(self.identifier, list(there.values())) if there else "make it in Redmine first",
            code="redmine-project",
        )

    def _members(self) -> dict[str, int]:
        from redminelib.exceptions import BaseRedmineError

        people: dict[str, int] = {}
        try:
            for member in self._filtered("project_membership", project_id=self.identifier):
                if "user" in member:
                    people[member["user"]["name"]] = member["user"]["id"]
        except BaseRedmineError:
            # a key that may not see the members can still send what names nobody
            return {}
        return people

    def _person(self, name: str) -> int:
        if name not in self._people:
            raise Refused(f"'{name}' is no member of the project; {nearest(name, list(self._people))}")
        return self._people[name]

    def _category(self, name: str) -> int:
        if name not in self._categories:
            made = self.redmine.issue_category.create(project_id=self.identifier, name=name).raw()
            self._categories[name] = made["id"]
        number: int = self._categories[name]
        return number

    def _fields(self, wire: Wire, numbers: Mapping[str, int]) -> dict[str, Any]:
        """Return a wire as arguments of the client, without what needs requests of its own."""
        given: dict[str, Any] = {}
        custom = []
        for name, value in wire.items():
            if name in CUSTOM_FIELDS:
                text = "; ".join(value) if isinstance(value, list) else value or ""
                custom.append({"id": self._custom[CUSTOM_FIELDS[name]], "value": text})
            elif name == "parent":
                if value is not None and value not in numbers:
                    raise Refused(f"there is no issue for {value}, above it")
                given["parent_issue_id"] = "" if value is None else numbers[value]
            elif name == "assignee":
                given["assigned_to_id"] = "" if value is None else self._person(value)
            elif name == "status":
                given["status_id"] = self._statuses[value]
            elif name == "priority":
                given["priority_id"] = self._priorities[value]
            elif name in _PLAIN:
                given[_PLAIN[name]] = "" if value is None else value
        if custom:
            given["custom_fields"] = custom
        return given

    def _log_time(self, issue: Issue, hours: float) -> None:
        missing = round(hours - issue.wire["spent_hours"], 4)
        if missing < 0:
            raise Refused("spent hours are the sum of time entries: remove some of them there")
        if missing > 0:
            self.redmine.time_entry.create(issue_id=issue.number, hours=missing, activity_id=self._activity)

    def _watch(self, issue: Issue, watchers: list[str]) -> None:
        resource = self.redmine.issue.get(issue.number)
        for name in sorted(set(watchers) - set(issue.wire["watchers"])):
            resource.watcher.add(self._person(name))
        for name in sorted(set(issue.wire["watchers"]) - set(watchers)):
            resource.watcher.remove(self._watching[issue.number][name])

    def _issue(self, raw: Mapping[str, Any]) -> Issue:
        def named(key: str) -> str | None:
            return raw[key]["name"] if raw.get(key) else None

        parent = raw["parent"]["id"] if raw.get("parent") else None
        wire: Wire = {
            "title": raw["subject"],
            "status": named("status"),
            "priority": named("priority"),
            "assignee": named("assigned_to"),
            "start": raw.get("start_date"),
            "due": raw.get("due_date"),
            "done": raw["done_ratio"],
            "estimated_hours": raw.get("estimated_hours"),
            "parent": self._names.get(parent, f"#{parent}") if parent is not None else None,
        }
        if "spent_hours" in raw:
            wire["spent_hours"] = raw["spent_hours"]
        for name in ("kind", "phase", "work_package", "ccf"):
            wire[name] = self._value(raw, name)
        offered = self._value(raw, "interested") or ""
        wire["interested"] = sorted({n.strip() for n in offered.split(";") if n.strip()})
        if raw.get("watchers") is not None:
            self._watching.setdefault(raw["id"], {}).update({w["name"]: w["id"] for w in raw["watchers"]})
            wire["watchers"] = sorted(
                w["name"]
                for w in raw["watchers"]
                if w["id"] != self._me or self._names.get(raw["id"]) in self.watched
            )
        follows = {
            self._names[r["issue_id"]]: r
            for r in raw.get("relations") or ()
            # relations to what is no task here are none of our business
            if r["relation_type"] == "precedes"
            and r["issue_to_id"] == raw["id"]
            and r["issue_id"] in self._names
        }
        wire["follows"] = {name: r["delay"] or 0 for name, r in sorted(follows.items())}
        derived = {name: wire.pop(name) for name in DERIVED} if raw.get("children") else {}
        return Issue(raw["id"], wire, {name: r["id"] for name, r in follows.items()}, derived)

    def _value(self, raw: Mapping[str, Any], name: str) -> str | None:
        wanted = CUSTOM_FIELDS[name]
        values = (c.get("value") for c in raw.get("custom_fields") or () if c["name"] == wanted)
        return next(values, None) or None

    def _one(self, number: int) -> dict[str, Any]:
        raw: dict[str, Any] = self.redmine.issue.get(number, include="relations,watchers,children").raw()
        return raw

    def _all(self, resource: str) -> list[dict[str, Any]]:
        return self._listed(getattr(self.redmine, resource).all())

    def _filtered(self, resource: str, **conditions: Any) -> list[dict[str, Any]]:
        return self._listed(getattr(self.redmine, resource).filter(**conditions))

    @staticmethod
    def _listed(resources: Any) -> list[dict[str, Any]]:
        return [r.raw() for r in resources]
