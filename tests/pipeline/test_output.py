# SPDX-License-Identifier: BSD-3-Clause
"""What a step wrote is no product where it is of another format, or not as its interface says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pellucid.archive import Workspace
from pellucid.errors import PellucidError
from pellucid.interfaces import registry
from pellucid.interfaces.fake import fake
from pellucid.interfaces.parse import parse_interface
from pellucid.pipeline.execute import execute
from pellucid.pipeline.intake import take_in
from pellucid.pipeline.output import check_written
from pellucid.pipeline.step import Step

WIND = "DL1/Monitoring/Subarray/ToyWind"
INTERFACE = f"""
id = "I-DATA-TOY-0001"
title = "Wind"
about = "Wind at three masts"
version = "1.0.0"
status = "draft"
level = "per array"
product_types = {{ ToyWind = "wind at three masts" }}
parties = [
  {{ sub_project = "CALIB", role = "provider", responsibles = {{ CALIB = "lead" }} }},
  {{ sub_project = "DATA", role = "receiver", responsibles = {{ DM = "coordinator" }} }},
]

[[deliveries]]
name = "wind"
product_type = "{WIND}"
format = "parquet"
about = "wind in each minute"
cadence = "1 min"
cadence_tolerance = "5 s"
latency = "10 min"
time = "time"

[[deliveries.columns]]
name = "time"
dtype = "int64"
unit = "ns"
time_scale = "tai"
monotonic = "strict"
about = "start"

[[deliveries.columns]]
name = "speed"
dtype = "float64"
unit = "m/s"
shape = [3]
range = [0, 90]
example = 5.0
about = "mean"
"""

GOOD: list[Path] = []


def write(inputs: Any, output: Path, parameters: Mapping[str, Any], provenance: Any) -> dict[str, Any]:
    """Write a good table, or one with the fault that is asked for."""
    table = pq.read_table(GOOD[0])
    speed = np.array(table["speed"].to_pylist())
    field = table.schema.field("speed")
    match parameters["fault"]:
        case "shape":
            speed = np.column_stack([speed, speed[:, 0]])
        case "nan":
            speed[1] = np.nan
        case "range":
            speed += 100.0
        case "unit":
            field = field.with_metadata({b"unit": b"km/h"})
        case "none":
            table = table.drop_columns(["speed"])
        case "text":
            output.write_text("speed: 5 m/s")
            return {}
    if "speed" in table.column_names:
        values: Sequence[Any] = [list(row) for row in speed]
        field = pa.field("speed", pa.list_(pa.float64(), speed.shape[1]), metadata=field.metadata)
        column = pa.array(values, field.type)
        table = table.set_column(table.column_names.index("speed"), field, column)
    pq.write_table(table, output)
    return {}


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    interface = parse_interface(INTERFACE)
    monkeypatch.setattr(registry, "_installed", lambda: (interface,))
    monkeypatch.setattr(f"{__name__}.GOOD", fake(interface, tmp_path / "fake", seed=1))
    return Step(
        name="toy-wind",
        version="1",
        function=f"{__name__}:write",
        inputs={"weather": "DL0/Monitoring/Subarray/ToyWeather"},
        output=WIND,
        format="parquet",
        suffix=".parquet",
        parameters={"fault": ""},
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("shape", "shape"),
        ("nan", "nan"),
        ("range", "range"),
        ("unit", "unit"),
        ("none", "missing"),
        ("text", "nobody knows which"),
    ],
)
def test_what_is_not_as_declared_is_no_product(
    toy: ModuleType, workspace: Workspace, inbox: Path, step: Step, fault: str, told: str
) -> None:
    weather, _ = take_in(workspace.archive, toy.deliver(inbox, "weather", 0, 6))
    with pytest.raises(PellucidError) as caught:
        execute(workspace.archive, step, {"weather": weather}, {"fault": fault})
    assert (caught.value.code, "step toy-wind" in caught.value.where) == ("wrong-output", True)
    assert told in caught.value.got.lower()
    assert workspace.archive.find(kind="derived") == []
    assert not list((workspace.path / "store" / "staging").iterdir())
    assert execute(workspace.archive, step, {"weather": weather}).product.product_type == WIND


@pytest.mark.parametrize(
    ("content", "format", "got"),
    [
        (b"text", "hdf5", "nobody knows which"),
        (b"PAR1", "hdf5", "parquet"),
        (b"\x89HDF\r\n\x1a\n", "fits-image", "hdf5"),
        (b"\x89HDF\r\n\x1a\n", "hdf5", ""),
        (b"anything", "of-my-own", ""),
    ],
)
def test_files_tell_their_format(tmp_path: Path, content: bytes, format: str, got: str) -> None:
    path = tmp_path / "output"
    path.write_bytes(content)
    if not got:
        check_written(path, step="one", format=format, product_type="DL1/Model/Array/One")
        return
    with pytest.raises(PellucidError) as caught:
        check_written(path, step="one", format=format, product_type="DL1/Model/Array/One")
    assert caught.value.code == "wrong-output"
    assert got in caught.value.got
