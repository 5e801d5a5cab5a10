# SPDX-License-Identifier: BSD-3-Clause
"""Draws: their errors are the scatter of an instrument and an air that are not known well."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.atmosphere.lidar.angstrom import angstrom_exponent
from pellucid.atmosphere.lidar.bootstrap import Unknowns, low_rank, with_bootstrap
from pellucid.atmosphere.lidar.chain import Analysis, analyse
from pellucid.atmosphere.lidar.dead_time import counted_rate
from pellucid.atmosphere.lidar.options import AnalysisOptions, Channel
from pellucid.atmosphere.lidar.raman import GOOD
from pellucid.atmosphere.lidar.signal import photon_signal
from pellucid.atmosphere.molecular import Air, molecular_optics, standard_air
from pellucid.errors import InsufficientStatistics
from pellucid.simulate.lidar import CTA, Layer, Sky, expected_rate

SHOTS, WIDTH, TAU = 1200, 7.5, 0.004
SKY = Sky((Layer(0.0, 1500.0, 0.2, 50.0, 1.0), Layer(5000.0, 6000.0, 0.2, 25.0, 0.0)))
OPTIONS = AnalysisOptions(start=700.0, stop=12000.0, reference=(7000.0, 12000.0))


def channel(
    nm: int, random: np.random.Generator, tau: float = TAU, air: float = 1.0, k: float = 1.0
) -> Channel:
    """Counts of a minute, corrected with ``tau``, inverted with air denser by a factor; dimmed threefold."""
    (seen,) = (c for c in CTA.channels if c.wavelength == nm)
    sky = replace(SKY, layers=(replace(SKY.layers[0], angstrom=k), SKY.layers[1]))
    rate = expected_rate(sky, CTA, replace(seen, constant=seen.constant / 3.0))
    counts = random.poisson(counted_rate(rate, TAU) * SHOTS * WIDTH / 150.0)
    signal = photon_signal(counts, SHOTS, WIDTH, (45000.0, 60000.0), dead_time=tau).until(12000.0)
    plain = standard_air(signal.range + SKY.altitude)
    return Channel(signal, molecular_optics(Air(plain.height, plain.pressure * air, plain.temperature), nm))


def made(random: np.random.Generator) -> Analysis:
    tau, air = random.normal(TAU, 5e-4), random.normal(1.0, 0.01)
    k = random.normal(1.0, 0.5)
    return analyse(channel(355, random, tau, air, k), channel(387, random, tau, air, k), OPTIONS)


@pytest.fixture(scope="module")
def told() -> Analysis:
    random = np.random.default_rng(1)
    elastic, raman = channel(355, random), channel(387, random)
    return with_bootstrap(analyse(elastic, raman, OPTIONS), elastic, raman, OPTIONS, Unknowns(draws=300))


def test_errors_are_the_scatter_of_instruments_and_airs(told: Analysis) -> None:
    random = np.random.default_rng(2)
    every = [made(random) for _ in range(120)]
    columns = np.flatnonzero((told.range > 900.0) & (told.range < 4500.0))[::20]
    for name in ("extinction", "backscatter"):
        scatter = np.std([getattr(a, name).value[0, columns] for a in every], axis=0, ddof=1)
        ratio = getattr(told, name).error[0, columns] / scatter
        assert np.nanmedian(ratio) == pytest.approx(1.0, abs=0.12), name
    assert told.optical_depth is not None
    m = 14
    values = np.array([a.optical_depth.value[:m] for a in every if a.optical_depth is not None])
    ratio = told.optical_depth.error[:m] / values.std(axis=0, ddof=1)
    assert np.median(ratio) == pytest.approx(1.0, abs=0.15)
    measured, drawn = np.corrcoef(values.T), told.optical_depth.covariance[:m, :m]
    assert np.abs(measured - drawn / np.sqrt(np.outer(np.diag(drawn), np.diag(drawn)))).mean() < 0.12


def test_values_stay_and_draws_are_the_same_twice(told: Analysis) -> None:
    random = np.random.default_rng(1)
    elastic, raman = channel(355, random), channel(387, random)
    plain = analyse(elastic, raman, OPTIONS)
    again = with_bootstrap(plain, elastic, raman, OPTIONS, Unknowns(draws=300))
    good = told.extinction.status == GOOD
    assert np.array_equal(plain.extinction.value[good], told.extinction.value[good])
    assert np.array_equal(again.extinction.error, told.extinction.error, equal_nan=True)
    assert np.isfinite(told.extinction.error[good]).all()


def test_an_elastic_lidar_is_drawn_with_its_assumptions() -> None:
    elastic = channel(355, np.random.default_rng(3))
    plain = analyse(elastic, options=OPTIONS)
    drawn = with_bootstrap(plain, elastic, options=OPTIONS, unknowns=Unknowns(draws=200))
    good = (drawn.extinction.status[0] == GOOD) & (drawn.range > 900.0) & (drawn.range < 1400.0)
    # the linear errors of the quick form are about those of the draws
    ratio = drawn.extinction.error[0, good] / plain.extinction.error[0, good]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.3)


def test_few_draws_are_refused(told: Analysis) -> None:
    elastic = channel(355, np.random.default_rng(3))
    with pytest.raises(InsufficientStatistics) as caught:
        with_bootstrap(told, elastic, unknowns=Unknowns(draws=5))
    assert caught.value.code == "few-draws"


def test_low_rank_keeps_the_diagonal_and_most_of_the_rest(told: Analysis) -> None:
    assert told.optical_depth is not None
    covariance = told.optical_depth.covariance
    factors, diagonal = low_rank(covariance, 10)
    again = factors @ factors.T + np.diag(diagonal)
    assert np.diag(again) == pytest.approx(np.diag(covariance), rel=1e-9)
    assert np.abs(again - covariance).max() < 0.1 * np.abs(covariance).max()


def test_the_colour_of_a_layer_closes() -> None:
    random = np.random.default_rng(5)
    pulls = []
    for _ in range(40):
        depths = []
        for nm, shifted in ((355, 387), (532, 607)):
            found = analyse(channel(nm, random), channel(shifted, random), OPTIONS).optical_depth
            assert found is not None
            depths.append(found)
        low = max(d.start for d in depths)
        got = angstrom_exponent(*depths, low, 1800.0)
        pulls.append((got.value - 1.0) / got.error)
        assert got.error < 0.5
    assert abs(np.mean(pulls)) < 0.5
    assert np.std(pulls) < 1.2
    with pytest.raises(InsufficientStatistics) as caught:
        angstrom_exponent(*depths, 2500.0, 3500.0)
    assert caught.value.code == "no-angstrom"
