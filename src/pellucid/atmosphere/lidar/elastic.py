# SPDX-License-Identifier: BSD-3-Clause
"""Elastic LIDAR: Klett's and Fernald's solution below a reference of clean air that a test has found.

Sources: Klett, Appl. Opt. 24 (1985) 1638; Fernald, Appl. Opt. 23 (1984) 652.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from pellucid.atmosphere.lidar.raman import depth
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import InsufficientStatistics
from pellucid.jit import kernel

__all__ = ["Reference", "constrained_lidar_ratio", "find_reference", "klett", "molecular_signal"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """A stretch of air without aerosol.

    Attributes
    ----------
    low, high : float
        Its ends, range in m.
    calibration, error : float
        Net counts over the model of clean air, and the error, counts in arbitrary units.
    turbidity, turbidity_error : float
        What tells stretches with more than air: net counts over those of a Raman channel as it would be seen
        at this wavelength in air alone, or else the calibration; in arbitrary units.
    chi2 : float
        Reduced chi square of the test.
    slope, slope_error : float
        Of ln(signal / model), per m.
    tested : int
        Number of stretches that were tested.
    """

    low: float
    high: float
    calibration: float
    error: float
    turbidity: float
    turbidity_error: float
    chi2: float
    slope: float
    slope_error: float
    tested: int


def molecular_signal(distance: F8, optics: MolecularOptics) -> F8:
    """Return beta_m exp(-2 tau_m) / r^2, the elastic signal of air alone, shape (n_bins,).

    ``distance`` in m, with bins in even steps; arbitrary units, 0 before the shot.
    """
    tau = depth(optics.extinction, float(distance[1] - distance[0]))
    seen = distance > 0.0
    model: F8 = np.where(
        seen, optics.backscatter * np.exp(-2.0 * tau) / np.where(seen, distance, 1.0) ** 2, 0.0
    )
    return model


def find_reference(
    signal: Signal,
    optics: MolecularOptics,
    low: float,
    high: float,
    *,
    length: float = 2000.0,
    cell: float = 150.0,
    least: float = 10.0,
    profile: int = 0,
    raman: tuple[F8, F8] | None = None,
) -> Reference:
    """Find the stretch whose signal is that of air alone, by test; among several the best calibrated.

    Stretches of a length, moved by a quarter of it, are divided into cells. One passes where the cells'
    ratio to the model of clean air is constant (reduced chi2 below its 95 % quantile), its logarithmic
    slope is 0 within 2 sigma, the net counts exceed ``least`` errors, and no stretch further up is
    significantly less turbid (R lower by more than 3 sigma): light scattered by aerosol lies above
    that of air, so that the cleanest is right. A cloud between two stretches makes the upper one dimmer
    and thus seemingly cleaner; beside Raman light, which it dims alike, it does not.

    Parameters
    ----------
    signal : Signal
        Counts of the elastic channel.
    optics : MolecularOptics
        The air at the signal's bins.
    low, high : float
        Range in m to look in.
    length, cell : float
        Of a stretch and of its cells, in m.
    least : float
        Net counts over their error.
    profile : int
        Index of the profile.
    raman : tuple of ndarray of float64, each of shape (n_bins,), optional
        Net counts of a Raman channel, scaled to what this channel would see of air alone, and their
        variance.

    Raises
    ------
    InsufficientStatistics
        No stretch passes (``no-reference``): the elastic result has to be withheld.
    """
    distance, step = signal.range, signal.bin_width
    width, cells = max(1, round(cell / step)), max(4, round(length / cell))
    model = molecular_signal(distance, optics)
    starts = np.arange(np.searchsorted(distance, low), np.searchsorted(distance, high), width * cells // 4)
    starts = starts[starts + width * cells <= min(distance.size, int(np.searchsorted(distance, high)))]
    found = [
        s
        for start in starts
        if (s := _tested(signal, model, profile, int(start), (width, cells), least, raman))
    ]
    clean = [s for s in found if not any(_less_turbid(other, s) for other in found)]
    if not clean:
        raise InsufficientStatistics(
            "There is no stretch of clean air to refer the elastic signal to.",
            where=f"{low:.0f} to {high:.0f} m",
            expected=f"{length:.0f} m that scatter as air alone, with net counts over {least:g} errors",
            got=f"{len(starts)} stretches, none of which passes",
            mend="sum more profiles; below a thick cloud use the Raman channel",
            code="no-reference",
        )
    best = min(clean, key=lambda s: s.turbidity_error / s.turbidity)
    return Reference(**{**best.__dict__, "tested": len(starts)})


def _tested(
    signal: Signal,
    model: F8,
    profile: int,
    start: int,
    size: tuple[int, int],
    least: float,
    raman: tuple[F8, F8] | None,
) -> Reference | None:
    width, cells = size
    part = slice(start, start + width * cells)
    net = signal.net[profile, part].reshape(cells, width).sum(axis=1)
    clean = model[part].reshape(cells, width).sum(axis=1)
    variance = (signal.counts / signal.exposure)[profile, part].reshape(cells, width).sum(axis=1)
    shared = width * cells * signal.background_error[profile]
    total, error = net.sum(), math.sqrt(max(variance.sum(), 1.0) + shared**2)
    if not total > least * error:
        return None
    calibration = total / clean.sum()
    expected = calibration * clean
    # variance of the model, so that low cells do not weigh more
    expected_variance = expected + signal.background[profile] * width
    expected_variance = expected_variance * (variance.sum() / expected_variance.sum())
    chi2 = float(((net - expected) ** 2 / expected_variance).sum() / (cells - 1))
    x = signal.range[part].reshape(cells, width).mean(axis=1)
    weight = expected**2 / expected_variance
    x = x - (weight * x).sum() / weight.sum()
    slope_error = float(1.0 / np.sqrt((weight * x**2).sum()))
    slope = float((weight * x * (net / expected - 1.0)).sum() * slope_error**2)
    degrees = cells - 1
    # Wilson and Hilferty's quantile of chi square
    limit = (1.0 - 2.0 / (9.0 * degrees) + 1.645 * math.sqrt(2.0 / (9.0 * degrees))) ** 3
    if chi2 > limit or abs(slope) > 2.0 * slope_error:
        return None
    spread = error / float(clean.sum())
    turbidity, turbidity_error = float(calibration), spread
    if raman is not None:
        other, other_error = float(raman[0][part].sum()), math.sqrt(float(raman[1][part].sum()))
        if not other > least * other_error:
            return None
        turbidity = float(total / other)
        turbidity_error = turbidity * math.hypot(error / total, other_error / other)
    edge = 0.5 * signal.bin_width
    low, high = float(signal.range[part][0] - edge), float(signal.range[part][-1] + edge)
    return Reference(
        low, high, calibration, spread, turbidity, turbidity_error, chi2, slope, slope_error, tested=1
    )


def _less_turbid(other: Reference, this: Reference) -> bool:
    """Whether clean air elsewhere shows that here is more than air."""
    difference = this.turbidity - other.turbidity
    return other.low > this.low and difference > 3.0 * math.hypot(this.turbidity_error, other.turbidity_error)


@kernel
def _solve(corrected: F8, exponents: F8, ratio: F8, step: float, end: int, constant: F8) -> F8:
    """Klett's recursion from bin ``end`` downwards and upwards; returns total backscatter."""
    n, n_bins = corrected.shape
    total = np.empty((n, n_bins))
    for row in range(n):
        for way in (-1, 1):
            integral = 0.0
            k = end
            y = corrected[row, k]
            total[row, k] = y / constant[row]
            while 0 <= k + way < n_bins:
                there = k + way
                next_y = corrected[row, there] * exponents[there]
                integral += 0.5 * way * step * (ratio[k] * y + ratio[there] * next_y)
                total[row, there] = next_y / (constant[row] - 2.0 * integral)
                y = next_y
                k = there
    return total


