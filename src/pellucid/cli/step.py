# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid step``: one step over files, outside of any archive."""

import json
from pathlib import Path
from typing import Any

import click

from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

__all__ = ["command"]


@verb("step")
@click.argument("name", metavar="NAME")
@click.option("--in", "inputs", multiple=True, metavar="ROLE=FILE", help="A file and its role; repeatable.")
@click.option("--parameters", metavar="JSON", help="Parameters that differ from the defaults.")
@click.option("--types", metavar="JSON", help="Product types of each role's files, where they are left open.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write."
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
def command(
    session: Session,
    name: str,
    inputs: tuple[str, ...],
    parameters: str | None,
    types: str | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Run one step over files.

    The bytes are those that an archive would get; exported workflows call it, and authors of algorithms
    may try it.
    """
    config = session.configuration().config
    from pellucid.pipeline.by_hand import run_on_files
    from pellucid.pipeline.steps import step_named

    files: dict[str, list[Path]] = {}
    for given in inputs:
        role, equals, file = given.partition("=")
        if not equals:
            raise UsageError("An input has no role.", expected="--in ROLE=FILE", got=f"--in {given}")
        files.setdefault(role, []).append(Path(file))
    step = step_named(name)
    effort = {"threads": config.run.threads or 1, "chunk_events": config.run.chunk_events}
    with session.progress(name) as progress:
        summary = run_on_files(
            step,
            files,
            output,
            _document("--parameters", parameters),
            types=_document("--types", types),
            overwrite=overwrite,
            effort=effort,
            progress=progress,
        )
    session.show({"step": name, "output": str(output), "summary": summary}, str(output))


def _document(option: str, text: str | None) -> dict[str, Any]:
    try:
        document = json.loads(text or "{}")
    except ValueError as error:
        raise UsageError("This is no JSON.", where=option, got=str(error)) from error
    if not isinstance(document, dict):
        raise UsageError(
            "This is no JSON object.", where=option, expected='e.g. {"width": 18}', got=str(text)
        )
    return document
