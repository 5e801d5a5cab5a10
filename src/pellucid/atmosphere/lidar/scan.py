# SPDX-License-Identifier: BSD-3-Clause
"""Scanning LIDARs: optical depth from several zenith angles, without any assumed lidar ratio.

Over even layers ln(signal / signal of clean air) at a height is a line in sec(zenith angle), whose slope is
-2 tau. Sources: Kano, Pap. Meteor. Geophys. 19 (1968) 121; Hamilton, Appl. Opt. 8 (1969) 1159; Filipcic
et al., Astropart. Phys. 18 (2003) 501.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2 as chi2_distribution

from pellucid.atmosphere.lidar.elastic import molecular_signal
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.lidar.slopes import GOOD, moving_slopes
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import ConfigurationError, InsufficientStatistics

__all__ = [
    "HorizontalShot",
    "MultiAngle",
    "Ray",
    "ScanTable",
    "horizontal_extinction",
    "multi_angle",
    "scan_table",
]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ray:
    """One direction of a scan.

    Attributes
    ----------
    signal : Signal
        Elastic counts; the first profile is used.
    optics : MolecularOptics
        The air at the signal's bins, along this direction.
    zenith : float
        In deg.
    """

    signal: Signal
    optics: MolecularOptics
    zenith: float


@dataclass(frozen=True, eq=False)
class ScanTable:
    """A scan in slabs of height, n directions and m slabs.

    Attributes
    ----------
    edges : ndarray of float64, shape (m + 1,)
        Heights above the LIDAR, in m.
    height : ndarray of float64, shape (m,)
        Where the slabs' light comes from on average, in m above the LIDAR.
    secant : ndarray of float64, shape (n,)
        1 / cos(zenith angle), dimensionless.
    log : ndarray of float64, shape (n, m)
        ln of counts over those of clean air, dimensionless; NaN where there is too little light.
    clean : ndarray of float64, shape (n, m)
        Signal of clean air, counts in arbitrary units.
    dark, dark_error : ndarray of float64, shape (n, m)
        Background in counts, and its error, which all slabs of a direction share.
    exposure : ndarray of float64, shape (n, m)
        Mean over variance of the counts, dimensionless.
    """

    edges: F8
    height: F8
    secant: F8
    log: F8
    clean: F8
    dark: F8
    dark_error: F8
    exposure: F8

    def part(self, first: int, end: int) -> "ScanTable":
        """Return the slabs from ``first`` to before ``end``."""
        parts = (self.log, self.clean, self.dark, self.dark_error, self.exposure)
        return ScanTable(
            self.edges[first : end + 1],
            self.height[first:end],
            self.secant,
            *(p[:, first:end] for p in parts),
        )

    def variance(self, log: F8) -> tuple[F8, F8]:
        """Return what the counts add to the variance of ``log``, and the error by the background.

        Both for expected values of ``log``, shape (n, m) as the results, dimensionless: variances of what was
        counted would give low counts too little weight.
        """
        net = np.where(self.good, self.clean * np.exp(np.where(self.good, log, 0.0)), np.nan)
        return (net + self.dark) / (self.exposure * net**2), self.dark_error / net

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Mask, shape (n, m), of slabs with light."""
        return np.isfinite(self.log)


def scan_table(
    rays: Sequence[Ray], start: float, stop: float, *, slab: float = 300.0, least: float = 10.0
) -> ScanTable:
    """Sum the counts of every direction in common slabs of height.

    ln of a sum of few counts is too low by var / (2 sum^2), which is added.

    Parameters
    ----------
    rays : sequence of Ray
        Directions at two or more zenith angles below 89 deg.
    start, stop : float
        Heights in m; the first is that of full overlap straight up. A slab of a slanted direction lies
        further along it.
    slab : float
        Thickness in m.
    least : float
        Net counts over their error that a slab must have.

    Raises
    ------
    ConfigurationError
        The angles are too few, or not those of a scan (``scan-angles``).
    """
    zenith = np.array([ray.zenith for ray in rays], np.float64)
    if not ((zenith >= 0.0) & (zenith < 89.0)).all() or np.unique(zenith.round(1)).size < 2:
        raise ConfigurationError(
            "These directions make no scan.",
            expected="two or more zenith angles, 0 to below 89 deg",
            got=f"{zenith.round(1).tolist()} deg",
            mend="leave horizontal shots to the extinction at the ground",
            code="scan-angles",
        )
    edges = np.arange(start, stop + 0.5 * slab, slab)
    columns = [_slabs(ray, edges, least) for ray in rays]
    height, *rest = (np.array(column) for column in zip(*columns, strict=True))
    return ScanTable(edges, height.mean(axis=0), 1.0 / np.cos(np.deg2rad(zenith)), *rest)


