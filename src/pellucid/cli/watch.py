# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid watch``: take files in as they land, and run at once what they make possible."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from pellucid.cli.session import Session, verb
from pellucid.errors import MissingInput, UsageError

__all__ = ["command"]


@verb("watch")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--level", type=click.Choice(["A", "B"]), default="A", show_default=True, help="Policy to keep."
)
@click.option("--steps", metavar="NAMES", help="Only these steps, and what they need.")
@click.option("--workers", type=click.IntRange(0), default=0, metavar="N", help="Processes that work.")
@click.option(
    "--settle", default=1.0, show_default=True, metavar="S", help="A whole file is unchanged so long."
)
@click.option("--until-idle", type=float, metavar="S", help="End when nothing has come for so long.")
def command(
    session: Session,
    folder: Path,
    level: str,
    steps: str | None,
    workers: int,
    settle: float,
    until_idle: float | None,
) -> int:
    """Take files in as they land, and run what becomes possible.

    A file is taken once it is whole: renamed from an unfinished name (.part, .tmp, a leading dot), or
    unchanged for a while and not open for writing. Nothing is dropped: what cannot be taken is told with
    its reason. It ends on an interrupt, and begins again where it was.
    """
    effective = session.configuration()
    if not folder.is_dir():
        raise MissingInput(
            "There is no such folder.",
            where=str(folder),
            mend="make it, or check the spelling",
            code="no-folder",
        )
    with session.workspace(create=True) as workspace:
        from pellucid.pipeline.arrivals import Arrivals
        from pellucid.pipeline.executors import executor_of
        from pellucid.pipeline.journal import Journal, journal_of
        from pellucid.pipeline.levels import level_of
        from pellucid.pipeline.ownership import claimed
        from pellucid.pipeline.setting import graph_of, parameters_of
        from pellucid.pipeline.watch import Watch

        policy = level_of(effective.config, level)
        if policy.source != "arrivals":
            raise UsageError(
                "This level works on whole nights, not on what arrives.",
                where=f"levels.{level}.source",
                expected="arrivals",
                got=policy.source,
                mend=f"run the night when it is over, or set levels.{level}.source=arrivals",
                code="level-source",
            )
        graph = graph_of(effective, level, [w.strip() for w in (steps or "").split(",") if w.strip()])
        place = journal_of(workspace.path, folder)
        with claimed(workspace.archive, f"watch {place.stem}", wait=False), _stopping() as stop:
            journal = Journal(place)
            executor = executor_of(
                workspace.path, workspace.archive, workers, "", effective.config.run.memory
            )
            try:
                with session.progress(f"level {level}, {folder}") as progress:
                    watch = Watch(
                        workspace.archive,
                        Arrivals(folder, journal, settle),
                        graph,
                        policy,
                        executor,
                        parameters_of(effective, graph),
                        {"threads": effective.config.run.threads or 1},
                        place.with_suffix(".json"),
                        progress,
                    )
                    report = watch.follow(lambda: bool(stop), idle=until_idle)
            finally:
                executor.close()
                journal.close()
    session.show({"folder": str(folder), "level": level, **report.as_dict()}, report.as_text())
    return report.exit_code


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """Collect the signals that ask for an end, instead of dying of them."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt  # whoever asks twice does not want to wait
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
