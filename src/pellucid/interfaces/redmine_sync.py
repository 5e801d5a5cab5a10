# SPDX-License-Identifier: BSD-3-Clause
"""Keep tasks here and issues in Redmine the same: nothing twice, nothing lost, nothing overwritten unasked.

Each field is compared with what both sides last agreed on. What only one side changed goes to the other;
what both changed is a conflict, listed and left as it is. What was agreed on is written down after each
request, so that an interrupted synchronisation goes on where it stopped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.archive.files import Progress
from pellucid.errors import ConfigurationError
from pellucid.interfaces.ledger import Ledger
from pellucid.interfaces.redmine import Issue, Project
from pellucid.interfaces.redmine_fields import Entry, entries
from pellucid.interfaces.redmine_plan import Change, Comparison, Conflict
from pellucid.interfaces.redmine_pull import Pull, compared
from pellucid.interfaces.redmine_push import DATES, Push
from pellucid.interfaces.task import Task

__all__ = ["Report", "resolve", "synchronise"]


@dataclass
class Report:
    """What was done, or would be.

    Attributes
    ----------
    created : list of str
        Ids of tasks, or interfaces, that got an issue.
    pushed, pulled : list of Change
        What changed in Redmine, and here.
    conflicts : list of Conflict
        What both sides changed; both kept theirs. An issue that is gone is a conflict about ``issue``.
    held : list of tuple of str
        (task, field, why) of values that the other side cannot take.
    waiting : int
        Changes in the direction that was not asked for.
    strangers : list of int
        Issues in the project that are no task of any interface.
    """

    created: list[str] = field(default_factory=list)
    pushed: list[Change] = field(default_factory=list)
    pulled: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    held: list[tuple[str, str, str]] = field(default_factory=list)
    waiting: int = 0
    strangers: list[int] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """How many issues and fields changed."""
        return len(self.created) + len(self.pushed) + len(self.pulled)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left that a person has to decide."""
        return not (self.conflicts or self.held)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a JSON-ready mapping."""
        return {
            "changes": self.changes,
            "created": self.created,
            "pushed": [c.as_dict() for c in self.pushed],
            "pulled": [c.as_dict() for c in self.pulled],
            "conflicts": [c.as_dict() for c in self.conflicts],
            "held": [{"task": t, "field": f, "why": why} for t, f, why in self.held],
            "waiting": self.waiting,
            "strangers": self.strangers,
        }


def synchronise(
    project: Project,
    book: Ledger,
    tasks: Iterable[Task],
    layout: str,
    titles: Mapping[str, str],
    *,
    push: bool,
    pull: bool,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring issues and tasks together.

    Parameters
    ----------
    project : Project
        The project in Redmine.
    book : Ledger
        What the workspace knows, held for writing.
    tasks : iterable of Task
        All tasks as the interface files have them.
    layout : str
        One of `pellucid.interfaces.layouts.LAYOUTS`.
    titles : mapping of str to str
        Titles of the interfaces, by id.
    push, pull : bool
        Which way changes may go.
    dry_run : bool
        Only tell what would be done.
    progress : callable, optional
        Called with (issues done, issues in all, "issues").

    Raises
    ------
    ConfigurationError
        The project holds the other layout (``other-layout``), and whatever `Project` raises.
    IntermittentError
        Redmine went down or failed on the way; what was done is written down.
    """
    files = tuple(tasks)
    project.watched = {t.id for t in book.applied(files) if project.user in t.watchers}
    issues, strangers = project.issues()
    state = book.project(project.url, project.number)
    _check_layout(set(issues), layout, project)
    report = Report()
    if pull:
        Pull(book, state, issues, report.held).run(files, layout, titles, report.pulled, dry_run)
    wanted = entries(book.applied(files), layout, titles)
    names = {e.id for e in wanted}
    report.strangers = sorted({*strangers, *(i.number for n, i in issues.items() if n not in names)})
    work = Push(project, book, state, issues, report.held, progress)
    disputed: set[str] = set()
    for entry in wanted:
        if entry.id in issues:
            found = compared(entry, issues, state)
            if any(c.field in DATES for c in (*found.conflicts, *(() if pull else found.pull))):
                disputed.add(entry.id)
            report.conflicts += found.conflicts
            report.waiting += (0 if push else len(found.push)) + (0 if pull else len(found.pull))
            work.changes[entry.id] = found.push if push else []
            if not dry_run:
                _agree(state, entry, issues[entry.id], found)
        elif entry.id in state["issues"]:
            number = f"#{state['issues'][entry.id]}"
            report.conflicts.append(Conflict(entry.id, "issue", "wanted", "gone", number))
        elif push:
            work.create.append(entry)
        else:
            report.waiting += 1
        if push:
            report.held += [(entry.id, name, why) for name, why in entry.withheld.items()]
    _hold_relations(work, report, wanted, disputed)
    report.created = [e.id for e in work.create]
    report.pushed = [c for changes in work.changes.values() for c in changes]
    if dry_run:
        return report
    state["identifier"], state["layout"] = project.identifier, layout
    state["issues"].update({name: issue.number for name, issue in issues.items()})
    state.pop("creating", None)
    book.save()
    work.run(wanted)
    lost = work.lost()
    report.created = [n for n in report.created if n in issues]
    report.pushed = [c for c in report.pushed if (c.task, c.field) not in lost]
    report.conflicts += work.conflicts
    state["conflicts"] = {}
    for c in report.conflicts:
        state["conflicts"].setdefault(c.task, {})[c.field] = {"here": c.here, "redmine": c.redmine}
    book.save()
    return report


