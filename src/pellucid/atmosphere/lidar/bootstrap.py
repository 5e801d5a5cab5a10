# SPDX-License-Identifier: BSD-3-Clause
"""Errors with everything that is not known well, by drawing it: counts, instrument, air and aerosol.

Analytic errors hold counts and backgrounds. Here all draws are made at once, as arrays (draw, bin), and
every draw has its own background, dead time, exponent k, density of the air and reference.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.chain import Analysis, exponents, windows
from pellucid.atmosphere.lidar.elastic import klett
from pellucid.atmosphere.lidar.options import AnalysisOptions, Channel
from pellucid.atmosphere.lidar.raman import (
    GOOD,
    TOO_FEW,
    RamanProfile,
    depth,
    raman_backscatter,
    raman_extinction,
    raman_factor,
    raman_lidar_ratio,
)
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.lidar.vaod import OpticalDepth, drawn_depths
from pellucid.errors import InsufficientStatistics

__all__ = ["Unknowns", "low_rank", "with_bootstrap"]

type F8 = npt.NDArray[np.float64]

_SPARSE = 4
"""Bins from one extinction that is drawn to the next; no window is narrower than twice that."""


@dataclass(frozen=True)
class Unknowns:
    """Standard deviations of what is not known well, common to all bins.

    Attributes
    ----------
    dead_time : float
        In us.
    air : float
        Relative, of the density of the air.
    draws : int
        Number of draws.
    seed : int
        Of the draws.
    """

    dead_time: float = 5e-4
    air: float = 0.01
    draws: int = 100
    seed: int = 1


def with_bootstrap(
    analysis: Analysis,
    elastic: Channel,
    raman: Channel | None = None,
    options: AnalysisOptions | None = None,
    unknowns: Unknowns | None = None,
) -> Analysis:
    """Return an analysis with errors from draws of all that is not known well.

    Values stay; errors of extinction, backscatter and lidar ratio and the covariance of the optical depth are
    those of the draws. Exponent k, reference and assumed lidar ratio are drawn with the errors of
    ``options``, dead time and air with those of ``unknowns``.

    Parameters
    ----------
    analysis : Analysis
        Of the same channels and options.
    elastic, raman : Channel
        As the analysis was made of.
    options : AnalysisOptions, optional
        Defaults where not given.
    unknowns : Unknowns, optional
        Defaults where not given.

    Raises
    ------
    InsufficientStatistics
        Fewer than 20 draws (``few-draws``).
    """
    o, u = options or AnalysisOptions(), unknowns or Unknowns()
    if u.draws < 20:
        raise InsufficientStatistics(
            "So few draws tell no errors.",
            expected="20 or more",
            got=str(u.draws),
            mend="draw 100 times",
            code="few-draws",
        )
    random = np.random.default_rng(u.seed)
    common = _Common(
        dead_time=random.normal(0.0, u.dead_time, u.draws),
        air=random.normal(0.0, u.air, u.draws),
        angstrom=random.normal(0.0, 1.0, u.draws),
        reference=np.abs(random.normal(0.0, o.reference_error, u.draws)),
        lidar_ratio=random.normal(0.0, 1.0, u.draws),
    )
    light = _drawn(elastic.signal, common, random)
    if raman is None:
        return _elastic(analysis, elastic, light, common)
    return _raman(analysis, elastic, raman, light, _drawn(raman.signal, common, random), common, o)


@dataclass(frozen=True, eq=False)
class _Common:
    """One number a draw of everything that bins share; exponent and ratio in units of their errors."""

    dead_time: F8
    air: F8
    angstrom: F8
    reference: F8
    lidar_ratio: F8


def _drawn(signal: Signal, common: _Common, random: np.random.Generator) -> Signal:
    """Draws of the counts and their background, moved by what a wrong dead time does to both."""
    drawn = signal.drawn(random, common.dead_time.size)
    if signal.dead_time_slope is None:
        return drawn
    moved = common.dead_time[:, None] * np.nan_to_num(signal.dead_time_slope[0])
    return replace(drawn, counts=np.maximum(drawn.counts + moved, 0.0))


def _refined(profile: RamanProfile, drawn: F8, every: npt.NDArray[np.intp] | None = None) -> RamanProfile:
    """The profile with the draws' scatter as error, where nine draws of ten gave a value.

    ``every`` tells at which bins the draws are; errors between them are interpolated.
    """
    row = np.arange(profile.value.shape[1])
    at = row if every is None else every
    enough = np.isfinite(drawn).mean(axis=0) >= 0.9
    if not enough.any():
        return profile
    error = np.interp(row, at[enough], np.nanstd(drawn[:, enough], axis=0, ddof=1))
    good = (profile.status[0] == GOOD) & enough[np.searchsorted(at, row, side="right") - 1]
    status = np.where((profile.status[0] == GOOD) & ~good, np.int8(TOO_FEW), profile.status[0])
    return RamanProfile(
        np.where(good, profile.value[0], np.nan)[None],
        np.where(good, error, np.nan)[None],
        profile.resolution,
        status.astype(np.int8)[None],
    )


def _elastic(analysis: Analysis, elastic: Channel, light: Signal, common: _Common) -> Analysis:
    if analysis.reference is None or analysis.used_ratio is None:
        return analysis
    at = (analysis.reference.low, analysis.reference.high)
    mean, spread = analysis.used_ratio
    ratios = np.maximum(mean + spread * common.lidar_ratio[:, None], 1.0)
    beta = np.concatenate(
        [
            klett(x[None], light.range, elastic.optics, ratio, at, reference_backscatter=float(turbid))
            for x, ratio, turbid in zip(light.range_corrected, ratios, common.reference, strict=True)
        ]
    )
    return replace(
        analysis,
        backscatter=_refined(analysis.backscatter, beta),
        extinction=_refined(analysis.extinction, beta * ratios),
    )


def _raman(
    analysis: Analysis,
    elastic: Channel,
    raman: Channel,
    light: Signal,
    other: Signal,
    common: _Common,
    o: AnalysisOptions,
) -> Analysis:
    half, narrow = windows(elastic.signal, o)
    nominal, spread = exponents(analysis.range, analysis.layers, o)
    k = nominal + common.angstrom[:, None] * spread
    factor = raman_factor(elastic.optics.wavelength, raman.optics.wavelength, k)
    molecular = elastic.optics.extinction + raman.optics.extinction
    # errors are as smooth as the windows are wide: some bins are enough
    every = np.arange(0, half.size, _SPARSE)
    some = np.zeros_like(half)
    some[every] = half[every]
    plain = raman_extinction(other, elastic.optics, raman.optics, some, angstrom=0.0).value[:, every]
    # denser air takes its part of the slope
    alpha = (2.0 * plain - common.air[:, None] * molecular[every]) / factor[:, every]
    extinction = _refined(analysis.extinction, alpha, every)
    backscatter = analysis.backscatter
    if analysis.reference is not None and (backscatter.status == GOOD).any():
        at = (analysis.reference.low, analysis.reference.high)
        clean = elastic.optics.backscatter[slice(*np.searchsorted(analysis.range, at))].mean()
        drawn = raman_backscatter(
            light,
            other,
            elastic.optics,
            raman.optics,
            analysis.extinction.value,
            narrow,
            at,
            angstrom=nominal,
            reference_ratio=1.0 + common.reference / clean,
        )
        backscatter = _refined(backscatter, drawn.value)
    return replace(
        analysis,
        extinction=extinction,
        backscatter=backscatter,
        lidar_ratio=raman_lidar_ratio(extinction, backscatter),
        optical_depth=_depth(analysis.optical_depth, elastic, raman, other, common, k, o),
    )


def _depth(
    found: OpticalDepth | None,
    elastic: Channel,
    raman: Channel,
    other: Signal,
    common: _Common,
    k: F8,
    o: AnalysisOptions,
) -> OpticalDepth | None:
    if found is None:
        return None
    drawn = drawn_depths(other, elastic.optics, raman.optics, found, (o.start, o.stop, o.slab), k)
    molecular = elastic.optics.extinction + raman.optics.extinction
    column = np.interp([found.start, *found.range], other.range, depth(molecular, other.bin_width))
    drawn = drawn - common.air[:, None] * (column[1:] - column[0]) / 2.0
    # a slab that is dark in a draw tells less than its noise: such draws are left out
    whole = np.isfinite(drawn).all(axis=1)
    if whole.sum() < 0.5 * whole.size:
        return found
    return replace(found, covariance=np.atleast_2d(np.cov(drawn[whole].T)))


def low_rank(covariance: F8, rank: int = 8) -> tuple[F8, F8]:
    """Return factors F and a diagonal d for which F F^T + diag(d) is nearly a covariance.

    Diagonal elements are kept exactly. Of the two signs of a factor that one is taken whose sum is positive.

    Parameters
    ----------
    covariance : ndarray of float64, shape (m, m)
        Of any unit.
    rank : int
        Number of factors, at most m.

    Returns
    -------
    tuple of ndarray of float64, shapes (m, rank) and (m,)
        In the unit's square root, and in the unit of the covariance.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = slice(max(0, values.size - rank), values.size)
    factors = vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0.0))
    factors *= np.where(factors.sum(axis=0) < 0.0, -1.0, 1.0)
    return factors, np.maximum(np.diag(covariance) - (factors**2).sum(axis=1), 0.0)
