# SPDX-License-Identifier: BSD-3-Clause
"""A night of four telescopes with known truth: rates, muons, showers, drives and events, all of one array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import astropy.units as u
import numpy as np

from pellucid.archive import Product, Workspace
from pellucid.config import load
from pellucid.formats.pointing import write_pointing
from pellucid.pipeline.execute import execute
from pellucid.pipeline.executors import InProcess
from pellucid.pipeline.graph import build
from pellucid.pipeline.intake import take_in
from pellucid.pipeline.night import Night
from pellucid.pipeline.plan import make_plan
from pellucid.pipeline.report import RunReport
from pellucid.pipeline.run import carry_out
from pellucid.pipeline.setting import delivered_types, parameters_of
from pellucid.pipeline.steps import all_steps, step_named
from pellucid.pointing.looking import Pointing
from pellucid.pointing.track import Track
from pellucid.simulate.array_night import (
    RATES,
    SHOWERS,
    ArrayTruth,
    write_muons,
    write_rates,
    write_showers,
)
from pellucid.simulate.run import RunSimulator, SimulatedRun, SimulationConfig, simulate_run
from pellucid.times import from_unix_utc, to_tai_ns
from support.toyrun import level

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
OPTICS = (0.8, 0.95, 1.1, 0.9)
GAIN = (1.02, 0.97, 1.0, 1.05)
WANTED = ("corrected-dl1", "joint-throughput", "transparency", "time-offsets")
"""Steps of a night."""
CLOCK = (3.0, -5.0, 2.0, 0.0)


@dataclass(frozen=True)
class ArrayNight:
    """The files, and what they follow from.

    Attributes
    ----------
    truth : ArrayTruth
        The array.
    start : int
        Of the night's rates, in ns TAI; events come half an hour later.
    transparency : ndarray, shape (n_slices,)
        Of the air.
    """

    truth: ArrayTruth
    start: int
    transparency: np.ndarray
    clear: list[Path]
    rates: list[Path]
    muons: Path
    showers: Path
    run: SimulatedRun
    pointing: dict[int, Path]


def array_truth(config: SimulationConfig) -> ArrayTruth:
    telescopes = RunSimulator(config).subarray.telescopes
    position = np.array([t.position for t in telescopes.values()])
    optics, gain, clock = map(np.array, (OPTICS, GAIN, CLOCK))
    return ArrayTruth(np.array(sorted(telescopes)), position, optics, gain, clock)


def clear_nights(truth: ArrayTruth, folder: Path, before: int, slices: int = 60) -> list[Path]:
    """Write four clear nights in which the optics of all telescopes were better or worse by known shares."""
    paths = []
    for k, share in enumerate((1.1, 1.05, 0.95, 0.9)):
        random = np.random.default_rng(k)
        then = replace(truth.reference(), optics=np.full(truth.tel_id.size, share))
        sky = random.uniform(5.0, 50.0, slices), random.uniform(0.0, 360.0, slices)
        start = before - (10 - k) * DAY
        paths += write_rates(then, folder, start, np.ones(slices), sky[0], k, azimuth=sky[1])
    return paths


def write_drive(path: Path, tel_id: int, start: int, seconds: int) -> None:
    """Write a pointing that moves by 15 arcsec a second in azimuth, across north."""
    time = start + np.arange(seconds, dtype=np.int64) * SECOND
    track = Track.of(
        time, (359.9 + np.arange(seconds) * 15.0 / 3600.0) * u.deg, np.full(seconds, 70.0) * u.deg
    )
    deviation = np.random.default_rng(tel_id).rayleigh(2.0, seconds)
    pointing = Pointing(track, deviation, np.ones(seconds, np.bool_), 5.0 * u.s)
    write_pointing(path, tel_id, pointing, {})


def configured(showers: int, optics: tuple[float, ...]) -> SimulationConfig:
    return SimulationConfig(
        seed=3, camera="tiny", telescopes=4, pedestals=60, flashes=110, showers=showers, muons=0,
        throughput=optics,
    )  # fmt: skip


def simulate_night(folder: Path, *, showers: int = 60, images: int = 1500, slices: int = 120) -> ArrayNight:
    """Write all files of the night; the events of a thin run, the rest of two hours."""
    config = configured(showers, OPTICS)
    truth = array_truth(config)
    events = int(to_tai_ns(from_unix_utc(config.start_unix, 0))[0])
    start = events - 1800 * SECOND
    transparency = 0.9 + 0.05 * np.sin(np.arange(slices) / 20.0)
    zenith = 10.0 + 30.0 * np.arange(slices) / slices
    run = simulate_run(config, folder / "events")
    pointing = {tel_id: folder / f"drive-{tel_id}.h5" for tel_id in run.telescopes}
    for tel_id, path in pointing.items():
        write_drive(path, tel_id, events - 10 * SECOND, 60)
    muons, images_path = folder / "muons.h5", folder / "showers.parquet"
    write_muons(truth, muons, start, 8)
    write_showers(truth, images_path, start, images, 6)
    return ArrayNight(
        truth,
        start,
        transparency,
        clear_nights(truth, folder, start),
        write_rates(truth, folder, start, transparency, zenith, 50),
        muons,
        images_path,
        run,
        pointing,
    )


def take_night(workspace: Workspace, night: ArrayNight) -> Product:
    """Take all files in, fit the reference on the clear nights and certify it; return the reference."""
    archive = workspace.archive
    clear = [take_in(archive, path, RATES["product_type"])[0] for path in night.clear]
    reference = execute(archive, step_named("rate-reference"), {"rates": clear}).product
    archive.certify(reference, "B", night.start - 5 * DAY, night.start + 30 * DAY)
    for path in night.rates:
        take_in(archive, path, RATES["product_type"])
    take_in(archive, night.showers, SHOWERS["product_type"])
    for path in (night.run.description, night.run.trigger, *night.run.telescopes.values()):
        take_in(archive, path)
    span = night.start, night.start + 3600 * SECOND
    archive.ingest(
        night.muons,
        "DL2/Monitoring/Telescope/Throughput",
        telescopes=list(night.run.telescopes),
        time_start=span[0],
        time_stop=span[1],
    )
    for tel_id, path in night.pointing.items():
        pointing, _ = archive.ingest(
            path,
            "DL1/Monitoring/Telescope/Pointing",
            telescopes=[tel_id],
            time_start=span[0],
            time_stop=span[1],
        )
        archive.certify(pointing, "B", *span)
    return reference


def run_night(
    workspace: Workspace,
    night: ArrayNight,
    *wanted: str,
    alone: bool = False,
    telescopes: Sequence[int] = (),
) -> RunReport:
    """Run what is wanted of the night at level B, with what it needs or alone, for some telescopes or all."""
    own = [s for s in all_steps().values() if s.name in wanted or not alone]
    steps = build(own, level="B", wanted=wanted, delivered=delivered_types)
    span = Night.at(night.start).span
    parameters = parameters_of(load(), steps, telescopes)
    plan = make_plan(workspace.archive, steps, level(), span, telescopes=telescopes, parameters=parameters)
    return carry_out(workspace.archive, plan, InProcess(workspace.archive))