def klett(
    corrected: npt.ArrayLike,
    distance: F8,
    optics: MolecularOptics,
    lidar_ratio: npt.ArrayLike,
    reference: tuple[float, float],
    *,
    reference_backscatter: float = 0.0,
) -> F8:
    """Return the aerosol backscatter, in 1/(m sr), shape (n, n_bins); times the lidar ratio: extinction.

    Y = X exp(-2 int (S_a - S_m) beta_m), beta = Y / (X_ref/beta_ref - 2 int S_a Y), integrals from the
    middle of the reference by trapezoids; X_ref/beta_ref is the sum of X (brought to the middle through
    air alone) over the sum of beta_m + beta_a there.

    Parameters
    ----------
    corrected : array_like of float, shape (n, n_bins)
        Range-corrected signal without background.
    distance : ndarray of float64, shape (n_bins,)
        In m.
    optics : MolecularOptics
        The air at these bins.
    lidar_ratio : array_like of float, shape (n_bins,) or ()
        Of the aerosol, in sr.
    reference : tuple of float
        Range of the reference in m.
    reference_backscatter : float
        Of aerosol in the reference, 1/(m sr).

    Raises
    ------
    InsufficientStatistics
        The reference holds no light (``no-reference``).
    """
    x = np.atleast_2d(np.asarray(corrected, np.float64))
    step = float(distance[1] - distance[0])
    # a slice, so that one profile and many are summed in the same order
    window = slice(*np.searchsorted(distance, reference))
    middle = int(np.searchsorted(distance, 0.5 * (reference[0] + reference[1])))
    ratio = np.broadcast_to(np.asarray(lidar_ratio, np.float64), distance.shape)
    tau = depth(optics.extinction + ratio * reference_backscatter, step)
    model = (optics.backscatter + reference_backscatter) * np.exp(
        -2.0 * (tau - tau[min(middle, tau.size - 1)])
    )
    light = x[:, window].sum(axis=1)
    if window.start == window.stop or not (light > 0.0).all():
        raise InsufficientStatistics(
            "The reference of the elastic signal holds no light.",
            where=f"{reference[0]:.0f} to {reference[1]:.0f} m",
            expected="a positive sum of the range-corrected signal",
            got=f"{float(light.min()) if light.size else 0.0:.3g}",
            mend="sum more profiles, or choose a lower reference",
            code="no-reference",
        )
    constant = light / model[window].sum()
    # the noise of one bin must not start the solution: at the middle the signal is the constant's
    smooth = np.array(x)
    smooth[:, middle] = constant * model[middle]
    # (S_a - S_m) beta_m, with the extinction that the backscatter comes with
    difference = ratio * optics.backscatter - optics.extinction
    trapezoids = np.concatenate([[0.0], np.cumsum(0.5 * step * (difference[1:] + difference[:-1]))])
    total = _solve(smooth, np.exp(-2.0 * (trapezoids - trapezoids[middle])), ratio, step, middle, constant)
    result: F8 = total - optics.backscatter
    return result


