# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid process``: from raw event files to archived images and parameters."""

import os
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.session import Session, verb
from pellucid.errors import PellucidError, UsageError

if TYPE_CHECKING:
    from pellucid.archive import Archive

__all__ = ["command"]


def _telescopes(_context: click.Context, _option: click.Parameter, text: str | None) -> list[int]:
    try:
        return sorted({int(part) for part in text.split(",")}) if text else []
    except ValueError:
        raise click.BadParameter(f"'{text}' is no list of telescopes such as 1,2,5.") from None


@verb("process")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Copy of the product.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@click.option(
    "--keep-partial", is_flag=True, help="Keep what was readable before a damage; the product is flagged."
)
@click.option("--telescopes", callback=_telescopes, metavar="1,2,…", help="Only these telescopes.")
@click.option(
    "--focal-length",
    type=click.Choice(["effective", "nominal"]),
    help="Which one turns positions into angles.",
)
@click.option("--threads", type=int, metavar="N", help="Threads that calibrate; 0 takes one per core.")
@click.option("--chunk-events", type=int, metavar="N", help="Array events held in memory at once.")
def command(
    session: Session,
    files: tuple[Path, ...],
    output: Path | None,
    overwrite: bool,
    keep_partial: bool,
    telescopes: list[int],
    focal_length: str | None,
    threads: int | None,
    chunk_events: int | None,
) -> None:
    """Make images and parameters (DL1) of event files.

    Each file is taken into the archive, past the check of its interface where one covers it; its product
    is kept there with its lineage, and copied to the output where one is named. What is there already is
    not made again.
    """
    own = {"events.focal_length": focal_length, "run.threads": threads, "run.chunk_events": chunk_events}
    settings = [f"{key}={value}" for key, value in own.items() if value is not None]
    config = session.configuration(*settings).config
    _check(files, output, overwrite)
    from pellucid.config import events_parameters

    parameters = {**events_parameters(config), "telescopes": telescopes, "keep_partial": keep_partial}
    effort = {"threads": config.run.threads or os.cpu_count() or 1, "chunk_events": config.run.chunk_events}
    results = []
    with session.workspace(create=True) as workspace:
        for file in files:
            result = _process(session, workspace.archive, file, parameters, effort)
            if output is not None:
                workspace.archive.export(
                    workspace.archive.get(result["product"]), output, overwrite=overwrite
                )
                result["output"] = str(output)
            results.append(result)
    document = results[0] if len(results) == 1 else {"results": results}
    session.show(document, "\n".join(map(_text, results)))


def _check(files: tuple[Path, ...], output: Path | None, overwrite: bool) -> None:
    """Refuse an output that cannot be, before any work is done for it."""
    if output is None:
        return
    if len(files) > 1:
        raise UsageError(
            "Several files cannot have one output.",
            expected="one file with --output",
            got=f"{len(files)} files",
            mend="process them one by one, or leave --output out and find the products in the archive",
        )
    from pellucid.archive.output import check_output

    check_output(output, overwrite=overwrite)


def _process(
    session: Session, archive: "Archive", file: Path, parameters: dict[str, Any], effort: dict[str, int]
) -> dict[str, Any]:
    from pellucid.pipeline.execute import execute
    from pellucid.pipeline.intake import take_in_sound
    from pellucid.pipeline.steps import step_named

    start = perf_counter()
    with session.progress(f"ingest {file.name}") as progress:
        raw = take_in_sound(archive, file, progress=progress)
    step = step_named("dl1")
    (role,) = step.inputs
    try:
        with session.progress(f"process {file.name}") as progress:
            outcome = execute(archive, step, {role: raw}, parameters, progress=progress, effort=effort)
    except PellucidError as error:
        # the step reads the archive's copy; the user knows the file by the name it was given under
        error.where = error.where.replace(str(archive.path(raw)), str(file))
        raise
    product = outcome.product
    return {
        "input": str(file),
        **dict(sorted(product.summary.items())),
        "flags": list(product.flags),
        "seconds": round(perf_counter() - start, 3),
        "output": None,
        "product": product.id,
        "raw": raw.id,
        "reused": outcome.reused,
    }


def _text(result: dict[str, Any]) -> str:
    flags = "".join(f"  [{flag}]" for flag in result["flags"])
    work = "was there already" if result["reused"] else f"{result['seconds']:.1f} s"
    copied = f"\n  copied to {result['output']}" if result["output"] else ""
    return (
        f"{result['input']}: {result['array_events']} array events, "
        f"{result['telescope_events']} telescope events ({work}){flags}\n"
        f"  product {result['product'][:12]}, made of {result['raw'][:12]}{copied}"
    )
