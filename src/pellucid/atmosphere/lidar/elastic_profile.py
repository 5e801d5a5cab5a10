# SPDX-License-Identifier: BSD-3-Clause
"""The elastic solution with the errors of counts, of the lidar ratio (assumed or found), of the reference."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.elastic import Reference, constrained_lidar_ratio, klett
from pellucid.atmosphere.lidar.options import AnalysisOptions, Channel
from pellucid.atmosphere.lidar.raman import GOOD, NOT_FITTED, TOO_FEW, RamanProfile
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.lidar.vaod import OpticalDepth, elastic_optical_depth
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import InsufficientStatistics

__all__ = ["ElasticProfile", "elastic_profile", "withheld"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ElasticProfile:
    """What elastic light tells with a lidar ratio.

    Attributes
    ----------
    backscatter, extinction : RamanProfile
        Of aerosol, 1/(m sr) and 1/m, with the errors of counts, ratio and reference.
    noise : ndarray of float64, shape (n_bins,)
        Error of the backscatter by counts alone, 1/(m sr).
    depth : OpticalDepth or None
        None where it is known over less than three slabs.
    ratio : ndarray of float64, shape (n_bins,)
        The lidar ratio used, in sr.
    ratio_error : float
        Common to all bins, in sr.
    """

    backscatter: RamanProfile
    extinction: RamanProfile
    noise: F8
    depth: OpticalDepth | None
    ratio: F8
    ratio_error: float


def withheld(signal: Signal) -> RamanProfile:
    """Return a profile in which nothing is told."""
    shape = (1, signal.range.size)
    nothing = np.full(shape, np.nan)
    return RamanProfile(
        nothing, nothing, np.full(signal.range.size, np.nan), np.full(shape, NOT_FITTED, np.int8)
    )


def elastic_profile(
    elastic: Channel, reference: Reference | None, o: AnalysisOptions, flags: list[str]
) -> ElasticProfile:
    """Return the elastic solution below a reference, withheld where there is none.

    Where ``o.column`` is given, the lidar ratio is the one whose extinction adds up to it; where none does,
    that is flagged (``no-lidar-ratio``), and the assumed ratio is taken.
    """
    signal, optics = elastic.signal, elastic.optics
    ratio = np.broadcast_to(np.asarray(o.lidar_ratio, np.float64), signal.range.shape)
    if reference is None:
        nothing = withheld(signal)
        return ElasticProfile(
            nothing, nothing, np.full(signal.range.size, np.nan), None, ratio, o.lidar_ratio_error
        )
    ratio, ratio_error = _ratio(elastic, reference, ratio, o, flags)
    at = (reference.low, reference.high)
    corrected = signal.range_corrected[:1]
    value = klett(corrected, signal.range, optics, ratio, at)[0]
    drawn = _draws(signal, optics, at, ratio, o)
    noise = drawn.std(axis=0, ddof=1)
    ratios = ratio + ratio_error, np.maximum(ratio - ratio_error, 1.0)
    high, low = (klett(corrected, signal.range, optics, r, at)[0] for r in ratios)
    turbid = klett(corrected, signal.range, optics, ratio, at, reference_backscatter=o.reference_error)[0]
    beta_error = np.sqrt(noise**2 + (0.5 * (high - low)) ** 2 + (turbid - value) ** 2)
    # extinction moves with the ratio itself, too
    by_ratio = 0.5 * (ratios[0] * high - ratios[1] * low)
    by_reference = ratio * (turbid - value)
    alpha_error = np.sqrt(by_ratio**2 + (ratio * noise) ** 2 + by_reference**2)
    good = (signal.range >= o.start) & (signal.range < reference.high)
    finite = np.isfinite(value) & np.isfinite(beta_error) & np.isfinite(alpha_error)
    status = np.where(good, np.where(finite, GOOD, TOO_FEW), NOT_FITTED).astype(np.int8)[None]
    step = np.full(signal.range.size, signal.bin_width)

    def profile(values: F8, errors: F8) -> RamanProfile:
        kept = status == GOOD
        return RamanProfile(np.where(kept, values, np.nan), np.where(kept, errors, np.nan), step, status)

    depth = elastic_optical_depth(
        value * ratio,
        drawn * ratio,
        np.stack([by_ratio, by_reference]),
        signal.range,
        optics.wavelength,
        o.start,
        reference.high,
        slab=o.slab,
    )
    if depth is not None and o.column is not None and "no-lidar-ratio" not in flags:
        # what the column holds beyond the depth above lies below
        below_error = float(np.hypot(o.column[1], depth.error[-1]))
        depth = replace(depth, below=max(0.0, o.column[0] - float(depth.value[-1])), below_error=below_error)
    return ElasticProfile(
        profile(value, beta_error), profile(value * ratio, alpha_error), noise, depth, ratio, ratio_error
    )


def _ratio(
    elastic: Channel, reference: Reference, assumed: F8, o: AnalysisOptions, flags: list[str]
) -> tuple[F8, float]:
    """The lidar ratio and its error: assumed, or that of the column's optical depth."""
    if o.column is None:
        return assumed, o.lidar_ratio_error
    signal = elastic.signal
    shape = assumed / assumed.mean()

    def constrained(depth: float) -> float:
        return constrained_lidar_ratio(
            signal.range_corrected[0],
            signal.range,
            elastic.optics,
            (reference.low, reference.high),
            depth,
            (o.start, reference.low),
            shape=shape,
            from_ground=True,
        )

    tau, error = o.column
    try:
        ratio, more = constrained(tau), constrained(tau + error)
    except InsufficientStatistics as problem:
        flags.append(problem.code)
        return assumed, o.lidar_ratio_error
    return ratio * shape, abs(more - ratio)


def _draws(
    signal: Signal, optics: MolecularOptics, reference: tuple[float, float], ratio: F8, o: AnalysisOptions
) -> F8:
    """Backscatter for draws of the counts, NaN beyond the reference, where none is told."""
    part = signal.until(reference[1] + signal.bin_width)
    end = part.range.size
    air = MolecularOptics(
        optics.wavelength, optics.density[:end], optics.extinction[:end], optics.backscatter[:end]
    )
    counts = part.drawn(np.random.default_rng(o.seed), o.draws).range_corrected
    drawn = np.full((o.draws, signal.range.size), np.nan)
    drawn[:, :end] = klett(counts, part.range, air, ratio[:end], reference)
    return drawn