def constrained_lidar_ratio(
    corrected: npt.ArrayLike,
    distance: F8,
    optics: MolecularOptics,
    reference: tuple[float, float],
    optical_depth: float,
    span: tuple[float, float],
    *,
    limits: tuple[float, float] = (5.0, 130.0),
    shape: npt.ArrayLike = 1.0,
    from_ground: bool = False,
) -> float:
    """Return the lidar ratio, in sr, for which the extinction over a span adds up to an optical depth.

    Parameters
    ----------
    corrected : array_like of float, shape (n_bins,)
        Range-corrected signal without background.
    distance : ndarray of float64, shape (n_bins,)
        In m.
    optics : MolecularOptics
        The air at these bins.
    reference, span : tuple of float
        Range of the reference, and of the optical depth, in m.
    optical_depth : float
        From a photometer, the Raman channel or a layer's transmission.
    limits : tuple of float
        Least and largest ratio, in sr.
    shape : array_like of float, shape (n_bins,) or ()
        The ratio at each bin over the one that is returned, dimensionless.
    from_ground : bool
        The depth is that of all air up to the end of the span: below its start the mean extinction of its
        first 300 m goes on.

    Raises
    ------
    InsufficientStatistics
        No ratio within the limits does so (``no-lidar-ratio``).
    """
    inside = (distance >= span[0]) & (distance < span[1])
    step = float(distance[1] - distance[0])

    relative = np.broadcast_to(np.asarray(shape, np.float64), distance.shape)
    lowest = inside & (distance < span[0] + 300.0)

    def excess(ratio: float) -> float:
        alpha = ratio * relative * klett(corrected, distance, optics, ratio * relative, reference)[0]
        below = float(alpha[lowest].mean()) * span[0] if from_ground else 0.0
        return float(alpha[inside].sum() * step + below - optical_depth)

    ends = [excess(limit) for limit in limits]
    if not np.isfinite(ends).all() or ends[0] * ends[1] > 0.0:
        raise InsufficientStatistics(
            "No lidar ratio gives this optical depth.",
            where=f"{span[0]:.0f} to {span[1]:.0f} m",
            expected=f"{optical_depth:.3f} between the depths at {limits[0]:g} and {limits[1]:g} sr",
            got=f"{ends[0] + optical_depth:.3f} to {ends[1] + optical_depth:.3f}",
            mend="check that the span holds the layer, and the reference",
            code="no-lidar-ratio",
        )
    return float(brentq(excess, *limits, xtol=1e-3))
