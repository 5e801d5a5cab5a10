# SPDX-License-Identifier: BSD-3-Clause
"""The pipeline: one test per line of what the topic must show; each prints figure | measured | bound."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acceptance.figures import Figures
from pellucid.archive import Workspace
from pellucid.formats.cover import outside_formats
from pellucid.pipeline.executors import Executor, executor_of
from pellucid.pipeline.levels import FALLBACKS, Level
from support import toyrun
from support.command import PELLUCID, kill_once
from support.cwl import CWLTOOL, made_by_cwltool
from support.realnight import NIGHT, WANTED, deliver_real_night, run_real_night
from support.toywatch import feed, minutes_of, watch_of

REPOSITORY = Path(__file__).resolve().parents[2]
ASKED = ["run", "--night", "2026-11-22", "--level", "B", "--steps", "toy-array", "--json"]


@pytest.fixture(scope="module")
def toy() -> Iterator[ModuleType]:
    """Install the miniature night, here and for processes started from here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toyrun.TOY)
        patch.setenv("PYTHONPATH", toyrun.python_path())
        outside_formats.cache_clear()
        import toynight

        yield toynight
    outside_formats.cache_clear()


@pytest.fixture(scope="module")
def files(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    delivered: list[Path] = toy.deliver_night(tmp_path_factory.mktemp("inbox"))
    return delivered


@pytest.fixture(scope="module")
def reference(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one process makes of the night, in order."""
    return made(tmp_path_factory.mktemp("serial") / "ws", files)


def made(
    folder: Path, files: list[Path], executor: str = "", seed: int | None = None, **choices: Any
) -> dict[str, str]:
    """Run the night in a fresh workspace and return product ids and the hashes of their bytes."""
    with Workspace.open(folder) as workspace:
        toyrun.take_all(workspace, files, seed)
        doer: Executor = executor_of(
            workspace.path, workspace.archive, 2 if executor else 0, "local" if executor == "dask" else ""
        )
        try:
            report = toyrun.run(workspace, executor=doer, **choices)
        finally:
            doer.close()
        assert report.exit_code == 0, report.as_text()
        return toyrun.outcome(workspace)


def call(*arguments: str | Path, folder: Path, packages: Path = toyrun.TOY) -> Any:
    """Call the command in a process of its own and return its JSON document."""
    done = subprocess.run(
        [*PELLUCID, *map(str, arguments), "--workspace", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": toyrun.python_path(packages)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_every_way_of_running_makes_the_same(
    files: list[Path], reference: dict[str, str], tmp_path: Path, full: bool, figures: Figures
) -> None:
    assert len(reference) == 10
    chance = random.Random(4)
    for trial in range(20 if full else 2):
        effort = {"chunk_events": chance.randrange(1, 30)}
        got = made(tmp_path / f"order{trial}", files, seed=trial, effort=effort)
        assert got == reference
    figures.equal("random order and chunks: products that differ", differing(got, reference), 0)
    figures.equal(
        "2 processes: products that differ",
        differing(made(tmp_path / "two", files, "processes"), reference),
        0,
    )
    figures.equal(
        "Dask cluster: products that differ", differing(made(tmp_path / "dask", files, "dask"), reference), 0
    )


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], dict[str, str]]:
    """The files of simulated cameras and a LIDAR, and what one process makes of them."""
    files = deliver_real_night(tmp_path_factory.mktemp("instruments"))
    with Workspace.open(tmp_path_factory.mktemp("real") / "ws") as workspace:
        toyrun.take_all(workspace, files)
        run_real_night(workspace)
        return files, toyrun.outcome(workspace)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", ["processes", "dask", "processes, other chunks", "killed", "cwltool"])
@pytest.mark.full
def test_a_real_night_is_the_same_in_every_way(
    real: tuple[list[Path], dict[str, str]], way: str, tmp_path: Path, figures: Figures
) -> None:
    files, wanted = real
    asked = ["--night", NIGHT, "--level", "B", "--steps", ",".join(WANTED)]
    with Workspace.open(tmp_path / "ws") as workspace:
        toyrun.take_all(workspace, files, seed=3)
        if way == "cwltool":
            unlike = {*made_by_cwltool(asked, workspace.path, tmp_path)} ^ {*wanted.values()}
            figures.equal("real night, cwltool: files that differ", len(unlike), 0)
            return
        if way == "killed":
            arguments, kills, chance = ["run", *asked, "--json"], 0, random.Random(9)
            while kill_once(arguments, workspace.path, chance.uniform(0.5, 6.0) if kills < 5 else 600.0):
                kills, arguments = kills + 1, ["run", "--resume", "--json"]
            figures.at_least("real night: moments at which the run was killed", kills, 3)
        else:
            run_real_night(workspace, way.partition(",")[0], {"chunk_events": 7} if "chunks" in way else None)
        unlike = toyrun.outcome(workspace).items() ^ wanted.items()
        figures.equal(f"real night, {way}: products that differ", len(unlike), 0)


def differing(one: dict[str, str], other: dict[str, str]) -> int:
    return len(one.items() ^ other.items())


@pytest.mark.timeout(900)
def test_a_run_killed_at_random_moments_makes_the_same(
    files: list[Path], tmp_path: Path, full: bool, figures: Figures
) -> None:
    slowly = ["--set", "steps.toy-images.seconds=0.05"]
    wanted = made(tmp_path / "whole", files, parameters={"toy-images": {"seconds": 0.05}})
    chance, kills, nights, wrong = random.Random(5), 0, 0, 0
    goal = 50 if full else 2
    while kills < goal:
        folder = tmp_path / f"killed{nights}"
        nights += 1
        with Workspace.open(folder) as workspace:
            toyrun.take_all(workspace, files)
        arguments = [
            *ASKED,
            *slowly,
            "--workers",
            str(2 * (nights % 2)),
        ]  # every other night in two processes
        while kill_once(arguments, folder, chance.uniform(0.0, 0.7) if kills < goal else 60.0):
            kills += 1
            arguments = ["run", "--resume", "--json", *slowly]
        with Workspace.open(folder) as workspace:
            wrong += differing(toyrun.outcome(workspace), wanted)
    figures.at_least("random moments at which a run was killed", kills, goal)
    figures.equal("products that differ after resuming", wrong, 0)


# what decides which inputs are taken has to agree; all else may differ
_policies = st.builds(
    dict,
    deadline=st.floats(1, 1e6),
    limit=st.floats(60, 1e4),
    hold=st.floats(0, 1e6),
    fallback=st.lists(st.sampled_from(FALLBACKS), unique=True).map(tuple),
    path=st.permutations(["A", "B", "C/2027"]).map(tuple),
    replaces=st.booleans(),
    source=st.sampled_from(["arrivals", "night"]),
    window=st.floats(1200, 43200),
    statistics=st.floats(0.0, 3.0),
    neighbours=st.sampled_from([(), ((1, 2),), ((1, 1), (2, 3))]),
)


def test_level_a_on_complete_inputs_is_level_b(
    files: list[Path], reference: dict[str, str], full: bool, figures: Figures
) -> None:
    examples = 40 if full else 4
    count = 0

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(_policies)
    def check(choices: dict[str, Any]) -> None:
        nonlocal count
        policy: Level = replace(toyrun.level("A"), **choices)
        with TemporaryDirectory() as folder:
            assert made(Path(folder) / "ws", files, policy=policy) == reference
        count += 1

    check()
    figures.at_least("random policies of level A that agree with level B to the byte", count, examples)


@pytest.mark.timeout(900)
def test_a_watch_loses_and_doubles_nothing(
    toy: ModuleType, tmp_path: Path, full: bool, figures: Figures
) -> None:
    seconds, kills, rate = (180, 10, 10.0) if full else (4, 1, 10.0)
    inbox, folder = tmp_path / "inbox", tmp_path / "ws"
    inbox.mkdir()
    feeder = threading.Thread(target=feed, args=(toy, inbox, seconds, rate))
    arguments = [
        "watch",
        str(inbox),
        "--steps",
        "toy-images",
        "--settle",
        "0.2",
        "--json",
        "--workspace",
        str(folder),
    ]
    chance, reports = random.Random(6), []
    feeder.start()
    for _ in range(kills):
        process = subprocess.Popen(
            [*PELLUCID, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.4, 1.6) * seconds / (kills + 1))
        process.kill()
        process.wait()
        reports += [json.loads(p.read_text()) for p in (folder / "watch").glob("*.json")]
    done = subprocess.run(
        [*PELLUCID, *arguments, "--until-idle", "3"], capture_output=True, text=True, check=False
    )
    feeder.join()
    reports.append(json.loads(done.stdout))
    delivered = sorted(inbox.iterdir())
    with Workspace.open(folder) as workspace:
        raw = workspace.archive.find(kind="raw")
        got = toyrun.outcome(workspace)
    wanted = made(tmp_path / "serial", delivered, steps=toyrun.graph("toy-images"))
    figures.equal(f"files fed at {rate:g} a second that were lost", len(delivered) - len(raw), 0)
    figures.equal(
        "products that are missing, doubled or differ from a run of the night", differing(got, wanted), 0
    )
    lags = [report["lag"].get(name, {}).get("most", 0.0) for report in reports for name in report["lag"]]
    for name, lag in reports[-1]["lag"].items():
        print(f"lag of {name}: median {lag['median']} s, most {lag['most']} s")
    pace = (max(minutes_of(toy, p) for p in delivered) * 60.0) / seconds
    figures.at_least("time that the files cover, in units of the time of feeding", pace, 10.0)
    figures.at_most("longest lag, s (deadline of level A)", max(lags), 30.0)
    figures.equal("deadlines missed", [words for report in reports for words in report["late"]], [])


def test_a_watch_makes_what_a_run_of_the_night_makes(
    files: list[Path], reference: dict[str, str], tmp_path: Path, figures: Figures
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with Workspace.open(tmp_path / "ws") as workspace:
        policy = replace(toyrun.level("A"), window=toyrun.level("B").window)
        watch = watch_of(workspace, inbox, policy=policy)
        for path in random.Random(8).sample(files, len(files)):
            (inbox / path.name).write_bytes(path.read_bytes())
            watch.cycle()
        got = toyrun.outcome(workspace)
    missing = len(reference.items() - got.items())
    figures.equal("products of level B that a watch at level A has not made to the byte", missing, 0)


def test_after_an_edit_only_what_depends_and_changes_is_run(
    files: list[Path], tmp_path: Path, figures: Figures
) -> None:
    packages = tmp_path / "packages"
    subprocess.run(["cp", "-r", str(toyrun.TOY), str(packages)], check=True)
    source = packages / "toynight.py"

    def edit(old: str, new: str) -> None:
        text = source.read_text()
        assert text.count(old) == 1
        source.write_text(text.replace(old, new))

    def ran() -> dict[str, int]:
        report = call(*ASKED, folder=tmp_path / "ws", packages=packages)
        return {name: counts["made"] for name, counts in report["steps"].items()}

    with Workspace.open(tmp_path / "ws") as workspace:
        toyrun.take_all(workspace, files)
    assert sum(ran().values()) == 10
    figures.equal("run again, steps that are run", sum(ran().values()), 0)
    edit('    return {"charge": total}\n', '    total = 0 + total\n    return {"charge": total}\n')
    same = {"toy-baseline": 0, "toy-images": 6, "toy-array": 0}
    figures.equal("run after an edit that changes no byte", ran(), same)
    edit("write(output, provenance, charge=total,", "write(output, provenance, charge=total + 1,")
    other = {"toy-baseline": 0, "toy-images": 6, "toy-array": 1}
    figures.equal("run after an edit that changes bytes", ran(), other)


def test_the_outside_example_works_unmodified(tmp_path: Path, figures: Figures) -> None:
    outside = REPOSITORY / "tests" / "outside"
    lines = sum(
        len(path.read_text().splitlines())
        for path in outside.rglob("*")
        if path.suffix in (".py", ".toml", ".txt") and "__pycache__" not in path.parts
    )
    figures.at_most("lines of the outside package", lines, 99)
    delivered = []
    for seed in ("1", "2"):
        fake = ["interfaces", "fake", "I-DATA-HAIL-0001", "-o", tmp_path / seed, "--seed", seed, "--json"]
        call(*fake, folder=tmp_path / "ws", packages=outside)
        delivered += (tmp_path / seed).glob("*.parquet")
    call("ingest", *delivered, "--json", folder=tmp_path / "ws", packages=outside)
    asked = ["run", "--night", "2026-11-23", "--level", "B", "--steps", "hail-rate", "--json"]
    call(*asked, folder=tmp_path / "ws", packages=outside)
    found = call("find", "--type", "*/HailRate", "--json", folder=tmp_path / "ws", packages=outside)
    figures.equal("products of its own type", len(found["products"]), 1)
    page = (REPOSITORY / "docs" / "howto" / "extend.md").read_text()
    for path in (outside / "hail" / "__init__.py", outside / "hail" / "I-DATA-HAIL-0001.toml"):
        body = path.read_text().partition("\n")[2]
        figures.equal(f"{path.name} is in the documentation as it is", body in page, True)


def test_cwltool_makes_the_same_bytes(
    files: list[Path],
    reference: dict[str, str],
    toy: ModuleType,
    tmp_path: Path,
    full: bool,
    figures: Figures,
) -> None:
    if not CWLTOOL.exists():
        pytest.skip("cwltool is not installed: run 'make peers'")
    if not full:
        files = [f for f in files if f.name.split("_")[1] in "01" and not f.name.startswith("events_1_26")]
        reference = {}
    steps = "toy-array" if full else "toy-images"
    with Workspace.open(tmp_path / "ws") as workspace:
        toyrun.take_all(workspace, files)
    asked = ["--night", "2026-11-22", "--level", "B", "--steps", steps]
    got = made_by_cwltool(asked, tmp_path / "ws", tmp_path)
    if not reference:
        call("run", *asked, "--json", folder=tmp_path / "ws")
        with Workspace.open(tmp_path / "ws") as workspace:
            reference = toyrun.outcome(workspace)
    figures.equal("files of cwltool with other bytes than ours", len({*got} ^ {*reference.values()}), 0)


@pytest.fixture(scope="module")
def bench() -> dict[str, float]:
    command = [sys.executable, REPOSITORY / "bench" / "pipeline.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {row["figure"]: row["value"] for row in json.loads(done.stdout)}


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_the_engine_costs_little_and_is_linear(bench: dict[str, float], figures: Figures) -> None:
    figures.at_most("engine, 1000 no-op steps in process, ms each", bench["engine in process"], 1.0)
    figures.at_most("engine, 1000 no-op steps through Dask, ms each", bench["engine through Dask"], 5.0)
    figures.at_most("1000 steps against 250, time a step", bench["linear in steps"], 1.1)
    figures.at_least("2 workers against 1, share of twice the speed", bench["linear in workers"], 0.9)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_second_run_of_an_unchanged_night_takes_a_second(bench: dict[str, float], figures: Figures) -> None:
    figures.equal("steps run", bench["second run of 10000 products: steps run"], 0)
    figures.at_most("second run of 10000 products, s", bench["second run of 10000 products"], 1.0)
    print(f"the whole command, by the clock: {bench['second run of 10000 products, the command']} s")
    command = bench["second run of 10000 products, the command, CPU time"]
    figures.at_most("the same, the whole command, s of a processor", command, 1.0)
