# SPDX-License-Identifier: BSD-3-Clause
"""Bending models: the truth within its errors, outliers borne, what is not determined refused."""

import astropy.units as u
import numpy as np
import pytest

from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.pointing.bending import CLASSICAL, TERMS, BendingFit, cross_validate, fit_bending
from pellucid.simulate.stars import SkyRun, simulate_sky

TRUTH = {"IA": 300.0, "IE": -120.0, "CA": 45.0, "NPAE": -20.0, "AN": 15.0, "AW": -8.0, "TF": 30.0}
NOISE = 8.0


def fitted(run: SkyRun, terms: tuple[str, ...] = CLASSICAL) -> BendingFit:
    return fit_bending(run.altitude, run.azimuth, run.across, run.upward, terms=terms)


def test_parameters_and_noise_are_those_of_the_mount() -> None:
    pulls, noises = [], []
    for seed in range(60):
        run = simulate_sky(np.random.default_rng(seed), 150, TRUTH, NOISE)
        fit = fitted(run)
        truth = np.array([TRUTH[t] for t in fit.terms])
        pulls.append((fit.value.value - truth) / fit.error.value)
        noises.append(fit.noise.value)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.15)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
    assert np.mean(noises) == pytest.approx(NOISE, rel=0.02)


def test_outliers_are_told() -> None:
    run = simulate_sky(np.random.default_rng(3), 400, TRUTH, NOISE)
    fit = fitted(run)
    found = fit.outlier > 0.5
    assert (found & ~run.is_outlier).sum() <= 2
    assert (~found & run.is_outlier).sum() <= 3
    # one wrong star in twenty would spoil plain least squares
    plain = simulate_sky(np.random.default_rng(3), 400, TRUTH, NOISE, share=0.0)
    assert fit.error.value == pytest.approx(fitted(plain).error.value, rel=0.15)


def test_the_offset_foretells_stars_with_its_error() -> None:
    run = simulate_sky(np.random.default_rng(4), 300, TRUTH, NOISE)
    new = simulate_sky(np.random.default_rng(5), 500, TRUTH, 0.0, share=0.0)
    fit = fitted(run)
    across, upward = fit.offset(new.altitude, new.azimuth)
    errors = fit.offset_error(new.altitude, new.azimuth)
    for got, truth, error in zip((across, upward), (new.across, new.upward), errors, strict=True):
        assert np.abs(((got - truth) / error).value).max() < 4.0
        assert error.max() < 3.0 * u.arcsec


def test_cross_validation_names_the_better_model() -> None:
    run = simulate_sky(np.random.default_rng(6), 200, {**TRUTH, "HESE2": 40.0}, NOISE)
    sky = (run.altitude, run.azimuth, run.across, run.upward)
    plain = cross_validate(*sky)
    better = cross_validate(*sky, terms=(*CLASSICAL, "HESE2"))
    assert better < 0.9 * plain
    assert better.value == pytest.approx(NOISE, rel=0.1)


@pytest.mark.parametrize("term", TERMS)
def test_every_term_can_be_fitted(term: str) -> None:
    run = simulate_sky(np.random.default_rng(7), 120, {term: 50.0}, 2.0, share=0.0)
    fit = fitted(run, (term,))
    assert (fit.value.value[0] - 50.0) / fit.error.value[0] == pytest.approx(0.0, abs=4.0)


def test_bare_numbers_are_no_angles() -> None:
    run = simulate_sky(np.random.default_rng(1), 50, TRUTH, NOISE)
    with pytest.raises(ConfigurationError) as error:
        fit_bending(run.altitude.to_value(u.deg), run.azimuth, run.across, run.upward)
    assert error.value.code == "unit-needed"
    with pytest.raises(ConfigurationError, match="unit"):
        fit_bending(run.altitude, run.azimuth, run.across, 3.0 * np.ones(50) * u.m)
    # degrees that somebody took for radians are beyond the zenith
    with pytest.raises(CorruptedInput) as beyond:
        fit_bending(run.altitude.to_value(u.deg) * u.rad, run.azimuth, run.across, run.upward)
    assert beyond.value.code == "altitude"


def test_what_is_not_determined_is_refused() -> None:
    run = simulate_sky(np.random.default_rng(1), 50, TRUTH, NOISE)
    with pytest.raises(ConfigurationError, match="TFF"):
        fitted(run, ("IA", "TFF"))
    few = SkyRun(run.altitude[:4], run.azimuth[:4], run.across[:4], run.upward[:4], run.is_outlier[:4])
    with pytest.raises(InsufficientStatistics) as error:
        fitted(few)
    assert error.value.exit_code == 106
    one_place = SkyRun(run.altitude * 0 + 60 * u.deg, run.azimuth * 0, run.across, run.upward, run.is_outlier)
    with pytest.raises(InsufficientStatistics):
        fitted(one_place)
    broken = run.across.copy()
    broken[7] = np.nan
    with pytest.raises(CorruptedInput, match="no numbers"):
        fit_bending(run.altitude, run.azimuth, broken, run.upward)
