# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces status``: what is claimed of the interfaces beside what is proved."""

from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.interfaces.chosen import history_of
from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.errors import ConfigurationError, MissingInput

if TYPE_CHECKING:
    from pellucid.archive import Archive
    from pellucid.interfaces.contract import Interface

__all__ = ["command"]


@verb("status")
@click.argument("names", nargs=-1, metavar="[ID...]")
@click.option("--strict", is_flag=True, help="Exit with 101 where a claim is not proved.")
def command(session: Session, names: tuple[str, ...], strict: bool) -> int:
    """Show claims about the interfaces beside their proofs.

    Proofs are signatures, deliveries, and what tasks are bound to.

    ID is an id or a TOML file; without it, all interfaces.
    """
    from pellucid.interfaces.registry import all_interfaces, open_interface

    session.configuration()
    chosen = [open_interface(name) for name in names] or list(all_interfaces().values())
    try:
        with session.workspace() as workspace:
            documents = [_document(session, i, workspace.archive) for i in chosen]
    except MissingInput as error:
        if error.code != "no-workspace":
            raise
        # nothing was signed or delivered yet
        documents = [_document(session, i, None) for i in chosen]
    problems = [p for d in documents for p in d["problems"]]
    rows = [_row(d) for d in documents]
    head = ("INTERFACE", "VERSION", "STATE", "PARTIES", "DELIVERED", "QUARANTINED", "OPEN TASKS")
    text = "\n".join([table(head, rows), *(f"! {p}" for p in problems)])
    session.show({"interfaces": documents, "problems": problems}, text)
    return ConfigurationError.exit_code if strict and problems else 0


def _row(d: dict[str, Any]) -> tuple[str, ...]:
    counts = (str(d["delivered"]), str(d["quarantined"]), f"{d['tasks_open']}/{d['tasks']}")
    return d["interface"], d["version"], d["state"], _words(d["parties"]), *counts


def _words(parties: dict[str, str]) -> str:
    return ", ".join(f"{party} {word}" for party, word in parties.items())


def _document(session: Session, interface: "Interface", archive: "Archive | None") -> dict[str, Any]:
    from pellucid.interfaces.evidence import QUARANTINE, findings
    from pellucid.interfaces.ledger import read_ledger
    from pellucid.interfaces.status import standing
    from pellucid.pipeline.steps import all_steps

    proved = standing(interface, history_of(session))
    tasks = read_ledger(session.folder).applied(interface.tasks)
    claims = findings(interface, tasks, archive, all_steps())
    products = [
        product
        for delivery in interface.deliveries
        for product in ([] if archive is None else archive.find(product_type=delivery.product_type))
        if product.summary.get("interface") == interface.id
    ]
    bad = [p for p in products if p.collection == QUARANTINE]
    problems = [f"{interface.id}: {proved.problem}"] if proved.problem else []
    problems += [f"{f.task.id}: {f.disagreement}" for f in claims if f.disagreement]
    return {
        **proved.as_dict(),
        "version": interface.version,
        "digest": interface.digest,
        "delivered": len(products) - len(bad),
        "quarantined": len(bad),
        "tasks": len(tasks),
        "tasks_open": sum(t.is_open for t in tasks),
        "claims": [f.as_dict() for f in claims],
        "problems": problems,
    }