def resolve(state: dict[str, Any], task: str, name: str, keep: str) -> None:
    """Settle a conflict: the next synchronisation takes the side that is kept.

    Parameters
    ----------
    state : dict
        What is known about the project; see `pellucid.interfaces.ledger.Ledger.project`.
    task, name : str
        The task and the field.
    keep : str
        ``here`` or ``redmine``.

    Raises
    ------
    ConfigurationError
        There is no such conflict (``no-conflict``), or an issue that is gone shall be kept gone
        (``gone-issue``).
    """
    known = state["conflicts"].get(task, {})
    if name not in known:
        listed = ", ".join(f"{t} {f}" for t, fields in state["conflicts"].items() for f in fields)
        raise ConfigurationError(
            f"There is no conflict about {name} of {task}.",
            expected=listed or "a conflict that the last synchronisation listed",
            mend="run pellucid tasks sync --dry-run again",
            code="no-conflict",
        )
    if name == "issue":
        if keep != "here":
            raise ConfigurationError(
                f"The task {task} is in its interface file, and its issue is gone.",
                mend="set its status to Rejected with 'pellucid tasks set', or keep what is here",
                code="gone-issue",
            )
        state["issues"].pop(task)
        state["agreed"].pop(task, None)
    else:
        # the side that is kept looks like the only one that changed
        other = known[name]["redmine" if keep == "here" else "here"]
        agreed = state["agreed"].setdefault(task, {})
        if name.startswith("follows "):
            relations = agreed.setdefault("follows", {})
            relations[name.removeprefix("follows ")] = other
        else:
            agreed[name] = other
    del known[name]


def _check_layout(there: set[str], layout: str, project: Project) -> None:
    has_parents = any("/" not in name for name in there)
    has_tasks = any("/" in name for name in there)
    if (layout == "per-task" and has_parents) or (
        layout == "per-interface" and has_tasks and not has_parents
    ):
        raise ConfigurationError(
            f"The project '{project.identifier}' is laid out in the other way.",
            where=project.url,
            expected=layout,
            got="per-interface" if has_parents else "per-task",
            mend="name that layout with --layout, or another project with --project",
            code="other-layout",
        )


def _hold_relations(work: Push, report: Report, wanted: Iterable[Entry], disputed: set[str]) -> None:
    """Keep relations as they are where the dates that they were reckoned from are not agreed on."""
    above = {e.id: e.wire["parent"] for e in wanted}
    for task in list(disputed):
        while above.get(task) is not None:
            task = above[task]
            disputed.add(task)
    for task, changes in work.changes.items():
        for change in [c for c in changes if c.field == "follows"]:
            doubtful = sorted(disputed & {task, *change.old, *change.new})
            if doubtful:
                changes.remove(change)
                why = f"the dates of {', '.join(doubtful)} differ on both sides: settle them first"
                report.held.append((task, "follows", why))


def _agree(state: dict[str, Any], entry: Entry, issue: Issue, found: Comparison) -> None:
    """Write down in what both sides are equal, and where a run was interrupted, how far it had come."""
    agreed = state["agreed"].setdefault(entry.id, {})
    open_fields = {c.field for c in (*found.push, *found.pull)} | {
        c.field.partition(" ")[0] for c in found.conflicts
    }
    for name, value in entry.wire.items():
        if name in issue.wire and name not in open_fields:
            agreed[name] = value
    for change in found.push:
        if change.field not in agreed or change.field in ("start", "due"):
            agreed[change.field] = change.old
