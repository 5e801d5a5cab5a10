# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks prove``: bind the claim that a task is done to what proves it."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option, from_files
from pellucid.errors import UsageError

__all__ = ["command"]


@verb("prove")
@click.argument("task_id", metavar="TASK")
@click.option("--delivery", metavar="ID", help="An archived delivery that passed the check.")
@click.option("--step", metavar="NAME", help="A registered step.")
@click.option("--test", metavar="ID", help="An archived product of a run on a partial array.")
@click.option("--array", metavar="NAME", help="Name of the partial array, with --test.")
@click.option("--telescopes", metavar="IDS", help="Its telescopes, e.g. 1,2,3, with --test.")
@files_option
def command(
    session: Session,
    task_id: str,
    delivery: str | None,
    step: str | None,
    test: str | None,
    array: str | None,
    telescopes: str | None,
    files: tuple[Path, ...],
) -> int:
    """Bind a task to a proof.

    It is looked at now, and whenever the status is asked for.

    Exits with 1 where it proves nothing.
    """
    from pellucid.interfaces.evidence import examine
    from pellucid.interfaces.ledger import ledger
    from pellucid.interfaces.registry import all_interfaces
    from pellucid.interfaces.tasks import by_id
    from pellucid.pipeline.steps import all_steps

    chosen = {k: v for k, v in (("delivery", delivery), ("step", step), ("test", test)) if v is not None}
    if len(chosen) != 1 or (test is None) != (array is None and telescopes is None):
        raise UsageError(
            "A proof is one of three.",
            expected="--delivery ID, --step NAME, or --test ID with --array NAME and --telescopes IDS",
            got=", ".join(f"--{k}" for k in chosen) or "none of them",
            code="proof",
        )
    with session.workspace(create=True) as workspace, ledger(session.folder) as book:
        proof: dict[str, object] = dict(chosen)
        for kind in ("delivery", "test"):
            if kind in chosen:
                proof[kind] = workspace.archive.get(chosen[kind]).id
        if test is not None:
            proof |= {"array": array or "", "telescopes": _numbers(telescopes or "")}
        task = by_id(book.applied(from_files(files)), task_id)
        known = task.as_dict()["evidence"]
        task = book.change(task, {"evidence": [*known, *([proof] if proof not in known else [])]})
        interface = all_interfaces(files)[task.interface]
        finding = examine(task, interface, workspace.archive, all_steps())
        book.save()
    session.show(finding.as_dict(), finding.text())
    return 0 if finding.proved else 1


def _numbers(text: str) -> list[int]:
    try:
        return [int(t) for t in text.split(",")]
    except ValueError:
        raise UsageError(
            "Telescopes have numbers.", expected="e.g. 1,2,3", got=text, code="telescopes"
        ) from None
