# SPDX-License-Identifier: BSD-3-Clause
"""Light on a camera: expected photo-electrons and arrival times per pixel, for each kind of event."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.instrument import Telescope

__all__ = ["Light", "Muon", "Shower", "flash_light", "muon_light", "no_light", "shower_light"]

type F8 = npt.NDArray[np.float64]

SHOWER_LENGTH, SHOWER_WIDTH = 0.20, 0.07
"""Standard deviations of a shower's image at 1 TeV, in deg."""


@dataclass(frozen=True, eq=False)
class Light:
    """Light that falls on the pixels of a camera in one event.

    Attributes
    ----------
    expected : ndarray of float64, shape (n_pixels,)
        Mean number of photo-electrons in a pixel of mean efficiency.
    time : ndarray of float64, shape (n_pixels,)
        Mean arrival time from the start of the window, in ns.
    width : float
        Standard deviation of the arrival times in a pixel, in ns.
    """

    expected: F8
    time: F8
    width: float

    def dimmed(self, share: float) -> "Light":
        """Return the light that optics leave which pass a share of it."""
        return replace(self, expected=share * self.expected)


@dataclass(frozen=True)
class Shower:
    """A gamma-like shower.

    Attributes
    ----------
    energy : float
        In TeV.
    core_x, core_y : float
        Core on the ground (north, west), in m.
    fov_lon, fov_lat : float
        Direction in the field of view, in deg.
    """

    energy: float
    core_x: float
    core_y: float
    fov_lon: float
    fov_lat: float


@dataclass(frozen=True)
class Muon:
    """A ring of a local muon.

    Attributes
    ----------
    fov_lon, fov_lat : float
        Centre of the ring, in deg.
    radius, width : float
        Radius and Gaussian width of the ring, in deg.
    impact, azimuth : float
        Where the muon meets the mirror: distance in mirror radii, and angle in deg.
    charge : float
        Photo-electrons of a whole ring.
    """

    fov_lon: float
    fov_lat: float
    radius: float
    width: float
    impact: float
    azimuth: float
    charge: float


def no_light(n_pixels: int) -> Light:
    """No light at all: a pedestal event."""
    return Light(np.zeros(n_pixels), np.zeros(n_pixels), 0.0)


def flash_light(
    rng: np.random.Generator, n_pixels: int, intensity: float, spread: float, peak: float
) -> Light:
    """Uniform light of the calibration source; each flash has its own brightness and time.

    Parameters
    ----------
    rng : Generator
        Source of the random numbers.
    n_pixels : int
        Pixels of the camera.
    intensity : float
        Mean photo-electrons in a pixel.
    spread : float
        Relative standard deviation from flash to flash.
    peak : float
        Mean arrival time, in ns; a flash jitters by 0.3 ns, its light lasts 1.0 ns (both one sigma).
    """
    brightness = intensity * max(0.0, 1.0 + spread * rng.standard_normal())
    time = peak + 0.3 * rng.standard_normal()
    return Light(np.full(n_pixels, brightness), np.full(n_pixels, time), 1.0)


def shower_light(telescope: Telescope, shower: Shower, peak: float) -> Light:
    """Ellipse of a gamma-like shower, with a time gradient along its axis.

    A toy, not a simulation of air showers: the image lies on the line from the shower's direction
    towards its core as the telescope sees it, 1.1 deg away for a core at 120 m. Its light is 1000
    photo-electrons per TeV and 100 m2 of mirror, flat up to 120 m and falling beyond as
    exp(-(r - 120 m) / 60 m). Times grow by 4 ns/deg away from the shower's direction at 120 m.

    Parameters
    ----------
    telescope : Telescope
        Where it stands and what its camera is.
    shower : Shower
        The shower.
    peak : float
        Time of the image's centre, in ns.
    """
    x, y, _ = telescope.position
    north, west = shower.core_x - x, shower.core_y - y
    impact = float(np.hypot(north, west))
    ux, uy = (north / impact, west / impact) if impact > 0.0 else (1.0, 0.0)
    distance = 1.1 * min(impact, 240.0) / 120.0
    scale = (1.0 + 0.1 * np.log10(shower.energy)) if shower.energy > 0.01 else 0.8
    length, width = SHOWER_LENGTH * scale, SHOWER_WIDTH * scale
    frame = telescope.geometry.telescope_frame(telescope.optics.focal_length())
    # the camera's x axis is fov_lat and its y axis fov_lon
    lat = frame.fov_lat - shower.fov_lat - distance * ux
    lon = frame.fov_lon - shower.fov_lon - distance * uy
    along, across = lat * ux + lon * uy, lon * ux - lat * uy
    charge = 1000.0 * shower.energy * telescope.optics.mirror_area / 100.0
    charge *= np.exp(-max(0.0, impact - 120.0) / 60.0)
    density = np.exp(-0.5 * ((along / length) ** 2 + (across / width) ** 2)) / (2.0 * np.pi * length * width)
    gradient = 4.0 * distance / 1.1
    # pixels outside the image see no light whose time could run away
    time = peak + np.clip(gradient * along, -8.0, 8.0)
    return Light(charge * density * frame.pix_area, time, 1.0)


def muon_light(telescope: Telescope, muon: Muon, peak: float) -> Light:
    """Ring of a muon: light by the chord that the muon's path makes over the mirror.

    D(phi) / R_m = sqrt(1 - rho^2 sin^2 phi) + rho cos phi for an impact within the mirror, rho <= 1
    (Vacanti et al. 1994, Astropart. Phys. 2, 1, eq. 3), normalised to mean 1 around the ring.

    Parameters
    ----------
    telescope : Telescope
        Where the ring is seen.
    muon : Muon
        The ring.
    peak : float
        Arrival time of its light, in ns.
    """
    frame = telescope.geometry.telescope_frame(telescope.optics.focal_length())
    lat, lon = frame.fov_lat - muon.fov_lat, frame.fov_lon - muon.fov_lon
    theta, phi = np.hypot(lat, lon), np.arctan2(lon, lat) - np.deg2rad(muon.azimuth)
    ring = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    chord = _chord(muon.impact, phi) / _chord(muon.impact, ring).mean()
    radial = np.exp(-0.5 * ((theta - muon.radius) / muon.width) ** 2) / (np.sqrt(2.0 * np.pi) * muon.width)
    density = muon.charge * chord * radial / (2.0 * np.pi * muon.radius)
    return Light(density * frame.pix_area, np.full(theta.size, peak), 0.5)


def _chord(rho: float, phi: F8) -> F8:
    chord: F8 = np.sqrt(1.0 - (rho * np.sin(phi)) ** 2) + rho * np.cos(phi)
    return chord
