# SPDX-License-Identifier: BSD-3-Clause
"""Look-up by type, device and time, and bulk registration, in archives of growing size.

The archive holds calibrations of 100 telescopes in five types, each certified for its own ten minutes.
Every look-up asks for another random telescope, type and moment through the Python interface, on SQLite
and on PostgreSQL where that is installed. The references are the same question to a bare table in SQLite, and
to LSST's Butler, in an environment of its own (`make peers`) and in a much smaller repository, since it takes
a second for a few hundred products. What rows cost that are ready, and go into the same tables through the
driver alone, is told beside the registration. Progress goes to standard error.

    python bench/archive.py [--quick] [--products N] [--no-postgres] [--postgres-products N] [--no-butler]
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, perf_counter_ns, process_time

from made_up import postgres
from peers import REPOSITORY, peer_python, peer_version
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.product import Product

TYPES = [
    f"DL1/Monitoring/Telescope/{name}" for name in ("Pedestal", "FlatField", "Gain", "Timing", "Pointing")
]
TELESCOPES, STEP, BATCH = 100, 600 * 10**9, 100_000
BOUND_US, BOUND_RATE, BOUND_GROWTH = 50.0, 50_000.0, 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10^5 products and 2000 look-ups")
    parser.add_argument("--products", type=int, default=1_000_000, help="size of the large archive")
    parser.add_argument("--no-postgres", action="store_true", help="leave PostgreSQL out")
    parser.add_argument("--postgres-products", type=int, help="size of the archive there, if not the same")
    parser.add_argument("--no-butler", action="store_true", help="leave LSST's Butler out")
    options = parser.parse_args()
    if not options.no_butler:
        peer_python("butler")  # what is missing is told before the work
    n = 100_000 if options.quick else options.products
    with tempfile.TemporaryDirectory(prefix="pellucid-bench-") as folder:
        bare = bare_sqlite(Path(folder) / "bare.sqlite", n)
        rows = [figure("bare SQLite: look-up", bare, "us")]
        rows += measure("SQLite", Path(folder) / "index.sqlite", n, bare)
        floor = bare_filling(Path(folder) / "index.sqlite", Path(folder) / "empty.sqlite")
        rows.append(figure("bare SQLite: the same rows in a second of CPU", floor, "products/s"))
        if not options.no_postgres:
            with postgres.server() as server:
                rows += measure("PostgreSQL", server.database(), options.postgres_products or n, bare)
        if not options.no_butler:
            rows += butler(1000 if options.quick else 10_000, rows)
    rows.append(figure("peak of memory", getrusage(RUSAGE_SELF).ru_maxrss / 1024, "MiB"))
    print(json.dumps(rows, indent=2))


def measure(engine: str, where: Path | str, n: int, bare: float) -> list[dict[str, object]]:
    """Fill an archive in two stages, look things up after each."""
    catalogue = Catalogue(where)
    small = min(n // 10, BATCH)
    filling = fill(catalogue, n, small)
    rates = [next(filling)]
    first = looked_up(catalogue, small)
    rates += list(filling)
    last = looked_up(catalogue, n)
    catalogue.close()
    registered = n / sum(r[0] for r in rates)
    certified = n / sum(r[1] for r in rates)
    of_cpu = n / sum(r[2] for r in rates)
    embedded = engine == "SQLite"
    return [
        figure(f"{engine}: look-up in {small} products", first, "us", BOUND_US if embedded else None, bare),
        figure(f"{engine}: look-up in {n} products", last, "us", BOUND_US if embedded else None, bare),
        figure(f"{engine}: look-up, {n} products against {small}", last / first, "1", BOUND_GROWTH),
        figure(f"{engine}: bulk registration", registered, "products/s", BOUND_RATE if embedded else None),
        # the same where nobody else wants the processor
        figure(f"{engine}: bulk registration in a second of CPU", of_cpu, "products/s"),
        figure(f"{engine}: bulk certification", certified, "products/s"),
    ]


def butler(n: int, ours: list[dict[str, object]]) -> list[dict[str, object]]:
    """Ask LSST's Butler the same, right after."""
    command = [peer_python("butler"), REPOSITORY / "bench" / "butler_peer.py", str(n)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    peer = json.loads(done.stdout)
    version = f"lsst-daf-butler {peer_version('butler', 'lsst-daf-butler')}"
    rows = [figure(f"LSST Butler: look-up in {peer['products']} products", peer["us"], "us")]
    for row in ours:
        name, value = str(row["figure"]), row["value"]
        if ": look-up in" in name and isinstance(value, float):
            ratio = figure(f"LSST Butler's time over {name}", peer["us"] / value, "1", None, peer["us"])
            rows.append(ratio | {"peer_version": version, "ratio": ratio["value"]})
    return rows


def fill(catalogue: Catalogue, n: int, batch: int) -> Iterator[tuple[float, float, float]]:
    """Register and certify products batch by batch; yield the seconds that each took, and those of CPU."""
    for first in range(0, n, batch):
        products = [product(i) for i in range(first, min(first + batch, n))]
        start, busy = perf_counter(), process_time()
        catalogue.register_many(products)
        middle, busy = perf_counter(), process_time() - busy
        catalogue.validity.certify_many([(p, p.time_start or 0, p.time_stop or 0) for p in products], "B")
        yield middle - start, perf_counter() - middle, busy
        print(f"{min(first + batch, n)} of {n} products", file=sys.stderr)


def product(number: int) -> Product:
    key = sha256(number.to_bytes(8)).hexdigest()
    slot, start = place(number)
    return Product(
        id=key,
        product_type=TYPES[slot % len(TYPES)],
        kind="raw",
        sha256=key,
        size=1000,
        format="hdf5",
        name=f"calibration{number}.h5",
        obs_id=number // 500,
        telescopes=(slot // len(TYPES),),
        category="B",
        time_start=start,
        time_stop=start + STEP,
        summary={"n": number},
    )


def place(number: int) -> tuple[int, int]:
    """Return the slot (type and telescope) and the start of the n-th product."""
    slots = len(TYPES) * TELESCOPES
    return number % slots, 10**18 + (number // slots) * STEP


def questions(n: int) -> list[tuple[str, int, int]]:
    chance = random.Random(20261123)
    asked = []
    for _ in range(2000 if n <= 100_000 else 20_000):
        slot, start = place(chance.randrange(n))
        asked.append((TYPES[slot % len(TYPES)], slot // len(TYPES), start + chance.randrange(STEP)))
    return asked


def looked_up(catalogue: Catalogue, n: int) -> float:
    def ask(kind: str, telescope: int, at: int) -> None:
        found = catalogue.lookup(kind, telescope, at, "B")
        assert found.start <= at < found.stop
        assert found.product.telescopes == (telescope,)

    return median_us(ask, questions(n))


def median_us(ask: Callable[[str, int, int], object], asked: list[tuple[str, int, int]]) -> float:
    for one in asked[:200]:
        ask(*one)
    times = []
    for one in asked:
        start = perf_counter_ns()
        ask(*one)
        times.append(perf_counter_ns() - start)
    return sorted(times)[len(times) // 2] / 1000


def bare_sqlite(path: Path, n: int) -> float:
    """Ask a table with nothing but the question's columns, through the driver alone."""
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE v (type, tel INT, start INT, stop INT, id, PRIMARY KEY (type, tel, start))"
    )
    rows = ((TYPES[s % len(TYPES)], s // len(TYPES), t, t + STEP, i) for i in range(n) for s, t in [place(i)])
    connection.executemany("INSERT INTO v VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    query = "SELECT id, stop FROM v WHERE type = ? AND tel = ? AND start <= ? ORDER BY start DESC LIMIT 1"

    def ask(kind: str, telescope: int, at: int) -> None:
        (found,) = connection.execute(query, (kind, telescope, at)).fetchall()
        assert found[1] > at

    return median_us(ask, questions(n))


def bare_filling(filled: Path, empty: Path) -> float:
    """Put rows of a filled index into an empty one through the driver alone: what the tables cost."""
    Catalogue(empty).close()
    reader = sqlite3.connect(filled)
    rows = reader.execute("SELECT * FROM products ORDER BY row LIMIT ?", (BATCH,)).fetchall()
    reader.close()
    writer = sqlite3.connect(empty)
    start = process_time()
    writer.executemany(f"INSERT INTO products VALUES ({', '.join('?' * len(rows[0]))})", rows)
    writer.commit()
    seconds = process_time() - start
    writer.close()
    return len(rows) / seconds


def figure(
    name: str, value: float, unit: str, bound: float | None = None, peer: float | None = None
) -> dict[str, object]:
    return {
        "figure": name,
        "value": round(value, 2),
        "unit": unit,
        "bound": bound,
        "peer": None if peer is None else round(peer, 2),
        "peer_version": None if peer is None else f"bare SQLite {sqlite3.sqlite_version}",
        "ratio": None if peer is None else round(value / peer, 2),
        "load": round(os.getloadavg()[0], 2),
    }


if __name__ == "__main__":
    main()