def _slabs(ray: Ray, edges: F8, least: float) -> tuple[F8, ...]:
    """Centres, logarithms, clean signal, background, its error and exposure of the slabs of a direction."""
    signal = ray.signal
    height = signal.range * np.cos(np.deg2rad(ray.zenith))
    ends = np.searchsorted(height, edges)
    width = np.diff(ends)

    def sums(values: F8) -> F8:
        total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
        summed: F8 = total[ends[1:]] - total[ends[:-1]]
        return summed

    light = molecular_signal(signal.range, ray.optics)
    net, clean = sums(signal.net[0]), sums(light)
    own = sums(signal.counts[0] / signal.exposure[0])
    dark, dark_error = width * signal.background[0], width * signal.background_error[0]
    # a counter is blind where it is bright: such slabs are left out, but are not dark
    blind = sums(~np.isfinite(signal.counts[0])) > 0
    bright = (net > least * np.sqrt(own + dark_error**2 + 1.0)) & (clean > 0.0) & (height[-1] >= edges[1:])
    # the first dark slab ends the direction: what shines beyond it is chance
    good = np.logical_and.accumulate(bright | blind) & ~blind
    safe, safe_clean = np.where(good, net, 1.0), np.where(good, clean, 1.0)
    log = np.where(good, np.log(safe / safe_clean) + 0.5 * own / safe**2, np.nan)
    centre = np.where(good, sums(light * height) / safe_clean, 0.5 * (edges[1:] + edges[:-1]))
    return centre, log, clean, dark, dark_error, np.where(good, (safe + dark) / np.where(good, own, 1.0), 1.0)


@dataclass(frozen=True, eq=False)
class MultiAngle:
    """Optical depth of the aerosol height by height, and whether the layers are even.

    Attributes
    ----------
    height : ndarray of float64, shape (m,)
        Above the LIDAR, in m.
    value, error : ndarray of float64, shape (m,)
        Vertical depth from the ground, dimensionless, NaN where fewer than two directions reach; the error
        is that of the counts: it holds if the layers are even.
    intercept : ndarray of float64, shape (m,)
        ln of the scattering ratio plus a constant, dimensionless.
    chi2 : ndarray of float64, shape (m,)
        Of the line at each height.
    n : ndarray of int64, shape (m,)
        Number of directions.
    probability : float
        That even layers give a chi square as large as the sum over heights, or larger; NaN without any
        height that three directions reach.
    """

    height: F8
    value: F8
    error: F8
    intercept: F8
    chi2: F8
    n: npt.NDArray[np.int64]
    probability: float

    def uniform(self, least: float = 0.01) -> bool:
        """Return whether the layers pass for even: False also where no test was possible."""
        return bool(self.probability >= least)


def multi_angle(table: ScanTable) -> MultiAngle:
    """Return tau(h) = -1/2 d log / d sec by weighted regression at every height on its own.

    sigma_tau = 1/2 / sqrt(sum w (sec - mean)^2), w = 1 / variance. With two directions this is
    tau = -1/2 (log_1 - log_2) / (sec_1 - sec_2), which no chi square can test.

    Parameters
    ----------
    table : ScanTable
        n directions, m slabs.
    """
    lines = _lines(table, table.log)
    # again with the variances of what is expected
    lines = _lines(table, lines.expected)
    n = table.good.sum(axis=0)
    enough = (n >= 2) & (lines.spread > 0.0)
    degrees = int((n[n >= 3] - 2).sum())
    chi2 = float(lines.chi2[n >= 3].sum())
    with np.errstate(divide="ignore"):
        error = 0.5 / np.sqrt(lines.spread)
    return MultiAngle(
        height=table.height,
        value=np.where(enough, -0.5 * lines.slope, np.nan),
        error=np.where(enough, error, np.nan),
        intercept=np.where(enough, lines.intercept, np.nan),
        chi2=np.where(enough, lines.chi2, np.nan),
        n=n,
        probability=float(chi2_distribution.sf(chi2, degrees)) if degrees else float("nan"),
    )


@dataclass(frozen=True, eq=False)
class _Lines:
    """A line at each height: slope, intercept, weighted spread of the secants, chi square."""

    slope: F8
    intercept: F8
    spread: F8
    chi2: F8
    expected: F8


