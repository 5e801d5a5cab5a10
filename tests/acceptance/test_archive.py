# SPDX-License-Identifier: BSD-3-Clause
"""The archive: one test per figure that the topic must show; each prints figure | measured | bound."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from acceptance.figures import Figures
from pellucid.archive import Archive, Product, Workspace
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.repair import repair
from pellucid.archive.verify import verify
from pellucid.pipeline.execute import execute
from pellucid.pipeline.steps import step_named
from support.crowd import crowd
from support.histories import run_histories
from support.kills import fresh_processes, kill_at_random, places
from support.postgres import Server
from support.s3 import Bucket

REPOSITORY = Path(__file__).resolve().parents[2]
TOY = REPOSITORY / "tests" / "toy"


def measured(*options: str) -> dict[str, float]:
    command = [sys.executable, REPOSITORY / "bench" / "archive.py", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {row["figure"]: row["value"] for row in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def bench() -> dict[str, float]:
    return measured()


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_look_up_takes_microseconds_in_a_million_products(
    bench: dict[str, float], figures: Figures
) -> None:
    figures.at_most("look-up in 10^6 products, us", bench["SQLite: look-up in 1000000 products"], 50)
    butler = bench["LSST Butler's time over SQLite: look-up in 1000000 products"]
    figures.at_least("LSST Butler's look-up time over ours", butler, 50)
    postgres = bench["LSST Butler's time over PostgreSQL: look-up in 1000000 products"]
    figures.at_least("LSST Butler's look-up time (SQLite) over ours on PostgreSQL", postgres, 1)
    us = bench["PostgreSQL: look-up in 1000000 products"]
    figures.at_most("look-up in 10^6 products on PostgreSQL, us", us, 5400)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_many_products_are_registered_in_a_second(bench: dict[str, float], figures: Figures) -> None:
    figures.at_least("bulk registration, products/s", bench["SQLite: bulk registration"], 50_000)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_ten_million_products_are_as_quick_to_look_up(figures: Figures) -> None:
    large = measured("--products", "10000000", "--no-postgres", "--no-butler")
    growth = large["SQLite: look-up, 10000000 products against 100000"]
    figures.at_most("look-up, 10^7 products against 10^5", growth, 1.5)
    figures.at_most("look-up in 10^7 products, us", large["SQLite: look-up in 10000000 products"], 50)


@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_a_hundred_flipped_bits_are_found_named_and_repaired(
    store: str,
    full: bool,
    tmp_path: Path,
    figures: Figures,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket: Bucket | None = request.getfixturevalue("bucket") if store == "bucket" else None
    monkeypatch.syspath_prepend(TOY)
    monkeypatch.setenv("PYTHONPATH", str(TOY))
    count, add = step_named("toy-count"), step_named("toy-add")
    chance = random.Random(20261123)
    runs = 25 if full or bucket is None else 5  # a server answers more slowly
    url = bucket.url if bucket is not None else None
    with Workspace.open(tmp_path / "ws", store=url) as workspace:
        archive = workspace.archive
        files, products = [], []
        for number in range(runs):
            files.append(tmp_path / f"run{number}.simtel")
            files[-1].write_bytes(b"\x37\x8a\x1f\xd4" + chance.randbytes(2000))
            raw, _ = archive.ingest(files[-1])
            pair = [execute(archive, count, {"events": raw}, {"factor": f}).product for f in (1, 2)]
            total = execute(archive, add, dict(zip(("left", "right"), pair, strict=True))).product
            products += [raw, *pair, total]
        for product in products:
            flip(archive, product, chance, bucket)
        named = {id for p in verify(archive).problems if p.kind == "damaged" for id in p.products}
        n = len(products)
        figures.equal(f"{store}: bit flips found and named, of {n}", len(named & {p.id for p in products}), n)
        asked = [m for m in repair(archive) if "ingest the original file" in m.what]
        figures.equal(f"{store}: raw files that are asked for again, of {runs}", len(asked), runs)
        for path in files:
            archive.ingest(path)
        mended = [m for m in repair(archive) if m.mended]
        figures.equal(f"{store}: derived products mended to the bit, of {n - runs}", len(mended), n - runs)
        figures.equal(f"{store}: problems after that", len(verify(archive).problems), 0)


def flip(archive: Archive, product: Product, chance: random.Random, bucket: Bucket | None) -> None:
    """Flip one bit of a product's object, as a bad disk does."""
    key = f"{product.sha256[:2]}/{product.sha256[2:]}"
    path = archive.path(product)
    content = bytearray(path.read_bytes() if bucket is None else bucket.get(key))
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    if bucket is None:
        path.chmod(0o644)
        path.write_bytes(content)
    else:
        bucket.put(key, bytes(content))


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    with fresh_processes() as context:
        yield context


def database(engine: str, request: pytest.FixtureRequest) -> Callable[[], str | None]:
    """Return what makes a new index: nothing for SQLite, else an empty database."""
    if engine == "SQLite":
        return lambda: None
    server: Server = request.getfixturevalue("postgres")
    return server.database


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["SQLite", "PostgreSQL"])
def test_eight_processes_share_one_archive(
    processes: ForkServerContext,
    tmp_path: Path,
    engine: str,
    full: bool,
    figures: Figures,
    request: pytest.FixtureRequest,
) -> None:
    seconds = 60 if full else 3
    account = crowd(processes, tmp_path, database(engine, request)(), seconds)
    figures.at_least(f"{engine}: pieces done by 8 processes in {seconds} s", account.pieces, 8)
    figures.equal(f"{engine}: errors", account.errors, 0)
    figures.equal(f"{engine}: pieces done twice", account.twice, 0)
    figures.equal(f"{engine}: overlaps", account.overlaps, 0)
    figures.equal(f"{engine}: products not accounted for", account.unaccounted, 0)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("engine", ["SQLite", "PostgreSQL"])
def test_random_histories_are_those_of_the_model(
    tmp_path: Path, engine: str, figures: Figures, request: pytest.FixtureRequest
) -> None:
    """`make test` runs 1000 on each engine in tests/archive/test_model.py."""
    count = int(os.environ.get("PELLUCID_HISTORIES", "2000"))
    catalogue = Catalogue(database(engine, request)() or tmp_path / "index.sqlite")
    figures.at_least(
        f"{engine}: random histories as the model tells them", run_histories(catalogue, count), count
    )
    catalogue.close()


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["folder", "server", "bucket"])
def test_nothing_is_lost_or_half_visible_when_processes_are_killed(
    processes: ForkServerContext,
    tmp_path: Path,
    kind: str,
    figures: Figures,
    request: pytest.FixtureRequest,
) -> None:
    """The short form is in tests/faults; each assertion on the way is about a half or a lost product."""
    kills = int(os.environ.get("PELLUCID_KILLS", "200"))
    reached = kill_at_random(processes, tmp_path, kills, places(kind, request))
    where = {"folder": "SQLite", "server": "PostgreSQL", "bucket": "SQLite, store in a bucket"}[kind]
    figures.equal(f"{where}: random kills survived whole, and completed", reached.total(), kills)
    figures.at_least(f"{where}: stages at which they came", len(reached), 5)
