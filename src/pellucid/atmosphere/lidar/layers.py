# SPDX-License-Identifier: BSD-3-Clause
"""Layers and clouds: where they are, how sure that is, and how much light they take."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.signal import Signal
from pellucid.errors import InsufficientStatistics

__all__ = ["FoundLayer", "find_layers", "last_trust", "layer_depth", "layer_windows"]

type F8 = npt.NDArray[np.float64]

_GROUND_EDGE, _EDGE = 0.5, 0.1
"""Part of the peak at which a layer begins and ends: of one that touches the ground, of a lofted one."""

_CLEAN = 750.0
"""Length in m of air over which R is held against 1."""


@dataclass(frozen=True)
class FoundLayer:
    """A stretch that scatters more than air alone.

    Attributes
    ----------
    base, top : float
        Range in m; the base of a layer that touches the start of the profile is that start.
    base_error, top_error : float
        In m, from the noise at the edges and the size of a cell.
    peak : float
        Scattering ratio at its strongest.
    significance : float
        Excess over clean air in units of its error, all cells together.
    ground : bool
        It touches the start of the profile.
    cloud : bool
        It is lofted and scatters more than ``cloud_ratio`` times air.
    """

    base: float
    top: float
    base_error: float
    top_error: float
    peak: float
    significance: float
    ground: bool
    cloud: bool


def find_layers(
    distance: F8,
    ratio: F8,
    error: F8,
    *,
    common: float = 0.0,
    cell: float = 90.0,
    sigma: float = 4.0,
    least: float = 0.03,
    cloud_ratio: float = 2.0,
) -> list[FoundLayer]:
    """Find layers in a profile of the scattering ratio R = (beta_m + beta_a) / beta_m.

    The profile is averaged in cells. A layer is seeded where the mean of three cells exceeds 1 by
    ``sigma`` errors and by ``least``, and grows both ways while it exceeds 2 errors. Its edges
    are where the mean of three cells crosses a tenth of the peak's excess; half of it for a layer that
    touches the start of the profile, whose top is the ground layer's height.

    The lowest mean over 750 m that lies within 4 common errors of 1 is taken for clean air, and R divided by
    it: what the reference does not know, a gap between layers may.

    Parameters
    ----------
    distance : ndarray of float64, shape (n_bins,)
        In m, even steps.
    ratio, error : ndarray of float64, shape (n_bins,)
        R and its error, dimensionless, of independent bins; not finite ones are left out.
    common : float
        Error of R that all bins share, by the reference, relative.
    cell : float
        In m.
    sigma, least, cloud_ratio : float
        See above and `FoundLayer`.
    """
    step = float(distance[1] - distance[0])
    width = max(1, round(cell / step))
    x, excess, noise = _cells(distance, ratio - 1.0, error, width)
    if x.size < 5:
        return []
    low, low_error = _lowest(excess, noise, max(1, round(_CLEAN / (width * step))), 4.0 * common)
    if low_error > 0.0:
        excess, noise, common = (excess - low) / (1.0 + low), noise / (1.0 + low), low_error
    three = np.convolve(np.pad(excess, 1, mode="edge"), np.ones(3) / 3.0, "valid")
    spread = np.sqrt(np.convolve(np.pad(noise**2, 1, mode="edge"), np.ones(3) / 9.0, "valid"))
    limit = np.hypot(spread, common)
    seeds = (three > sigma * limit) & (three > least)
    body = (three > 2.0 * limit) & (three > 0.5 * least)
    found: list[FoundLayer] = []
    for low, high in _runs(body):
        if seeds[low:high].any():
            layer = _layer(x, three, spread, low, high, width * step, cloud_ratio)
            # a layer with a gap in it is one: its edges lie at a tenth of its peak, beyond the gap
            if found and layer.base < found[-1].top:
                layer = _united(found.pop(), layer)
            found.append(layer)
    return found


def _lowest(excess: F8, noise: F8, length: int, most: float) -> tuple[float, float]:
    """The mean over ``length`` cells, and its error, of which both together are lowest; 0 without any.

    Only means within ``most`` of 0 are looked at, whose error is below it, too.
    """
    if excess.size < length:
        return 0.0, 0.0
    # plain means: where cells are dark, low ones seem certain
    mean, variance = (np.convolve(x, np.ones(length) / length, "valid") for x in (excess, noise**2))
    error = np.sqrt(variance / length)
    score = np.where((np.abs(mean) < most) & (error < most), mean + 2.0 * error, np.inf)
    best = int(np.argmin(score))
    return (float(mean[best]), float(error[best])) if np.isfinite(score[best]) else (0.0, 0.0)


def _united(below: FoundLayer, above: FoundLayer) -> FoundLayer:
    lower = below if below.base <= above.base else above
    upper = below if below.top >= above.top else above
    return FoundLayer(
        base=lower.base,
        top=upper.top,
        base_error=lower.base_error,
        top_error=upper.top_error,
        peak=max(below.peak, above.peak),
        significance=math.hypot(below.significance, above.significance),
        ground=below.ground,
        cloud=below.cloud or above.cloud,
    )


def _cells(distance: F8, excess: F8, error: F8, width: int) -> tuple[F8, F8, F8]:
    good = np.isfinite(excess) & np.isfinite(error) & (error > 0.0)
    used = np.flatnonzero(good)
    if used.size == 0:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    part = slice(int(used[0]), int(used[0]) + (int(used[-1]) + 1 - int(used[0])) // width * width)
    weight = np.where(good, 1.0 / np.where(good, error, 1.0) ** 2, 0.0)[part].reshape(-1, width)
    value = np.where(good, excess, 0.0)[part].reshape(-1, width)
    total = weight.sum(axis=1)
    safe = np.where(total > 0.0, total, 1.0)
    mean = (weight * value).sum(axis=1) / safe
    noise = np.where(total > 0.0, 1.0 / np.sqrt(safe), np.inf)
    return distance[part].reshape(-1, width).mean(axis=1), mean, noise


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _layer(x: F8, value: F8, spread: F8, low: int, high: int, cell: float, cloud_ratio: float) -> FoundLayer:
    summit = low + int(np.argmax(value[low:high]))
    ground = low <= 1
    threshold = value[summit] * (_GROUND_EDGE if ground else _EDGE)
    base, base_error = (x[0], 0.0) if ground else _crossing(x, value, spread, summit, -1, threshold, cell)
    top, top_error = _crossing(x, value, spread, summit, 1, threshold, cell)
    part = slice(low, high)
    significance = float(value[part].sum() / math.sqrt(3.0 * float((spread[part] ** 2).sum())))
    peak = 1.0 + float(value[summit])
    return FoundLayer(
        float(base), top, base_error, top_error, peak, significance, ground, not ground and peak > cloud_ratio
    )


def _crossing(
    x: F8, value: F8, spread: F8, summit: int, way: int, threshold: float, cell: float
) -> tuple[float, float]:
    """Return where the profile falls through a threshold, going one way from the summit; and its error."""
    k = summit
    while 0 <= k + way < x.size and value[k + way] > threshold:
        k += way
    if not 0 <= k + way < x.size:
        return float(x[k]), cell
    drop = value[k] - value[k + way]
    at = x[k] + (x[k + way] - x[k]) * (value[k] - threshold) / drop
    return float(at), float(cell / math.sqrt(12.0) + spread[k] / drop * cell)


def layer_windows(
    layer: FoundLayer,
    others: list[FoundLayer],
    start: float,
    stop: float,
    *,
    length: float = 2500.0,
    gap: float = 300.0,
    least: float = 300.0,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return stretches of clean air below and above a layer, as ranges in m, free of other layers.

    They keep ``gap`` from all edges, half of it where there is no room.

    Raises
    ------
    InsufficientStatistics
        One of them is shorter than ``least`` (``no-window``).
    """
    for margin in (gap, 0.5 * gap):
        below_from = max([start, *(o.top + margin for o in others if o.top <= layer.base)])
        above_to = min([stop, *(o.base - margin for o in others if o.base >= layer.top)])
        below = (max(below_from, layer.base - margin - length), layer.base - margin)
        above = (layer.top + margin, min(above_to, layer.top + margin + length))
        if min(below[1] - below[0], above[1] - above[0]) >= least:
            break
    for name, (low, high) in (("below", below), ("above", above)):
        if high - low < least:
            raise InsufficientStatistics(
                f"There is no clean air {name} the layer to measure its optical depth with.",
                where=f"layer from {layer.base:.0f} to {layer.top:.0f} m",
                expected=f"{least:.0f} m without another layer",
                got=f"{max(0.0, high - low):.0f} m",
                mend="take the optical depth from the extinction profile",
                code="no-window",
            )
    return below, above


