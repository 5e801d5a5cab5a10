# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks prove``: bind the claim that a task is done to what proves it."""

from pathlib import Path
from typing import Any

import click

from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option, from_files
from pellucid.errors import ConfigurationError, UsageError
from pellucid.interfaces.task import PROOFS

__all__ = ["command"]


@verb("prove")
@click.argument("task_id", metavar="TASK")
@click.option("--delivery", metavar="ID", help="An archived delivery that passed the check.")
@click.option("--step", metavar="NAME", help="A registered step.")
@click.option("--test", metavar="ID", help="An archived product of a run on a partial array.")
@click.option("--array", metavar="NAME", help="Name of the partial array, with --test.")
@click.option("--telescopes", metavar="IDS", help="Its telescopes, e.g. 1,2,3, with --test.")
@click.option("--withdraw", is_flag=True, help="Take this proof back: the task is not bound to it any more.")
@files_option
def command(
    session: Session,
    task_id: str,
    delivery: str | None,
    step: str | None,
    test: str | None,
    array: str | None,
    telescopes: str | None,
    withdraw: bool,
    files: tuple[Path, ...],
) -> int:
    """Bind a task to a proof.

    It is looked at now, and whenever the status is asked for. One that was bound by mistake is taken back
    with --withdraw.

    Exits with 1 where it proves nothing.
    """
    from pellucid.interfaces.evidence import examine
    from pellucid.interfaces.ledger import ledger
    from pellucid.interfaces.registry import all_interfaces
    from pellucid.interfaces.tasks import by_id
    from pellucid.pipeline.steps import all_steps

    chosen = {k: v for k, v in (("delivery", delivery), ("step", step), ("test", test)) if v is not None}
    bare = array is None and telescopes is None
    if len(chosen) != 1 or ((test is None or withdraw) != bare):
        raise UsageError(
            "A proof is one of three.",
            expected="--delivery ID, --step NAME, or --test ID with --array NAME and --telescopes IDS",
            got=", ".join(f"--{k}" for k in chosen) or "none of them",
            code="proof",
        )
    with session.workspace(create=True) as workspace, ledger(session.folder) as book:
        task = by_id(book.applied(from_files(files)), task_id)
        known = task.as_dict()["evidence"]
        if withdraw:
            kept = [e for e in known if not _is(e, *next(iter(chosen.items())))]
            if len(kept) == len(known):
                raise _not_bound(task_id, known)
        else:
            proof: dict[str, object] = dict(chosen)
            for kind in ("delivery", "test"):
                if kind in chosen:
                    proof[kind] = workspace.archive.get(chosen[kind]).id
            if test is not None:
                proof |= {"array": array or "", "telescopes": _numbers(telescopes or "")}
            kept = [*known, *([proof] if proof not in known else [])]
        task = book.change(task, {"evidence": kept})
        interface = all_interfaces(files)[task.interface]
        finding = examine(task, interface, workspace.archive, all_steps())
        book.save()
    session.show(finding.as_dict(), finding.text())
    return 0 if finding.proved or withdraw else 1


def _is(evidence: dict[str, Any], kind: str, name: str) -> bool:
    """Return whether a proof is of a kind and has a name, or an id that begins so."""
    known = str(evidence.get(kind, ""))
    return known == name or (kind != "step" and len(name) >= 8 and known.startswith(name))


def _not_bound(task_id: str, known: list[dict[str, Any]]) -> ConfigurationError:
    bound = [f"--{k} {e[k]}" for e in known for k in PROOFS if k in e]
    return ConfigurationError(
        f"{task_id} is not bound to this proof.",
        expected=", ".join(bound) or "a task that is bound to a proof",
        mend="pellucid tasks show tells what it is bound to",
        code="unknown-proof",
    )


def _numbers(text: str) -> list[int]:
    try:
        return [int(t) for t in text.split(",")]
    except ValueError:
        raise UsageError(
            "Telescopes have numbers.", expected="e.g. 1,2,3", got=text, code="telescopes"
        ) from None
