# SPDX-License-Identifier: BSD-3-Clause
"""Light scattered by the molecules of dry air: cross sections, extinction, backscatter.

Sources: Peck & Reeder, J. Opt. Soc. Am. 62 (1972) 958 (refractive index); Bates, Planet. Space Sci. 32
(1984) 785 (King factors); Bucholtz, Appl. Opt. 34 (1995) 2765 (cross section, phase function);
She, Appl. Opt. 40 (2001) 4875 (Cabannes line).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.column import column_depth
from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput

__all__ = [
    "Air",
    "MolecularOptics",
    "Rayleigh",
    "molecular_optics",
    "rayleigh",
    "standard_air",
    "vertical_depth",
]

type F8 = npt.NDArray[np.float64]

BOLTZMANN = 1.380649e-23
STANDARD_DENSITY = 2.546899e25
"""Molecules in 1 m3 of the air that the refractive index is given for: 288.15 K and 1013.25 hPa."""

_N2, _O2, _AR = 0.78084, 0.20946, 0.00934


@dataclass(frozen=True, eq=False)
class Rayleigh:
    """Scattering of light by a mean molecule of dry air, at wavelengths of shape (...).

    Attributes
    ----------
    cross_section : ndarray of float64, shape (...)
        Total, in m2.
    king : ndarray of float64, shape (...)
        King factor, dimensionless: how much anisotropy enlarges the cross section.
    backward : ndarray of float64, shape (...)
        Phase function at 180 deg, its mean over the sphere 1, dimensionless.
    cabannes : ndarray of float64, shape (...)
        Part of the backscattered light in the central line, dimensionless.
    """

    cross_section: F8
    king: F8
    backward: F8
    cabannes: F8

    @property
    def lidar_ratio(self) -> F8:
        """Extinction over backscatter, 4 pi / P(180), in sr, shape (...)."""
        return 4.0 * np.pi / self.backward


def rayleigh(wavelength: npt.ArrayLike, co2: float = 400.0) -> Rayleigh:
    """Return how molecules scatter.

    sigma = 24 pi^3 (n^2 - 1)^2 F / (lambda^4 N_s^2 (n^2 + 2)^2), with n of standard air;
    P(180) = 3 (2 + 2 g) / (4 (1 + 2 g)), g = rho / (2 - rho), rho = 6 (F - 1) / (3 + 7 F);
    part of the Cabannes line (45 + 7 e / 4) / (45 + 7 e), e = 9 (F - 1) / 2.

    Parameters
    ----------
    wavelength : array_like of float, shape (...)
        In nm, 200 to 4000.
    co2 : float
        Volume mixing ratio of carbon dioxide, in 1e-6.

    Raises
    ------
    ConfigurationError
        A wavelength is outside of the formula's range (``wavelength-range``).
    """
    micron = np.asarray(wavelength, np.float64) * 1e-3
    if not ((micron >= 0.2) & (micron <= 4.0)).all():
        raise ConfigurationError(
            "There is no refractive index of air at this wavelength.",
            expected="200 to 4000 nm",
            got=f"{np.asarray(wavelength).tolist()} nm",
            mend="give wavelengths in nm",
            code="wavelength-range",
        )
    inverse = micron**-2
    index = 1e-8 * (5792105.0 / (238.0185 - inverse) + 167917.0 / (57.362 - inverse))
    square = (1.0 + index * (1.0 + 0.534e-6 * (co2 - 450.0))) ** 2
    king = _king(inverse, co2)
    metres = micron * 1e-6
    sigma = 24.0 * np.pi**3 * (square - 1.0) ** 2 * king
    sigma = sigma / (metres**4 * STANDARD_DENSITY**2 * (square + 2.0) ** 2)
    rho = 6.0 * (king - 1.0) / (3.0 + 7.0 * king)
    g = rho / (2.0 - rho)
    anisotropy = 4.5 * (king - 1.0)
    return Rayleigh(
        cross_section=sigma,
        king=king,
        backward=3.0 * (2.0 + 2.0 * g) / (4.0 * (1.0 + 2.0 * g)),
        cabannes=(45.0 + 1.75 * anisotropy) / (45.0 + 7.0 * anisotropy),
    )


def _king(inverse: F8, co2: float) -> F8:
    nitrogen = 1.034 + 3.17e-4 * inverse
    oxygen = 1.096 + 1.385e-3 * inverse + 1.448e-4 * inverse**2
    part = co2 * 1e-6
    total = _N2 + _O2 + _AR + part
    king: F8 = (_N2 * nitrogen + _O2 * oxygen + _AR * 1.00 + part * 1.15) / total
    return king


@dataclass(frozen=True, eq=False)
class Air:
    """Pressure and temperature over height.

    Attributes
    ----------
    height : ndarray of float64, shape (n,)
        Rising, in m.
    pressure : ndarray of float64, shape (n,)
        In Pa.
    temperature : ndarray of float64, shape (n,)
        In K.
    """

    height: F8
    pressure: F8
    temperature: F8

    def __post_init__(self) -> None:
        good = (
            self.height.ndim == 1
            and self.height.shape == self.pressure.shape == self.temperature.shape
            and self.height.size >= 2
            and bool((np.diff(self.height) > 0).all())
            and bool((self.pressure > 0).all() and (self.temperature > 100.0).all())
        )
        if not good:
            raise CorruptedInput(
                "This is no profile of the air.",
                expected="two or more rising heights (m) with pressures > 0 Pa and temperatures > 100 K",
                got=f"{self.height.size} heights",
                mend="check order and units of the profile, and leave out levels without values",
                code="bad-air",
            )

    def at(self, height: npt.ArrayLike, margin: float = 500.0) -> "Air":
        """Return the air at other heights: linear in temperature and in the logarithm of pressure.

        Parameters
        ----------
        height : array_like of float, shape (m,)
            Rising, in m.
        margin : float
            How far below the lowest level a height may lie, in m. Above the highest level the air goes
            on isothermal, its pressure falling as between the last two levels.

        Raises
        ------
        MissingInput
            A height is too low (``air-too-high``).
        """
        z = np.asarray(height, np.float64)
        if z.size and z[0] < self.height[0] - margin:
            raise MissingInput(
                "The profile of the air begins above the heights asked for.",
                expected=f"levels from {z[0]:.0f} m",
                got=f"lowest level {self.height[0]:.0f} m",
                mend="add the ground's pressure and temperature to the profile",
                code="air-too-high",
            )
        log = np.log(self.pressure)
        value = np.interp(z, self.height, log)
        for end, (a, b) in ((z < self.height[0], (0, 1)), (z > self.height[-1], (-2, -1))):
            slope = (log[b] - log[a]) / (self.height[b] - self.height[a])
            value = np.where(end, log[a] + slope * (z - self.height[a]), value)
        return Air(z, np.exp(value), np.interp(z, self.height, self.temperature))

    @property
    def density(self) -> F8:
        """Molecules in 1 m3, shape (n,): N = P / (k T)."""
        return self.pressure / (BOLTZMANN * self.temperature)


@dataclass(frozen=True, eq=False)
class MolecularOptics:
    """Molecules at one wavelength over height.

    Attributes
    ----------
    wavelength : float
        In nm.
    density : ndarray of float64, shape (n,)
        Molecules in 1 m3.
    extinction : ndarray of float64, shape (n,)
        In 1/m.
    backscatter : ndarray of float64, shape (n,)
        In 1/(m sr), of the light that the channel's filter lets pass.
    """

    wavelength: float
    density: F8
    extinction: F8
    backscatter: F8


def molecular_optics(
    air: Air,
    wavelength: float,
    *,
    co2: float = 400.0,
    cabannes: bool = False,
    absorption: npt.ArrayLike = 0.0,
    isotropic: bool = False,
) -> MolecularOptics:
    """Return extinction N sigma and backscatter N sigma P(180) / (4 pi) of the air.

    Parameters
    ----------
    air : Air
        Pressure and temperature, shape (n,).
    wavelength : float
        In nm.
    co2 : float
        Volume mixing ratio of carbon dioxide, in 1e-6.
    cabannes : bool
        The filter passes the central line only and cuts rotational Raman lines off: backscatter is
        smaller by 2 to 3 %; extinction stays.
    absorption : array_like of float, shape (n,) or ()
        Extinction by absorbing gases such as ozone, in 1/m, added to the extinction.
    isotropic : bool
        Leave the King factor out, for comparison with data that were simulated without it.
    """
    optics = rayleigh(wavelength, co2)
    sigma = optics.cross_section / (optics.king if isotropic else 1.0)
    extinction = air.density * sigma
    backscatter = extinction * (1.5 if isotropic else optics.backward) / (4.0 * np.pi)
    if cabannes:
        backscatter = backscatter * optics.cabannes
    return MolecularOptics(
        float(wavelength), air.density, extinction + np.asarray(absorption, np.float64), backscatter
    )


def standard_air(height: npt.ArrayLike) -> Air:
    """Return the U.S. Standard Atmosphere 1976 at rising heights, shape (n,), in m, -500 to 47000."""
    z = np.asarray(height, np.float64)
    geopotential = 6356766.0 * z / (6356766.0 + z)
    base = np.array([0.0, 11000.0, 20000.0, 32000.0])
    lapse = np.array([-0.0065, 0.0, 0.001, 0.0028])
    temperature = np.array([288.15, 216.65, 216.65, 228.65])
    pressure = np.array([101325.0, 22632.06, 5474.889, 868.0187])
    row = np.clip(np.searchsorted(base, geopotential, side="right") - 1, 0, 3)
    above = geopotential - base[row]
    local = temperature[row] + lapse[row] * above
    hydrostatic = 9.80665 * 0.0289644 / 8.31432
    safe = np.where(lapse[row] == 0.0, 1.0, lapse[row])
    falling = np.where(
        lapse[row] == 0.0,
        np.exp(-hydrostatic * above / temperature[row]),
        (temperature[row] / local) ** (hydrostatic / safe),
    )
    return Air(z, pressure[row] * falling, local)


def vertical_depth(
    height: npt.ArrayLike,
    wavelength: float,
    altitude: float,
    *,
    air: Air | None = None,
    co2: float = 400.0,
    step: float = 50.0,
) -> F8:
    """Return the optical depth of the air's molecules from a site up to heights, shape (m,).

    Trapezoids of N sigma over steps of ``step`` m; dimensionless.

    Parameters
    ----------
    height : array_like of float, shape (m,)
        Above the site, in m.
    wavelength : float
        In nm.
    altitude : float
        Of the site above sea level, in m.
    air : Air, optional
        Over height above sea level; the U.S. Standard Atmosphere where not given.
    co2 : float
        Volume mixing ratio of carbon dioxide, in 1e-6.
    step : float
        In m.
    """

    def extinction(above: F8) -> F8:
        local = standard_air(above + altitude) if air is None else air.at(above + altitude)
        return molecular_optics(local, wavelength, co2=co2).extinction

    return column_depth(height, extinction, step=step)
