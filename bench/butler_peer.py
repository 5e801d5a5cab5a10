# SPDX-License-Identifier: BSD-3-Clause
"""The archive's question to LSST's Butler: which calibration is valid for a device at a moment?

Runs in the peer's own environment; `bench/archive.py` starts it. A hundred detectors have five calibrations
each, certified for ten minutes, again and again. Prints JSON: products, seconds to register and certify them,
and the median of a look-up in us, through ``Butler.find_dataset`` on SQLite.

    .peers/butler/bin/python bench/butler_peer.py PRODUCTS
"""

import json
import random
import sys
import tempfile
from time import perf_counter, perf_counter_ns

from astropy.time import Time, TimeDelta
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan

TYPES, DETECTORS, STEP_S, LOOKUPS = ("pedestal", "flatfield", "gain", "timing", "pointing"), 100, 600, 500
START = Time("2026-11-23T00:00:00", scale="tai")


def main() -> None:
    epochs = max(int(sys.argv[1]) // (len(TYPES) * DETECTORS), 1)
    with tempfile.TemporaryDirectory(prefix="pellucid-bench-") as folder:
        butler = Butler.from_config(Butler.makeRepo(folder), writeable=True)
        kinds = set_up(butler)
        start = perf_counter()
        for epoch in range(epochs):
            fill(butler, kinds, epoch)
        seconds = perf_counter() - start
        answer = {
            "products": epochs * len(TYPES) * DETECTORS,
            "seconds": seconds,
            "us": looked_up(butler, epochs),
        }
    print(json.dumps(answer))


def set_up(butler: Butler) -> list[DatasetType]:
    registry = butler.registry
    registry.insertDimensionData(
        "instrument", {"name": "array", "detector_max": DETECTORS, "class_name": "x"}
    )
    registry.insertDimensionData(
        "detector",
        *({"instrument": "array", "id": n, "full_name": f"telescope{n}"} for n in range(DETECTORS)),
    )
    registry.registerCollection("B", CollectionType.CALIBRATION)
    kinds = []
    for name in TYPES:
        kind = DatasetType(
            name,
            ("instrument", "detector"),
            "StructuredDataDict",
            universe=butler.dimensions,
            isCalibration=True,
        )
        registry.registerDatasetType(kind)
        kinds.append(kind)
    return kinds


def fill(butler: Butler, kinds: list[DatasetType], epoch: int) -> None:
    run = f"run{epoch}"
    butler.registry.registerRun(run)
    places = [{"instrument": "array", "detector": n} for n in range(DETECTORS)]
    for kind in kinds:
        made = butler.registry.insertDatasets(kind, places, run=run)
        butler.registry.certify("B", made, span(epoch))


def span(epoch: int) -> Timespan:
    begin = START + TimeDelta(epoch * STEP_S, format="sec")
    return Timespan(begin, begin + TimeDelta(STEP_S, format="sec"))


def looked_up(butler: Butler, epochs: int) -> float:
    chance, times = random.Random(20261123), []
    for number in range(LOOKUPS + 20):
        moment = START + TimeDelta(
            chance.randrange(epochs) * STEP_S + chance.randrange(1, STEP_S - 1), format="sec"
        )
        instant = Timespan.fromInstant(moment)
        kind, place = chance.choice(TYPES), chance.randrange(DETECTORS)
        start = perf_counter_ns()
        found = butler.find_dataset(
            kind, instrument="array", detector=place, collections="B", timespan=instant
        )
        took = perf_counter_ns() - start
        assert found is not None
        if number >= 20:
            times.append(took)
    return sorted(times)[len(times) // 2] / 1000


if __name__ == "__main__":
    main()