def _lines(table: ScanTable, expected: F8) -> _Lines:
    good, sec = table.good, table.secant[:, None]
    counts, background = table.variance(expected)
    weight = np.where(good, 1.0 / np.where(good, counts + background**2, 1.0), 0.0)
    log = np.where(good, table.log, 0.0)
    total = np.maximum(weight.sum(axis=0), 1e-300)
    mean_sec, mean_log = (weight * sec).sum(axis=0) / total, (weight * log).sum(axis=0) / total
    spread = (weight * (sec - mean_sec) ** 2).sum(axis=0)
    slope = (weight * (sec - mean_sec) * log).sum(axis=0) / np.where(spread > 0.0, spread, 1.0)
    line = mean_log + slope * (sec - mean_sec)
    chi2 = (weight * (log - line) ** 2).sum(axis=0)
    return _Lines(slope, mean_log - slope * mean_sec, spread, chi2, line)


@dataclass(frozen=True)
class HorizontalShot:
    """What a horizontal shot tells about the air at the ground.

    Attributes
    ----------
    extinction, error : float
        Of the aerosol, 1/m.
    amplitude : float
        Counts times m2 at the LIDAR, of full overlap and without attenuation.
    middle : float
        Range in m that the slope turns around.
    chi2 : float
        Reduced chi square of the straight line: large where the air is uneven along the shot.
    n : int
        Number of bins behind it.
    """

    extinction: float
    error: float
    amplitude: float
    middle: float
    chi2: float
    n: int


def horizontal_extinction(
    signal: Signal, molecular: float, start: float, stop: float, *, cell: float = 150.0, least: float = 10.0
) -> HorizontalShot:
    """Return the extinction at the ground: half the logarithmic slope of counts times range squared.

    A Poisson likelihood fits counts = A exp(-2 alpha r) / r^2 + background.

    Parameters
    ----------
    signal : Signal
        Counts of the shot; the first profile is used.
    molecular : float
        Extinction of the molecules at the ground, 1/m.
    start, stop : float
        Range in m: full overlap, and the end.
    cell : float
        Of the test for evenness, in m.
    least : float
        Net counts over their error.

    Raises
    ------
    InsufficientStatistics
        There is too little light, or no room (``no-horizontal``).
    """
    inside = np.flatnonzero((signal.range >= start) & (signal.range <= stop))
    half = (inside.size - 1) // 2
    middle = int(inside[0]) + half if half >= 4 else 0
    halves = np.zeros(signal.range.size, np.int64)
    halves[middle] = half
    model = np.where(signal.range > 0.0, signal.range, np.inf) ** -2 * float(signal.range[middle]) ** 2
    slope, error, tilt, status = moving_slopes(
        signal.counts[:1], signal.exposure[:1], model, signal.background[:1], halves, least
    )
    if half < 4 or status[0, middle] != GOOD:
        raise InsufficientStatistics(
            "The horizontal shot holds too little light.",
            where=f"{start:.0f} to {stop:.0f} m",
            expected=f"9 bins or more, with net counts over {least:g} errors",
            got=f"{inside.size} bins",
            mend="sum more shots, or use a nearer range",
            code="no-horizontal",
        )
    b = float(slope[0, middle])
    spread = float(np.hypot(error[0, middle], tilt[0, middle] * signal.background_error[0]))
    part = slice(middle - half, middle + half + 1)
    shape = model[part] * np.exp(b * np.arange(-half, half + 1))
    amplitude = float(signal.net[0, part].sum() / shape.sum())
    scale = 1.0 / (2.0 * signal.bin_width)
    at = float(signal.range[middle])
    return HorizontalShot(
        extinction=-b * scale - molecular,
        error=spread * scale,
        amplitude=amplitude * at**2 * float(np.exp(-b * at / signal.bin_width)),
        middle=float((shape * signal.range[part]).sum() / shape.sum()),
        chi2=_straightness(signal, part, amplitude * shape, max(1, round(cell / signal.bin_width))),
        n=2 * half + 1,
    )


def _straightness(signal: Signal, part: slice, light: F8, width: int) -> float:
    count = light.size // width

    def sums(values: F8) -> F8:
        total: F8 = values[: count * width].reshape(count, width).sum(axis=1)
        return total

    off = sums(signal.net[0, part] - light)
    variance = sums((light + signal.background[0]) / signal.exposure[0, part])
    return float((off**2 / variance).sum() / max(count - 2, 1))
