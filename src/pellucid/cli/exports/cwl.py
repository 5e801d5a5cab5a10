# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid export cwl``: what a run of a night does, as a workflow for other systems."""

from pathlib import Path

import click

from pellucid.cli.exports.selection import output, overwrite
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("cwl")
@click.option("--night", required=True, metavar="DAY", help="The day on which the night begins.")
@click.option("--level", type=click.Choice(["A", "B", "C"]), required=True, help="Policy of the run.")
@click.option("--release", metavar="NAME", help="Of a final production.")
@click.option("--telescopes", metavar="1,2,…", help="Only these telescopes.")
@click.option("--steps", metavar="NAMES", help="Only these steps, and what they need.")
@output
@overwrite
def command(
    session: Session,
    night: str,
    level: str,
    release: str | None,
    telescopes: str | None,
    steps: str | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Write the graph of a night as a CWL workflow.

    FILE gets the workflow; a file beside it, with .job.json at its end, tells where the inputs lie. It
    runs as 'cwltool FILE FILE.job.json' and leaves the same bytes as pellucid run.
    """
    from pellucid.archive.output import check_output, write_text

    effective = session.configuration()
    job = output.with_name(output.name + ".job.json")
    for file in (output, job):
        check_output(file, overwrite=overwrite)
    with session.workspace() as workspace:
        import json

        from pellucid.cli.run_night import plan_of
        from pellucid.pipeline.cwl import workflow, workflow_inputs

        asked = {"night": night, "level": level, "release": release, "telescopes": telescopes, "steps": steps}
        plan = plan_of(effective, workspace.archive, {**asked, "keep_going": False})
        document = workflow(plan)
        write_text(output, json.dumps(document, indent=1) + "\n", overwrite=overwrite)
        inputs = workflow_inputs(plan, workspace.archive)
        write_text(job, json.dumps(inputs, indent=1) + "\n", overwrite=overwrite)
    told = {"workflow": str(output), "job": str(job), "tasks": len(plan.tasks), "inputs": len(inputs)}
    session.show(told, f"{output}: {len(plan.tasks)} tasks\n{job}: {len(inputs)} files")
