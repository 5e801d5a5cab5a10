# SPDX-License-Identifier: BSD-3-Clause
"""One step run over files, outside of any archive: the bytes are those that an archive would get."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pellucid.archive.files import Progress, hash_file
from pellucid.archive.lineage import JSON
from pellucid.archive.output import check_output
from pellucid.archive.product import Product
from pellucid.archive.provenance import Recipe
from pellucid.errors import UsageError
from pellucid.pipeline.execute import check_inputs
from pellucid.pipeline.step import FALLBACK, Step

__all__ = ["run_on_files"]


def run_on_files(
    step: Step,
    files: Mapping[str, Sequence[Path]],
    output: Path,
    parameters: Mapping[str, JSON] | None = None,
    *,
    types: Mapping[str, Sequence[str]] | None = None,
    overwrite: bool = False,
    effort: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> dict[str, JSON]:
    """Run a step over files.

    Parameters
    ----------
    step : Step
        What to run.
    files : mapping of str to sequence of Path
        The files of each role, in order.
    output : Path
        File to write; it appears whole or not at all.
    parameters : mapping, optional
        Over the step's defaults; quantities as text or, where they come from a plan, as it has them.
    types : mapping of str to sequence of str, optional
        Product types of the files; needed where the step's declaration leaves them open.
    overwrite : bool
        Whether to replace an output that is there.
    effort, progress
        As `pellucid.pipeline.execute.execute` takes them.

    Returns
    -------
    dict
        The step's summary.

    Raises
    ------
    UsageError
        The roles do not fit (``wrong-input``), a type is left open (``product-type-needed``), or the
        output cannot be written.
    PellucidError
        What the step raises.
    """
    check_output(output, overwrite=overwrite)
    inputs = {
        role: [
            _product(path, _type(step, role, place, types or {}), role)
            for place, path in enumerate(sorted_files)
        ]
        for role, sorted_files in sorted(files.items())
    }
    check_inputs(step, inputs)
    given = dict(parameters or {})
    fallback = given.pop(FALLBACK, None)
    complete = step.complete(given)
    if fallback:
        complete[FALLBACK] = fallback
    recipe = Recipe(
        step=step.name, version=step.version, parameters=complete, code="", software={}, inputs=inputs
    )
    hidden = output.with_name(f".{output.name}.part{step.suffix}")
    try:
        summary = step.run(files, hidden, recipe.parameters, recipe.provenance(), progress, effort)
        hidden.replace(output)
    finally:
        hidden.unlink(missing_ok=True)
    return summary


def _type(step: Step, role: str, place: int, types: Mapping[str, Sequence[str]]) -> str:
    if role in types:
        return types[role][place]
    declared = step.roles[role].type if role in step.roles else ""
    if not declared or "*" in declared or "?" in declared:
        raise UsageError(
            f"The type of the files of '{role}' is left open." if declared else f"There is no role '{role}'.",
            where=f"step {step.name}",
            expected=f"one that fits {declared}" if declared else "inputs " + ", ".join(step.roles),
            mend="name it with --types" if declared else "correct the role",
            code="product-type-needed" if declared else "wrong-input",
        )
    return declared


def _product(path: Path, product_type: str, role: str) -> Product:
    content, size = hash_file(path)
    return Product(
        id=content,
        product_type=product_type,
        kind="raw",
        sha256=content,
        size=size,
        format=role,
        name=path.name,
    )
