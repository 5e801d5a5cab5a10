# SPDX-License-Identifier: BSD-3-Clause
"""A LIDAR's night at one wavelength: what was seen file by file, and what groups of files tell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.chain import Analysis, MeasuredLayer
from pellucid.atmosphere.lidar.raman import GOOD, RamanProfile
from pellucid.atmosphere.lidar.signal import Signal

__all__ = ["Group", "LidarNight", "Look", "looks", "night_of"]

type F8 = npt.NDArray[np.float64]
type Times = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Look:
    """Light of one file in cells of height: log10 of net counts per shot times m2, shape (m,)."""

    time: tuple[int, int]
    light: F8


@dataclass(frozen=True, eq=False)
class Group:
    """The analysis of some files: start and stop in ns TAI, their zenith angle in deg."""

    time: tuple[int, int]
    zenith: float
    analysis: Analysis


@dataclass(frozen=True, eq=False)
class LidarNight:
    """A night at one wavelength, heights above the LIDAR.

    Attributes
    ----------
    wavelength : float
        In nm.
    height : ndarray of float64, shape (m,)
        Middle of the cells, in m.
    look_time : ndarray of int64, shape (f, 2)
        Start and stop of each file, ns TAI.
    light : ndarray of float64, shape (f, m)
        log10 of net counts per shot times m2, dimensionless; NaN where there are none.
    time : ndarray of int64, shape (g, 2)
        Start and stop of each group of files, ns TAI.
    zenith : ndarray of float64, shape (g,)
        In deg.
    extinction, extinction_error : ndarray of float64, shape (g, m)
        Of aerosol, 1/m, means over cells; NaN where withheld.
    backscatter, backscatter_error : ndarray of float64, shape (g, m)
        Of aerosol, 1/(m sr).
    depth, depth_error : ndarray of float64, shape (g, m)
        Vertical aerosol optical depth from the height of full overlap, by Raman light; NaN where it is not
        known.
    start, trusted : ndarray of float64, shape (g,)
        Height in m from which the depth counts, NaN without one, and up to which the signal holds.
    layers : tuple of (int, MeasuredLayer)
        Index of the group, and a layer, its edges as heights and its depths vertical.
    flags : tuple of tuple of str
        Of each group.
    """

    wavelength: float
    height: F8
    look_time: Times
    light: F8
    time: Times
    zenith: F8
    extinction: F8
    extinction_error: F8
    backscatter: F8
    backscatter_error: F8
    depth: F8
    depth_error: F8
    start: F8
    trusted: F8
    layers: tuple[tuple[int, MeasuredLayer], ...]
    flags: tuple[tuple[str, ...], ...]


def looks(signal: Signal, times: Sequence[tuple[int, int]], zenith: float, edges: F8) -> list[Look]:
    """Return what each profile of a signal saw, in cells of height.

    Parameters
    ----------
    signal : Signal
        n profiles.
    times : sequence of (int, int)
        Start and stop of each, ns TAI.
    zenith : float
        In deg.
    edges : ndarray of float64, shape (m + 1,)
        Heights above the LIDAR, in m.
    """
    ends = np.searchsorted(signal.range * np.cos(np.deg2rad(zenith)), edges)
    total = np.cumsum(np.pad(np.nan_to_num(signal.range_corrected), ((0, 0), (1, 0))), axis=1)
    width = np.maximum(np.diff(ends), 1)
    mean = (total[:, ends[1:]] - total[:, ends[:-1]]) / width / signal.shots[:, None]
    light = np.log10(np.where(mean > 0.0, mean, np.nan))
    return [Look(time, row) for time, row in zip(times, light, strict=True)]


def night_of(wavelength: float, edges: F8, looked: Sequence[Look], groups: Sequence[Group]) -> LidarNight:
    """Return files and groups of files as one record, in order of time.

    Parameters
    ----------
    wavelength : float
        In nm.
    edges : ndarray of float64, shape (m + 1,)
        Of the cells of height above the LIDAR, in m.
    looked : sequence of Look
        One for each file.
    groups : sequence of Group
        One for each group of files.
    """
    ordered = sorted(groups, key=lambda g: g.time)
    seen = sorted(looked, key=lambda x: x.time)
    alpha = [_cells(g.analysis.extinction, g, edges) for g in ordered]
    beta = [_cells(g.analysis.backscatter, g, edges) for g in ordered]
    height = 0.5 * (edges[1:] + edges[:-1])
    depths = [_vertical(g, height) for g in ordered]
    slope = np.cos(np.deg2rad([g.zenith for g in ordered]))
    return LidarNight(
        wavelength=wavelength,
        height=height,
        look_time=np.array([x.time for x in seen], np.int64),
        light=np.array([x.light for x in seen]),
        time=np.array([g.time for g in ordered], np.int64),
        zenith=np.array([g.zenith for g in ordered]),
        extinction=np.array([v for v, _ in alpha]),
        extinction_error=np.array([e for _, e in alpha]),
        backscatter=np.array([v for v, _ in beta]),
        backscatter_error=np.array([e for _, e in beta]),
        depth=np.array([v for v, _, _ in depths]),
        depth_error=np.array([e for _, e, _ in depths]),
        start=np.array([s for _, _, s in depths]),
        trusted=np.array([g.analysis.trusted for g in ordered]) * slope,
        layers=tuple(
            (i, _upright(x, s))
            for i, (g, s) in enumerate(zip(ordered, slope, strict=True))
            for x in g.analysis.layers
        ),
        flags=tuple(g.analysis.flags for g in ordered),
    )


def _cells(profile: RamanProfile, group: Group, edges: F8) -> tuple[F8, F8]:
    """Means over cells; bins of a cell share their windows, so that errors do not fall with their number."""
    ends = np.searchsorted(group.analysis.range * np.cos(np.deg2rad(group.zenith)), edges)
    good = profile.status[0] == GOOD

    def sums(values: F8) -> F8:
        total = np.concatenate([[0.0], np.cumsum(np.where(good, values, 0.0))])
        summed: F8 = total[ends[1:]] - total[ends[:-1]]
        return summed

    n = sums(np.ones(good.size))
    safe = np.maximum(n, 1.0)
    whole = (n > 0) & (n == np.diff(ends))
    return (
        np.where(whole, sums(profile.value[0]) / safe, np.nan),
        np.where(whole, sums(profile.error[0]) / safe, np.nan),
    )


def _vertical(group: Group, height: F8) -> tuple[F8, F8, float]:
    found = group.analysis.optical_depth
    if found is None or not group.analysis.has_raman:
        nothing = np.full(height.size, np.nan)
        return nothing, nothing, float("nan")
    slope = float(np.cos(np.deg2rad(group.zenith)))
    at = height / slope
    x = np.concatenate([[found.start], found.range])
    inside = (at >= found.start) & (at <= found.trusted)
    value = np.interp(at, x, np.concatenate([[0.0], found.value]))
    error = np.interp(at, x, np.concatenate([[0.0], found.error]))
    return (
        np.where(inside, value * slope, np.nan),
        np.where(inside, error * slope, np.nan),
        found.start * slope,
    )


def _upright(layer: MeasuredLayer, slope: float) -> MeasuredLayer:
    lengths = ("base", "top", "base_error", "top_error")
    depths = ("elastic", "elastic_error", "raman", "raman_error")
    found = replace(layer.found, **{n: getattr(layer.found, n) * slope for n in lengths})
    return replace(layer, found=found, **{n: getattr(layer, n) * slope for n in depths})
