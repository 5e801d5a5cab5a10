# SPDX-License-Identifier: BSD-3-Clause
"""LIDARs with known truth: light scattered by layers of aerosol, as Licel files.

Truth first: the air is a list of layers with optical properties; the instrument a list of channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.dead_time import counted_rate
from pellucid.atmosphere.lidar.raman import depth
from pellucid.atmosphere.molecular import molecular_optics, standard_air
from pellucid.atmosphere.ozone import ozone_extinction
from pellucid.formats.licel import LicelDataset, LicelFile, LicelHeader

__all__ = [
    "CTA",
    "Layer",
    "LidarChannel",
    "LidarInstrument",
    "Sky",
    "expected_rate",
    "simulate_licel",
    "simulate_scan",
]

type F8 = npt.NDArray[np.float64]

_RAMAN = 7.0e-4
"""Nitrogen's Raman backscatter over the elastic backscatter of air."""


@dataclass(frozen=True)
class Layer:
    """Aerosol or cloud between two heights above the LIDAR.

    Attributes
    ----------
    base, top : float
        Where the extinction is half its plateau, in m; a base of 0 is the ground.
    optical_depth : float
        At 355 nm, vertical.
    lidar_ratio : float
        In sr, at all wavelengths.
    angstrom : float
        Exponent of the extinction.
    edge : float
        Width of the edges in m, of a hyperbolic tangent.
    """

    base: float
    top: float
    optical_depth: float
    lidar_ratio: float = 50.0
    angstrom: float = 1.0
    edge: float = 60.0


@dataclass(frozen=True)
class Sky:
    """The air above a LIDAR: the standard atmosphere and layers; the site's altitude in m, ozone in DU."""

    layers: tuple[Layer, ...] = ()
    altitude: float = 2200.0
    ozone: float = 300.0

    def scaled(self, factor: float) -> "Sky":
        """Return the sky with all optical depths times a factor, lidar ratios kept."""
        layers = tuple(replace(x, optical_depth=x.optical_depth * factor) for x in self.layers)
        return replace(self, layers=layers)

    def aerosol(self, height: F8, wavelength: float) -> tuple[F8, F8]:
        """Return extinction, 1/m, and backscatter, 1/(m sr), at heights in m, each shape (n,)."""
        extinction, backscatter = np.zeros_like(height), np.zeros_like(height)
        for layer in self.layers:
            shape = 0.5 - 0.5 * np.tanh((height - layer.top) / layer.edge)
            # integrals of one edge from the ground, and of both, in closed form
            length = 0.5 * layer.edge * np.logaddexp(0.0, 2.0 * layer.top / layer.edge)
            if layer.base > 0.0:
                shape = shape * (0.5 + 0.5 * np.tanh((height - layer.base) / layer.edge))
                thick = layer.top - layer.base
                length = thick / -np.expm1(-2.0 * thick / layer.edge)
            depth = layer.optical_depth * (355.0 / wavelength) ** layer.angstrom
            part = shape * depth / length
            extinction, backscatter = extinction + part, backscatter + part / layer.lidar_ratio
        return extinction, backscatter


@dataclass(frozen=True)
class LidarChannel:
    """A photomultiplier that is recorded in both ways, analog and counting.

    Attributes
    ----------
    wavelength, laser : int
        Seen and sent, in nm; different ones make a Raman channel.
    constant : float
        Photo-electrons in MHz of a backscatter of 1/(m sr) at 1 m, without attenuation.
    background : float
        In MHz.
    millivolts : float
        Of one MHz of photo-electrons.
    dead_time : float
        In us.
    noise : float
        Of one analog bin and shot, in mV.
    delay : int
        Bins by which the analog signal is late.
    paralysable : bool
        Whether a pulse within the dead time prolongs it.
    """

    wavelength: int
    laser: int
    constant: float
    background: float
    millivolts: float = 0.02
    dead_time: float = 0.004
    noise: float = 0.02
    delay: int = 8
    paralysable: bool = False


@dataclass(frozen=True)
class LidarInstrument:
    """A LIDAR; lengths in m, rate in Hz, analog range in V.

    The overlap with the laser beam is 1 - exp(-(r / overlap)^4).
    """

    channels: tuple[LidarChannel, ...]
    rate: int = 20
    bin_width: float = 7.5
    n_bins: int = 8000
    overlap: float = 150.0
    analog_range: float = 0.5
    adc_bits: int = 12
    site: str = field(default="Simulated")


CTA = LidarInstrument(
    (
        LidarChannel(355, 355, 4.5e13, 0.05),
        LidarChannel(532, 532, 1.2e14, 0.05),
        LidarChannel(387, 355, 3.5e16, 0.02),
        LidarChannel(607, 532, 1.2e17, 0.02),
    )
)
"""A Raman LIDAR as CTA wants it: two lasers, mirror of 1.8 m; dimmed so that counters see 50 km."""


