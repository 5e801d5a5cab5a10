# SPDX-License-Identifier: BSD-3-Clause
"""On-line work: files taken in as they land, and what becomes possible run at once, within its deadline."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import median

from pellucid.archive.archive import Archive
from pellucid.archive.files import storage_errors
from pellucid.archive.lineage import JSON, canonical_json
from pellucid.archive.product import Product
from pellucid.errors import IntermittentError, PellucidError
from pellucid.interfaces.evidence import QUARANTINE
from pellucid.pipeline.arrivals import Arrival, Arrivals
from pellucid.pipeline.executors import Executor
from pellucid.pipeline.graph import Graph
from pellucid.pipeline.intake import findings_of, take_in
from pellucid.pipeline.levels import Level
from pellucid.pipeline.plan import Plan, Recipes, Task, make_plan
from pellucid.pipeline.run import carry_out

__all__ = ["Watch", "WatchReport", "journal_of"]

log = logging.getLogger(__name__)

_BATCH = 64
"""Files taken in before what they make possible is run, so that a flood does not starve the work."""


@dataclass
class WatchReport:
    """What a watch has done so far.

    Attributes
    ----------
    taken, again, refused : int
        Files that came in as new products, that were there already, and that could not be taken.
    made : int
        Products.
    failed : dict of str to str
        Tasks that failed, and why.
    late : list of str
        What missed its deadline, in words.
    lags : dict of str to list of float
        For each step, and ``ingest``, seconds from a file being whole to its product being there.
    waiting, growing : int
        Whole files that wait to be taken in, and files that are not whole: the back-pressure.
    refusals : dict of str to str
        Files that could not be taken, and why.
    """

    taken: int = 0
    again: int = 0
    refused: int = 0
    made: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    lags: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waiting: int = 0
    growing: int = 0
    refusals: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 where nothing was refused, failed or late."""
        return int(bool(self.refused or self.failed or self.late))

    def as_dict(self) -> dict[str, JSON]:
        """Return the report as a JSON-ready mapping."""
        return {
            "taken": self.taken,
            "again": self.again,
            "refused": self.refused,
            "made": self.made,
            "waiting": self.waiting,
            "growing": self.growing,
            "late": list(self.late),
            "failed": dict(self.failed),
            "refusals": dict(self.refusals),
            "lag": {
                name: {"n": len(lags), "median": round(median(lags), 3), "most": round(max(lags), 3)}
                for name, lags in sorted(self.lags.items())
                if lags
            },
        }

    def as_text(self) -> str:
        """Return the report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.taken} files taken in, {self.again} there already, {self.refused} refused; "
            f"{self.made} products"
        )
        for name, lags in sorted(self.lags.items()):
            if lags:
                yield f"lag of {name}: median {median(lags):.2f} s, most {max(lags):.2f} s, {len(lags)} times"
        yield from (f"refused {file}: {why}" for file, why in self.refusals.items())
        yield from (f"failed {name}: {why}" for name, why in self.failed.items())
        yield from self.late
        if self.waiting or self.growing:
            yield f"{self.waiting} files wait, {self.growing} are not whole"


@dataclass
class Watch:
    """Watches a folder at a level.

    Attributes
    ----------
    archive : Archive
        Where everything goes.
    arrivals : Arrivals
        The folder.
    graph : Graph
        The steps.
    level : Level
        The policy.
    executor : Executor
        Who does the work.
    parameters : mapping of str to mapping
        What each step is given over its defaults.
    effort : mapping of str to int
        As `pellucid.pipeline.execute.execute` takes it.
    status : Path or None
        File that always tells the state, for whoever looks at it.
    """

    archive: Archive
    arrivals: Arrivals
    graph: Graph
    level: Level
    executor: Executor
    parameters: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    effort: Mapping[str, int] = field(default_factory=dict)
    status: Path | None = None
    report: WatchReport = field(default_factory=WatchReport)
    _recipes: Recipes | None = None
    _seen: dict[str, float] = field(default_factory=dict)
    _waiting: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)

    def follow(
        self, stop: Callable[[], bool], *, poll: float = 0.2, idle: float | None = None
    ) -> WatchReport:
        """Work until told to stop, or until nothing came for a while.

        What a former watch took in and did not get to is run first.

        Parameters
        ----------
        stop : callable
            Asked between two pieces of work.
        poll : float
            Seconds between two looks at the folder.
        idle : float, optional
            Seconds without any file after which it ends.
        """
        last = self.arrivals.clock()
        self._run(self._unfinished_business())
        while not stop():
            if self.cycle():
                last = self.arrivals.clock()
            elif idle is not None and not self.arrivals.growing and self.arrivals.clock() - last >= idle:
                break
            else:
                time.sleep(poll)
        return self.report

    def cycle(self) -> int:
        """Take in what is whole, run what it makes possible; return how many files it was."""
        whole = self.arrivals.look()
        self.report.waiting, self.report.growing = len(whole), self.arrivals.growing
        for folder in self.arrivals.closed - self.report.refusals.keys():
            self._refuse(folder, "this folder may not be read; give the right to read it")
        batch = whole[:_BATCH]
        if len(whole) > _BATCH:
            log.warning("%d files wait: more come than are worked off", len(whole))
        products = [product for arrival in batch if (product := self._take(arrival)) is not None]
        self.report.waiting = len(whole) - len(batch)
        self._run(products)
        self._check_deadlines()
        self._tell()
        return len(batch)

    def _take(self, arrival: Arrival) -> Product | None:
        journal = self.arrivals.journal
        if journal.replaced(arrival):
            log.warning("%s was taken before and has changed: its new content is taken too", arrival.path)
        try:
            product, is_new = take_in(self.archive, arrival.path)
        except PellucidError as error:
            if isinstance(error, IntermittentError) or error.code in ("changed-while-read", "no-such-file"):
                log.warning("%s is taken later: %s", arrival.path, error.what)
                return None
            journal.note(arrival, f"refused: {error.code}")
            self._refuse(str(arrival.path), f"{error.what} ({error.code})")
            return None
        if product.collection == QUARANTINE:
            journal.note(arrival, "quarantined", product.id)
            self._refuse(
                str(arrival.path), "in quarantine, not as its interface says: " + findings_of(product)
            )
            return None
        journal.note(arrival, "taken" if is_new else "there", product.id)
        self.report.taken += is_new
        self.report.again += not is_new
        self._seen.setdefault(product.id, arrival.seen)
        self.report.lags["ingest"].append(self.arrivals.clock() - arrival.seen)
        return product

    def _refuse(self, path: str, why: str) -> None:
        self.report.refused += 1
        self.report.refusals[path] = why
        log.warning("%s is refused: %s", path, why)

    def _unfinished_business(self) -> Sequence[Product]:
        """Return the newest raw products, whose work a kill may have cut short."""
        return self.archive.find(kind="raw", covered=True, limit=_BATCH * 4)

    def _run(self, products: Sequence[Product]) -> None:
        for span in _spans(products, self.level.window_ns):
            plan = make_plan(
                self.archive,
                self.graph,
                self.level,
                span,
                parameters=self.parameters,
                keep_going=True,
                recipes=self._recipes,
            )
            self._recipes = plan.recipes
            self._set_waiting_aside(plan)
            begun = self.arrivals.clock()
            done = carry_out(self.archive, plan, self.executor, keep_going=True, effort=self.effort)
            for entry in done.entries:
                name = entry.task.name
                if entry.state == "made":
                    self.report.made += 1
                    self.report.failed.pop(name, None)
                    self._note_lag(plan, entry.task.number, begun)
                elif entry.state == "failed" and entry.error is not None:
                    self.report.failed[name] = f"{entry.error.what} ({entry.error.code})"

    def _set_waiting_aside(self, plan: Plan) -> None:
        """Take out of a plan what lacks an input that may still come, and remember since when."""
        kept = []
        for task in plan.tasks:
            leading = task.leader.product.id if task.leader.product is not None else ""
            if task.problem is None or task.problem.code not in _MAY_COME:
                kept.append(task)
                self._waiting.pop((task.step.name, leading), None)
            elif leading in self._seen:
                words = f"{task.name} cannot begin: {task.problem.what}"
                self._waiting.setdefault((task.step.name, leading), (self._seen[leading], words))
        plan.tasks[:] = kept

    def _check_deadlines(self) -> None:
        """Tell what should be there by now and lacks an input."""
        now = self.arrivals.clock()
        for key, (seen, words) in list(self._waiting.items()):
            if now - seen > self.level.deadline:
                del self._waiting[key]
                self.report.late.append(f"late: {words}")
                log.warning("late: %s", words)

    def _note_lag(self, plan: Plan, number: int, begun: float) -> None:
        """Note how long after the last of its files a product was there."""
        tasks = {task.number: task for task in plan.tasks}
        task = tasks[number]
        seen = [self._seen[id] for id in _raw_inputs(tasks, number) if id in self._seen]
        lag = self.arrivals.clock() - max(seen, default=begun)
        self.report.lags[task.step.name].append(lag)
        if lag > self.level.deadline:
            words = f"late: {task.name} came {lag:.1f} s after its files, due in {self.level.deadline:g} s"
            self.report.late.append(words)
            log.warning(words)

    def _tell(self) -> None:
        if self.status is None:
            return
        with storage_errors(self.status):
            hidden = self.status.with_name(f".{self.status.name}")
            hidden.write_text(canonical_json(self.report.as_dict()))
            hidden.replace(self.status)


def journal_of(workspace: Path, folder: Path) -> Path:
    """Return where the journal of a watched folder is kept in a workspace."""
    name = sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return workspace / "watch" / f"{name}.jsonl"


def _spans(products: Sequence[Product], window: int) -> list[tuple[int, int]]:
    """Return the spans around products in which something may have become possible, apart from each other."""
    timed = sorted(
        (p.time_start - window, (p.time_stop or p.time_start) + window)
        for p in products
        if p.time_start is not None
    )
    spans: list[tuple[int, int]] = []
    for start, stop in timed:
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
        else:
            spans.append((start, stop))
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    return spans


_MAY_COME = ("no-input", "too-few-inputs", "calibration-missing", "calibration-expired")
"""What a task may lack that can still arrive."""


def _raw_inputs(tasks: Mapping[int, Task], number: int) -> set[str]:
    found: set[str] = set()
    todo = [number]
    while todo:
        for items in tasks[todo.pop()].inputs.values():
            for item in items:
                if item.task is not None and item.task in tasks:
                    todo.append(item.task)
                elif item.product is not None:
                    found.add(item.product.id)
    return found
