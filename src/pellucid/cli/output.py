# SPDX-License-Identifier: BSD-3-Clause
"""What a verb shows: one JSON document or text on standard output, progress and logs on standard error."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

__all__ = ["Progress", "bar", "print_json", "set_up_logging", "table"]


class Progress(Protocol):
    """What is called now and then to tell how far the work is."""

    def __call__(self, done: int, total: int, unit: str = "", /) -> None:
        """Tell how much is done, how much there is in all (0 where nobody knows), and of what."""


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text below their column names, aligned, one line a row however long."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (columns, *rows))
    return "\n".join(lines)


def set_up_logging(verbosity: int) -> None:
    """Send logs and warnings to standard error: errors only below 0, warnings at 0, more above."""
    levels = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
    logging.basicConfig(
        stream=sys.stderr,
        level=levels.get(verbosity, logging.DEBUG),
        format="%(levelname)s %(name)s: %(message)s",
        force=True,
    )
    logging.captureWarnings(True)


@contextmanager
def bar(label: str, *, shown: bool) -> Iterator[Progress | None]:
    """Show a progress bar on standard error, where that is a terminal; give its callback, or None."""
    if not (shown and sys.stderr.isatty()):
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[count]}"),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as shown_bar:
        task = shown_bar.add_task(label, total=None, count="", rate="")
        begun = monotonic()

        def advance(done: int, total: int, unit: str = "", /) -> None:
            rate = done / max(monotonic() - begun, 1e-3)
            count = f"{done:.0f} of {total:.0f} {unit}" if total else f"{done:.0f} {unit}"
            shown_bar.update(task, completed=done, total=total or None, count=count, rate=f"{rate:.3g}/s")

        yield advance
