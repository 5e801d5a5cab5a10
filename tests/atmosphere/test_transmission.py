# SPDX-License-Identifier: BSD-3-Clause
"""Transmission: known numbers, slant paths, and the covariance against draws."""

import numpy as np
import pytest

from pellucid.atmosphere.transmission import path_factor, shower_transmission, transmission
from pellucid.errors import UsageError

HEIGHT = np.linspace(500.0, 15000.0, 30)
MOLECULAR = 0.5 * (1.0 - np.exp(-HEIGHT / 8000.0))
AEROSOL = 0.2 * (1.0 - np.exp(-HEIGHT / 1500.0))
STEPS = np.tril(np.ones((30, 30)))
COVARIANCE = STEPS @ np.diag(np.full(30, 2e-3**2)) @ STEPS.T


def test_the_zenith_is_an_exponential() -> None:
    found = transmission(HEIGHT, MOLECULAR, AEROSOL, COVARIANCE)
    assert found.value == pytest.approx(np.exp(-MOLECULAR - AEROSOL), rel=1e-12)
    assert found.error == pytest.approx(found.value * np.sqrt(np.diag(COVARIANCE)), rel=1e-9)


def test_slant_paths_are_sec_z_at_first_and_spherical_later() -> None:
    assert path_factor(5000.0, 60.0) == pytest.approx(2.0, rel=0.005)
    assert path_factor(10000.0, 85.0) < 0.95 / np.cos(np.deg2rad(85.0))
    # a ray at 89.9 deg, integrated by a chord through shells
    shells = np.linspace(5.0, 29995.0, 3000)
    length = (path_factor(shells, 80.0) * 10.0).sum()
    radius, c = 6_371_000.0, np.cos(np.deg2rad(80.0))
    chord = -radius * c + np.sqrt((radius * c) ** 2 + 2 * radius * 30000.0 + 30000.0**2)
    assert length == pytest.approx(chord, rel=1e-4)
    with pytest.raises(UsageError):
        path_factor(1000.0, 90.0)


def test_colour_scales_the_aerosol_only() -> None:
    found = transmission(HEIGHT, MOLECULAR, AEROSOL, COVARIANCE, colour=(532.0, 355.0), angstrom=1.3)
    assert found.value == pytest.approx(np.exp(-MOLECULAR - AEROSOL * (532 / 355) ** -1.3), rel=1e-12)
    plain = transmission(HEIGHT, MOLECULAR, AEROSOL, COVARIANCE, colour=(532.0, 355.0), angstrom_error=0.0)
    assert (found.error > plain.error * 0.8).all()


def test_the_covariance_is_that_of_draws() -> None:
    random = np.random.default_rng(1)
    depths = AEROSOL + random.multivariate_normal(np.zeros(30), COVARIANCE, 4000)
    exponents = random.normal(1.0, 0.3, 4000)
    draws = np.array(
        [
            transmission(
                HEIGHT, MOLECULAR, d, COVARIANCE, zenith=40.0, colour=(420.0, 355.0), angstrom=a
            ).value
            for d, a in zip(depths, exponents, strict=True)
        ]
    )
    told = transmission(HEIGHT, MOLECULAR, AEROSOL, COVARIANCE, zenith=40.0, colour=(420.0, 355.0))
    assert draws.std(axis=0) == pytest.approx(told.error, rel=0.08)
    scale = np.sqrt(np.outer(np.diag(told.covariance), np.diag(told.covariance)))
    assert np.abs(np.cov(draws.T) / scale - told.covariance / scale).max() < 0.12


COLOURS = np.linspace(300.0, 600.0, 31)
MOLECULES = MOLECULAR * (COLOURS[:, None] / 355.0) ** -4.08
EMISSION = np.exp(-(((HEIGHT - 8000.0) / 3000.0) ** 2))


def shower(
    aerosol: np.ndarray, angstrom: float = 1.0, clear: np.ndarray = 0.0 * AEROSOL
) -> tuple[float, float]:
    found = shower_transmission(
        HEIGHT,
        MOLECULES,
        aerosol,
        COVARIANCE,
        EMISSION,
        COLOURS,
        COLOURS**-2,
        lidar=355.0,
        reference=(MOLECULES, clear),
        zenith=20.0,
        angstrom=angstrom,
    )
    return found.value, found.error


def test_the_shower_sees_its_own_mean_of_the_transmission() -> None:
    assert shower(AEROSOL, clear=AEROSOL)[0] == pytest.approx(1.0, abs=1e-12)
    one = 0.0 * EMISSION
    one[20] = 1.0
    mono = shower_transmission(
        HEIGHT,
        MOLECULES[5:6],
        AEROSOL,
        COVARIANCE,
        one,
        COLOURS[5:6],
        np.ones(1),
        lidar=355.0,
        reference=(MOLECULES[5:6], 0.0 * AEROSOL),
    )
    assert mono.value == pytest.approx(np.exp(-AEROSOL[20] * (COLOURS[5] / 355.0) ** -1.0), rel=1e-12)
    with pytest.raises(UsageError, match="No light"):
        shower_transmission(
            HEIGHT,
            MOLECULES,
            AEROSOL,
            COVARIANCE,
            0.0 * EMISSION,
            COLOURS,
            COLOURS,
            lidar=355.0,
            reference=(MOLECULES, AEROSOL),
        )


def test_the_error_of_the_shower_is_that_of_draws() -> None:
    random = np.random.default_rng(2)
    value, error = shower(AEROSOL)
    depths = AEROSOL + random.multivariate_normal(np.zeros(30), COVARIANCE, 1000)
    draws = [shower(d, random.normal(1.0, 0.3))[0] for d in depths]
    assert np.std(draws) == pytest.approx(error, rel=0.1)
    assert np.mean(draws) == pytest.approx(value, abs=0.1 * error)


def test_the_colour_that_is_not_known_costs_what_is_published() -> None:
    # spectral extrapolation from 355 nm, depth 0.1, exponent +- 0.3: 0.002 to 0.003
    thin = 0.1 * (1.0 - np.exp(-HEIGHT / 1500.0))
    low, high = (shower(thin, 1.0 + d)[0] for d in (-0.3, 0.3))
    assert 0.0015 < 0.5 * abs(high - low) < 0.004
