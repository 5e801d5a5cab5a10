# SPDX-License-Identifier: BSD-3-Clause
"""Claims and proofs: what a task's status says, what there is to show for it, and where they disagree."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pellucid.errors import MissingInput
from pellucid.interfaces.task import Evidence, Task

if TYPE_CHECKING:
    from pellucid.archive import Archive, Product
    from pellucid.interfaces.contract import Interface

__all__ = ["QUARANTINE", "Finding", "Proof", "examine", "findings"]

QUARANTINE = "quarantine"
"""Collection of what did not pass the check."""

NEEDED = {
    "integrate-device": "delivery",
    "construct-data-structure": "delivery",
    "test-data-integration": "delivery",
    "implement-algorithm": "step",
    "integrate-algorithm": "step",
    "test-partial-array": "test",
}
"""The proof that each kind of task needs; feedback proves itself."""


@dataclass(frozen=True)
class Proof:
    """One piece of evidence, whether it holds, and why."""

    evidence: Evidence
    holds: bool
    why: str


@dataclass(frozen=True)
class Finding:
    """What a task claims, beside what proves it.

    Attributes
    ----------
    task : Task
        The claim is its status.
    proofs : tuple of Proof
        What was bound to it.
    needed : str or None
        Kind of proof that it needs.
    """

    task: Task
    proofs: tuple[Proof, ...]
    needed: str | None

    @property
    def proved(self) -> bool:
        """Whether a proof of the kind that it needs holds, and none is broken."""
        return any(p.holds and p.evidence.kind == self.needed for p in self.proofs) and all(
            p.holds for p in self.proofs
        )

    @property
    def disagreement(self) -> str:
        """In which way claim and proof disagree; empty where they do not."""
        broken = [p.why for p in self.proofs if not p.holds]
        if self.task.status == "Closed" and self.needed is not None and not self.proved:
            return f"claimed, not proved: {'; '.join(broken) or f'no {self.needed} is bound to it'}"
        if self.task.status in ("New", "Assigned") and self.proved:
            return "proved, not claimed: its status says that nobody has begun"
        if self.task.status == "Rejected" and self.proved:
            return "rejected, and yet there is proof that it was done"
        return "; ".join(broken)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as a JSON-ready mapping."""
        return {
            "task": self.task.id,
            "claim": self.task.status,
            "done": self.task.done,
            "needed": self.needed,
            "proofs": [
                {"kind": p.evidence.kind, "name": p.evidence.name, "holds": p.holds, "why": p.why}
                for p in self.proofs
            ],
            "proved": self.proved,
            "disagreement": self.disagreement,
        }

    def text(self) -> str:
        """Return the finding in a line for people, and one for each proof."""
        head = f"{self.task.id}: {self.task.status}, {'proved' if self.proved else 'not proved'}"
        lines = [head + (f"  << {self.disagreement}" if self.disagreement else "")]
        lines += [
            f"  {'holds' if p.holds else 'BROKEN'}  {p.evidence.kind} {p.evidence.name[:12]}: {p.why}"
            for p in self.proofs
        ]
        return "\n".join(lines)


def findings(
    interface: "Interface", tasks: Iterable[Task], archive: "Archive | None", steps: Collection[str]
) -> tuple[Finding, ...]:
    """Return claim and proof of each task of an interface.

    Parameters
    ----------
    interface : Interface
        Which it is.
    tasks : iterable of Task
        Tasks as they are now in the workspace; those of other interfaces are left out.
    archive : Archive or None
        Where products are looked for; None where there is no workspace, so that nothing is archived.
    steps : collection of str
        Names of the registered steps.
    """
    return tuple(examine(t, interface, archive, steps) for t in tasks if t.interface == interface.id)


def examine(task: Task, interface: "Interface", archive: "Archive | None", steps: Collection[str]) -> Finding:
    """Look at all that is bound to a task; parameters as `findings`."""
    proofs = []
    for evidence in task.evidence:
        if evidence.kind == "step":
            known = evidence.name in steps
            proofs.append(Proof(evidence, known, "registered" if known else "no package registers this step"))
        else:
            proofs.append(_about_product(evidence, interface, archive))
    return Finding(task, tuple(proofs), NEEDED.get(task.kind))


def _about_product(evidence: Evidence, interface: "Interface", archive: "Archive | None") -> Proof:
    if archive is None:
        return Proof(evidence, False, "there is no archive here")
    try:
        product = archive.get(evidence.name)
    except MissingInput:
        return Proof(evidence, False, "the archive has no such product")
    rejected = _rejected_by(archive, product)
    if rejected:
        return Proof(evidence, False, f"rejected by {', '.join(rejected)}")
    if evidence.kind == "delivery":
        return _delivery(evidence, product, interface)
    if product.kind != "derived":
        return Proof(evidence, False, "no step made it, so that it is no test of one")
    array = f"{evidence.array} {list(evidence.telescopes)}"
    if product.telescopes != evidence.telescopes:
        return Proof(evidence, False, f"it covers telescopes {list(product.telescopes)}, not {array}")
    return Proof(evidence, True, f"{product.step} ran on {array}")


def _delivery(evidence: Evidence, product: "Product", interface: "Interface") -> Proof:
    checked, against = product.summary.get("check"), product.summary.get("interface")
    if product.collection == QUARANTINE or checked == "failed":
        return Proof(evidence, False, "it did not pass the check and is in quarantine")
    if checked != "passed":
        return Proof(evidence, False, "it was never held against an interface")
    if against != interface.id:
        return Proof(evidence, False, f"it passed the check of {against}, not of {interface.id}")
    return Proof(evidence, True, f"{product.name} passed the check and is in {product.collection}")


def _rejected_by(archive: "Archive", product: "Product") -> list[str]:
    latest = {v.party: v.verdict for v in archive.verdicts(product.id)}
    return sorted(party for party, verdict in latest.items() if verdict == "rejected")