def layer_depth(
    signal: Signal,
    model: F8,
    below: tuple[float, float],
    above: tuple[float, float],
    ways: float = 2.0,
    *,
    ratio_below: float = 1.0,
    ratio_above: float = 1.0,
    least: float = 5.0,
) -> tuple[F8, F8]:
    """Return the optical depth of a layer from the light that is missing behind it, and its error.

    tau = -1/ways ln{[sum S / sum M]_above / [sum S / sum M]_below}; with an elastic signal and its model
    ``ways`` is 2, with a Raman signal 1 + (l0/lR)^k, also 2 for clouds, where k = 0. Elastic and Raman
    thus give two independent answers.

    Parameters
    ----------
    signal : Signal
        Counts, n profiles.
    model : ndarray of float64, shape (n_bins,)
        Signal of air alone.
    below, above : tuple of float
        Ranges in m.
    ways : float
        How often light passes the layer, as seen at the layer's wavelength.
    ratio_below, ratio_above : float
        Scattering ratio of the stretches, where it is known not to be 1 (elastic signals), dimensionless.
    least : float
        Net counts over their error that each stretch must have.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        Depth and error, dimensionless.

    Raises
    ------
    InsufficientStatistics
        A stretch is too dark (``signal-eaten``).
    """
    logarithm, variance = [], np.zeros(signal.shots.size)
    shared = np.zeros(signal.shots.size)
    for name, (low, high), ratio, sign in (
        ("below", below, ratio_below, -1.0),
        ("above", above, ratio_above, 1.0),
    ):
        part = (signal.range >= low) & (signal.range < high)
        net = signal.net[:, part].sum(axis=1)
        own = (signal.counts / signal.exposure)[:, part].sum(axis=1)
        common = part.sum() * signal.background_error
        if not (net > least * np.sqrt(own + common**2 + 1.0)).all():
            raise InsufficientStatistics(
                f"Too little light comes from {name} the layer.",
                where=f"{low:.0f} to {high:.0f} m",
                expected=f"net counts over {least:g} errors",
                got=f"{net.min():.0f} counts, {last_trust(signal, least):.0f} m is the range of last trust",
                mend="sum more profiles; the layer may let too little light pass",
                code="signal-eaten",
            )
        relative = own / net**2
        logarithm.append(sign * (np.log(net / (ratio * model[part].sum())) + 0.5 * relative))
        variance += relative
        shared += sign * common / net
    depth = -(logarithm[0] + logarithm[1]) / ways
    return depth, np.sqrt(variance + shared**2) / ways


def last_trust(signal: Signal, least: float = 5.0, *, slab: float = 300.0, profile: int = 0) -> float:
    """Return the range in m up to which slabs hold net counts over ``least`` errors, from the peak on.

    Bins where the counter was blind (NaN) are bright, not dark.
    """
    width = max(1, round(slab / signal.bin_width))
    first = int(np.nanargmax(signal.counts[profile]))
    count = (signal.range.size - first) // width
    part = slice(first, first + count * width)
    net = signal.net[profile, part].reshape(count, width).sum(axis=1)
    own = (signal.counts / signal.exposure)[profile, part].reshape(count, width).sum(axis=1)
    common = width * signal.background_error[profile]
    weak = net <= least * np.sqrt(np.maximum(own, 0.0) + common**2 + 1.0)
    slabs = int(np.argmax(weak)) if weak.any() else count
    return float(signal.range[first] + slabs * width * signal.bin_width)
