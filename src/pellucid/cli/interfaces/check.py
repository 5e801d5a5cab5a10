# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid interfaces check``: hold delivered files against an interface."""

from pathlib import Path

import click

from pellucid.cli.interfaces.chosen import delivery_option, identity, opened
from pellucid.cli.session import Session, verb
from pellucid.errors import CorruptedInput

__all__ = ["command"]


@verb("check")
@identity
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@delivery_option
@click.option("--delivered", metavar="UTC", help="When the files arrived, where they do not say it.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the report too.")
def command(
    session: Session,
    name: str,
    files: tuple[Path, ...],
    delivery: str | None,
    delivered: str | None,
    output: Path | None,
) -> int:
    """Hold delivered files against an interface.

    The files together are one delivery; what is wrong is told with what to mend.

    ID is the interface, or a TOML file. The exit code is 0 where all is as agreed, 104 where it is not.
    """
    from pellucid.interfaces.check import check_files

    interface = opened(session, name)
    moment = None
    if delivered is not None:
        from pellucid.archive.moments import parse_moment

        moment = parse_moment(delivered)
    with session.progress(f"check {name}") as progress:
        report = check_files(interface, files, delivery=delivery, delivered=moment, progress=progress)
    if output is not None:
        from pellucid.archive.files import storage_errors

        with storage_errors(output):
            output.write_text(report.text() + "\n", encoding="utf-8")
    session.show(report.as_dict(), report.text())
    return 0 if report.ok else CorruptedInput.exit_code
