# SPDX-License-Identifier: BSD-3-Clause
"""On-line work: files taken in as they land, and what becomes possible run at once, within its deadline."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path

from pellucid.archive.archive import Archive
from pellucid.archive.files import Progress, storage_errors
from pellucid.archive.lineage import JSON, canonical_json
from pellucid.archive.product import Product
from pellucid.errors import IntermittentError, MissingInput, PellucidError
from pellucid.interfaces.evidence import QUARANTINE
from pellucid.pipeline.arrivals import Arrivals
from pellucid.pipeline.executors import Executor
from pellucid.pipeline.graph import Graph
from pellucid.pipeline.intake import findings_of, take_in
from pellucid.pipeline.journal import Arrival
from pellucid.pipeline.levels import Level
from pellucid.pipeline.plan import Recipes, Task, make_plan, sources_of_task
from pellucid.pipeline.report import Entry
from pellucid.pipeline.run import carry_out
from pellucid.pipeline.unsettled import Unsettled
from pellucid.pipeline.watch_report import WatchReport

__all__ = ["Watch"]

log = logging.getLogger(__name__)

_BATCH = 64
"""Files taken in before what they make possible is run, so that a flood does not starve the work."""

_RETRY_S = 10.0
"""How long after a failure that may pass its tasks are tried again."""

_PATIENCE_S = 1.0
"""How long is waited where the archive cannot be written to."""


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
    progress : callable or None
        Called with (files done, files in all, "files"): what is not done waits.
    """

    archive: Archive
    arrivals: Arrivals
    graph: Graph
    level: Level
    executor: Executor
    parameters: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    effort: Mapping[str, int] = field(default_factory=dict)
    status: Path | None = None
    progress: Progress | None = None
    report: WatchReport = field(default_factory=WatchReport)
    _recipes: Recipes | None = None
    _unsettled: Unsettled = field(default_factory=Unsettled)
    _postponed: dict[Path, int] = field(default_factory=dict)
    _todo: list[Product] = field(default_factory=list)
    _retried: float = -inf
    _last: tuple[object, ...] = ()

    def follow(
        self, stop: Callable[[], bool], *, poll: float = 0.2, idle: float | None = None
    ) -> WatchReport:
        """Work until told to stop, or until nothing came for a while.

        What a former watch took in and did not get done is run first. What keeps it from working, such as
        a full disk, is told and waited for.

        Parameters
        ----------
        stop : callable
            Asked between two pieces of work.
        poll : float
            Seconds between two looks at the folder.
        idle : float, optional
            Seconds after which it ends, without any file or unable to work.

        Raises
        ------
        IntermittentError
            It ends unable to work.
        """
        last = self.arrivals.clock()
        self._todo = self._unfinished_business()
        while not stop():
            waited = bool(self.report.trouble)
            try:
                done = self.cycle()
            except IntermittentError as error:
                self._in_trouble(error)
                last = last if waited else self.arrivals.clock()
                if idle is not None and self.arrivals.clock() - last >= idle:
                    raise
                time.sleep(max(poll, _PATIENCE_S))
                continue
            if done or waited:
                last = self.arrivals.clock()
            elif idle is not None and not self._busy and self.arrivals.clock() - last >= idle:
                break
            else:
                time.sleep(poll)
        return self.report

    @property
    def _busy(self) -> bool:
        return bool(self.arrivals.growing or self.report.waiting > len(self._postponed))

    def cycle(self) -> int:
        """Take in what is whole, run what it makes possible; return how many files it was.

        Raises
        ------
        IntermittentError
            The archive cannot be written to; nothing is lost.
        """
        whole = sorted(self.arrivals.look(), key=lambda a: self._postponed.get(a.path, 0))
        for folder in self.arrivals.closed - self.report.refusals.keys():
            self._refuse(folder, "this folder may not be read; give the right to read it")
        batch = whole[:_BATCH]
        if len(whole) > _BATCH:
            log.warning("%d files wait: more come than are worked off", len(whole))
        for arrival in batch:
            self._take(arrival)
        self._postponed = {a.path: self._postponed[a.path] for a in whole if a.path in self._postponed}
        left = sum(a.path in self._postponed for a in batch)
        self.report.waiting, self.report.growing = len(whole) - len(batch) + left, self.arrivals.growing
        self._run([*self._todo, *self._to_retry()])
        self._todo = []
        for words in self._unsettled.late(self.arrivals.clock(), self.level.deadline):
            self.report.late.append(f"late: {words}")
            log.warning("late: %s", words)
        self.arrivals.journal.over(self._unsettled.over())
        self._tell()
        return len(batch) - left

    def _take(self, arrival: Arrival) -> None:
        journal = self.arrivals.journal
        if journal.replaced(arrival):
            log.warning("%s was taken before and has changed: its new content is taken too", arrival.path)
        try:
            product, is_new = take_in(self.archive, arrival.path)
        except PellucidError as error:
            if isinstance(error, IntermittentError) or error.code in ("changed-while-read", "no-such-file"):
                self._postpone(arrival, error)
                return
            journal.note(arrival, f"refused: {error.code}")
            self._refuse(str(arrival.path), f"{error.what} ({error.code})")
            return
        self._postponed.pop(arrival.path, None)
        if product.collection == QUARANTINE:
            journal.note(arrival, "quarantined", product.id, over=True)
            self._refuse(
                str(arrival.path), "in quarantine, not as its interface says: " + findings_of(product)
            )
            return
        journal.note(arrival, "taken" if is_new else "there", product.id)
        self.report.taken += is_new
        self.report.again += not is_new
        self._unsettled.take(product.id, arrival.seen)
        self._todo.append(product)
        self.report.lags["ingest"].append(self.arrivals.clock() - arrival.seen)

    def _postpone(self, arrival: Arrival, error: PellucidError) -> None:
        """Let a file wait behind all others; tell it once."""
        tries = self._postponed.get(arrival.path, 0)
        self._postponed[arrival.path] = tries + 1
        if not tries:
            log.warning("%s is taken later: %s", arrival.path, error.what)

    def _refuse(self, path: str, why: str) -> None:
        self._postponed.pop(Path(path), None)
        self.report.refused += 1
        self.report.refusals[path] = why
        log.warning("%s is refused: %s", path, why)

    def _unfinished_business(self) -> list[Product]:
        """Return the raw products that a former watch took in and did not get done."""
        now = self.arrivals.clock()
        products = []
        for id, seen in list(self.arrivals.journal.unfinished.items()):
            try:
                products.append(self.archive.get(id))
            except MissingInput:
                self.arrivals.journal.over([id])
                continue
            self._unsettled.take(id, now if seen is None else min(seen, now))
        return products

    def _to_retry(self) -> list[Product]:
        """Return now and then the raw products behind tasks whose failure may pass."""
        now = self.arrivals.clock()
        ids = self._unsettled.to_retry()
        if not ids or now - self._retried < _RETRY_S:
            return []
        self._retried = now
        return [self.archive.get(id) for id in sorted(ids)]

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
            tasks = {task.number: task for task in plan.tasks}
            plan.tasks[:] = self._unsettled.set_aside(tasks)
            begun = self.arrivals.clock()
            done = carry_out(self.archive, plan, self.executor, keep_going=True, effort=self.effort)
            for entry in done.entries:
                self._note(tasks, entry, begun)
        self.report.lacking = self._unsettled.lacking

    def _note(self, tasks: Mapping[int, Task], entry: Entry, begun: float) -> None:
        label = entry.task.label
        self._unsettled.ended(tasks, entry)
        self.report.failed.pop(label, None)
        if entry.state == "made":
            self.report.made += 1
            self._note_lag(tasks, entry.task, begun)
        elif entry.state == "failed" and entry.error is not None:
            self.report.failed[label] = f"{entry.error.what} ({entry.error.code})"

    def _note_lag(self, tasks: Mapping[int, Task], task: Task, begun: float) -> None:
        """Note how long after the last of its files a product was there."""
        known = self._unsettled.seen
        seen = [known[id] for id in sources_of_task(tasks, task) if id in known]
        lag = self.arrivals.clock() - max(seen, default=begun)
        self.report.lags[task.step.name].append(lag)
        if lag > self.level.deadline:
            words = f"late: {task.label} came {lag:.1f} s after its files, due in {self.level.deadline:g} s"
            self.report.late.append(words)
            log.warning(words)

    def _in_trouble(self, error: IntermittentError) -> None:
        if error.what != self.report.trouble:
            log.warning("the watch waits: %s", error)
        self.report.trouble = error.what

    def _tell(self) -> None:
        report = self.report
        done = report.taken + report.again + report.refused
        if self.progress is not None:
            self.progress(done, done + report.waiting, "files")
        counts = (done, report.made, report.waiting, report.growing, report.trouble, len(report.late))
        state = (*counts, *report.failed, *report.lacking)
        if self.status is None or state == self._last:
            return
        trouble, report.trouble = report.trouble, ""
        try:
            with storage_errors(self.status):
                hidden = self.status.with_name(f".{self.status.name}")
                hidden.write_text(canonical_json(report.as_dict()))
                hidden.replace(self.status)
        except PellucidError:
            report.trouble = trouble
            raise
        self._last = state
        if trouble:
            log.warning("the watch works again")


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
