# SPDX-License-Identifier: BSD-3-Clause
"""Nights as workflows, run by cwltool."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pellucid.archive.files import hash_file

CWLTOOL = Path(__file__).resolve().parents[2] / ".peers" / "cwltool" / "bin" / "cwltool"


def made_by_cwltool(asked: Sequence[str], workspace: Path, folder: Path) -> list[str]:
    """Export what a run is asked for as a workflow, run it, and return the hashes of what it leaves.

    Parameters
    ----------
    asked : sequence of str
        Options of ``pellucid run``.
    workspace, folder : Path
        Where the inputs are, and where the workflow and its outputs go.
    """
    workflow = folder / "night.cwl"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    export = [sys.executable, "-m", "pellucid.cli", "export", "cwl", *asked, "-o", str(workflow)]
    # what a machine's processor is told to round like belongs to the machine, as the path does
    kept = ["PYTHONPATH", *(name for name in os.environ if name.startswith("OPENBLAS_"))]
    use = ["--quiet", *(word for name in kept for word in ("--preserve-environment", name))]
    use += ["--outdir", str(folder / "out")]
    for command in (
        [*export, "--workspace", str(workspace)],
        [str(CWLTOOL), *use, str(workflow), str(folder / "night.cwl.job.json")],
    ):
        done = subprocess.run(
            command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    return sorted(hash_file(path)[0] for path in (folder / "out").iterdir())
