# SPDX-License-Identifier: BSD-3-Clause
"""Ozone: the published column, cross sections at known lines, and depths."""

import numpy as np
import pytest

from pellucid.atmosphere.molecular import vertical_depth
from pellucid.atmosphere.ozone import ozone_cross_section, ozone_density, ozone_depth, ozone_extinction


def test_the_standard_profile_holds_the_published_column() -> None:
    height = np.arange(0.0, 50000.0, 50.0)
    dobson = ozone_density(height).sum() * 50.0 / 2.6868e20
    assert dobson == pytest.approx(345.0, rel=0.01)
    # the maximum lies at 22 km
    assert height[np.argmax(ozone_density(height))] == pytest.approx(22000.0, abs=100.0)
    assert ozone_density(np.array([22000.0]), 300.0) == pytest.approx(4.86e18 * 300.0 / 345.0)


@pytest.mark.parametrize(
    ("nm", "sigma"),
    [(253.65, 1.147e-21), (289.36, 1.49e-22), (296.73, 6.0e-23), (302.15, 2.97e-23), (577.0, 4.7e-25)],
)
def test_cross_sections_at_the_lines_of_mercury_and_in_the_visible(nm: float, sigma: float) -> None:
    assert float(ozone_cross_section(nm)) == pytest.approx(sigma, rel=0.1)


def test_depth_is_the_integral_of_extinction() -> None:
    height = np.arange(0.0, 20000.0, 10.0)
    summed = ozone_extinction(height + 2200.0, 310.0, 300.0).sum() * 10.0
    assert ozone_depth([20000.0], 310.0, 2200.0, 300.0)[0] == pytest.approx(summed, rel=2e-3)
    # beside molecules it matters at 300 nm and not at 355 nm
    ends = [
        ozone_depth([15000.0], nm, 2200.0)[0] / vertical_depth([15000.0], nm, 2200.0)[0]
        for nm in (300.0, 355.0)
    ]
    assert ends[0] > 0.5
    assert ends[1] < 2e-3
