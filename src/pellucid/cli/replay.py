# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid replay``: make a product again and compare the bytes."""

from typing import TYPE_CHECKING

import click

from pellucid.cli.session import Session, verb

if TYPE_CHECKING:
    from pellucid.archive import ReplayReport

__all__ = ["command"]


@verb("replay")
@click.argument("product_id", metavar="ID")
def command(session: Session, product_id: str) -> int:
    """Make a product again and compare the bytes.

    It is made from its raw inputs, in a fresh process; the archive does not change. Exits with 1
    where the bytes differ. ID is the id, or as many of the first digits as tell it from others.
    """
    with session.workspace() as workspace:
        from pellucid.archive.replay import replay

        report = replay(workspace, product_id)
    session.show(report.as_dict(), _text(report))
    return 0 if report.identical else 1


def _text(report: "ReplayReport") -> str:
    lines = [
        f"{report.name}: {'identical' if report.identical else 'DIFFERENT'}  ({report.seconds:.1f} s)",
        f"  archived  {report.expected_sha256}",
        f"  replayed  {report.got_sha256}",
    ]
    if report.code_changed:
        lines.append("  the code of a step has changed since")
    lines += [
        f"  {package} was {then or 'absent'}, is {now or 'absent'}"
        for package, (then, now) in report.software_changed.items()
    ]
    return "\n".join(lines)