def expected_rate(sky: Sky, instrument: LidarInstrument, channel: LidarChannel, zenith: float = 0.0) -> F8:
    """Return the true rate of photo-electrons in MHz, background included, shape (n_bins,).

    K O(r) (beta_m + beta_a) exp(-tau(l0) - tau(lR)) / r^2, of which a Raman channel sees nitrogen's part;
    zenith angle in deg.
    """
    distance = (np.arange(instrument.n_bins) + 0.5) * instrument.bin_width
    # air is told over rising heights, on a horizontal path too
    slope = max(float(np.cos(np.deg2rad(zenith))), 1e-6)
    height = np.asarray(distance * slope, np.float64)
    air = standard_air(height + sky.altitude)
    out, back = (
        molecular_optics(air, nm, absorption=ozone_extinction(air.height, nm, sky.ozone))
        for nm in (channel.laser, channel.wavelength)
    )
    alpha_out, beta = sky.aerosol(height, channel.laser)
    alpha_back, _ = sky.aerosol(height, channel.wavelength)
    tau = depth(out.extinction + back.extinction + alpha_out + alpha_back, instrument.bin_width)
    elastic = channel.wavelength == channel.laser
    scattering = out.backscatter + beta if elastic else _RAMAN * out.backscatter
    overlap = 1.0 - np.exp(-((distance / instrument.overlap) ** 4))
    light = channel.constant * overlap * scattering * np.exp(-tau) / distance**2
    rate: F8 = light + channel.background
    return rate


def simulate_licel(
    sky: Sky,
    instrument: LidarInstrument,
    random: np.random.Generator,
    *,
    files: int = 1,
    seconds: int = 60,
    zenith: float = 0.0,
    start: datetime = datetime(2026, 11, 23, 22, 0, 0),
) -> list[LicelFile]:
    """Return files as the LIDAR would record them under a sky, with clocks in UTC.

    Photo-electrons are Poisson; the counter keeps a part of them that its dead time leaves; the analog
    channel sums them all, with noise, a delay and the converter's rounding over an offset of 2 mV.

    Parameters
    ----------
    sky : Sky
        The truth.
    instrument : LidarInstrument
        What looks at it.
    random : Generator
        Source of all chance.
    files, seconds : int
        Number of files, and the length of each in s.
    zenith : float
        In deg.
    start : datetime
        Of the first file.
    """
    shots = instrument.rate * seconds
    rates = [expected_rate(sky, instrument, c, zenith) for c in instrument.channels]
    datasets = tuple(d for i, c in enumerate(instrument.channels) for d in _datasets(instrument, c, i, shots))
    header = LicelHeader(
        name="",
        site=instrument.site,
        start=start,
        stop=start,
        altitude=sky.altitude,
        longitude=0.0,
        latitude=0.0,
        pointing=(zenith, 0.0),
        pointing_decimals=(1, 1),
        custom=None,
        lasers=((shots, instrument.rate), (0, instrument.rate)),
        rest=(),
        datasets=datasets,
    )
    made = []
    for i in range(files):
        begin = start + timedelta(seconds=i * seconds)
        stop = begin + timedelta(seconds=seconds)
        name = f"SM{begin:%y}{begin.month:X}{begin:%d%H.%M%S}"
        raw = tuple(
            r
            for c, rate in zip(instrument.channels, rates, strict=True)
            for r in _recorded(instrument, c, rate, shots, random)
        )
        made.append(LicelFile(replace(header, name=name, start=begin, stop=stop), raw))
    return made


def simulate_scan(
    sky: Sky,
    instrument: LidarInstrument,
    random: np.random.Generator,
    zenith: Sequence[float],
    *,
    unevenness: float = 0.05,
    seconds: int = 60,
    start: datetime = datetime(2026, 11, 23, 22, 0, 0),
) -> list[LicelFile]:
    """Return one file for each zenith angle (deg), under air that differs from direction to direction.

    The aerosol of every direction is scaled by its own Gaussian factor around 1.

    Parameters
    ----------
    sky : Sky
        The mean truth.
    instrument : LidarInstrument
        What looks at it.
    random : Generator
        Source of all chance.
    zenith : sequence of float
        In deg.
    unevenness : float
        Spread of the factors.
    seconds : int
        Length of each file.
    start : datetime
        Of the first file.
    """
    made = []
    for i, angle in enumerate(zenith):
        local = sky.scaled(max(0.0, random.normal(1.0, unevenness)))
        begin = start + timedelta(seconds=i * seconds)
        made += simulate_licel(local, instrument, random, seconds=seconds, zenith=float(angle), start=begin)
    return made


def _datasets(
    instrument: LidarInstrument, channel: LidarChannel, number: int, shots: int
) -> tuple[LicelDataset, ...]:
    analog = LicelDataset(
        active=True,
        mode=0,
        laser=1,
        n_bins=instrument.n_bins,
        laser_polarisation=1,
        high_voltage=900,
        bin_width=instrument.bin_width,
        wavelength=channel.wavelength,
        polarisation="o",
        bin_shift=0,
        bin_shift_decimals=0,
        adc_bits=instrument.adc_bits,
        shots=shots,
        scale=instrument.analog_range,
        device=f"BT{number:X}",
    )
    return analog, replace(analog, mode=1, adc_bits=0, scale=3.1746, device=f"BC{number:X}")


def _recorded(
    instrument: LidarInstrument, channel: LidarChannel, rate: F8, shots: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    per_megahertz = shots * instrument.bin_width / 150.0
    electrons = random.poisson(rate * per_megahertz)
    counted = random.binomial(
        electrons, counted_rate(rate, channel.dead_time, paralysable=channel.paralysable) / rate
    )
    late = np.concatenate([np.full(channel.delay, channel.background * per_megahertz), electrons])
    millivolts = 2.0 + late[: rate.size] / per_megahertz * channel.millivolts
    millivolts = millivolts + random.normal(0.0, channel.noise / np.sqrt(shots), rate.size)
    steps = 2**instrument.adc_bits / (1000.0 * instrument.analog_range)
    analog = np.clip(np.rint(millivolts * steps * shots), 0, (2**instrument.adc_bits - 1) * shots)
    return analog.astype(np.int32), counted.astype(np.int32)
