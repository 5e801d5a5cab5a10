# SPDX-License-Identifier: BSD-3-Clause
"""Run one step over archived products and archive what comes out, or take it if it is there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from time import perf_counter, time_ns

from pellucid.archive.archive import Archive
from pellucid.archive.code_record import record_code
from pellucid.archive.files import Progress, hash_file, room_errors
from pellucid.archive.fingerprint import code_fingerprint, software_versions
from pellucid.archive.lineage import JSON
from pellucid.archive.product import InputReference, Product
from pellucid.archive.provenance import Recipe
from pellucid.archive.store import Blob
from pellucid.errors import CorruptedInput, UsageError, nearest
from pellucid.pipeline.attributes import Attributes, attributes
from pellucid.pipeline.step import FALLBACK, Step

__all__ = ["Inputs", "Outcome", "check_inputs", "execute", "identity_of_code", "make", "recipe_of"]

type Inputs = Mapping[str, Product | Sequence[Product]]
"""A product for each role, or several for a role that takes many."""


@dataclass(frozen=True)
class Outcome:
    """What came of a step: the product, the seconds it took, whether it was there already."""

    product: Product
    seconds: float
    reused: bool


def execute(
    archive: Archive,
    step: Step,
    inputs: Inputs,
    parameters: Mapping[str, JSON] | None = None,
    *,
    category: str | None = None,
    collection: str = "local",
    progress: Progress | None = None,
    effort: Mapping[str, int] | None = None,
) -> Outcome:
    """Run a step, unless its product is in the archive with its bytes.

    The bytes are settled in the store before the index shows the product; if anything fails on the
    way, nothing is left of it.

    Parameters
    ----------
    archive : Archive
        Where the inputs are and the product goes.
    step : Step
        What to run.
    inputs : mapping of str to Product or sequence of Product
        What each role of the step takes.
    parameters : mapping, optional
        Those that differ from the step's defaults.
    category, collection : str
        Of the product; no part of its identity.
    progress : callable, optional
        Called with (done, total, unit), if the step's function reports progress.
    effort : mapping of str to int, optional
        How the work is done (threads, chunk_events), if the step's function takes it; no part of the
        product's identity, since nothing in the product depends on it.

    Raises
    ------
    UsageError
        Roles or product types do not fit the step (``wrong-input``).
    ConfigurationError
        Unknown or ill-typed parameters, or a summary that is none.
    MissingInput
        An input's bytes are gone (``object-missing``).
    CorruptedInput
        The product is known, its bytes were gone, and the new ones differ (``not-reproducible``).
    """
    start = perf_counter()
    recipe = recipe_of(archive, step, inputs, parameters)
    known = archive.catalogue.get_many([recipe.key]).get(recipe.key)
    if known is not None and archive.has_bytes(known):
        return Outcome(known, perf_counter() - start, reused=True)
    product = make(
        archive,
        step,
        recipe,
        known=known,
        category=category,
        collection=collection,
        progress=progress,
        effort=effort,
    )
    product, _ = archive.catalogue.register(product)
    return Outcome(product, perf_counter() - start, reused=False)


def recipe_of(
    archive: Archive,
    step: Step,
    inputs: Inputs,
    parameters: Mapping[str, JSON] | None = None,
    fallback: Mapping[str, str] | None = None,
    code: str | None = None,
) -> Recipe:
    """Return how a step would make its product, after a look at its inputs and parameters.

    Parameters
    ----------
    archive, step, inputs, parameters
        As `execute`.
    fallback : mapping of str to str, optional
        Roles that a level's fallback filled, and which one; part of the product's identity.
    code : str, optional
        Identity of the step's code, where it is known already.

    Raises
    ------
    UsageError, ConfigurationError
        As `execute`.
    """
    several = {
        role: (given,) if isinstance(given, Product) else tuple(given) for role, given in inputs.items()
    }
    several = {role: products for role, products in sorted(several.items()) if products}
    check_inputs(step, several)
    complete = step.complete(parameters)
    if fallback:
        complete[FALLBACK] = dict(fallback)
    return Recipe(
        step=step.name,
        version=step.version,
        parameters=complete,
        code=code or identity_of_code(archive, step),
        software=software_versions(),
        inputs=several,
    )


def identity_of_code(archive: Archive, step: Step) -> str:
    """Return the identity of a step's code, with the help of what the archive remembers of sources."""
    return code_fingerprint(step.function, archive.cache and archive.cache / "sources.json")


