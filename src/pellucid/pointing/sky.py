# SPDX-License-Identifier: BSD-3-Clause
"""Where stars of a catalogue are in the field of view of a telescope."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from pellucid.errors import MissingInput
from pellucid.pointing.angles import altitudes, radians
from pellucid.pointing.catalogue import StarCatalogue

__all__ = ["horizon", "known_earth", "stars_in_view"]

_COLOUR = 0.4
"""um, of the light that cameras for Cherenkov light see."""


@contextmanager
def known_earth(time: Time) -> Iterator[None]:
    """Let astropy turn the Earth by the tables installed with it: no network, and no look at a clock.

    Raises
    ------
    MissingInput
        They do not cover the time (``no-earth-rotation``).
    """
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        table = iers.earth_orientation_table.get()
        first, last = table["MJD"][[0, -1]].to_value(u.d)
        if not first <= time.utc.mjd <= last:
            raise MissingInput(
                "Nobody knows how far the Earth had turned at that time.",
                where=f"{time.utc.isot} UTC",
                expected=f"between {Time(first, format='mjd').isot} and {Time(last, format='mjd').isot}",
                mend="update the package astropy-iers-data",
                code="no-earth-rotation",
            )
        yield


def horizon(time: int, site: tuple[float, float, float]) -> AltAz:
    """Return the frame of apparent directions at a site, refracted by its air.

    The air has the standard atmosphere's pressure, 1013.25 hPa (1 - 2.25577e-5 h / m)^5.25588 (ISO 2533), and
    10 deg C.

    Parameters
    ----------
    time : int
        Moment, in ns TAI.
    site : tuple of float
        Longitude (deg, east), latitude (deg), height (m).
    """
    longitude, latitude, height = site
    return AltAz(
        obstime=Time(time / 1e9, format="unix_tai"),
        location=EarthLocation(lon=longitude * u.deg, lat=latitude * u.deg, height=height * u.m),
        pressure=1013.25 * (1.0 - 2.25577e-5 * height) ** 5.25588 * u.hPa,
        temperature=10.0 * u.deg_C,
        relative_humidity=0.3,
        obswl=_COLOUR * u.um,
    )


def stars_in_view(
    catalogue: StarCatalogue,
    time: int,
    azimuth: Any,
    altitude: Any,
    site: tuple[float, float, float],
    *,
    faintest: float,
    view: u.Quantity,
    apart: u.Quantity,
) -> tuple[u.Quantity, npt.NDArray[np.float64]]:
    """Return where bright single stars appear from the axis of a telescope, refraction included.

    Directions by astropy, from ICRS to `horizon`.

    Parameters
    ----------
    catalogue : StarCatalogue
        The stars.
    time : int
        Moment, in ns TAI.
    azimuth, altitude : Quantity
        Where the telescope looks.
    site : tuple of float
        As for `horizon`.
    faintest : float
        Magnitude in V.
    view : Quantity
        Radius of the field of view.
    apart : Quantity
        Stars with another one nearer than this are left out.

    Returns
    -------
    tuple of Quantity, shape (n, 2), and ndarray of float64, shape (n,)
        Angles upward and along azimuth from the axis, in deg; and magnitudes in V, brightest first.

    Raises
    ------
    MissingInput
        Nobody knows how far the Earth had turned then (``no-earth-rotation``).
    """
    a, e = radians(azimuth, "azimuth"), altitudes(altitude)
    bright, frame = catalogue.brighter(faintest), horizon(time, site)
    with known_earth(frame.obstime):
        axis = SkyCoord(a[0] * u.rad, e[0] * u.rad, frame=frame)
        stars = SkyCoord(*bright.at(float(frame.obstime.jyear))).transform_to(frame)
        place = stars.transform_to(axis.skyoffset_frame())
        away = axis.separation(stars)
    inside = np.flatnonzero((away < view) & (stars.alt > 0.0 * u.deg))
    order = inside[np.argsort(bright.magnitude[inside], kind="stable")]
    xy = np.stack(
        [place.lat[order].to_value(u.deg), place.lon[order].wrap_at(180 * u.deg).to_value(u.deg)], 1
    )
    distance = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    single = (distance > apart.to_value(u.deg)).all(axis=1)
    return xy[single] * u.deg, bright.magnitude[order][single]
