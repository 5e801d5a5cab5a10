# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid run``: everything that can be made of a night, at a level."""

import gc
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

if TYPE_CHECKING:
    from pellucid.archive import Archive, Workspace
    from pellucid.config import Effective
    from pellucid.pipeline.plan import Plan

__all__ = ["command", "plan_of"]

log = logging.getLogger(__name__)


@verb("run")
@click.option("--night", metavar="DAY", help="The day on which the night begins, e.g. 2026-11-22.")
@click.option("--level", type=click.Choice(["A", "B", "C"]), help="On-line, next day, or final.")
@click.option("--release", metavar="NAME", help="Of a final production, e.g. 2027.")
@click.option("--telescopes", metavar="1,2,…", help="Only these telescopes.")
@click.option("--steps", metavar="NAMES", help="Only these steps, and what they need.")
@click.option("--workers", type=click.IntRange(0), metavar="N", help="Processes; none but this one for 0.")
@click.option("--cluster", metavar="ADDRESS", help="Address of a Dask scheduler, or 'local'.")
@click.option("--resume", is_flag=True, help="Go on with the last run that was stopped or left gaps.")
@click.option("--keep-going", is_flag=True, help="Let a step take what of its many inputs could be made.")
@click.option("--plan", "only_plan", is_flag=True, help="Tell what would run and why, and run nothing.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Draw the plan into a file.")
def command(session: Session, resume: bool, only_plan: bool, svg: Path | None, **asked: Any) -> int:
    """Make everything that can be made of a night.

    What is there already is not made again. A step that fails for one telescope does not stop the
    others; the exit code and the report tell. Without --workers and --cluster all is done in this process.
    """
    effective = session.configuration()
    with ExitStack() as opened:
        from pellucid.pipeline.collector import uncollected
        from pellucid.pipeline.record import RunRecord

        with uncollected():
            workspace = opened.enter_context(session.workspace())
            record = RunRecord(workspace.path)
            asked["settings"] = list(session.settings)
            if resume:
                asked = _resumed(record.unfinished(), asked)
            plan = plan_of(effective, workspace.archive, asked)
            gc.freeze()  # what is here stays until the command ends: nothing of it is looked through again
        if svg is not None:
            from pellucid.archive.output import write_text
            from pellucid.pipeline.drawing import plan_svg

            write_text(svg, plan_svg(plan), overwrite=True)
        if only_plan:
            _show_plan(session, workspace.archive, plan)
            return 0
        record.begin(asked)
        code = _run(session, effective, workspace, plan, asked)
        record.end(asked, code)
        return code


def _resumed(before: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the last run was asked; who does the work may be asked anew."""
    for name in ("night", "level", "release", "telescopes", "steps"):
        if asked[name] is not None and asked[name] != before.get(name):
            raise UsageError(
                "The run to go on with was asked for something else.",
                expected=f"--{name} {before.get(name) or '(none)'}, or nothing beside --resume",
                got=f"--{name} {asked[name]}",
                mend="leave it out, or run without --resume: what is done stays done",
                code="other-run",
            )
    if asked["settings"] != before.get("settings", []):
        was = " ".join(before.get("settings", [])) or "none"
        log.warning("the run to go on with had other settings (--set): %s", was)
    new = {name: value for name, value in asked.items() if value is not None and value is not False}
    if "workers" in new or "cluster" in new:
        before = {name: value for name, value in before.items() if name not in ("workers", "cluster")}
    return {**dict.fromkeys(asked), **before, **new}


def plan_of(effective: "Effective", archive: "Archive", asked: dict[str, Any]) -> "Plan":
    """Return the plan for what was asked, as the options name it."""
    from pellucid.pipeline.levels import level_of
    from pellucid.pipeline.night import Night
    from pellucid.pipeline.plan import make_plan
    from pellucid.pipeline.setting import graph_of, parameters_of

    if asked["night"] is None or asked["level"] is None:
        raise UsageError(
            "A run needs a night and a level.",
            expected="--night and --level, or --resume",
            mend="e.g. pellucid run --night 2026-11-22 --level B",
        )
    night = Night.parse(asked["night"], effective.config.site.longitude)
    level = level_of(effective.config, asked["level"], asked["release"])
    telescopes = _numbers(asked["telescopes"])
    graph = graph_of(effective, level.name, _words(asked["steps"]))
    parameters = parameters_of(effective, graph, telescopes)
    return make_plan(
        archive,
        graph,
        level,
        night.span,
        telescopes=telescopes,
        parameters=parameters,
        keep_going=bool(asked["keep_going"]),
    )


def _show_plan(session: Session, archive: "Archive", plan: "Plan") -> None:
    from pellucid.pipeline.drawing import plan_document, plan_text
    from pellucid.pipeline.reasons import reasons

    why = reasons(archive, plan)
    session.show(plan_document(plan, why), plan_text(plan, why))


def _run(
    session: Session, effective: "Effective", workspace: "Workspace", plan: "Plan", asked: dict[str, Any]
) -> int:
    from pellucid.pipeline.executors import executor_of
    from pellucid.pipeline.run import carry_out

    run = effective.config.run
    effort = {"threads": run.threads or 1, "chunk_events": run.chunk_events}
    archive = workspace.archive
    idle = all(task.product is not None or task.problem is not None for task in plan.tasks)
    workers, cluster = (0, "") if idle else (asked["workers"] or 0, asked["cluster"] or "")
    executor = executor_of(workspace.path, archive, workers, cluster, run.memory)
    try:
        with session.progress(f"level {plan.level.name}, {asked['night']}") as progress:
            report = carry_out(
                archive, plan, executor, keep_going=asked["keep_going"], effort=effort, progress=progress
            )
    finally:
        executor.close()
    if report.products:
        archive.catalogue.tags.tag(
            f"{plan.level.collection}/{asked['night'].replace('-', '')}",
            report.products,
            because=f"run of the night at level {plan.level.name}",
        )
    if session.as_json:
        session.show({"night": asked["night"], "level": plan.level.name, **report.as_dict()}, "")
    else:
        session.show({}, report.as_text())
    return report.exit_code


def _numbers(text: str | None) -> list[int]:
    try:
        return sorted({int(word) for word in _words(text)})
    except ValueError:
        raise UsageError(
            "This is no list of telescopes.", expected="numbers with commas, e.g. 1,2,5", got=str(text)
        ) from None


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]
