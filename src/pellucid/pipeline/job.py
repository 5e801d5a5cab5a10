# SPDX-License-Identifier: BSD-3-Clause
"""One task as it is sent to whoever does it, and how it is done: claimed, within its limits, typed errors."""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter
from types import FrameType

from pellucid.archive.archive import Archive
from pellucid.archive.fingerprint import code_fingerprint
from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.archive.provenance import Recipe
from pellucid.errors import ConfigurationError, IntermittentError, PellucidError
from pellucid.pipeline.execute import Outcome, make, recipe_of
from pellucid.pipeline.ownership import claimed, claimed_where_free
from pellucid.pipeline.step import Step

__all__ = ["Job", "perform", "perform_many", "timed_out", "typed"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A task whose inputs are all there.

    Attributes
    ----------
    step : Step
        What to run.
    inputs : mapping of str to tuple of Product
        What each role is filled with.
    parameters : mapping
        Over the step's defaults.
    fallback : mapping of str to str
        Roles that a fallback filled.
    code : str
        Identity of the step's code, as the plan found it.
    category, collection : str
        Of the product.
    policy : mapping
        The level's.
    effort : mapping of str to int
        As `pellucid.pipeline.execute.execute` takes it.
    limit : float
        Seconds that it may take; 0 for as long as it likes.
    """

    step: Step
    inputs: Mapping[str, tuple[Product, ...]] = field(hash=False)
    parameters: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    fallback: Mapping[str, str] = field(default_factory=dict, hash=False)
    code: str = ""
    category: str | None = None
    collection: str = "local"
    policy: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    effort: Mapping[str, int] = field(default_factory=dict, hash=False)
    limit: float = 0.0


def perform(archive: Archive, job: Job, *, elsewhere: bool = False) -> Outcome:
    """Do a job, unless its product is there or somebody else makes it meanwhile.

    Parameters
    ----------
    archive : Archive
        Where the inputs are and the product goes.
    job : Job
        What to do.
    elsewhere : bool
        Whether this is another process than the plan's, whose code is compared first.

    Raises
    ------
    ConfigurationError
        The code here is not the plan's (``other-code``).
    IntermittentError
        It took longer than its limit (``step-timeout``), or the memory ended (``out-of-memory``).
    PellucidError
        What the step raises; what it raises untyped becomes ``step-failed``.
    """
    start = perf_counter()
    if elsewhere:
        _check_code(archive, job)
    recipe = _recipe(archive, job)
    with claimed(archive, recipe.key):
        known = archive.catalogue.get_many([recipe.key]).get(recipe.key)
        return _done(archive, job, recipe, known, start)


def perform_many(archive: Archive, jobs: Sequence[Job]) -> list[Outcome | PellucidError]:
    """Do several quick jobs in this process, with one look at the index for all of them.

    Parameters
    ----------
    archive : Archive
        Where the inputs are and the products go.
    jobs : sequence of Job
        What to do. What others are at is left to the end, and waited for.

    Returns
    -------
    list of Outcome or PellucidError
        What came of each.
    """
    results: dict[int, Outcome | PellucidError] = {}
    recipes: dict[int, Recipe] = {}
    for number, job in enumerate(jobs):
        try:
            recipes[number] = _recipe(archive, job)
        except PellucidError as error:
            results[number] = error
    keys = list(dict.fromkeys(recipe.key for recipe in recipes.values()))
    with claimed_where_free(archive, keys) as mine:
        known = archive.catalogue.get_many(sorted(mine))
        for number, recipe in recipes.items():
            if recipe.key in mine:
                try:
                    there = known.get(recipe.key)
                    results[number] = _done(archive, jobs[number], recipe, there, perf_counter())
                except PellucidError as error:
                    results[number] = error
    for number, job in enumerate(jobs):
        if number not in results:
            try:
                results[number] = perform(archive, job)
            except PellucidError as error:
                results[number] = error
    return [results[number] for number in range(len(jobs))]


def _recipe(archive: Archive, job: Job) -> Recipe:
    return recipe_of(archive, job.step, job.inputs, job.parameters, job.fallback, job.code or None)


def _done(archive: Archive, job: Job, recipe: Recipe, known: Product | None, start: float) -> Outcome:
    """Make the product of a claimed job, unless the index knows it and its bytes are there."""
    if known is not None and archive.has_bytes(known):
        return Outcome(known, perf_counter() - start, reused=True)
    try:
        with _limited(job):
            product = make(
                archive,
                job.step,
                recipe,
                known=known,
                category=job.category,
                collection=job.collection,
                policy=job.policy,
                effort=job.effort or None,
            )
    except Exception as error:
        raise typed(error, job) from error
    return Outcome(product, perf_counter() - start, reused=False)


def typed(error: Exception, job: Job) -> PellucidError:
    """Return an error a user can act on for whatever a step raised."""
    if isinstance(error, PellucidError):
        return error
    where = f"step {job.step.name}, {job.step.function}"
    if isinstance(error, MemoryError):
        return IntermittentError(
            "The step took more memory than it may.",
            where=where,
            mend="give the workers more (run.memory), or make its chunks smaller (run.chunk_events)",
            code="out-of-memory",
        )
    log.debug("%s failed", where, exc_info=error)
    return PellucidError(
        f"The step '{job.step.name}' failed.",
        where=where,
        got=f"{type(error).__name__}: {error}",
        mend="report this to the author of the step",
        code="step-failed",
    )


def timed_out(job: Job) -> IntermittentError:
    """Return the error of a job that took longer than it may."""
    return IntermittentError(
        f"The step '{job.step.name}' took longer than it may.",
        where=f"step {job.step.name}",
        expected=f"at most {job.limit:g} s",
        mend="raise levels.<level>.limit if it really needs longer, else report it to the step's author",
        code="step-timeout",
    )


def _check_code(archive: Archive, job: Job) -> None:
    here = _code_here(job.step.function, archive.cache and archive.cache / "sources.json")
    if job.code and here != job.code:
        raise ConfigurationError(
            f"The code of the step '{job.step.name}' is another one where it should run.",
            where=job.step.function,
            expected=f"code {job.code[:12]}, as the plan has it",
            got=f"code {here[:12]}",
            mend="install the same versions on all machines",
            code="other-code",
        )


@cache
def _code_here(function: str, sources: Path | None) -> str:
    return code_fingerprint(function, sources)


@contextmanager
def _limited(job: Job) -> Iterator[None]:
    """End a job that takes too long; only where signals reach, which is the main thread."""
    if not job.limit or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise timed_out(job)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, job.limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
