# SPDX-License-Identifier: BSD-3-Clause
"""Time for LIDAR data, beside the packages that read and invert such data too, on the same numbers.

Files are those of the real night at Manaus where the test data are there, else simulated ones; profiles
are simulated. Peers run in an environment of their own and read the same files and arrays.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from clock import milliseconds

REPOSITORY = Path(__file__).resolve().parent.parent
REFERENCE = (8000.0, 11000.0)
CO2 = 400.0


def raw_files(folder: Path) -> list[Path]:
    """Return the real files, or simulated ones of the same length."""
    data = Path(os.environ.get("PELLUCID_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    found = sorted((data / "lidar" / "manaus_licel").glob("RM*"))
    if found:
        return found
    from pellucid.formats.licel import write_licel
    from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel

    made = simulate_licel(
        Sky((Layer(0.0, 1500.0, 0.2),)), CTA, np.random.default_rng(1), files=20, start=datetime(2026, 11, 23)
    )
    for i, file in enumerate(made):
        write_licel(folder / f"SM26B2300.{i:03d}", file)
    return sorted(folder.glob("SM*"))


def profiles() -> dict[str, Any]:
    """Return simulated elastic and Raman counts in 1999 bins, and the air."""
    from pellucid.atmosphere.lidar.raman import depth, raman_factor, raman_model
    from pellucid.atmosphere.molecular import molecular_optics, standard_air

    distance = (np.arange(1999) + 0.5) * 15.0
    air = standard_air(distance)
    elastic, raman = (molecular_optics(air, nm, co2=CO2) for nm in (355.0, 387.0))
    alpha = 1.5e-4 / (1.0 + np.exp((distance - 2000.0) / 150.0))
    light = (elastic.backscatter + alpha / 50.0) * np.exp(-2.0 * depth(elastic.extinction + alpha, 15.0))
    other = raman_model(distance, elastic, raman) * np.exp(-raman_factor(355.0, 387.0) * depth(alpha, 15.0))
    random = np.random.default_rng(1)
    return {
        "distance": distance,
        "pressure": air.pressure,
        "temperature": air.temperature,
        "beta": elastic.backscatter,
        "alpha": elastic.extinction,
        "elastic": random.poisson(3e5 * light / distance**2 / (light / distance**2)[27]).astype(float),
        "raman": random.poisson(3e5 * other / other[27]).astype(float),
    }


def ours(files: list[Path], made: dict[str, Any], repeats: int) -> dict[str, float]:
    """Return our times in ms."""
    from pellucid.atmosphere.lidar.elastic import klett
    from pellucid.atmosphere.lidar.raman import half_widths, raman_backscatter, raman_extinction
    from pellucid.atmosphere.lidar.signal import Signal
    from pellucid.atmosphere.molecular import Air, molecular_optics
    from pellucid.formats.licel import read_licel
    from pellucid.pipeline.steps import step_named
    from pellucid.pipeline.steps.atmosphere import analyse_files

    distance = made["distance"]
    air = Air(distance, made["pressure"], made["temperature"])
    elastic, raman = molecular_optics(air, 355.0), molecular_optics(air, 387.0)

    def signal(name: str) -> Signal:
        counts, one = made[name][None], np.ones(1)
        return Signal(counts, np.ones_like(counts), 0.0 * one, 0.01 * one, distance, one.astype(np.int64))

    first, second = signal("elastic"), signal("raman")
    half = half_widths(distance, 300.0, 15000.0)
    alpha = raman_extinction(second, elastic, raman, half).value
    hundred = second.drawn(np.random.default_rng(1), 100)
    x = first.range_corrected
    parameters = step_named("lidar-elastic").complete(
        {"dead_time": 4.3, "background": [45000.0, 60000.0], "start": 800.0, "reference": [4000.0, 18000.0]}
    )

    def chain() -> None:
        for path in files:
            analyse_files([read_licel(path)], parameters)

    return {
        "read": milliseconds(lambda: [read_licel(p) for p in files], repeats) / len(files),
        "level A": milliseconds(chain, max(2, repeats // 5)) / len(files),
        "molecular": milliseconds(lambda: molecular_optics(air, 355.0), repeats),
        "klett": milliseconds(lambda: klett(x, distance, elastic, 50.0, REFERENCE), repeats),
        "extinction": milliseconds(lambda: raman_extinction(second, elastic, raman, half), repeats),
        "backscatter": milliseconds(
            lambda: raman_backscatter(first, second, elastic, raman, alpha, half, REFERENCE), repeats
        ),
        "draws": milliseconds(lambda: raman_extinction(hundred, elastic, raman, half), 3),
        "all draws": all_draws(),
    }


def all_draws() -> float:
    """Return the time in ms of 100 draws of all that level C draws, for a simulated minute."""
    from pellucid.atmosphere.lidar.bootstrap import with_bootstrap
    from pellucid.atmosphere.lidar.chain import analyse
    from pellucid.pipeline.lidar_channels import channel_pair
    from pellucid.pipeline.steps import step_named
    from pellucid.pipeline.steps.atmosphere import options_of
    from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel

    sky = Sky((Layer(0.0, 1500.0, 0.2), Layer(9000.0, 10000.0, 0.2, 25.0, 0.0)))
    parameters = step_named("lidar-raman").complete({})
    files = simulate_licel(sky, CTA, np.random.default_rng(1))
    pair = channel_pair(files, 355, 387, parameters)
    options = options_of(parameters, 355, 0.0, pair[0].signal.range)
    found = analyse(*pair, options)
    return milliseconds(lambda: with_bootstrap(found, *pair, options), 5)


def theirs(files: list[str], path: str, repeats: int) -> dict[str, dict[str, float]]:
    """Return the peers' times in ms; runs in the peers' environment, without Pellucid."""
    import astropy.units as u
    from atmospheric_lidar.licel import LicelFile
    from lidarpy.retrieval.klett import klett_rcs
    from lidarpy.retrieval.raman import retrieve_backscatter, retrieve_extinction
    from molecularprofiles.utils.rayleigh import Rayleigh

    with np.load(path) as stored:
        made = {name: stored[name] for name in stored.files}
    distance, air = made["distance"], (made["pressure"], made["temperature"])
    colours = (355.0, 387.0)
    alpha = np.nan_to_num(retrieve_extinction(made["raman"], distance, colours, *air, REFERENCE))
    levels = np.arange(0, 1999, 20)
    pressure, temperature = air[0][levels] / 100.0 * u.hPa, air[1][levels] * u.K

    def rayleigh() -> Any:
        # one object a level: it takes single values only
        return [Rayleigh(355.0 * u.nm, CO2, p, t, 0.0 * u.percent) for p, t in zip(pressure, temperature)]

    alphas = np.array([level.beta.to_value(1 / u.m) for level in rayleigh()])
    standard = Rayleigh(355.0 * u.nm, CO2, 1013.25 * u.hPa, 288.15 * u.K, 0.0 * u.percent)
    return {
        "atmospheric-lidar": {
            "read": milliseconds(lambda: [LicelFile(f) for f in files], 2) / len(files),
        },
        "atmolidarpy": {
            "klett": milliseconds(
                lambda: klett_rcs(made["elastic"] * distance**2, distance, made["beta"], REFERENCE), repeats
            ),
            "extinction": milliseconds(
                lambda: retrieve_extinction(made["raman"], distance, colours, *air, REFERENCE), repeats
            ),
            "backscatter": milliseconds(
                lambda: retrieve_backscatter(
                    made["raman"], made["elastic"], alpha, distance, colours, *air, REFERENCE
                ),
                repeats,
            ),
        },
        "molecularprofiles": {
            "molecular": milliseconds(rayleigh, 3) * distance.size / levels.size,
            "sigma": standard.scattering_cross_section.to_value(u.m**2),
            "difference": float(np.abs(alphas / made["alpha"][levels] - 1.0).max()),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--as-peer", metavar="FILE", help="time the peers on what a file names")
    arguments = parser.parse_args()
    repeats = 10 if arguments.quick else 50
    if arguments.as_peer:
        task = json.loads(Path(arguments.as_peer).read_text())
        print("\n" + json.dumps(theirs(task["files"], task["profiles"], repeats)))
        return
    from peers import peer_python

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, made = raw_files(folder)[:20], profiles()
        np.savez(folder / "profiles.npz", **made)
        task = {"files": [str(f) for f in files], "profiles": str(folder / "profiles.npz")}
        (folder / "task.json").write_text(json.dumps(task))
        command = [peer_python("lidar"), __file__, "--as-peer", folder / "task.json"]
        shown = subprocess.run(
            [*command, *(["--quick"] if arguments.quick else [])], check=True, capture_output=True, text=True
        )
        peers = json.loads(shown.stdout.strip().splitlines()[-1])
        print(json.dumps(report(ours(files, made, repeats), peers), indent=1))


BOUNDS = {"read": 0.5, "level A": 10.0, "draws": 300.0, "all draws": 300.0}
NAMES = {
    "read": "read a Licel file",
    "level A": "level-A chain of a file",
    "molecular": "molecular optics, 1999 levels",
    "klett": "Klett, 1999 bins",
    "extinction": "Raman extinction, 1999 bins",
    "backscatter": "Raman backscatter, 1999 bins",
    "draws": "100 bootstrap draws of the Raman extinction",
    "all draws": "100 bootstrap draws of all of level C, 2400 bins",
}


def report(own: dict[str, float], peers: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """Return one row a figure, with the peer that does the same."""
    from peers import peer_version

    rows = []
    for key, value in own.items():
        row: dict[str, Any] = {"figure": NAMES[key], "value": round(value, 4), "unit": "ms"}
        row["bound"] = BOUNDS.get(key)
        for peer, times in peers.items():
            if key in times:
                row |= {"peer": peer, "peer_version": peer_version("lidar", peer)}
                row["ratio"] = round(times[key] / value, 2)
        rows.append(row)
    from pellucid.atmosphere.molecular import rayleigh

    peer = "molecularprofiles"
    sigma = float(rayleigh(355.0, CO2).cross_section)
    # aloft the peer takes the index of the air there, with its compressibility, but an ideal gas's density
    for figure, value, bound in (
        ("Rayleigh cross section of standard air, relative", abs(sigma / peers[peer]["sigma"] - 1.0), 1e-5),
        ("molecular extinction up to 30 km, largest relative", peers[peer]["difference"], None),
    ):
        row = {"figure": f"{figure} difference", "value": value, "unit": "", "bound": bound}
        rows.append(row | {"peer": peer, "peer_version": peer_version("lidar", peer)})
    return rows


if __name__ == "__main__":
    sys.exit(main())
