# SPDX-License-Identifier: BSD-3-Clause
"""Stars in the camera: places from maps of variances, and one transformation from all of them."""

import astropy.units as u
import numpy as np
import pytest

from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.pointing.catalogue import StarCatalogue
from pellucid.pointing.psf import ComaPsf
from pellucid.pointing.spots import fit_spots
from pellucid.pointing.stars import fit_stars
from pellucid.simulate.stars import simulate_spots, simulate_track

TRUTH = {"shift": (14.0, -9.0), "rotation": 2e-3, "scale": -4e-4}


def test_the_transformation_is_that_of_the_camera() -> None:
    pulls, chi2 = [], []
    for seed in range(200):
        track = simulate_track(np.random.default_rng(seed), 5, 12, **TRUTH, noise=8.0)
        fit = fit_stars(track.expected, track.found, track.error)
        value = np.array([*fit.shift.to_value(u.arcsec), fit.rotation.to_value(u.rad), fit.scale])
        truth = np.array([*TRUTH["shift"], TRUTH["rotation"], TRUTH["scale"]])
        pulls.append((value - truth) / np.sqrt(np.diagonal(fit.covariance)))
        chi2.append(fit.chi2 / fit.degrees)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.1)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.06)
    assert np.mean(chi2) == pytest.approx(1.0, abs=0.05)


def test_lost_stars_are_simply_not_there() -> None:
    track = simulate_track(np.random.default_rng(1), 5, 12, **TRUTH, noise=8.0)
    found = track.found.copy()
    found[[3, 17, 31]] = np.nan
    fit = fit_stars(track.expected, found, track.error)
    kept = np.isfinite(found[:, 0].value)
    again = fit_stars(track.expected[kept], found[kept], track.error[kept])
    assert fit.n == 57
    assert fit.shift.value == pytest.approx(again.shift.value)


def test_a_drift_is_fitted_where_asked() -> None:
    track = simulate_track(np.random.default_rng(2), 6, 20, **TRUTH, noise=4.0, worse=1.0)
    time = np.repeat(np.linspace(-0.5, 0.5, 20), 6)
    moving = track.found + np.outer(time, [30.0, 0.0]) * u.arcsec
    fit = fit_stars(track.expected, moving, track.error, time, with_drift=True)
    error = np.sqrt(np.diagonal(fit.covariance)[4:])
    assert np.abs((fit.drift.value - [30.0, 0.0]) / error).max() < 4.0
    with pytest.raises(ConfigurationError, match="times"):
        fit_stars(track.expected, moving, track.error, with_drift=True)


def test_too_few_stars_and_wrong_units_are_refused() -> None:
    track = simulate_track(np.random.default_rng(3), 5, 1, **TRUTH, noise=4.0)
    with pytest.raises(InsufficientStatistics):
        fit_stars(track.expected[:1], track.found[:1], track.error[:1])
    with pytest.raises(ConfigurationError, match="no unit"):
        fit_stars(track.expected.value, track.found, track.error)
    with pytest.raises(ConfigurationError, match="fit together"):
        fit_stars(track.expected, track.found, track.error.value * u.m)


def camera() -> np.ndarray:
    """Pixels of 5 cm on a square grid, as good as hexagons for spots."""
    line = np.arange(-1.0, 1.001, 0.05)
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def test_spots_are_where_the_stars_are() -> None:
    random = np.random.default_rng(4)
    pixels, width = camera(), 0.06
    pulls, bright = [], []
    for _ in range(60):
        places = random.uniform(-0.6, 0.6, (1, 2))
        values, errors = simulate_spots(random, pixels, places, np.array([3.0]), width, 2.0, 1000)
        expected = (places[None] + random.normal(0, 0.02, (1, 1, 2))) * u.m
        spots = fit_spots(values[None], errors[None], pixels * u.m, expected, width * u.m)
        assert spots.found.all()
        pulls.append(((spots.position - places * u.m) / spots.error).value)
        bright.append(float((spots.brightness[0, 0] - 3.0) / spots.brightness_error[0, 0]))
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.3)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.25)
    assert np.std(bright) < 1.6


def test_stars_that_do_not_stand_out_are_told() -> None:
    random = np.random.default_rng(5)
    pixels = camera()
    places = np.array([[0.3, 0.3], [-0.4, 0.1]])
    values, errors = simulate_spots(random, pixels, places[:1], np.array([3.0]), 0.06, 2.0, 500)
    spots = fit_spots(values[None], errors[None], pixels * u.m, places[None] * u.m, 0.06 * u.m)
    assert spots.found.tolist() == [[True, False]]
    assert np.isnan(spots.position[0, 1]).all()
    with pytest.raises(InsufficientStatistics) as error:
        fit_spots(values[None], errors[None], pixels * u.m, places[None, 1:] * u.m, 0.06 * u.m)
    assert error.value.code == "no-star-found"
    with pytest.raises(MissingInput):
        fit_spots(values[None], errors[None], pixels * u.m, places[None, :0] * u.m, 0.06 * u.m)


def test_coma_shifts_the_centroid_as_its_density_says() -> None:
    psf = ComaPsf((0.4, 2.0, 0.01), (0.014, 0.002, 0.0, 0.0), (0.05, 0.8, 0.02))
    step = 0.0015
    line = np.arange(-1.2, 1.2, step)
    x, y = (v.ravel() * u.m for v in np.meshgrid(line, line))
    density = psf.density(x, y, 0.7 * u.m, 0.0 * u.m).value
    assert density.sum() * step**2 == pytest.approx(1.0, rel=0.01)
    radius = np.hypot(x.value, y.value)
    mean = (radius * density).sum() / density.sum()
    assert mean - 0.7 == pytest.approx(psf.shift(0.7 * u.m).value, abs=2e-4)
    with pytest.raises(ConfigurationError) as error:
        psf.shift(80.0 * u.m)
    assert error.value.code == "beyond-model"


def test_a_catalogue_has_an_epoch() -> None:
    barnard = {"right_ascension": [269.454] * u.deg, "declination": [4.668] * u.deg, "magnitude": [9.5]}
    motion = np.array([[-0.7986, 10.3377]]) * u.arcsec / u.yr
    stars = StarCatalogue.of(**barnard, epoch=1991.25, motion=motion)
    _, dec = stars.at(2026.9)
    assert (dec[0] - 4.668 * u.deg).to_value(u.arcsec) == pytest.approx(10.3377 * 35.65, rel=1e-6)
    assert stars.brighter(7.0).magnitude.size == 0
    with pytest.raises(ConfigurationError) as error:
        StarCatalogue.of(**barnard, epoch=None)
    assert error.value.code == "no-epoch"
    with pytest.raises(CorruptedInput):
        StarCatalogue.of(**barnard, epoch=2451545.0)
