# SPDX-License-Identifier: BSD-3-Clause
"""Molecules: the known answers at five wavelengths, the standard atmosphere, and odd profiles."""

import numpy as np
import pytest

from pellucid.atmosphere.molecular import Air, molecular_optics, rayleigh, standard_air, vertical_depth
from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput

# wavelength nm; cross section cm2, King factor, P(180), lidar ratio sr, extinction 1/m at the ground;
# half a unit of the last digit of cross section and extinction, relative
KNOWN = [
    (355.0, 2.7587e-26, 1.05289, 1.4774, 8.5058, 7.0262e-5, 1.9e-5, 7.2e-6),
    (387.0, 1.9210e-26, 1.05166, 1.4779, 8.5029, 4.8925e-5, 2.7e-5, 1.1e-5),
    (532.0, 5.1671e-27, 1.04899, 1.4790, 8.4966, 1.3160e-5, 1.0e-5, 3.9e-5),
    (607.4, 3.0101e-27, 1.04839, 1.4792, 8.4952, 7.6664e-6, 1.7e-5, 6.6e-6),
    (1064.0, 3.1268e-28, 1.04721, 1.4797, 8.4924, 7.9638e-7, 1.7e-5, 6.4e-6),
]
CO2 = 384.0
"""In 1e-6: the table does not tell it; with this all its digits hold."""


@pytest.mark.parametrize(
    ("nm", "sigma", "king", "backward", "ratio", "extinction", "sigma_digit", "extinction_digit"), KNOWN
)
def test_known_answers(
    nm: float,
    sigma: float,
    king: float,
    backward: float,
    ratio: float,
    extinction: float,
    sigma_digit: float,
    extinction_digit: float,
) -> None:
    found = rayleigh(nm, CO2)
    assert found.cross_section * 1e4 == pytest.approx(sigma, rel=sigma_digit)
    assert found.king == pytest.approx(king, abs=6e-6)
    assert found.backward == pytest.approx(backward, abs=6e-5)
    assert found.lidar_ratio == pytest.approx(ratio, abs=6e-5)
    ground = molecular_optics(standard_air([0.0, 10.0]), nm, co2=CO2)
    assert ground.extinction[0] == pytest.approx(extinction, rel=extinction_digit)
    assert ground.extinction[0] / ground.backscatter[0] == pytest.approx(ratio, abs=6e-5)


def test_more_carbon_dioxide_scatters_more() -> None:
    # n - 1 grows by 0.534e-6 of itself for each 1e-6 of it, the cross section by twice that
    grown = rayleigh(355.0, 500.0).cross_section / rayleigh(355.0, 400.0).cross_section - 1.0
    assert grown == pytest.approx(2.0 * 100.0 * 0.534e-6, rel=0.12)
    assert rayleigh(355.0, 500.0).king > rayleigh(355.0, 400.0).king


def test_the_depth_of_the_air_is_the_integral_of_its_extinction() -> None:
    heights = np.array([1000.0, 5000.0, 20000.0])
    grid = np.arange(0.0, 20001.0, 5.0)
    alpha = molecular_optics(standard_air(grid + 2200.0), 355.0).extinction
    true = [np.trapezoid(alpha[grid <= h], grid[grid <= h]) for h in heights]
    assert vertical_depth(heights, 355.0, 2200.0) == pytest.approx(true, rel=1e-4)


def test_vectors_equal_numbers() -> None:
    nm = np.array([row[0] for row in KNOWN])
    both = rayleigh(nm)
    assert both.cross_section == pytest.approx([rayleigh(x).cross_section for x in nm], rel=1e-14)


def test_narrow_filters_lose_the_rotational_lines() -> None:
    air = standard_air(np.arange(0.0, 1000.0, 100.0))
    whole, line = molecular_optics(air, 355.0), molecular_optics(air, 355.0, cabannes=True)
    loss = 1.0 - line.backscatter / whole.backscatter
    assert (loss > 0.01).all()
    assert (loss < 0.03).all()
    assert np.array_equal(line.extinction, whole.extinction)


def test_without_the_king_factor_extinction_is_smaller_by_it() -> None:
    air = standard_air(np.arange(0.0, 1000.0, 100.0))
    ratio = molecular_optics(air, 355.0).extinction / molecular_optics(air, 355.0, isotropic=True).extinction
    assert ratio == pytest.approx(1.05289, abs=6e-6)


def test_ozone_adds_to_extinction_only() -> None:
    air = standard_air(np.arange(0.0, 500.0, 100.0))
    plain, with_ozone = molecular_optics(air, 320.0), molecular_optics(air, 320.0, absorption=[1e-6] * 5)
    assert with_ozone.extinction - plain.extinction == pytest.approx(1e-6)
    assert np.array_equal(plain.backscatter, with_ozone.backscatter)


def test_the_standard_atmosphere_is_the_published_one() -> None:
    air = standard_air([0.0, 5000.0, 11000.0, 20000.0, 30000.0])
    assert air.pressure == pytest.approx([101325, 54048, 22699, 5529.3, 1197.0], rel=2e-4)
    assert air.temperature == pytest.approx([288.15, 255.676, 216.774, 216.65, 226.509], abs=5e-3)


def test_interpolation_follows_the_pressure() -> None:
    coarse = standard_air(np.arange(0.0, 30001.0, 500.0))
    fine = np.arange(-200.0, 32000.0, 73.0)
    found, true = coarse.at(fine), standard_air(fine)
    inside = (fine >= 0.0) & (fine < 30000.0)
    assert (found.density / true.density)[inside] == pytest.approx(1.0, abs=1e-3)
    assert (found.density / true.density)[~inside] == pytest.approx(1.0, abs=0.03)


def test_what_is_no_air_is_refused() -> None:
    with pytest.raises(CorruptedInput):
        Air(np.array([0.0, 0.0]), np.array([1e5, 1e5]), np.array([280.0, 280.0]))
    with pytest.raises(CorruptedInput):
        Air(np.array([0.0, 1.0]), np.array([1e5, np.nan]), np.array([280.0, 280.0]))
    with pytest.raises(MissingInput, match="begins above"):
        standard_air([2000.0, 3000.0]).at([100.0])
    with pytest.raises(ConfigurationError, match="wavelength"):
        rayleigh(3.55e-7)
