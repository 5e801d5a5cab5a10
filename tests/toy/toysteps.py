# SPDX-License-Identifier: BSD-3-Clause
"""Steps of an outside package, small enough to know every byte they write."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pellucid.errors import InsufficientStatistics
from pellucid.pipeline.step import Step


def count(
    inputs: Mapping[str, Path],
    output: Path,
    parameters: Mapping[str, Any],
    provenance: Mapping[str, Any],
    *,
    progress: Callable[[int, int, str], object] | None = None,
) -> dict[str, Any]:
    content = inputs["events"].read_bytes()
    total = sum(content) * parameters["factor"]
    if progress is not None:
        progress(len(content), len(content), "B")
    _write(output, {"total": total}, provenance)
    return {
        "obs_id": 7,
        "telescopes": [3, 1],
        "time_start": 100,
        "time_stop": 200,
        "flags": ["partial"] if parameters["keep"]["partial"] else [],
        "total": total,
    }


def add(
    inputs: Mapping[str, Path],
    output: Path,
    parameters: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    totals = [json.loads(inputs[role].read_text())["total"] for role in ("left", "right")]
    _write(output, {"total": sum(totals)}, provenance)
    return {"total": sum(totals)}


def fail(inputs: Any, output: Path, parameters: Any, provenance: Any) -> dict[str, Any]:
    output.write_text("half of it")
    raise InsufficientStatistics("Too few events.", expected="9", got="3")


def fickle(inputs: Any, output: Path, parameters: Any, provenance: Any) -> dict[str, Any]:
    output.write_bytes(os.urandom(16))
    return {}


def idle(inputs: Any, output: Path, parameters: Any, provenance: Any) -> dict[str, Any]:
    return {}


def _write(output: Path, content: dict[str, Any], provenance: Mapping[str, Any]) -> None:
    output.write_text(json.dumps({**content, "provenance": provenance}, sort_keys=True))


RAW, DL1 = "DL0/Event/*/*", "DL1/Event/Subarray/Observation"

STEPS = (
    Step(
        name="toy-count",
        version="1.0",
        function="toysteps:count",
        inputs={"events": RAW},
        output=DL1,
        format="json",
        suffix=".dl1.json",
        parameters={"factor": 2.0, "keep": {"partial": False}, "order": [1, 2]},
    ),
    Step(
        name="toy-add",
        version="2.1",
        function="toysteps:add",
        inputs={"left": DL1, "right": DL1},
        output="DL2/Event/Subarray/Observation",
        format="json",
        suffix=".dl2.json",
    ),
    *(
        Step(
            name=f"toy-{name}",
            version="1",
            function=f"toysteps:{name}",
            inputs={"events": RAW},
            output=DL1,
            format="json",
            alternative=True,
        )
        for name in ("fail", "fickle", "idle")
    ),
)
