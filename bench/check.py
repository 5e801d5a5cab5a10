# SPDX-License-Identifier: BSD-3-Clause
"""Time to check a million rows of ten columns, in memory beside pandera and from a file; memory of it.

Both hold the same numbers against the same range, without NaN, in the same run; pandera runs in an
environment of its own on the same arrays.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from clock import milliseconds

COLUMNS = 10
RANGE = (-10.0, 10.0)
BOUND = 22.0
"""ms for one column, measured for pandera when this was planned."""


def numbers(rows: int) -> dict[str, Any]:
    """Return the columns: numbers in their range."""
    random = np.random.default_rng(1)
    return {f"c{i}": random.uniform(-9.0, 9.0, rows) for i in range(COLUMNS)}


def contract() -> Any:
    """Return the interface of the columns."""
    from pellucid.interfaces.parse import parse_interface

    lines = "\n".join(
        f'  {{ name = "c{i}", dtype = "float64", range = [-10, 10], example = 1.0, about = "a number" }},'
        for i in range(COLUMNS)
    )
    return parse_interface(
        f"""
id = "I-DATA-COM-3999"
title = "Ten columns"
about = "For the measurement"
version = "1.0.0"
status = "draft"
level = "per array"
parties = [{{ sub_project = "A", role = "provider" }}, {{ sub_project = "B", role = "receiver" }}]
[[deliveries]]
name = "numbers"
product_type = "DL0/Monitoring/Array/Weather"
format = "parquet"
about = "numbers"
columns = [
{lines}
]
"""
    )


def ours(folder: Path, rows: int, repeats: int) -> dict[str, float]:
    """Return our times in ms and memory in MB."""
    from pellucid.formats.delivery.parquet import write_parquet
    from pellucid.formats.delivery.table import BATCH_ROWS, ColumnInfo, Delivered, Values, WrittenColumn
    from pellucid.interfaces.check import check_delivered, check_files

    data, interface = numbers(rows), contract()
    told = {
        "interface": interface.id,
        "interface_version": "1.0.0",
        "product_type": "DL0/Monitoring/Array/Weather",
    }

    def batches() -> Iterator[dict[str, Values]]:
        for first in range(0, rows, BATCH_ROWS):
            yield {name: Values(column[first : first + BATCH_ROWS]) for name, column in data.items()}

    columns = {name: ColumnInfo("float64", (), "") for name in data}

    def in_memory() -> None:
        assert check_delivered(interface, [("memory", Delivered(told, columns, batches))]).ok

    files = {}
    for n in (rows, 4 * rows):
        files[n] = folder / f"{n}.parquet"
        write_parquet(files[n], told, {name: WrittenColumn(column) for name, column in numbers(n).items()})
    memory = [_growth(files[n]) for n in files]
    return {
        "memory": milliseconds(in_memory, repeats),
        "file": milliseconds(lambda: check_files(interface, [files[rows]]), repeats),
        "grows": memory[1] - memory[0],
        "peak": memory[0],
    }


def _growth(path: Path) -> float:
    """Return by how much the check of a file raises the memory of a process that has all it needs, in MB."""
    shown = subprocess.run(
        [sys.executable, __file__, "--memory-of", path], check=True, capture_output=True, text=True
    )
    return float(shown.stdout)


def memory_of(path: Path) -> float:
    """Return the growth of this process's own memory, in MB, pages of mapped files left out."""
    from pellucid.formats.delivery.parquet import read_parquet
    from pellucid.interfaces.check import check_delivered

    interface, most = contract(), 0.0
    opened = read_parquet(path)

    def watched() -> Iterator[Any]:
        nonlocal most
        for batch in opened.batches():
            most = max(most, _anonymous())
            yield batch

    before = _anonymous()
    from dataclasses import replace

    assert check_delivered(interface, [("file", replace(opened, batches=watched))]).ok
    return most - before


def _anonymous() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024.0 for line in lines if line.startswith("RssAnon"))


def theirs(rows: int, repeats: int) -> float:
    """Return pandera's time in ms; runs in its own environment, without Pellucid."""
    import pandas
    import pandera.pandas as pandera

    frame = pandas.DataFrame(numbers(rows))
    column = pandera.Column("float64", pandera.Check.in_range(*RANGE), nullable=False)
    schema = pandera.DataFrameSchema(dict.fromkeys(frame, column), strict=True)
    return milliseconds(lambda: schema.validate(frame), repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--as-peer", type=int, metavar="ROWS", help="time the peer")
    parser.add_argument("--memory-of", type=Path, metavar="FILE", help="measure the memory of one check")
    arguments = parser.parse_args()
    repeats = 3 if arguments.quick else 9
    rows = 1_000_000
    if arguments.memory_of:
        print(memory_of(arguments.memory_of))
        return
    if arguments.as_peer:
        print("\n" + json.dumps(theirs(arguments.as_peer, repeats)))
        return
    from peers import peer_python

    with tempfile.TemporaryDirectory() as folder:
        own = ours(Path(folder), rows, repeats)
    command = [peer_python("pandera"), __file__, "--as-peer", str(rows)]
    shown = subprocess.run(
        [*command, *(["--quick"] if arguments.quick else [])], check=True, capture_output=True, text=True
    )
    peer = float(json.loads(shown.stdout.strip().splitlines()[-1]))
    print(json.dumps(report(own, peer, f"check {rows} rows x {COLUMNS} columns"), indent=1))


def report(own: dict[str, float], peer: float, what: str) -> list[dict[str, Any]]:
    """Return one row a figure, with the peer where it does the same."""
    from peers import peer_version

    beside = {"peer": "pandera", "peer_version": peer_version("pandera"), "ratio": peer / own["memory"]}
    alone = {"peer": None, "peer_version": None, "ratio": None}
    rows = [
        (f"{what}, in memory", own["memory"], "ms", peer, beside),
        (f"{what}, in memory, a column", own["memory"] / COLUMNS, "ms", BOUND, beside),
        (f"{what}, from a Parquet file", own["file"], "ms", None, alone),
        ("memory of the check of a file", own["peak"], "MB", None, alone),
        ("memory of the check of a file four times as long, more", own["grows"], "MB", 8.0, alone),
    ]
    return [{"figure": f, "value": v, "unit": u, "bound": b, **p} for f, v, u, b, p in rows]


if __name__ == "__main__":
    main()
