# SPDX-License-Identifier: BSD-3-Clause
"""The published exercise, number by number: what was put in, and what the prototypes of the field got out."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.atmosphere.lidar.angstrom import angstrom_exponent
from pellucid.atmosphere.lidar.elastic import klett
from pellucid.atmosphere.lidar.raman import (
    GOOD,
    depth,
    half_widths,
    raman_backscatter,
    raman_extinction,
    raman_lidar_ratio,
)
from pellucid.atmosphere.lidar.vaod import raman_optical_depth
from pellucid.atmosphere.molecular import MolecularOptics, molecular_optics
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.atmosphere import analyse_files
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel
from support import earlinet

PAIRS = {355: 387, 532: 608}


@pytest.fixture(scope="module")
def exercise(data_dir: Path) -> earlinet.Exercise:
    return earlinet.load(data_dir / "lidar" / "earlinet_raman")


def optics(exercise: earlinet.Exercise, nm: int, isotropic: bool) -> tuple[MolecularOptics, MolecularOptics]:
    pair = (nm, PAIRS[nm])
    first, second = (molecular_optics(exercise.air, w, isotropic=isotropic) for w in pair)
    return first, second


def off(found: np.ndarray, true: np.ndarray, distance: np.ndarray, low: float, high: float) -> float:
    part = (distance >= low) & (distance < high)
    return float(np.nanmean(found[part]) / true[part].mean() - 1.0)


@pytest.mark.parametrize(("nm", "total"), [(355, 0.4540), (532, 0.2993), (1064, 0.1814)])
def test_the_column_that_was_put_in(exercise: earlinet.Exercise, nm: int, total: float) -> None:
    assert float(exercise.extinction[nm].sum() * 15.0) == pytest.approx(total, abs=2e-3)


# nm, King factor, low, high, largest relative error: prototypes -1.6, -1.0, +0.3, +1.8, -1.7, -0.4, +9.8 %
EXTINCTION = [
    (355, True, 500.0, 1000.0, 0.03),
    (355, True, 1000.0, 2000.0, 0.03),
    (355, False, 500.0, 1000.0, 0.03),
    (355, False, 1000.0, 2000.0, 0.03),
    # told plainly: prototypes were 14 % low in the lofted layer, 10 to 19 % high in the gap below it
    (355, True, 3000.0, 4500.0, 0.14),
    (355, True, 2000.0, 3000.0, 0.19),
    (532, True, 2000.0, 3000.0, 0.19),
    (532, True, 500.0, 1000.0, 0.03),
    (532, True, 1000.0, 2000.0, 0.03),
    (532, True, 3000.0, 4500.0, 0.13),
]


@pytest.mark.parametrize(("nm", "king", "low", "high", "bound"), EXTINCTION)
def test_extinction(
    exercise: earlinet.Exercise, nm: int, king: bool, low: float, high: float, bound: float
) -> None:
    elastic, raman = optics(exercise, nm, not king)
    half = half_widths(exercise.range, 345.0, 15000.0)
    found = raman_extinction(exercise.signals[PAIRS[nm]], elastic, raman, half).value[0]
    assert abs(off(found, exercise.extinction[nm], exercise.range, low, high)) < bound


# prototypes had -0.7, -2.9, -3.1, -5.4, -6.3, -5.1 %; published tolerance 20 %
BACKSCATTER = [
    (355, 500.0, 1000.0, 0.05),
    (355, 1000.0, 2000.0, 0.05),
    (355, 3000.0, 4500.0, 0.05),
    (532, 500.0, 1000.0, 0.08),
    (532, 1000.0, 2000.0, 0.08),
    (532, 3000.0, 4500.0, 0.08),
]


@pytest.mark.parametrize(("nm", "low", "high", "bound"), BACKSCATTER)
def test_backscatter(exercise: earlinet.Exercise, nm: int, low: float, high: float, bound: float) -> None:
    found = backscatter(exercise, nm)[0]
    assert abs(off(found, exercise.backscatter[nm], exercise.range, low, high)) < bound


def backscatter(exercise: earlinet.Exercise, nm: int) -> np.ndarray:
    elastic, raman = optics(exercise, nm, nm == 355)
    half = half_widths(exercise.range, 345.0, 15000.0)
    other = exercise.signals[PAIRS[nm]]
    alpha = raman_extinction(other, elastic, raman, half).value
    narrow = np.rint(half / np.sqrt(2.0)).astype(np.int64)
    reference = (9000.0, 14000.0)
    return raman_backscatter(exercise.signals[nm], other, elastic, raman, alpha, narrow, reference).value


def test_lidar_ratio(exercise: earlinet.Exercise) -> None:
    # put in 53.7 sr (0.5-1 km) and 52.1 sr (1-2 km); prototypes had 53.2 and 54.1
    elastic, raman = optics(exercise, 355, True)
    half = half_widths(exercise.range, 345.0, 15000.0)
    other = exercise.signals[387]
    alpha = raman_extinction(other, elastic, raman, half)
    narrow = np.rint(half / np.sqrt(2.0)).astype(np.int64)
    beta = raman_backscatter(
        exercise.signals[355], other, elastic, raman, alpha.value, narrow, (9000.0, 14000.0)
    )
    found = raman_lidar_ratio(alpha, beta)
    for low, high, true in ((500.0, 1000.0, 53.7), (1000.0, 2000.0, 52.1)):
        part = (exercise.range >= low) & (exercise.range < high) & (found.status[0] == GOOD)
        assert part.any()
        assert np.mean(found.value[0, part]) == pytest.approx(true, rel=0.08)
        assert np.median(found.error[0, part]) < 8.0
    assert np.isnan(found.value[0, exercise.range > 16000.0]).all()


@pytest.mark.parametrize(("nm", "true", "bound"), [(355, 0.3651, 0.015), (532, 0.2467, 0.02)])
def test_optical_depth_of_the_whole_column(
    exercise: earlinet.Exercise, nm: int, true: float, bound: float
) -> None:
    elastic, raman = optics(exercise, nm, nm == 355)
    found = raman_optical_depth(exercise.signals[PAIRS[nm]], elastic, raman, 345.0, 12000.0)
    put_in = depth(exercise.extinction[nm], 15.0)
    start, stop = found.start, 7300.0
    expected = float(np.interp(stop, exercise.range, put_in) - np.interp(start, exercise.range, put_in))
    assert expected == pytest.approx(true, abs=0.01)
    assert found.between(start, stop)[0] == pytest.approx(expected, abs=bound)


@pytest.mark.parametrize(
    ("low", "high", "bound"), [(500, 1000, 0.02), (1000, 2000, 0.025), (3000, 4500, 0.055)]
)
def test_klett_with_the_true_lidar_ratio_and_the_king_factor(
    exercise: earlinet.Exercise, low: float, high: float, bound: float
) -> None:
    # prototypes had -1.4, -2.1, -5.3 %; without the King factor the bounds are in the acceptance test
    elastic, _ = optics(exercise, 355, False)
    alpha, beta = exercise.extinction[355], exercise.backscatter[355]
    ratio = np.where(beta > 0.0, alpha / np.where(beta > 0.0, beta, 1.0), 50.0)
    x = exercise.signals[355].range_corrected
    found = klett(x, exercise.range, elastic, ratio, (7500.0, 12000.0))[0]
    assert abs(off(found, beta, exercise.range, low, high)) < bound


def test_a_weak_cloud_by_transmission_and_by_klett() -> None:
    # truth 0.2000 between 5.30 and 6.70 km, S = 28 sr; prototypes had 0.2052 and 0.2027; CTA asks for 0.03
    sky = Sky((Layer(0.0, 1500.0, 0.15, 50.0), Layer(5300.0, 6700.0, 0.2, 28.0, 0.0)))
    files = simulate_licel(sky, CTA, np.random.default_rng(6), files=3)
    parameters = step_named("lidar-elastic").complete(
        {"lidar_ratio_profile": [[0.0, 50.0], [3000.0, 50.0], [3100.0, 28.0], [20000.0, 28.0]]}
    )
    found = analyse_files(files, parameters)[355]
    (cloud,) = [x for x in found.layers if x.found.cloud]
    assert cloud.elastic == pytest.approx(0.2, abs=0.01)
    inside = (found.range > 5000.0) & (found.range < 7000.0)
    assert float(found.extinction.value[0][inside].sum() * 7.5) == pytest.approx(0.2, abs=0.01)
    assert cloud.found.base == pytest.approx(5300.0, abs=150.0)
    assert cloud.found.top == pytest.approx(6700.0, abs=150.0)


def test_the_exponent_differs_with_height(exercise: earlinet.Exercise) -> None:
    # put in 1.29 to 1.32 below 1 km, 0.74 to 0.81 above 2 km
    put_in = {nm: exercise.extinction[nm] for nm in (355, 532)}
    part = (exercise.range > 500.0) & (exercise.range < 1000.0)
    truth = -np.log(put_in[355][part].sum() / put_in[532][part].sum()) / np.log(355.0 / 532.0)
    assert 1.25 < truth < 1.35
    depths = []
    for nm in (355, 532):
        elastic, raman = optics(exercise, nm, nm == 355)
        signal = exercise.signals[PAIRS[nm]]
        k = np.where(exercise.range < 1500.0, 1.3, 0.78)
        depths.append(raman_optical_depth(signal, elastic, raman, 345.0, 9000.0, angstrom=k))
    near = angstrom_exponent(*depths, max(d.start for d in depths), 1500.0)
    far = angstrom_exponent(*depths, 2500.0, 5500.0)
    assert near.value == pytest.approx(1.3, abs=max(0.3, 2.0 * near.error))
    assert far.value == pytest.approx(0.78, abs=2.5 * far.error)
    assert near.value - far.value > 0.0
