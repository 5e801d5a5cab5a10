# SPDX-License-Identifier: BSD-3-Clause
"""The archive: one test per figure that the topic must show; each prints figure | measured | bound."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.figures import Figures
from pellucid.archive import Workspace
from pellucid.archive.repair import repair
from pellucid.archive.verify import verify

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench() -> dict[str, float]:
    command = [sys.executable, REPOSITORY / "bench" / "archive.py", "--no-postgres"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {row["figure"]: row["value"] for row in json.loads(done.stdout)}


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_look_up_takes_microseconds_in_a_million_products(
    bench: dict[str, float], figures: Figures
) -> None:
    figures.at_most("look-up in 10^6 products, us", bench["SQLite: look-up in 1000000 products"], 50)
    growth = bench["SQLite: look-up, 1000000 products against 100000"]
    figures.at_most("look-up, 10^6 products against 10^5", growth, 1.5)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_many_products_are_registered_in_a_second(bench: dict[str, float], figures: Figures) -> None:
    figures.at_least("bulk registration, products/s", bench["SQLite: bulk registration"], 50_000)


def test_a_hundred_flipped_bits_are_found_and_named(tmp_path: Path, figures: Figures) -> None:
    chance = random.Random(20261123)
    with Workspace.open(tmp_path / "ws") as workspace:
        archive = workspace.archive
        files = [tmp_path / f"run{number}.simtel" for number in range(100)]
        products = []
        for path in files:
            path.write_bytes(b"\x37\x8a\x1f\xd4" + chance.randbytes(2000))
            products.append(archive.ingest(path)[0])
        for product in products:
            path = archive.path(product)
            content = bytearray(path.read_bytes())
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.chmod(0o644)
            path.write_bytes(content)
        named = {id for p in verify(archive).problems if p.kind == "damaged" for id in p.products}
        figures.equal("bit flips found and named, of 100", len(named & {p.id for p in products}), 100)
        asked = [m for m in repair(archive) if "ingest the original file" in m.what]
        figures.equal("raw files that are asked for again, of 100", len(asked), 100)
        for path in files:
            archive.ingest(path)
        figures.equal("problems once they were given again", len(verify(archive).problems), 0)
