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
    from pellucid.interfaces.evidence import Finding

__all__ = ["command"]

HEAD = (
    "INTERFACE",
    "VERSION",
    "CLAIMED",
    "PROVED",
    "PARTIES",
    "DELIVERED",
    "LAST",
    "QUARANTINED",
    "OPEN TASKS",
)


@verb("status")
@click.argument("names", nargs=-1, metavar="[ID...]")
@click.option("--strict", is_flag=True, help="Exit with 101 where a claim is not proved.")
def command(session: Session, names: tuple[str, ...], strict: bool) -> int:
    """Show claims about the interfaces beside their proofs.

    Proofs are signatures, deliveries, and what tasks are bound to. Under LAST stands up to when deliveries
    reach that passed the check.

    ID is an id or a TOML file, whose tasks are all told; without it, all interfaces, and the tasks that
    somebody has bound a proof to, or should have.
    """
    from pellucid.interfaces.registry import all_interfaces, open_interface

    session.configuration()
    chosen = [open_interface(name) for name in names] or list(all_interfaces().values())
    try:
        with session.workspace() as workspace:
            found = [_looked_at(session, i, workspace.archive) for i in chosen]
    except MissingInput as error:
        if error.code != "no-workspace":
            raise
        # nothing was signed or delivered yet
        found = [_looked_at(session, i, None) for i in chosen]
    documents = [document for document, _ in found]
    problems = [p for d in documents for p in d["problems"]]
    lines = [table(HEAD, [_row(d) for d in documents])]
    for document, claims in found:
        if names:
            lines += [f"{document['interface']}: {document['comment']}"] if document["comment"] else []
        # of all interfaces, only what somebody has bound a proof to, or should have
        lines += [c.text() for c in claims if names or c.proofs or c.disagreement]
    lines += [f"! {d['interface']}: {d['problem']}" for d in documents if d["problem"]]
    session.show({"interfaces": documents, "problems": problems}, "\n".join(lines))
    return ConfigurationError.exit_code if strict and problems else 0


def _row(d: dict[str, Any]) -> tuple[str, ...]:
    return (
        d["interface"],
        d["version"],
        d["declared"],
        d["state"],
        ", ".join(f"{party} {word}" for party, word in d["parties"].items()),
        str(d["delivered"]),
        d["last"] or "",
        str(d["quarantined"]),
        f"{d['tasks_open']}/{d['tasks']}",
    )


def _looked_at(
    session: Session, interface: "Interface", archive: "Archive | None"
) -> "tuple[dict[str, Any], tuple[Finding, ...]]":
    """Return what there is to say about an interface, and claims and proofs of its tasks."""
    from pellucid.interfaces.evidence import QUARANTINE, findings
    from pellucid.interfaces.ledger import read_ledger
    from pellucid.interfaces.status import standing
    from pellucid.pipeline.steps import all_steps
    from pellucid.times import to_utc_iso

    proved = standing(interface, history_of(session))
    tasks = read_ledger(session.folder).applied(interface.tasks)
    claims = findings(interface, tasks, archive, all_steps())
    products = [
        product
        for delivery in interface.deliveries
        for product in ([] if archive is None else archive.find(product_type=delivery.product_type))
        if product.summary.get("interface") == interface.id
    ]
    good = [p for p in products if p.collection != QUARANTINE]
    last = max((p.time_stop for p in good if p.time_stop is not None), default=None)
    problems = [f"{interface.id}: {proved.problem}"] if proved.problem else []
    problems += [f"{f.task.id}: {f.disagreement}" for f in claims if f.disagreement]
    document = {
        **proved.as_dict(),
        "version": interface.version,
        "digest": interface.digest,
        "delivered": len(good),
        "last": None if last is None else to_utc_iso(last),
        "quarantined": len(products) - len(good),
        "tasks": len(tasks),
        "tasks_open": sum(t.is_open for t in tasks),
        "claims": [f.as_dict() for f in claims],
        "problems": problems,
    }
    return document, claims
