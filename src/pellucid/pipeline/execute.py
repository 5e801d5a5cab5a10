# SPDX-License-Identifier: BSD-3-Clause
"""Run one step over archived products and archive what comes out, or take it if it is there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from time import perf_counter

from pellucid.archive.archive import Archive
from pellucid.archive.files import Progress, hash_file
from pellucid.archive.fingerprint import code_fingerprint, software_versions
from pellucid.archive.lineage import JSON
from pellucid.archive.product import InputReference, Product
from pellucid.archive.provenance import Recipe
from pellucid.archive.store import Blob
from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput, UsageError, nearest
from pellucid.pipeline.step import Step

__all__ = ["Outcome", "execute"]


@dataclass(frozen=True)
class Outcome:
    """What came of a step: the product, the seconds it took, whether it was there already."""

    product: Product
    seconds: float
    reused: bool


def execute(
    archive: Archive,
    step: Step,
    inputs: Mapping[str, Product],
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
    inputs : mapping of str to Product
        A product for each role of the step.
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
    _check_inputs(step, inputs)
    recipe = Recipe(
        step=step.name,
        version=step.version,
        parameters=step.complete(parameters),
        code=code_fingerprint(step.function, archive.cache and archive.cache / "sources.json"),
        software=software_versions(),
        inputs=dict(sorted(inputs.items())),
    )
    known = _known(archive, recipe.key)
    if known is not None:
        if archive.has_bytes(known):
            return Outcome(known, perf_counter() - start, reused=True)
        # lost bytes come back only with the record they were made with inside
        recipe = Recipe.of(known, archive.get)
    files = {role: archive.path(product) for role, product in recipe.inputs.items()}
    with archive.store.staging() as folder:
        output = folder / f"product{step.suffix}"
        summary = step.run(files, output, recipe.parameters, recipe.provenance(), progress, effort)
        if known is not None:
            _check_same(known, output)
        attributes = _attributes(step, summary)
        blob = archive.store.adopt(output)
    product = _product(step, recipe, attributes, blob, category, collection)
    registered, _ = archive.catalogue.register(product)
    return Outcome(registered, perf_counter() - start, reused=False)


def _check_inputs(step: Step, inputs: Mapping[str, Product]) -> None:
    if set(inputs) != set(step.inputs):
        odd = sorted(set(inputs) - set(step.inputs))
        raise UsageError(
            f"The step '{step.name}' needs other inputs.",
            expected="inputs " + ", ".join(sorted(step.inputs)),
            got="inputs " + ", ".join(sorted(inputs)),
            mend=nearest(odd[0], list(step.inputs)) if odd else "give all of them",
            code="wrong-input",
        )
    for role, product in inputs.items():
        if not fnmatchcase(product.product_type, step.inputs[role]):
            raise UsageError(
                f"The product {product.short_id} ({product.name}) does not fit the step '{step.name}'.",
                where=f"input '{role}'",
                expected=step.inputs[role],
                got=product.product_type,
                mend=f"find one that fits: pellucid find '{step.inputs[role]}'",
                code="wrong-input",
            )


def _known(archive: Archive, key: str) -> Product | None:
    try:
        return archive.get(key)
    except MissingInput:
        return None


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


@dataclass(frozen=True)
class _Attributes:
    """What a step's summary says about the product itself, and the rest."""

    obs_id: int | None
    telescopes: tuple[int, ...]
    time_start: int | None
    time_stop: int | None
    flags: tuple[str, ...]
    summary: Mapping[str, JSON]


def _attributes(step: Step, summary: Mapping[str, JSON]) -> _Attributes:
    rest = dict(summary)

    def number(name: str) -> int | None:
        value = rest.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise _bad_summary(step, name, "a whole number or nothing", value)

    def several[T: (int, str)](name: str, of: type[T], what: str) -> tuple[T, ...]:
        values = rest.pop(name, None) or []
        if isinstance(values, list):
            fitting = [v for v in values if isinstance(v, of) and not isinstance(v, bool)]
            if len(fitting) == len(values):
                return tuple(fitting)
        raise _bad_summary(step, name, what, values)

    return _Attributes(
        obs_id=number("obs_id"),
        telescopes=tuple(sorted(set(several("telescopes", int, "a list of whole numbers")))),
        time_start=number("time_start"),
        time_stop=number("time_stop"),
        flags=several("flags", str, "a list of texts"),
        summary=rest,
    )


def _bad_summary(step: Step, name: str, expected: str, got: JSON) -> ConfigurationError:
    return ConfigurationError(
        f"The step '{step.name}' returned an ill-formed summary.",
        where=f"{step.function}, key '{name}'",
        expected=expected,
        got=repr(got),
        mend="report this to the author of the step",
        code="bad-summary",
    )


def _product(
    step: Step, recipe: Recipe, attributes: _Attributes, blob: Blob, category: str | None, collection: str
) -> Product:
    return Product(
        id=recipe.key,
        product_type=step.output,
        kind="derived",
        sha256=blob.sha256,
        size=blob.size,
        format=step.format,
        name=_name(recipe, step),
        obs_id=attributes.obs_id,
        telescopes=attributes.telescopes,
        category=category,
        collection=collection,
        time_start=attributes.time_start,
        time_stop=attributes.time_stop,
        step=recipe.step,
        step_version=recipe.version,
        parameters=recipe.parameters,
        code=recipe.code,
        software=recipe.software,
        determinism=step.determinism,
        flags=attributes.flags,
        summary=attributes.summary,
        inputs=tuple(InputReference(role, 0, product.id) for role, product in recipe.inputs.items()),
    )


def _name(recipe: Recipe, step: Step) -> str:
    """Return the first input's name with its format suffixes (``.simtel.zst``) exchanged for the step's."""
    names = [product.name for product in recipe.inputs.values()]
    name = names[0] if names else step.name
    while re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{0,6}", PurePath(name).suffix):
        name = PurePath(name).stem
    return name + step.suffix
