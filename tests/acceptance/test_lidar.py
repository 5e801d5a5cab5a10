# SPDX-License-Identifier: BSD-3-Clause
"""LIDARs: one test per figure that the topic must show; each prints figure | measured | bound."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from acceptance.figures import Figures
from pellucid.atmosphere.lidar.bootstrap import with_bootstrap
from pellucid.atmosphere.lidar.chain import MeasuredLayer, analyse
from pellucid.atmosphere.lidar.dead_time import fit_dead_time
from pellucid.atmosphere.lidar.elastic import klett, molecular_signal
from pellucid.atmosphere.lidar.layers import find_layers, layer_depth
from pellucid.atmosphere.lidar.raman import (
    depth,
    half_widths,
    raman_backscatter,
    raman_extinction,
    raman_model,
    resolved,
)
from pellucid.atmosphere.lidar.scan import scan_table
from pellucid.atmosphere.lidar.scan_fit import fit_scan
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.lidar.vaod import raman_optical_depth
from pellucid.atmosphere.molecular import MolecularOptics, molecular_optics, rayleigh
from pellucid.formats.licel import LicelFile, LicelNight, read_licel, write_licel
from pellucid.pipeline.lidar_channels import channel_pair
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.atmosphere import analyse_files, colours, options_of
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel
from support import earlinet, manaus
from support.scans import TRUE, made_scan


@pytest.fixture(scope="module")
def exercise(data_dir: Path) -> earlinet.Exercise:
    return earlinet.load(data_dir / "lidar" / "earlinet_raman")


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    return data_dir / "lidar" / "manaus_licel"


@pytest.fixture(scope="module")
def night(folder: Path) -> LicelNight:
    return manaus.night(folder)


PAIRS = {355: 387, 532: 608}


def optics(exercise: earlinet.Exercise, elastic: int) -> tuple[MolecularOptics, MolecularOptics]:
    # the exercise's light at 355 nm was made without the King factor: it closes best so
    isotropic = elastic == 355
    pair = (elastic, PAIRS[elastic])
    first, second = (molecular_optics(exercise.air, nm, isotropic=isotropic) for nm in pair)
    return first, second


def mean_error(found: np.ndarray, true: np.ndarray, distance: np.ndarray, low: float, high: float) -> float:
    part = (distance >= low) & (distance < high)
    return float(found[part].mean() / true[part].mean() - 1.0)


@pytest.mark.parametrize("nm", [355, 532])
def test_earlinet_extinction(exercise: earlinet.Exercise, nm: int, figures: Figures) -> None:
    elastic, raman = optics(exercise, nm)
    distance, truth = exercise.range, exercise.extinction[nm]
    half = half_widths(distance, 345.0, 15000.0)
    found = raman_extinction(exercise.signals[PAIRS[nm]], elastic, raman, half)
    alpha, error = found.value[0], found.error[0]
    off = mean_error(alpha, truth, distance, 500.0, 2000.0)
    figures.at_most(f"EARLINET {nm} nm: extinction 0.5-2 km, relative error", abs(off), 0.03)
    part = (distance >= 500.0) & (distance < 7000.0)
    pull = ((alpha - resolved(truth, half)) / error)[part]
    figures.at_most(f"EARLINET {nm} nm: rms pull 0.5-7 km", float(np.sqrt((pull**2).mean())), 1.5)
    for name, low, high in (("lofted layer 3-4.5 km", 3000.0, 4500.0), ("thin gap 2-3 km", 2000.0, 3000.0)):
        inside = (distance >= low) & (distance < high)
        difference = float((alpha - truth)[inside].mean())
        # neighbouring windows share counts: about one independent value per resolution
        n = (high - low) / float(found.resolution[inside].mean())
        honest = float(error[inside].mean()) / np.sqrt(max(n, 1.0))
        told = f"{1e6 * difference:.1f} +- {1e6 * honest:.1f} 1/Mm, {difference / truth[inside].mean():+.1%}"
        figures.at_most(f"EARLINET {nm} nm: {name}: {told}; in its sigmas", abs(difference) / honest, 3.0)


@pytest.mark.parametrize(("nm", "bound"), [(355, 0.05), (532, 0.08)])
def test_earlinet_backscatter(exercise: earlinet.Exercise, nm: int, bound: float, figures: Figures) -> None:
    elastic, raman = optics(exercise, nm)
    signals, distance = exercise.signals, exercise.range
    half = half_widths(distance, 345.0, 15000.0)
    alpha = raman_extinction(signals[PAIRS[nm]], elastic, raman, half).value
    narrow = np.rint(half / np.sqrt(2.0)).astype(np.int64)
    found = raman_backscatter(
        signals[nm], signals[PAIRS[nm]], elastic, raman, alpha, narrow, (9000.0, 14000.0)
    )
    off = mean_error(found.value[0], exercise.backscatter[nm], distance, 500.0, 2000.0)
    figures.at_most(f"EARLINET {nm} nm: backscatter 0.5-2 km, relative error", abs(off), bound)


@pytest.mark.parametrize(("nm", "bound"), [(355, 0.015), (532, 0.02)])
def test_earlinet_optical_depth(exercise: earlinet.Exercise, nm: int, bound: float, figures: Figures) -> None:
    elastic, raman = optics(exercise, nm)
    found = raman_optical_depth(exercise.signals[PAIRS[nm]], elastic, raman, 345.0, 12000.0)
    tau = depth(exercise.extinction[nm], 15.0)
    for height in (2000.0, 3000.0, 5000.0, 7000.0):
        value, _ = found.between(found.start, height)
        true = np.interp(height, exercise.range, tau) - np.interp(found.start, exercise.range, tau)
        figures.at_most(f"EARLINET {nm} nm: VAOD to {height / 1000:.0f} km, error", abs(value - true), bound)


def test_klett_known_answer(exercise: earlinet.Exercise, figures: Figures) -> None:
    elastic, _ = optics(exercise, 355)
    alpha, beta = exercise.extinction[355], exercise.backscatter[355]
    ratio = np.where(beta > 0.0, alpha / np.where(beta > 0.0, beta, 1.0), 50.0)
    x = exercise.signals[355].range_corrected
    found = klett(x, exercise.range, elastic, ratio, (7500.0, 12000.0))[0]
    for low, high, bound in ((500.0, 1000.0, 0.02), (1000.0, 2000.0, 0.02), (3000.0, 4500.0, 0.05)):
        off = mean_error(found, beta, exercise.range, low, high)
        figures.at_most(f"Klett 355 nm, true S: {low:.0f}-{high:.0f} m, relative error", abs(off), bound)


def test_molecular_known_answers(figures: Figures) -> None:
    known = {355: 2.7587e-26, 387: 1.9210e-26, 532: 5.1671e-27, 607.4: 3.0101e-27, 1064: 3.1268e-28}
    # the table does not tell its carbon dioxide; with 384e-6 all its digits hold
    off = {nm: abs(float(rayleigh(nm, 384.0).cross_section) * 1e4 - s) for nm, s in known.items()}
    worst = max(off[nm] / 10.0 ** (np.floor(np.log10(s)) - 4) for nm, s in known.items())
    figures.at_most("Rayleigh cross sections, units of the last of five digits", worst, 0.5)


def test_the_licel_round_trip(night: LicelNight, folder: Path, tmp_path: Path, figures: Figures) -> None:
    equal = 0
    for path in sorted(folder.glob("RM*")):
        write_licel(tmp_path / "again", read_licel(path))
        equal += (tmp_path / "again").read_bytes() == path.read_bytes()
    figures.equal("Manaus files written back byte by byte, of 60", equal, 60)


def channels(night: LicelNight, folder: Path) -> tuple[Signal, Signal, MolecularOptics, MolecularOptics]:
    signals = []
    for nm in (355, 387):
        analog, photon, shots = manaus.twins(night, nm)
        tau = fit_dead_time(analog, photon, shots, 7.5).tau
        raw = night.raw[night.files[0].index(nm, photon=True)]
        signals.append(photon_signal(raw, shots, 7.5, (60000.0, 120000.0), dead_time=tau).until(30000.0))
    air = manaus.air(folder, signals[0].range)
    return signals[0], signals[1], molecular_optics(air, 355.0), molecular_optics(air, 387.0)


def test_manaus_cirrus(night: LicelNight, folder: Path, figures: Figures) -> None:
    elastic, raman, optics355, optics387 = channels(night, folder)
    distance = elastic.range
    windows = ((9500.0, 10500.0), (15500.0, 18000.0))
    five = {}
    for name, signal, model in (
        ("elastic", elastic, molecular_signal(distance, optics355)),
        ("Raman", raman, raman_model(distance, optics355, optics387)),
    ):
        five[name], _ = layer_depth(signal.merged(5), model, *windows)
    difference = five["elastic"] - five["Raman"]
    rms = float(np.sqrt((difference**2).mean()))
    figures.at_most("Manaus cirrus: elastic minus Raman optical depth, rms of 5 min", rms, 0.02)
    half = np.where((distance > 4000.0) & (distance < 20000.0), 8, 0)
    found = raman_backscatter(
        elastic.merged(), raman.merged(), optics355, optics387, np.zeros(1), half, (16500.0, 19000.0)
    )
    ratio = 1.0 + found.value[0] / optics355.backscatter
    error = found.error[0] / optics355.backscatter * np.sqrt(17.0)
    (cirrus,) = [x for x in find_layers(distance, ratio, error) if x.cloud]
    figures.at_most(
        f"Manaus cirrus: base {cirrus.base:.0f} m, off 11.8 km", abs(cirrus.base - 11800.0), 300.0
    )
    figures.at_most(f"Manaus cirrus: top {cirrus.top:.0f} m, off 15.3 km", abs(cirrus.top - 15300.0), 300.0)


def test_manaus_dead_time(night: LicelNight, figures: Figures) -> None:
    tau = {}
    for nm in (355, 387):
        twins = manaus.twins(night, nm)
        # the figure was made without the analog channel's delay; with it the fit is better and tau smaller
        plain = fit_dead_time(*twins, 7.5, delays=(0.0, 0.0))
        figures.at_most(
            f"Manaus {nm} nm: dead time without delay {plain.tau * 1e3:.2f} ns, off 5.0",
            abs(plain.tau * 1e3 - 5.0),
            0.5,
        )
        fit = fit_dead_time(*twins, 7.5)
        figures.at_most(f"Manaus {nm} nm: misfit with delay over without", fit.misfit / plain.misfit, 0.5)
        tau[nm] = fit.tau * 1e3
    apart = abs(tau[355] - tau[387])
    shown = f"Manaus: dead times with delay {tau[355]:.2f} and {tau[387]:.2f} ns, apart"
    figures.at_most(shown, apart, 0.5)


PARAMETERS = {"wavelengths": [[355, 387], [532, 607]]}
KINDS = ("clear", "ground layer", "dust", "cloud", "thick cloud")


def sky_of(kind: str, random: np.random.Generator) -> Sky:
    ground = Layer(0.0, random.uniform(800.0, 2500.0), random.uniform(0.03, 0.08), 50.0, 1.2)
    if kind == "clear":
        return Sky((Layer(0.0, random.uniform(800.0, 1500.0), random.uniform(0.005, 0.03), 30.0, 1.0),))
    if kind == "ground layer":
        return Sky(
            (
                Layer(
                    0.0,
                    random.uniform(800.0, 3000.0),
                    random.uniform(0.1, 0.7),
                    55.0,
                    random.uniform(0.3, 1.5),
                ),
            )
        )
    if kind == "dust":
        base = random.uniform(3000.0, 4000.0)
        return Sky(
            (ground, Layer(base, base + random.uniform(800.0, 2000.0), random.uniform(0.1, 0.4), 47.0, 0.3))
        )
    thick = kind == "thick cloud"
    base = random.uniform(5000.0, 7000.0 if thick else 11000.0)
    depths = (0.5, 0.7) if thick else (0.03, 0.5)
    return Sky(
        (ground, Layer(base, base + random.uniform(600.0, 2000.0), random.uniform(*depths), 25.0, 0.0))
    )


def closed(sky: Sky, kind: str, file: LicelFile, fits: dict[str, list[float]]) -> None:
    analyses = analyse_files([file], step_named("lidar-raman").complete(PARAMETERS))
    for nm, a in analyses.items():
        distance = a.range
        tau = depth(sky.aerosol(distance, nm)[0], 7.5)
        got = a.optical_depth
        assert got is not None
        height = min(4800.0, got.trusted)
        value, error = got.between(got.start, height)
        true = float(np.interp(height, distance, tau) - np.interp(got.start, distance, tau))
        fits["VAOD"].append(value - true)
        fits["VAOD pull"].append((value - true) / error)
        if kind == "cloud" and got.trusted > sky.layers[1].top + 500.0:
            beyond = sky.layers[1].top + 500.0
            value, error = got.between(got.start, beyond)
            true = float(np.interp(beyond, distance, tau) - np.interp(got.start, distance, tau))
            fits["VAOD beyond clouds"].append(value - true)
            fits["VAOD beyond clouds, pull"].append((value - true) / error)
        fits["layers not found"].append(float(sum(is_missed(x, a.layers) for x in sky.layers)))
        for measured, layer in paired(a.layers, sky):
            found = measured.found
            fits["height"] += [found.top - layer.top, *([] if found.ground else [found.base - layer.base])]
            if "cloud" in kind and not found.ground:
                fits["cloud depth"].append(measured.elastic - layer.optical_depth)
                fits["cloud pull"].append((measured.elastic - layer.optical_depth) / measured.elastic_error)
                fits["Raman cloud depth"].append(measured.raman - layer.optical_depth)
    if kind == "ground layer" and sky.layers[0].optical_depth > 0.1:
        # that of the layer, as the product tells it
        fits["Angstrom"].append(colours(analyses)[0].value - sky.layers[0].angstrom)


def is_missed(layer: Layer, found: tuple[MeasuredLayer, ...]) -> bool:
    """Whether a layer that instruments must see (optical depth 0.03 and more) is not among those found."""
    overlaps = any(x.found.base < layer.top and x.found.top > layer.base for x in found)
    return layer.optical_depth >= 0.03 and not overlaps


def paired(layers: tuple[MeasuredLayer, ...], sky: Sky) -> Iterator[tuple[MeasuredLayer, Layer]]:
    """Each found layer with the true one nearest to its middle."""
    for measured in layers:
        middle = 0.5 * (measured.found.base + measured.found.top)
        yield measured, min(sky.layers, key=lambda x: abs(0.5 * (x.base + x.top) - middle))


@pytest.mark.timeout(1800)
def test_closure_of_simulated_minutes(full: bool, figures: Figures) -> None:
    random = np.random.default_rng(66)
    fits: dict[str, list[float]] = defaultdict(list)
    n = 200 if full else 50
    for i in range(n):
        kind = KINDS[i % len(KINDS)]
        sky = sky_of(kind, random)
        closed(sky, kind, simulate_licel(sky, CTA, random)[0], fits)

    def rms(name: str) -> float:
        values = np.array(fits[name])
        return float(np.sqrt(np.mean(values[np.isfinite(values)] ** 2)))

    figures.at_most(f"{n} minutes: VAOD, RMSD", rms("VAOD"), 0.03)
    figures.at_most(f"{n} minutes: VAOD through clouds, RMSD", rms("VAOD beyond clouds"), 0.03)
    figures.equal(f"{n} minutes: layers of 0.03 and more not found", int(sum(fits["layers not found"])), 0)
    figures.at_most(f"{n} minutes: cloud optical depth (elastic), RMSD", rms("cloud depth"), 0.03)
    figures.at_most(f"{n} minutes: cloud optical depth (Raman), RMSD", rms("Raman cloud depth"), 0.03)
    figures.at_most(f"{n} minutes: heights of layers, RMSD in m", rms("height"), 300.0)
    figures.at_most(f"{n} minutes: Angstrom exponent of ground layers, RMSD", rms("Angstrom"), 0.3)
    for name in ("VAOD pull", "cloud pull", "VAOD beyond clouds, pull"):
        width = float(np.std(fits[name]))
        # a fifth of the minutes have a cloud that lets light pass
        few = 0.4 if "beyond" in name else 0.25
        figures.at_most(f"{n} minutes: {name}, width off 1", abs(width - 1.0), 0.1 if full else few)
        middle = float(np.mean(fits[name]))
        figures.at_most(f"{n} minutes: {name}, mean", abs(middle), 0.25 if full else 0.5)


@pytest.mark.timeout(900)
def test_scan_over_uneven_air(full: bool, figures: Figures) -> None:
    random = np.random.default_rng(12)
    heights = np.array([3000.0, 5000.0, 8000.0])
    off: dict[str, list[np.ndarray]] = {"plain": [], "global": []}
    n = 60 if full else 16
    for _ in range(n):
        rays, prior = made_scan(random, unevenness=0.05)
        fit = fit_scan(scan_table(rays, 400.0, 9400.0), prior)
        true = np.interp(heights, *TRUE)
        off["plain"].append(np.interp(heights, fit.plain.height, fit.plain.value) - true)
        off["global"].append(np.interp(heights, fit.height, fit.value) - true)
    rms = {name: np.sqrt(np.mean(np.square(rows), axis=0)) for name, rows in off.items()}
    for i, height in enumerate(heights):
        name = f"scan of 7 angles, 5 % uneven, {n} times: VAOD to {height / 1000:.0f} km"
        figures.at_most(f"{name}, fit with prior, rms", float(rms["global"][i]), 0.03)
        if height == 8000.0 or (full and height > 3000.0):
            figures.at_least(f"{name}, plain fit, rms (misses)", float(rms["plain"][i]), 0.03)


@pytest.mark.full
def test_speed(folder: Path, exercise: earlinet.Exercise, figures: Figures) -> None:
    paths = sorted(folder.glob("RM*"))
    best = least_ms(lambda: [read_licel(p) for p in paths]) / len(paths)
    figures.at_most("read a Manaus file, ms", best, 0.5)
    changes = {"dead_time": 4.3, "background": [60000.0, 120000.0], "reference": [4000.0, 18000.0]}
    parameters = step_named("lidar-elastic").complete(changes)
    best = least_ms(lambda: [analyse_files([read_licel(p)], parameters) for p in paths[:10]]) / 10
    figures.at_most("level-A chain of a Manaus file, ms", best, 10.0)
    elastic, raman = optics(exercise, 355)
    half = half_widths(exercise.range, 345.0, 15000.0)
    drawn = exercise.signals[387].drawn(np.random.default_rng(1), 100)
    best = least_ms(lambda: raman_extinction(drawn, elastic, raman, half))
    figures.at_most("100 bootstrap draws of the Raman extinction, s", best / 1e3, 0.3)
    raw = [read_licel(p) for p in paths[:10]]
    parameters = step_named("lidar-raman").complete(changes)
    pair = channel_pair(raw, 355, 387, parameters)
    options = options_of(parameters, 355, 0.0, pair[0].signal.range)
    found = analyse(*pair, options)
    best = least_ms(lambda: with_bootstrap(found, *pair, options))
    figures.at_most("100 draws of everything at level C, s", best / 1e3, 0.3)


def least_ms(action: Callable[[], object]) -> float:
    taken = []
    for _ in range(6):
        start = time.perf_counter()
        action()
        taken.append(1e3 * (time.perf_counter() - start))
    return min(taken)