def make(
    archive: Archive,
    step: Step,
    recipe: Recipe,
    *,
    known: Product | None = None,
    category: str | None = None,
    collection: str = "local",
    policy: Mapping[str, JSON] | None = None,
    progress: Progress | None = None,
    effort: Mapping[str, int] | None = None,
) -> Product:
    """Make a product, whole or not at all: its bytes are in the store, the index does not show it yet.

    Parameters
    ----------
    archive, step, category, collection, progress, effort
        As `execute`.
    recipe : Recipe
        What `recipe_of` returned.
    known : Product, optional
        The product as the index has it, where its bytes were lost.
    policy : mapping, optional
        The level's, noted in the index beside the product.

    Returns
    -------
    Product
        As the index is to have it.

    Raises
    ------
    MissingInput, CorruptedInput, ConfigurationError, PellucidError
        As `execute`, and what the step raises.
    """
    if known is not None:
        # lost bytes come back only with the record they were made with inside
        recipe = Recipe.of(known, archive.get)
    started = time_ns()
    files = {role: [archive.path(p) for p in products] for role, products in recipe.inputs.items()}
    with archive.store.staging() as folder:
        output = folder / f"product{step.suffix}"
        with room_errors(folder):
            summary = step.run(files, output, recipe.parameters, recipe.provenance(), progress, effort)
        if known is not None:
            _check_same(known, output)
        fallback = recipe.parameters.get(FALLBACK)
        flags = [f"{role}: {how}" for role, how in fallback.items()] if isinstance(fallback, Mapping) else []
        described = attributes(step, summary, recipe.inputs, flags)
        if policy is not None:
            described.summary["policy"] = policy
        blob = archive.store.adopt(output)
    record_code(archive, step.function, recipe.code)
    return _product(step, recipe, described, blob, category, collection, started)


def check_inputs(step: Step, inputs: Mapping[str, Sequence[Product]]) -> None:
    """Refuse inputs whose roles, numbers or types do not fit a step (`UsageError`, ``wrong-input``)."""
    needed = {role for role, declared in step.roles.items() if declared.required}
    if not needed <= set(inputs) <= set(step.roles):
        odd = sorted(set(inputs) - set(step.roles))
        raise UsageError(
            f"The step '{step.name}' needs other inputs.",
            expected="inputs " + ", ".join(sorted(step.roles)),
            got="inputs " + ", ".join(sorted(inputs)),
            mend=nearest(odd[0], list(step.roles)) if odd else "give all of them",
            code="wrong-input",
        )
    for role, products in inputs.items():
        declared = step.roles[role]
        if len(products) > 1 and not declared.many:
            raise UsageError(
                f"The step '{step.name}' takes one product in this role.",
                where=f"input '{role}'",
                expected="one",
                got=f"{len(products)}",
                code="wrong-input",
            )
        for product in products:
            if not declared.fits(product.product_type):
                raise UsageError(
                    f"The product {product.short_id} ({product.name}) does not fit the step '{step.name}'.",
                    where=f"input '{role}'",
                    expected=declared.type,
                    got=product.product_type,
                    mend=f"find one that fits: pellucid find '{declared.type}'",
                    code="wrong-input",
                )


def _check_same(known: Product, output: Path) -> None:
    got, size = hash_file(output)
    if got != known.sha256:
        raise CorruptedInput(
            f"The lost bytes of product {known.short_id} were made again and came out different.",
            where=known.name,
            expected=f"sha256 {known.sha256}, {known.size} bytes",
            got=f"sha256 {got}, {size} bytes",
            mend="compare the software of then and now: pellucid show " + known.short_id,
            code="not-reproducible",
        )


def _product(
    step: Step,
    recipe: Recipe,
    described: Attributes,
    blob: Blob,
    category: str | None,
    collection: str,
    started: int,
) -> Product:
    return Product(
        id=recipe.key,
        product_type=step.output,
        kind="derived",
        sha256=blob.sha256,
        size=blob.size,
        format=step.format,
        name=_name(recipe, step),
        obs_id=described.obs_id,
        telescopes=described.telescopes,
        device=described.device,
        category=category,
        collection=collection,
        time_start=described.time_start,
        time_stop=described.time_stop,
        step=recipe.step,
        step_version=recipe.version,
        parameters=recipe.parameters,
        code=recipe.code,
        software=recipe.software,
        determinism=step.determinism,
        flags=described.flags,
        summary=described.summary,
        started_ns=started,
        inputs=tuple(
            InputReference(role, position, product.id)
            for role, products in recipe.inputs.items()
            for position, product in enumerate(products)
        ),
    )


def _name(recipe: Recipe, step: Step) -> str:
    """Return the first input's name with its format suffixes (``.simtel.zst``) exchanged for the step's."""
    role = step.leader if step.leader in recipe.inputs else next(iter(recipe.inputs), None)
    name = recipe.inputs[role][0].name if role is not None else step.name
    while re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{0,6}", PurePath(name).suffix):
        name = PurePath(name).stem
    return name + step.suffix
