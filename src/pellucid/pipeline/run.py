# SPDX-License-Identifier: BSD-3-Clause
"""Carrying out a plan: every task as soon as its inputs are there, whatever becomes of the others."""

import logging
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from time import perf_counter, time_ns

from pellucid.archive.archive import Archive
from pellucid.archive.files import Progress
from pellucid.archive.product import Product
from pellucid.errors import IntermittentError, PellucidError
from pellucid.pipeline.certification import publish
from pellucid.pipeline.executors import Executor
from pellucid.pipeline.job import Job, Result
from pellucid.pipeline.plan import Plan, Task, sources_of_task
from pellucid.pipeline.report import Entry, RunReport

__all__ = ["carry_out", "may_pass"]

log = logging.getLogger(__name__)

_TRIES = 2
"""How often a task is tried whose failure may pass; a step that hangs is not given a second chance."""


def carry_out(
    archive: Archive,
    plan: Plan,
    executor: Executor,
    *,
    keep_going: bool = False,
    effort: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Run all tasks of a plan whose products are not there.

    A task that fails leaves those that need its product blocked, and nothing else. Calibrations are
    certified in the level's collection.

    Parameters
    ----------
    archive : Archive
        Where the products are.
    plan : Plan
        What to do.
    executor : Executor
        Who does it; it is not closed.
    keep_going : bool
        Whether a step that takes many inputs does with those that could be made.
    effort : mapping of str to int, optional
        As `pellucid.pipeline.execute.execute` takes it.
    progress : callable, optional
        Called with (tasks done, tasks in all, "tasks").

    Raises
    ------
    IntermittentError
        The executor is lost (``scheduler-lost``); what is done stays done.
    """
    start = perf_counter()
    course = _Course(plan, keep_going, dict(effort or {}))
    done = len(plan.tasks) - course.open
    while course.open:
        while course.ready and course.underway < executor.capacity:
            number, job = course.next()
            executor.submit(number, job)
        for number, result in executor.wait() if course.underway else []:
            course.ended(number, result)
        if progress is not None and len(plan.tasks) - course.open != done:
            done = len(plan.tasks) - course.open
            progress(done, len(plan.tasks), "tasks")
    entries = course.entries
    publish(archive, plan, entries)
    return RunReport(entries, perf_counter() - start, plan.left_out, _late(plan, entries))


def _late(plan: Plan, entries: Sequence[Entry]) -> int:
    """Return how many products came later after their inputs were taken in than the level's deadline says."""
    tasks = {task.number: task for task in plan.tasks}
    now, deadline = time_ns(), plan.level.deadline * 1e9
    made = (sources_of_task(tasks, entry.task) for entry in entries if entry.state == "made")
    return sum(now - max((p.created_ns for p in taken.values()), default=now) > deadline for taken in made)


class _Course:
    """Which tasks can run, run, or are over."""

    def __init__(self, plan: Plan, keep_going: bool, effort: dict[str, int]) -> None:
        self._plan = plan
        self._keep_going = keep_going
        self._effort = effort
        self._policy = plan.level.as_dict()
        self._tries: dict[int, int] = defaultdict(int)
        self._consumers: dict[int, list[int]] = defaultdict(list)
        self._missing: dict[int, set[int]] = {}
        self.entries = [Entry(t, "not run", without=list(t.without)) for t in plan.tasks]
        self._by_number = {entry.task.number: entry for entry in self.entries}
        self.ready: deque[tuple[int, Job]] = deque()
        self.underway = 0
        self.open = len(plan.tasks)
        for task in plan.tasks:
            self._begin(task)

    def _begin(self, task: Task) -> None:
        if task.product is not None:
            self._close(task, "there", product=task.product)
        elif task.problem is not None:
            self._close(task, "failed", error=task.problem)
        else:
            missing = {n for n in task.needs if self._entry(n).state == "not run"}
            self._missing[task.number] = missing
            for number in missing:
                self._consumers[number].append(task.number)
            if not missing:
                self._make_ready(task)

    def next(self) -> tuple[int, Job]:
        """Return the next job with its number."""
        self.underway += 1
        return self.ready.popleft()

    def ended(self, number: int, result: Result) -> None:
        """Take note of what came of a job."""
        self.underway -= 1
        task = self._entry(number).task
        if isinstance(result, PellucidError):
            self._tries[number] += 1
            if may_pass(result) and self._tries[number] < _TRIES:
                log.warning("%s is tried again: %s", task.label, result.what)
                self._make_ready(task)
            else:
                self._close(task, "failed", error=result)
            return
        self._entry(number).seconds = result.seconds
        without = result.product.summary.get("without")
        if isinstance(without, list):
            self._entry(number).without += map(str, without)
        self._close(task, "reused" if result.reused else "made", product=result.product)

    def _close(
        self, task: Task, state: str, *, product: Product | None = None, error: PellucidError | None = None
    ) -> None:
        entry = self._entry(task.number)
        entry.state, entry.product, entry.error = state, product, error
        self.open -= 1
        if error is not None:
            log.warning("%s %s: %s", task.label, state, error.what)
        for number in self._consumers.pop(task.number, ()):
            self._missing[number].discard(task.number)
            if not self._missing[number]:
                self._make_ready(self._entry(number).task)

    def _make_ready(self, task: Task) -> None:
        """Make a job of a task whose inputs are all there or given up; block it where it lacks one."""
        inputs: dict[str, tuple[Product, ...]] = {}
        without: list[str] = []
        for role, items in task.inputs.items():
            found = [i.product if i.product is not None else self._made(i.task) for i in items]
            there = tuple(p for p in found if p is not None)
            taken = task.step.roles[role]
            if len(there) == len(items) or (taken.many and self._keep_going and there):
                inputs[role] = there
            elif taken.required:
                lost = next(i.task for i, p in zip(items, found, strict=True) if p is None)
                self._close(task, "blocked", error=self._blocked(role, lost))
                return
            if len(there) < len(items):
                without.append(f"{role}: {len(items) - len(there)} of {len(items)} could not be made")
        entry = self._entry(task.number)
        entry.without = [*task.without, *without]
        fallback = {**task.fallback, **{w.partition(":")[0]: "incomplete" for w in without}}
        job = Job(
            step=task.step,
            inputs=inputs,
            parameters=self._plan.recipes.given(task.step),
            fallback={role: how for role, how in fallback.items() if role in inputs},
            code=self._plan.recipes.code(task.step),
            category=self._plan.level.name,
            collection=self._plan.level.collection,
            policy=self._policy,
            effort=self._effort,
            limit=self._plan.level.limit,
        )
        self.ready.append((task.number, job))

    def _made(self, number: int | None) -> Product | None:
        return None if number is None else self._entry(number).product

    def _blocked(self, role: str, number: int | None) -> PellucidError:
        assert number is not None
        cause = self._entry(number)
        return PellucidError(
            f"Its input '{role}' could not be made.",
            where=cause.task.label,
            got=cause.error.what if cause.error else cause.state,
            mend="mend that first; what is done stays done",
            code="blocked",
        )

    def _entry(self, number: int) -> Entry:
        return self._by_number[number]


def may_pass(error: PellucidError | None) -> bool:
    """Return whether a task is worth another try: its failure was of the moment, and it did not hang."""
    return isinstance(error, IntermittentError) and error.code not in ("step-timeout", "out-of-memory")
