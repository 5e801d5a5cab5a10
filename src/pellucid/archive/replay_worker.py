# SPDX-License-Identifier: BSD-3-Clause
"""The fresh process of a replay: reads a plan, makes the products in order, writes what came out.

``python -m pellucid.archive.replay_worker FOLDER`` with ``plan.json`` in the folder. It never opens the
index and writes nothing outside the folder but what the archive's cache remembers of sources.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from pellucid.archive.files import hash_file
from pellucid.archive.fingerprint import code_fingerprint, software_versions
from pellucid.errors import CorruptedInput, PellucidError
from pellucid.pipeline.steps import step_named

__all__ = ["PLAN", "RESULT", "main"]

PLAN, RESULT = "plan.json", "result.json"


def main(folder: Path) -> None:
    """Carry out the plan in a folder and leave ``result.json`` there, or the error it ended with."""
    plan = json.loads((folder / PLAN).read_text())
    try:
        result = _carried_out(plan, folder)
    except PellucidError as error:
        result = {"error": {"kind": type(error).__name__, **error.as_dict()}}
    unfinished = folder / (RESULT + ".part")
    unfinished.write_text(json.dumps(result))
    os.replace(unfinished, folder / RESULT)


def _carried_out(plan: dict[str, Any], folder: Path) -> dict[str, Any]:
    files: dict[str, Path] = {id: _checked(**given) for id, given in plan["given"].items()}
    rebuilt = []
    for number, item in enumerate(plan["steps"]):
        if any(id not in files for ids in item["inputs"].values() for id in ids):
            continue  # what failed before is told, and what was to be made of it cannot be
        inputs = {role: [files[id] for id in ids] for role, ids in item["inputs"].items()}
        try:
            made = _made(item, inputs, folder / str(number), plan["cache"] and Path(plan["cache"]))
            files[item["product"]] = Path(made["file"])
        except PellucidError as error:
            made = {"error": {"kind": type(error).__name__, **error.as_dict()}}
        rebuilt.append({"product": item["product"], "name": item["name"], **made})
    return {"rebuilt": rebuilt, "software": software_versions()}


def _made(item: dict[str, Any], inputs: dict[str, Any], stem: Path, cache: Path | None) -> dict[str, Any]:
    provenance = item["provenance"]
    step = step_named(provenance["step"])
    output = stem.with_name(stem.name + step.suffix)
    try:
        step.run(inputs, output, provenance["parameters"], provenance)
    except PellucidError:
        raise
    except Exception as error:
        raise PellucidError(
            f"The step '{step.name}' of today failed where that of then did not.",
            where=item["name"],
            got=f"{type(error).__name__}: {error}",
            mend="replay with the version of the code that made the product, or report it to the author",
            code="step-failed",
        ) from error
    got, _ = hash_file(output)
    code_now = (step.version, code_fingerprint(step.function, cache))
    return {
        "file": str(output),
        "expected_sha256": item["sha256"],
        "got_sha256": got,
        "identical": got == item["sha256"],
        "tolerance": {pattern: list(pair) for pattern, pair in step.tolerance.items()},
        "code_changed": code_now != (provenance["version"], item["code"]),
    }


def _checked(path: str, sha256: str, name: str) -> Path:
    got, size = hash_file(Path(path))
    if got != sha256:
        raise CorruptedInput(
            f"The bytes of '{name}' in the store are damaged.",
            where=path,
            expected=f"sha256 {sha256}",
            got=f"sha256 {got}, {size} bytes",
            mend="ingest the original file again, or repair the archive: pellucid archive repair",
            code="damaged-object",
        )
    return Path(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
