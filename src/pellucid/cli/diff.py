# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid diff``: what differs between two products."""

from typing import TYPE_CHECKING

import click

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb

if TYPE_CHECKING:
    from pellucid.archive.diff import CodeDifference, Difference, Pairs

__all__ = ["command"]


@verb("diff")
@click.argument("first", metavar="ID")
@click.argument("second", metavar="OTHER_ID")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Datasets to show.")
def command(session: Session, first: str, second: str, limit: int) -> None:
    """Tell what differs between two products.

    Inputs, parameters, the functions of the code, software, and the numbers themselves. An id may be
    as many of the first digits as tell it from others.
    """
    with session.workspace() as workspace:
        from pellucid.archive.diff import diff

        difference = diff(workspace.archive, first, second)
    session.show(difference.as_dict(), _text(difference, limit))


def _text(found: "Difference", limit: int) -> str:
    lines = [
        f"{found.first[:12]} and {found.second[:12]}: {'the same' if found.same_bytes else 'DIFFERENT'} bytes"
    ]
    for title, pairs in (
        ("described", found.attributes),
        ("inputs", found.inputs),
        ("parameters", found.parameters),
        ("software", found.software),
    ):
        lines += _section(title, pairs)
    lines += [f"raw files  {name}: of the {side} alone" for name, side in found.raw.items()]
    lines += _code(found.code)
    if found.numbers is not None:
        deviations = found.numbers.deviations
        lines.append(f"numbers: {len(deviations)} of {found.numbers.datasets} datasets differ")
        rows = [
            (d.dataset, f"{d.different} of {d.n}", f"{d.absolute:.3g}", f"{d.relative:.3g}", d.what)
            for d in deviations[:limit]
        ]
        if rows:
            lines.append(table(("DATASET", "DIFFERENT", "LARGEST", "RELATIVE", ""), rows))
        if len(deviations) > limit:
            lines.append(f"({len(deviations) - limit} more: raise --limit)")
    elif found.remark:
        lines.append(f"numbers: {found.remark}")
    return "\n".join(lines)


def _section(title: str, pairs: "Pairs") -> list[str]:
    def shown(value: object) -> str:
        return "none" if value is None else str(value)[:12] if title == "inputs" else str(value)

    return [f"{title}  {name}: {shown(a)} -> {shown(b)}" for name, (a, b) in pairs.items()]


def _code(code: "CodeDifference") -> list[str]:
    if code.same:
        return []
    if not code.is_recorded:
        return ["code  differs; what it was is not recorded"]
    return [
        *(f"code  {name}: changed" for name in code.changed),
        *(f"code  {name}: of the first alone" for name in code.first_only),
        *(f"code  {name}: of the second alone" for name in code.second_only),
    ] or ["code  differs in the versions of packages alone"]
