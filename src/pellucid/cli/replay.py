# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid replay``: make products again and compare the bytes."""

import os
from typing import TYPE_CHECKING

import click

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

if TYPE_CHECKING:
    from pellucid.archive import ReplayReport
    from pellucid.archive.replay_many import ManyReplayed

__all__ = ["command"]


@verb("replay")
@click.argument("product_id", metavar="[ID]", required=False)
@click.option("--night", type=int, metavar="YYYYMMDD", help="All products of a night.")
@click.option("--all", "all_products", is_flag=True, help="All products there are.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=lambda: os.cpu_count() or 1,
    metavar="N",
    help="Processes at a time, for a night or all; as many as there are processors where not given.",
)
def command(
    session: Session, product_id: str | None, night: int | None, all_products: bool, workers: int
) -> int:
    """Make products again and compare the bytes.

    They are made from raw inputs, in fresh processes; the archive does not change. Exits with 1 where
    a product is not what its step promises: the same bytes, or the same numbers within its tolerance.
    ID is the id, or as many of the first digits as tell it from others.
    """
    if (product_id is not None) + (night is not None) + all_products != 1:
        raise UsageError(
            "One product, a night or all of them can be made again.", expected="one of ID, --night and --all"
        )
    with session.workspace() as workspace:
        if product_id is not None:
            from pellucid.archive.replay import replay

            report = replay(workspace, product_id)
            session.show(report.as_dict(), _text(report))
            return 0 if report.agrees else 1
        from pellucid.archive.replay_many import replay_many

        archive = workspace.archive
        products = archive.find() if night is None else archive.find(night=night)
        with session.progress("replay") as progress:
            many = replay_many(archive, products, workers=workers, progress=progress)
    session.show(many.as_dict(), _many_text(many))
    return 0 if many.agree else 1


def _text(report: "ReplayReport") -> str:
    verdict = "identical" if report.identical else "within tolerance" if report.agrees else "DIFFERENT"
    lines = [
        f"{report.name}: {verdict}  ({report.seconds:.1f} s)",
        f"  archived  {report.expected_sha256}",
        f"  replayed  {report.got_sha256}",
    ]
    largest = report.deviation.largest if report.deviation is not None else None
    if largest is not None:
        lines.append(
            f"  largest deviation {largest.absolute:.3g}, relative {largest.relative:.3g}: "
            f"{largest.different} of {largest.n} values of {largest.dataset} {largest.what}".rstrip()
        )
    if report.code_changed:
        lines.append("  the code of a step has changed since")
    lines += [
        f"  {package} was {then or 'absent'}, is {now or 'absent'}"
        for package, (then, now) in report.software_changed.items()
    ]
    return "\n".join(lines)


def _many_text(many: "ManyReplayed") -> str:
    counts = ", ".join(f"{n} {outcome}" for outcome, n in many.counts.items())
    head = f"{len(many.products)} products made again in {many.seconds:.1f} s: {counts or 'none'}"
    odd = [p for p in many.products if p.outcome != "identical"]
    rows = [
        (p.outcome, p.product[:12], p.name, p.what, "code changed" if p.code_changed else "") for p in odd
    ]
    return head + ("\n" + table(("", "ID", "NAME", "", ""), rows) if rows else "")
