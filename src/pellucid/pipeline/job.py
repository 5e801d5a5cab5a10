# SPDX-License-Identifier: BSD-3-Clause
"""One task as it is sent to whoever does it, and how it is done: claimed, within its limits, typed errors."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from time import perf_counter

from pellucid.archive.archive import Archive
from pellucid.archive.fingerprint import code_fingerprint
from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.archive.provenance import Recipe
from pellucid.errors import ConfigurationError, IntermittentError, PellucidError
from pellucid.pipeline.execute import Outcome, make, recipe_of
from pellucid.pipeline.limits import Limiter, by_signal
from pellucid.pipeline.ownership import claimed, claimed_where_free
from pellucid.pipeline.step import Step

__all__ = ["TOGETHER_S", "Job", "Result", "Told", "perform", "perform_each", "typed"]

log = logging.getLogger(__name__)

type Result = Outcome | PellucidError

TOGETHER_S = 0.5
"""About how long jobs that are done together take."""


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


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one of several jobs: its place among them, the result, the seconds it took."""

    place: int
    result: Result
    seconds: float = 0.0


def perform(archive: Archive, job: Job, *, elsewhere: bool = False, limiter: Limiter = by_signal) -> Outcome:
    """Do a job, unless its product is there or somebody else makes it meanwhile.

    Parameters
    ----------
    archive : Archive
        Where the inputs are and the product goes.
    job : Job
        What to do.
    elsewhere : bool
        Whether this is another process than the plan's, whose code is compared first.
    limiter : callable
        How it is ended where it takes longer than its limit.

    Raises
    ------
    ConfigurationError
        The code here is not the plan's (``other-code``).
    IntermittentError
        It took longer than its limit (``step-timeout``), or the memory ended (``out-of-memory``).
    PellucidError
        What the step raises; what it raises untyped becomes ``step-failed``.
    """
    recipe = _recipe(archive, job, elsewhere)
    with claimed(archive, recipe.key):
        known = archive.catalogue.get_many([recipe.key]).get(recipe.key)
        outcome = _done(archive, job, recipe, known, limiter)
        if outcome.reused:
            return outcome
        product, _ = archive.catalogue.register(outcome.product)
        return replace(outcome, product=product)


def perform_each(
    archive: Archive, jobs: Sequence[Job], *, elsewhere: bool = False, limiter: Limiter = by_signal
) -> Iterator[Told]:
    """Do several quick jobs with one look at the index for all of them, and one transaction to show them.

    Parameters
    ----------
    archive, elsewhere, limiter
        As `perform`.
    jobs : sequence of Job
        What to do. What others are at is left to the end, and waited for.

    Yields
    ------
    Told
        What came of each, once the index shows it; the error of one is no other's. None waits longer for
        the others than `TOGETHER_S`.
    """
    left = dict(enumerate(jobs))
    recipes: dict[int, Recipe] = {}
    for place, job in enumerate(jobs):
        try:
            recipes[place] = _recipe(archive, job, elsewhere)
        except Exception as error:
            yield Told(place, typed(error, left.pop(place)))
    try:
        with claimed_where_free(archive, list(dict.fromkeys(r.key for r in recipes.values()))) as mine:
            known = archive.catalogue.get_many(sorted(mine))
            done: list[Told] = []
            for place, recipe in recipes.items():
                if recipe.key in mine:
                    job = left.pop(place)
                    do = partial(_done, archive, job, recipe, known.get(recipe.key), limiter)
                    done.append(_tell(place, job, do))
                    if sum(told.seconds for told in done) > TOGETHER_S:
                        yield from _shown(archive, done)
                        done = []
            yield from _shown(archive, done)
    except PellucidError as error:
        log.warning("claims on several jobs at once: %s", error.what)  # what is left is claimed one by one
    for place, job in left.items():
        yield _tell(place, job, partial(perform, archive, job, elsewhere=elsewhere, limiter=limiter))


def _tell(place: int, job: Job, do: Callable[[], Outcome]) -> Told:
    start = perf_counter()
    try:
        result: Result = do()
    except Exception as error:
        result = typed(error, job)
    return Told(place, result, perf_counter() - start)


def _shown(archive: Archive, done: Sequence[Told]) -> Iterator[Told]:
    """Let the index show what was made, all at once; where that fails, one by one."""
    made = {t.place: t.result for t in done if isinstance(t.result, Outcome) and not t.result.reused}
    try:
        rows = archive.catalogue.register_many([o.product for o in made.values()]) if made else []
    except PellucidError as error:
        if len(done) == 1:
            yield replace(done[0], result=error)
        else:
            for told in done:
                yield from _shown(archive, [told])
        return
    shown = {p: replace(made[p], product=product) for p, (product, _) in zip(made, rows, strict=True)}
    for told in done:
        yield replace(told, result=shown.get(told.place, told.result))


def _recipe(archive: Archive, job: Job, elsewhere: bool) -> Recipe:
    if elsewhere:
        _check_code(archive, job)
    return recipe_of(archive, job.step, job.inputs, job.parameters, job.fallback, job.code or None)


def _done(archive: Archive, job: Job, recipe: Recipe, known: Product | None, limiter: Limiter) -> Outcome:
    """Make the product of a claimed job, which the index does not show yet, unless it is there."""
    start = perf_counter()
    if known is not None and archive.has_bytes(known):
        return Outcome(known, perf_counter() - start, reused=True)
    try:
        with limiter(job.step.name, job.limit):
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
