# SPDX-License-Identifier: BSD-3-Clause
"""Aerosol optical depth straight from the Raman signal, without any derivative, or from elastic light."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.raman import raman_factor, raman_model
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import InsufficientStatistics

__all__ = ["OpticalDepth", "drawn_depths", "elastic_optical_depth", "raman_optical_depth"]

type F8 = npt.NDArray[np.float64]

_NEAR = 600.0
"""Length in m above the start whose mean extinction is that below it, too."""


@dataclass(frozen=True, eq=False)
class OpticalDepth:
    """Optical depth of the aerosol along the line of sight above a start.

    Attributes
    ----------
    wavelength : float
        In nm.
    start : float
        Range in m from which it counts: full overlap.
    range : ndarray of float64, shape (m,)
        Where the depth is told, in m: the signal's centres of the slabs.
    value : ndarray of float64, shape (m,)
        Dimensionless.
    covariance : ndarray of float64, shape (m, m)
        By Raman light: counts, background and the exponent k; heights share the start's counts, the
        background and k. By elastic light: counts, and the assumed lidar ratio and reference, which all
        heights share.
    below, below_error : float
        Depth between telescope and start, from the extinction of the lowest slabs, and its error, all of
        it; not in ``value``.
    trusted : float
        Range in m up to which the signal suffices.
    """

    wavelength: float
    start: float
    range: F8
    value: F8
    covariance: F8
    below: float
    below_error: float
    trusted: float

    @property
    def error(self) -> F8:
        """Standard deviations, shape (m,), dimensionless."""
        return np.sqrt(np.diag(self.covariance))

    def between(self, low: float, high: float) -> tuple[float, float]:
        """Return the depth between two ranges in m, and its error, interpolated between slabs.

        Raises
        ------
        InsufficientStatistics
            A range lies outside of the trusted ones (``beyond-trust``).
        """
        if not self.start - 1e-6 <= low <= high <= self.trusted + 1e-6:
            raise InsufficientStatistics(
                "The signal does not reach this range.",
                expected=f"{self.start:.0f} to {self.trusted:.0f} m",
                got=f"{low:.0f} to {high:.0f} m",
                mend="sum more profiles",
                code="beyond-trust",
            )
        x = np.concatenate([[self.start], self.range])
        weight = _weights(x, high) - _weights(x, low)
        full = np.pad(self.covariance, ((1, 0), (1, 0)))
        value = float(weight @ np.concatenate([[0.0], self.value]))
        return value, float(np.sqrt(weight @ full @ weight))


def _weights(x: F8, at: float) -> F8:
    unit = np.eye(x.size)
    return np.array([np.interp(at, x, row) for row in unit])


def raman_optical_depth(
    signal: Signal,
    elastic: MolecularOptics,
    raman: MolecularOptics,
    start: float,
    stop: float,
    *,
    slab: float = 300.0,
    angstrom: npt.ArrayLike = 1.0,
    angstrom_error: npt.ArrayLike = 0.5,
    least: float = 5.0,
    profile: int = 0,
) -> OpticalDepth:
    """Return tau(r) = ln(D_0 / D) / (1 + (l0/lR)^k), D = sum of net counts / sum of the model in a slab.

    Where k differs with range, the differences from slab to slab are divided by the factor between their
    centres, and added up.

    The model is the Raman signal of air without aerosol. ln of a sum of few counts is too low by
    var / (2 sum^2), which is added. Slabs begin at ``start``; depth is told at their model-weighted
    centres, and counts from that of the first slab. Slabs end before the first one whose net counts are
    below ``least`` errors: the height of last trust.

    Parameters
    ----------
    signal : Signal
        Counts of the Raman channel.
    elastic, raman : MolecularOptics
        The air at both wavelengths, at the signal's bins.
    start, stop : float
        Range in m: full overlap, and the end.
    slab : float
        Thickness in m.
    angstrom, angstrom_error : array_like of float, shape (n_bins,) or ()
        Exponent k of the aerosol, and its error, common to all bins.
    least : float
        Net counts of a slab over their error.
    profile : int
        Index of the profile of the signal.

    Raises
    ------
    InsufficientStatistics
        Fewer than three slabs hold light (``no-raman-signal``).
    """
    slabs = _slabs(signal, raman_model(signal.range, elastic, raman), start, stop, slab)
    net, variance = slabs.net[profile], slabs.variance[profile]
    shared = slabs.width * signal.background_error[profile]
    weak = ~(net > least * np.sqrt(variance + shared**2 + 1.0))
    m = int(np.argmax(weak)) if weak.any() else net.size
    if m < 3:
        raise InsufficientStatistics(
            "The Raman channel is too weak for an optical depth.",
            expected=f"three slabs of {slab:.0f} m above {start:.0f} m with net counts over {least:g} errors",
            got=f"{m} slabs",
            mend="sum more profiles, or check the Raman channel",
            code="no-raman-signal",
        )
    net, expected, variance, centre = net[:m], slabs.expected[:m], variance[:m], slabs.centre[:m]
    relative = variance / net**2
    logarithm = np.log(net / expected) + 0.5 * relative
    colours = (elastic.wavelength, raman.wavelength)
    factor, tilt = _factors(signal.range, centre, colours, angstrom, angstrom_error)
    drop = (logarithm[:-1] - logarithm[1:]) / factor
    value = np.cumsum(drop)
    # tau is linear in the logarithms of the slabs
    linear = np.tril(np.ones((m - 1, m - 1))) @ ((np.eye(m - 1, m) - np.eye(m - 1, m, 1)) / factor[:, None])
    background = linear @ (shared / net)
    bent = np.cumsum(drop * tilt)
    covariance = (linear * relative) @ linear.T + np.outer(background, background) + np.outer(bent, bent)
    return _from_start(elastic.wavelength, centre, value, covariance, float(centre[-1]))


def elastic_optical_depth(
    extinction: F8,
    draws: F8,
    common: F8,
    distance: F8,
    wavelength: float,
    start: float,
    stop: float,
    *,
    slab: float = 300.0,
) -> OpticalDepth | None:
    """Return the optical depth of the elastic solution: tau(r) = sum of alpha dr from ``start``.

    It stands and falls with the assumed lidar ratio, which the covariance holds.

    Parameters
    ----------
    extinction : ndarray of float64, shape (n_bins,)
        Of aerosol, 1/m.
    draws : ndarray of float64, shape (n, n_bins)
        The same for draws of the counts.
    common : ndarray of float64, shape (j, n_bins)
        By how much it moves with one standard deviation of each assumption, 1/m.
    distance : ndarray of float64, shape (n_bins,)
        Range in m, in even steps.
    wavelength : float
        In nm.
    start, stop : float
        Range in m: full overlap, or beyond where the counter was blind, and the last one that is known.
    slab : float
        Between the heights that are told, in m.

    Returns
    -------
    OpticalDepth or None
        None where it is known over less than three slabs.
    """
    step = float(distance[1] - distance[0])
    width = max(1, round(slab / step))
    first, last = np.searchsorted(distance, (start, stop))
    first += int(np.argmax(np.isfinite(extinction[first:last])))
    ends = np.arange(first + width, last + 1, width)
    if ends.size < 3 or not np.isfinite(extinction[first : ends[-1]]).all():
        return None

    def summed(values: F8) -> F8:
        part = np.cumsum(values[..., first : ends[-1]], axis=-1)
        total: F8 = part[..., ends - first - 1] * step
        return total

    moved = summed(common)
    covariance = np.cov(summed(draws).T) + moved.T @ moved
    edges = distance[0] - 0.5 * step + step * np.concatenate([[first], ends])
    return _from_start(wavelength, edges, summed(extinction), covariance, float(edges[-1]))


def _from_start(wavelength: float, x: F8, value: F8, covariance: F8, trusted: float) -> OpticalDepth:
    """The depth at the ranges ``x`` beyond the first, and below that one by the mean of the lowest."""
    last = max(0, int(np.searchsorted(x[1:] - x[0], _NEAR)) - 1)
    lever = float(x[0] / (x[1 + last] - x[0]))
    below, noise = float(value[last]) * lever, float(np.sqrt(covariance[last, last])) * lever
    return OpticalDepth(
        wavelength=wavelength,
        start=float(x[0]),
        range=x[1:],
        value=value,
        covariance=covariance,
        below=max(0.0, below),
        below_error=max(abs(below), noise),
        trusted=trusted,
    )


def drawn_depths(
    draws: Signal,
    elastic: MolecularOptics,
    raman: MolecularOptics,
    found: OpticalDepth,
    options: tuple[float, float, float],
    angstrom: F8,
) -> F8:
    """Return the optical depth of draws at the ranges of one that was found, shape (n, m), dimensionless.

    Parameters
    ----------
    draws : Signal
        n profiles of the Raman channel.
    elastic, raman : MolecularOptics
        The air at both wavelengths, at the bins.
    found : OpticalDepth
        With m ranges.
    options : tuple of float
        ``start``, ``stop`` and ``slab`` that it was found with, in m.
    angstrom : ndarray of float64, shape (n, n_bins)
        Exponent k of each draw.
    """
    slabs = _slabs(draws, raman_model(draws.range, elastic, raman), *options)
    m = found.range.size + 1
    net, variance = slabs.net[:, :m], slabs.variance[:, :m]
    with np.errstate(invalid="ignore", divide="ignore"):
        logarithm = np.log(net / slabs.expected[:m]) + 0.5 * variance / net**2
    colours = (elastic.wavelength, raman.wavelength)
    factor, _ = _factors(draws.range, slabs.centre[:m], colours, angstrom, 0.0)
    depths: F8 = np.cumsum((logarithm[:, :-1] - logarithm[:, 1:]) / factor, axis=1)
    return depths


@dataclass(frozen=True, eq=False)
class _Slabs:
    """Sums over slabs: net counts and their variance (n, m), the model and its centres (m,)."""

    net: F8
    variance: F8
    expected: F8
    centre: F8
    width: int


def _slabs(signal: Signal, model: F8, start: float, stop: float, slab: float) -> _Slabs:
    width = max(1, round(slab / signal.bin_width))
    first = int(np.searchsorted(signal.range, start))
    count = (int(np.searchsorted(signal.range, stop)) - first) // width

    def sums(values: F8) -> F8:
        part = values[..., first : first + count * width]
        total: F8 = part.reshape(*values.shape[:-1], count, width).sum(axis=-1)
        return total

    expected = sums(model)
    centre = sums(model * signal.range) / expected
    return _Slabs(sums(signal.net), sums(signal.counts / signal.exposure), expected, centre, width)


def _factors(
    distance: F8,
    centre: F8,
    colours: tuple[float, float],
    angstrom: npt.ArrayLike,
    angstrom_error: npt.ArrayLike,
) -> tuple[F8, F8]:
    """Mean 1 + (l0/lR)^k between centres of slabs, and by how much its logarithm moves with k's error."""
    ends = np.searchsorted(distance, centre)
    width = np.diff(ends)

    def means(values: F8) -> F8:
        full = np.broadcast_to(values, (*values.shape[:-1], distance.size))
        total = np.cumsum(full, axis=-1)
        # from bin ends[i] to ends[i + 1] - 1
        mean: F8 = (total[..., ends[1:] - 1] - total[..., ends[:-1] - 1]) / width
        return mean

    factor = raman_factor(*colours, angstrom)
    moved = (factor - 1.0) * np.log(colours[0] / colours[1]) * np.asarray(angstrom_error, np.float64)
    mean = means(factor)
    return mean, -means(moved) / mean
