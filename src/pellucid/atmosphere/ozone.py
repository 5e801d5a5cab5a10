# SPDX-License-Identifier: BSD-3-Clause
"""Ozone: how much light it takes, by wavelength and height.

Sources: cross sections at room temperature, smoothed over the vibrational structure, after Hearn, Proc. Phys.
Soc. 78 (1961) 932 and Gorshelev et al., Atmos. Meas. Tech. 7 (2014) 609; profile of the mid-latitudes in the
U.S. Standard Atmosphere 1976 (Krueger & Minzner, J. Geophys. Res. 81 (1976) 4477).
"""

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.column import column_depth

__all__ = ["STANDARD_COLUMN", "ozone_cross_section", "ozone_density", "ozone_depth", "ozone_extinction"]

type F8 = npt.NDArray[np.float64]

STANDARD_COLUMN = 345.0
"""Of the standard profile from the sea up, in Dobson units."""

# nm, and 1e-20 cm2
_SIGMA = (
    (200.0, 32.0), (210.0, 57.0), (220.0, 179.0), (230.0, 448.0), (240.0, 830.0), (250.0, 1124.0),
    (260.0, 1080.0), (270.0, 797.0), (280.0, 400.0), (290.0, 142.0), (295.0, 76.0), (300.0, 39.0),
    (305.0, 20.0), (310.0, 10.2), (315.0, 5.1), (320.0, 2.7), (325.0, 1.35), (330.0, 0.69), (335.0, 0.32),
    (340.0, 0.15), (345.0, 0.08), (350.0, 0.035), (360.0, 0.006), (370.0, 0.003), (380.0, 0.001),
    (390.0, 0.001), (400.0, 0.0013), (410.0, 0.0027), (420.0, 0.005), (430.0, 0.007), (440.0, 0.0135),
    (450.0, 0.018), (460.0, 0.034), (470.0, 0.041), (480.0, 0.071), (490.0, 0.084), (500.0, 0.12),
    (510.0, 0.157), (520.0, 0.185), (530.0, 0.27), (540.0, 0.295), (550.0, 0.335), (560.0, 0.395),
    (570.0, 0.47), (580.0, 0.46), (590.0, 0.46), (600.0, 0.51), (610.0, 0.47), (620.0, 0.4), (630.0, 0.35),
    (640.0, 0.29), (650.0, 0.25), (660.0, 0.21), (670.0, 0.17), (680.0, 0.135), (690.0, 0.11), (700.0, 0.09),
    (720.0, 0.06), (740.0, 0.045), (760.0, 0.03), (800.0, 0.016), (1000.0, 0.0003),
)  # fmt: skip

# km, and 1e17 molecules in 1 m3
_PROFILE = (
    (0.0, 6.8), (2.0, 6.8), (4.0, 5.8), (6.0, 5.7), (8.0, 6.5), (10.0, 11.3), (12.0, 20.2), (14.0, 23.5),
    (16.0, 29.5), (18.0, 40.4), (20.0, 47.7), (22.0, 48.6), (24.0, 45.4), (26.0, 40.3), (28.0, 32.4),
    (30.0, 25.2), (32.0, 20.3), (34.0, 15.8), (36.0, 12.2), (38.0, 8.73), (40.0, 6.07), (45.0, 2.2),
    (50.0, 0.66),
)  # fmt: skip


def ozone_cross_section(wavelength: npt.ArrayLike) -> F8:
    """Return the absorption cross section of an ozone molecule, in m2, shape (...).

    To 10 %; to a factor of 2 between 345 and 400 nm, where the air's ozone takes less than 0.001.

    Parameters
    ----------
    wavelength : array_like of float, shape (...)
        In nm; beyond 200 to 1000 the last values hold.
    """
    nm, sigma = np.array(_SIGMA).T
    found: F8 = 1e-24 * np.exp(np.interp(np.asarray(wavelength, np.float64), nm, np.log(sigma)))
    return found


def ozone_density(height: npt.ArrayLike, column: float = STANDARD_COLUMN) -> F8:
    """Return the molecules of ozone in 1 m3, shape (n,): the standard profile, scaled.

    Parameters
    ----------
    height : array_like of float, shape (n,)
        Above sea level, in m; none above 50 km.
    column : float
        All ozone from the sea up, in Dobson units.
    """
    km, density = np.array(_PROFILE).T
    z = np.asarray(height, np.float64) / 1000.0
    found: F8 = 1e17 * np.interp(z, km, density, right=0.0) * (column / STANDARD_COLUMN)
    return found


def ozone_extinction(height: npt.ArrayLike, wavelength: float, column: float = STANDARD_COLUMN) -> F8:
    """Return the extinction by ozone, density times cross section, in 1/m, shape (n,).

    Parameters
    ----------
    height : array_like of float, shape (n,)
        Above sea level, in m.
    wavelength : float
        In nm.
    column : float
        All ozone from the sea up, in Dobson units.
    """
    return ozone_density(height, column) * float(ozone_cross_section(wavelength))


def ozone_depth(
    height: npt.ArrayLike, wavelength: float, altitude: float, column: float = STANDARD_COLUMN
) -> F8:
    """Return the vertical optical depth of ozone from a site up to heights, dimensionless, shape (m,).

    Parameters
    ----------
    height : array_like of float, shape (m,)
        Above the site, in m.
    wavelength : float
        In nm.
    altitude : float
        Of the site above sea level, in m.
    column : float
        All ozone from the sea up, in Dobson units.
    """
    return column_depth(height, lambda above: ozone_extinction(above + altitude, wavelength, column))
