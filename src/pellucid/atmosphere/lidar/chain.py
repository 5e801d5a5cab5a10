# SPDX-License-Identifier: BSD-3-Clause
"""From the signals of one wavelength to profiles, optical depth and layers; what is withheld, and why."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.elastic import Reference, find_reference, klett, molecular_signal
from pellucid.atmosphere.lidar.layers import FoundLayer, find_layers, last_trust, layer_depth, layer_windows
from pellucid.atmosphere.lidar.raman import (
    GOOD,
    NOT_FITTED,
    TOO_FEW,
    RamanProfile,
    half_widths,
    raman_backscatter,
    raman_extinction,
    raman_factor,
    raman_model,
)
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.lidar.vaod import OpticalDepth, raman_optical_depth
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import InsufficientStatistics

__all__ = ["Analysis", "AnalysisOptions", "MeasuredLayer", "analyse"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AnalysisOptions:
    """How profiles are made; lengths are ranges in m.

    Attributes
    ----------
    start, stop : float
        From full overlap to the end.
    reference : tuple of float
        Where to look for clean air.
    lidar_ratio : float
        Of the aerosol for the elastic solution, in sr.
    angstrom, angstrom_error : float
        Exponent k of the aerosol between elastic and Raman wavelength.
    slab : float
        Of the optical depth.
    draws : int
        Bootstrap draws of the elastic solution's error.
    seed : int
        Of the draws.
    """

    start: float = 400.0
    stop: float = 18000.0
    reference: tuple[float, float] = (5000.0, 18000.0)
    lidar_ratio: float = 50.0
    angstrom: float = 1.0
    angstrom_error: float = 0.5
    slab: float = 300.0
    draws: int = 20
    seed: int = 1


@dataclass(frozen=True)
class MeasuredLayer:
    """A layer and its optical depth, by elastic and by Raman light; NaN and a flag where withheld."""

    found: FoundLayer
    elastic: float
    elastic_error: float
    raman: float
    raman_error: float
    flags: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Analysis:
    """What one wavelength tells about the air.

    Attributes
    ----------
    range : ndarray of float64, shape (n_bins,)
        Along the line of sight, in m.
    backscatter : RamanProfile
        Of aerosol, 1/(m sr); by Raman light where ``has_raman``, else by the elastic solution.
    extinction : RamanProfile
        Of aerosol, 1/m; by Raman light, else backscatter times the assumed lidar ratio.
    optical_depth : OpticalDepth or None
        By Raman light.
    layers : tuple of MeasuredLayer
        From below to above.
    reference : Reference or None
        Clean air that the backscatter refers to.
    trusted : float
        Range in m up to which the elastic signal holds.
    has_raman : bool
        Whether Raman light made the profiles.
    flags : tuple of str
        Codes of what was withheld: ``no-reference``, ``no-raman-channel``, ``no-raman-signal``; and
        ``negative-extinction``, by Raman light more than 5 errors below 0 somewhere: the overlap, the
        background or the profile of the air is wrong.
    """

    range: F8
    backscatter: RamanProfile
    extinction: RamanProfile
    optical_depth: OpticalDepth | None
    layers: tuple[MeasuredLayer, ...]
    reference: Reference | None
    trusted: float
    has_raman: bool
    flags: tuple[str, ...] = field(default=())


def analyse(
    elastic: Signal,
    optics: MolecularOptics,
    raman: Signal | None = None,
    raman_optics: MolecularOptics | None = None,
    options: AnalysisOptions | None = None,
) -> Analysis:
    """Return what the first profile of an elastic channel, and its Raman channel if there is one, tells.

    What cannot be had is withheld and flagged, never guessed: without clean air there is no backscatter,
    without Raman light no optical depth that is free of an assumed lidar ratio.

    Parameters
    ----------
    elastic, raman : Signal
        Sums of the profiles that belong together, at the same bins.
    optics, raman_optics : MolecularOptics
        The air at the signals' bins.
    options : AnalysisOptions, optional
        Defaults where not given.
    """
    o = options or AnalysisOptions()
    flags: list[str] = []
    reference = _reference(elastic, optics, o, flags)
    depth = None
    if raman is None or raman_optics is None:
        flags.append("no-raman-channel")
        backscatter, extinction = _elastic_profiles(elastic, optics, reference, o)
    else:
        depth = _optical_depth(raman, optics, raman_optics, o, flags)
        backscatter, extinction = _raman_profiles(elastic, optics, raman, raman_optics, reference, o)
    good = extinction.status == GOOD
    if raman is not None and (extinction.value[good] < -5.0 * extinction.error[good]).any():
        flags.append("negative-extinction")
    layers = _layers(elastic, optics, raman, raman_optics, backscatter, o)
    return Analysis(
        range=elastic.range,
        backscatter=backscatter,
        extinction=extinction,
        optical_depth=depth,
        layers=layers,
        reference=reference,
        trusted=last_trust(elastic),
        has_raman=raman is not None,
        flags=tuple(flags),
    )


def _reference(
    elastic: Signal, optics: MolecularOptics, o: AnalysisOptions, flags: list[str]
) -> Reference | None:
    try:
        return find_reference(elastic, optics, *o.reference)
    except InsufficientStatistics as error:
        flags.append(error.code)
        return None


def _optical_depth(
    raman: Signal, optics: MolecularOptics, other: MolecularOptics, o: AnalysisOptions, flags: list[str]
) -> OpticalDepth | None:
    try:
        return raman_optical_depth(
            raman,
            optics,
            other,
            o.start,
            o.stop,
            slab=o.slab,
            angstrom=o.angstrom,
            angstrom_error=o.angstrom_error,
        )
    except InsufficientStatistics as error:
        flags.append(error.code)
        return None


def _withheld(signal: Signal) -> RamanProfile:
    shape = (1, signal.range.size)
    nothing = np.full(shape, np.nan)
    return RamanProfile(
        nothing, nothing, np.full(signal.range.size, np.nan), np.full(shape, NOT_FITTED, np.int8)
    )


def _elastic_profiles(
    elastic: Signal, optics: MolecularOptics, reference: Reference | None, o: AnalysisOptions
) -> tuple[RamanProfile, RamanProfile]:
    if reference is None:
        return _withheld(elastic), _withheld(elastic)
    drawn = elastic.drawn(np.random.default_rng(o.seed), o.draws)
    corrected = np.concatenate([elastic.range_corrected[:1], drawn.range_corrected])
    every = klett(corrected, elastic.range, optics, o.lidar_ratio, (reference.low, reference.high))
    status = np.where((elastic.range >= o.start) & (elastic.range < reference.high), GOOD, NOT_FITTED)
    status = np.where(np.isfinite(every).all(axis=0), status, TOO_FEW).astype(np.int8)[None]
    good = status == GOOD
    value = np.where(good, every[:1], np.nan)
    error = np.where(good, every[1:].std(axis=0, ddof=1), np.nan)
    step = np.full(elastic.range.size, elastic.bin_width)
    ratio = o.lidar_ratio
    return RamanProfile(value, error, step, status), RamanProfile(value * ratio, error * ratio, step, status)


def _raman_profiles(
    elastic: Signal,
    optics: MolecularOptics,
    raman: Signal,
    raman_optics: MolecularOptics,
    reference: Reference | None,
    o: AnalysisOptions,
) -> tuple[RamanProfile, RamanProfile]:
    half = half_widths(elastic.range, o.start, o.stop)
    extinction = raman_extinction(raman, optics, raman_optics, half, angstrom=o.angstrom)
    if reference is None:
        return _withheld(elastic), extinction
    alpha = np.where(np.abs(extinction.value) > 3.0 * extinction.error, extinction.value, 0.0)
    narrow = np.maximum(np.rint(half / np.sqrt(2.0)), half > 0).astype(np.int64)
    narrow = np.minimum(narrow, max(1, round(60.0 / elastic.bin_width)))
    try:
        backscatter = raman_backscatter(
            elastic,
            raman,
            optics,
            raman_optics,
            alpha,
            narrow,
            (reference.low, reference.high),
            angstrom=o.angstrom,
        )
    except InsufficientStatistics:
        return _withheld(elastic), extinction
    return backscatter, extinction


def _layers(
    elastic: Signal,
    optics: MolecularOptics,
    raman: Signal | None,
    raman_optics: MolecularOptics | None,
    backscatter: RamanProfile,
    o: AnalysisOptions,
) -> tuple[MeasuredLayer, ...]:
    # bins that share a window are not independent: their errors are widened to those of single bins
    shared = np.sqrt(np.maximum(backscatter.resolution / elastic.bin_width, 1.0))
    ratio = 1.0 + backscatter.value[0] / optics.backscatter
    error = backscatter.error[0] * shared / optics.backscatter
    found = find_layers(elastic.range, ratio, error)
    model = molecular_signal(elastic.range, optics)
    measured = []
    for layer in found:
        flags: list[str] = []
        ways = {"elastic": (elastic, model)}
        if raman is not None and raman_optics is not None:
            ways["raman"] = (raman, raman_model(elastic.range, optics, raman_optics))
        k = 0.0 if layer.cloud else o.angstrom
        other = raman_optics.wavelength if raman_optics else optics.wavelength
        factors = {"elastic": 2.0, "raman": float(raman_factor(optics.wavelength, other, k))}
        depths = {"elastic": (np.nan, np.nan), "raman": (np.nan, np.nan)}
        for name, (signal, clean) in ways.items():
            try:
                below, above = layer_windows(layer, found, o.start, o.stop)
                tau, sigma = layer_depth(signal, clean, below, above, factors[name])
                depths[name] = (float(tau[0]), float(sigma[0]))
            except InsufficientStatistics as problem:
                flags.append(f"{name}: {problem.code}")
        measured.append(MeasuredLayer(layer, *depths["elastic"], *depths["raman"], tuple(flags)))
    return tuple(measured)
