# SPDX-License-Identifier: BSD-3-Clause
"""Scans with known truth as counts, without the detour through files."""

from dataclasses import replace

import numpy as np

from pellucid.atmosphere.lidar.raman import depth
from pellucid.atmosphere.lidar.scan import Ray
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.lidar.vaod import OpticalDepth, raman_optical_depth
from pellucid.atmosphere.molecular import molecular_optics, standard_air
from pellucid.simulate.lidar import CTA, Layer, Sky, expected_rate

SHOTS = 1200
ZENITH = tuple(np.linspace(0.0, 65.0, 7))
SKY = Sky(
    (
        Layer(0.0, 2000.0, 0.25, 55.0, 1.2),
        Layer(3000.0, 4500.0, 0.12, 47.0, 0.5),
        Layer(5500.0, 8000.0, 0.08, 50.0, 1.0),
    )
)
HEIGHT = np.array((np.arange(4000) + 0.5) * 7.5, np.float64)
TRUE = (HEIGHT, depth(SKY.aerosol(HEIGHT, 355.0)[0], 7.5))
"""Heights in m and optical depth up to there at 355 nm."""


def counts(
    sky: Sky, wavelength: int, zenith: float, random: np.random.Generator | None, light: float = 1.0
) -> Signal:
    """Counts of one minute in a direction, or their mean where there is no chance."""
    (channel,) = (c for c in CTA.channels if c.wavelength == wavelength)
    channel = replace(channel, constant=channel.constant * light)
    mean = expected_rate(sky, CTA, channel, zenith) * SHOTS * CTA.bin_width / 150.0
    drawn = mean if random is None else random.poisson(mean)
    return photon_signal(drawn, SHOTS, CTA.bin_width, (45000.0, 60000.0)).until(30000.0)


def ray(signal: Signal, zenith: float, sky: Sky = SKY) -> Ray:
    """A direction with the air it looks through."""
    air = standard_air(signal.range * np.cos(np.deg2rad(zenith)) + sky.altitude)
    return Ray(signal, molecular_optics(air, 355.0), zenith)


def made_scan(
    random: np.random.Generator, *, unevenness: float = 0.05, light: float = 1.0
) -> tuple[list[Ray], OpticalDepth]:
    """Seven directions of `SKY`, each scaled by a chance of its own, and the Raman depth of the first."""
    rays, prior = [], None
    for zenith in ZENITH:
        local = SKY.scaled(random.normal(1.0, unevenness))
        rays.append(ray(counts(local, 355, zenith, random, light), zenith))
        if prior is None:
            shifted = counts(local, 387, zenith, random)
            raman = molecular_optics(standard_air(shifted.range + SKY.altitude), 387.0)
            prior = raman_optical_depth(shifted, rays[0].optics, raman, 400.0, 15000.0)
    assert prior is not None
    return rays, prior
