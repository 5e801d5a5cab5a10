# SPDX-License-Identifier: BSD-3-Clause
"""What the engine costs beside the work: steps that do nothing, in process and through Dask, and second runs.

What the archive takes to keep a product (staging, hashing, flushing to the disk, a transaction for as many as
the engine does together) is measured alone in the same run and subtracted: the rest is the engine. In process
it is told in CPU time, which other work on the machine changes least; so is a command that finds all done.

    python bench/pipeline.py [--quick] [--no-dask]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import batched
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time

REPOSITORY = Path(__file__).resolve().parent.parent
TESTS = [str(REPOSITORY / "tests" / "toy"), str(REPOSITORY / "tests")]
sys.path[:0] = TESTS
os.environ["PYTHONPATH"] = os.pathsep.join([*TESTS, os.environ.get("PYTHONPATH", "")])

import toynight

from pellucid.archive import Product, Workspace
from pellucid.pipeline.cluster import DaskCluster
from pellucid.pipeline.executors import Executor, InProcess
from pellucid.pipeline.graph import Graph, build
from pellucid.pipeline.groups import MOST
from pellucid.pipeline.processes import Processes
from support import toyrun

type Clock = Callable[[], float]

GRAPH = build([replace(toynight.STEPS[0], valid="")])
WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 steps and 2000 products")
    parser.add_argument("--no-dask", action="store_true", help="leave Dask out")
    options = parser.parse_args()
    n, products = (200, 2000) if options.quick else (1000, 10_000)
    with tempfile.TemporaryDirectory(prefix="pellucid-bench-") as name:
        folder = Path(name)
        rows = in_process(folder, n)
        if not options.no_dask:
            rows += through_dask(folder, n)
        rows += workers(folder, 20 if options.quick else 100)
        rows += second_run(folder, products)
    print(json.dumps(rows, indent=2))


def in_process(folder: Path, n: int) -> list[dict[str, object]]:
    """Time a night of n steps and one of a quarter of them, in turns; the best of each is told."""
    engine, whole, wall = Best(), Best(), Best()
    for turn, count in enumerate((20, *(n // 4, n) * 3)):  # the first warms up
        with night(folder / f"process{turn}", count) as workspace:
            begun, start = perf_counter(), process_time()
            report = toyrun.run(workspace, steps=GRAPH)
            total, elapsed = process_time() - start, perf_counter() - begun
            assert report.count("made") == count, report.as_text()
            kept = archive_alone(workspace, report.products, process_time)
            engine.take(count, (total - kept) / count)
            whole.take(count, total / count)
            wall.take(count, elapsed / count)
    return [
        figure("engine in process", engine[n] * 1e3, "ms", 1.0),
        figure("in process, all of it, CPU time", whole[n] * 1e3, "ms"),
        figure("in process, all of it", wall[n] * 1e3, "ms"),
        figure("linear in steps", whole[n] / whole[n // 4], "1", 1.1),
    ]


class Best(dict[int, float]):
    """The shortest time so far for each number of steps."""

    def take(self, count: int, seconds: float) -> None:
        self[count] = min(seconds, self.get(count, seconds))


def through_dask(folder: Path, n: int) -> list[dict[str, object]]:
    with night(folder / "dask", n) as workspace, night(folder / "warm", 50) as warm:
        cluster = DaskCluster(warm.path, "local", WORKERS)
        try:
            toyrun.run(warm, steps=GRAPH, executor=cluster)
            cluster._workspace = str(workspace.path.resolve())
            start = perf_counter()
            report = toyrun.run(workspace, steps=GRAPH, executor=cluster)
            wall = perf_counter() - start
        finally:
            cluster.close()
        assert report.count("made") == n, report.as_text()
        kept = archive_alone(workspace, report.products, perf_counter) / WORKERS
    return [
        figure("engine through Dask", (wall - kept) / n * 1e3, "ms", 5.0),
        figure("through Dask, all of it", wall / n * 1e3, "ms"),
    ]


def workers(folder: Path, n: int) -> list[dict[str, object]]:
    """Time tasks that wait 50 ms, with one worker and with two that are warm."""
    inputs = {"pedestals": toynight.EVENTS}
    waiting = build([replace(toynight.STEPS[0], inputs=inputs, function="toynight:wait", valid="")])
    seconds = []
    for count in (1, WORKERS):
        with night(folder / f"workers{count}", n, toynight.EVENTS) as workspace:
            processes = Processes(workspace.path, count)
            try:
                with night(folder / f"warm{count}", 2 * count, toynight.EVENTS) as warm:
                    timed(warm, waiting, processes)
                seconds.append(timed(workspace, waiting, processes))
            finally:
                processes.close()
    return [figure("linear in workers", seconds[0] / (WORKERS * seconds[1]), "1", 0.9)]


def timed(workspace: Workspace, graph: Graph, executor: Executor) -> float:
    start = perf_counter()
    toyrun.run(workspace, steps=graph, executor=executor)
    return perf_counter() - start


def second_run(folder: Path, n: int) -> list[dict[str, object]]:
    with night(folder / "second", n) as workspace:
        # as a first run would have left it, in bulk
        done = []
        for task in toyrun.plan(workspace, steps=GRAPH).tasks:
            of = task.leader
            cover = {"telescopes": of.telescopes, "time_start": of.start, "time_stop": of.stop}
            done.append(product(workspace, f"product {task.number}", task.step.output, task.key, **cover))
        workspace.archive.catalogue.register_many(done)
        seconds, run = [], 0
        for _ in range(5):
            start = perf_counter()
            report = toyrun.run(workspace, steps=GRAPH, executor=InProcess(workspace.archive))
            seconds.append(perf_counter() - start)
            run += len(report.entries) - report.count("there")
        command = [sys.executable, "-m", "pellucid.cli", "run", "--night", "2026-11-22", "--level", "B"]
        command += ["--steps", "toy-baseline", "--workspace", str(workspace.path)]
        call(command)  # certifies what is there, and tags it
        calls = [call(command) for _ in range(5)]
    return [
        figure(f"second run of {n} products", min(seconds), "s", 1.0),
        figure(f"second run of {n} products, the command", min(wall for wall, _ in calls), "s"),
        figure(f"second run of {n} products, the command, CPU time", min(cpu for _, cpu in calls), "s", 1.0),
        figure(f"second run of {n} products: steps run", run, "1", 0),
    ]


def call(command: list[str]) -> tuple[float, float]:
    """Return the seconds that a command takes, by the clock and of a processor."""
    begun, before = perf_counter(), getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    assert " 0 run, 0 failed" in done.stdout, done.stdout
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return perf_counter() - begun, cpu


def night(folder: Path, n: int, kind: str = toynight.PEDESTAL) -> Workspace:
    """Make a workspace with n raw files that each lead one task."""
    workspace = Workspace.open(folder)
    raw = [
        product(
            workspace,
            json.dumps({"values": [i, i + 1], "tel": i % 100 + 1}),
            kind,
            telescopes=(i % 100 + 1,),
            time_start=toynight.START + i * 10**6,
            time_stop=toynight.START + i * 10**6 + 10**5,
        )
        for i in range(n)
    ]
    workspace.archive.catalogue.register_many(raw)
    return workspace


def product(workspace: Workspace, content: str, kind: str, id: str = "", **cover: object) -> Product:
    data = content.encode()
    key = sha256(data).hexdigest()
    place = workspace.archive.store.place(key)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    origin = {"kind": "derived", "step": "toy-baseline", "step_version": "1", "code": "0" * 64} if id else {}
    return Product(
        **{"kind": "raw", **origin},
        id=id or key,
        product_type=kind,
        sha256=key,
        size=len(data),
        format="toy",
        name="file.toy",
        collection="B" if id else "raw",
        **cover,
    )


def archive_alone(workspace: Workspace, products: list[Product], clock: Clock) -> float:
    """Keep as many products of that size again, with nothing around it; return the time."""
    archive = workspace.archive
    begun = clock()
    for group in batched(products, MOST):
        kept = []
        for made in group:
            with archive.store.staging() as folder:
                output = folder / "product.json"
                output.write_text(f"{made.id} ".ljust(made.size))
                blob = archive.store.adopt(output)
            kept.append(replace(made, id=blob.sha256[::-1], sha256=blob.sha256, size=blob.size))
        archive.catalogue.register_many(kept)
    return clock() - begun


def figure(name: str, value: float, unit: str, bound: float | None = None) -> dict[str, object]:
    return {
        "figure": name,
        "value": round(value, 3),
        "unit": unit,
        "bound": bound,
        "peer": None,
        "peer_version": None,
        "ratio": None,
        "load": round(os.getloadavg()[0], 2),
    }


if __name__ == "__main__":
    main()
