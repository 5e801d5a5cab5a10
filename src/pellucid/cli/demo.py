# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid demo``: the whole way once, from simulated telescopes to a page with pictures."""

from pathlib import Path

import click

from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("demo")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="pellucid-demo",
    show_default=True,
    metavar="DIR",
    help="New or empty folder; it gets a workspace of its own.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="N", help="Everything follows from it."
)
def command(session: Session, output: Path, seed: int) -> int:
    """Simulate, calibrate, and compare with the truth.

    Four telescopes take a short run; the table and the page in the output folder hold what calibration
    found against what is true. Exits with 1 where they differ by more than the stated errors.
    """
    session.configuration()
    from pellucid.demo import run

    with session.progress("demo") as progress:
        result = run(output, seed, progress)
    seconds = sum(result.seconds.values())
    session.show(result.as_dict(), f"{result.table()}\n\n{result.page}  ({seconds:.0f} s)")
    return 0 if result.agrees else 1
