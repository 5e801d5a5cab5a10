# SPDX-License-Identifier: BSD-3-Clause
"""From the signals of one wavelength to profiles, optical depth and layers; what is withheld, and why."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.elastic import Reference, find_reference, molecular_signal
from pellucid.atmosphere.lidar.elastic_profile import elastic_profile, withheld
from pellucid.atmosphere.lidar.layers import FoundLayer, find_layers, last_trust, layer_depth, layer_windows
from pellucid.atmosphere.lidar.options import AnalysisOptions, Channel
from pellucid.atmosphere.lidar.raman import (
    GOOD,
    RamanProfile,
    half_widths,
    raman_backscatter,
    raman_extinction,
    raman_factor,
    raman_lidar_ratio,
    raman_model,
)
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.lidar.vaod import OpticalDepth, raman_optical_depth
from pellucid.errors import InsufficientStatistics

__all__ = ["Analysis", "MeasuredLayer", "analyse", "exponents", "windows"]

type F8 = npt.NDArray[np.float64]

_NARROW = 60.0
"""Largest half width in m of the backscatter's windows: layers' edges have to be seen in it."""

_CERTAIN = 3.0
"""Extinction over its error from which it counts in the backscatter's small correction."""

_DUST = 0.3
"""Exponent of dust, the aerosol that may pass for a cloud."""

_IMPOSSIBLE = -5.0
"""Extinction over its error below which something else than noise is wrong."""


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
        Of aerosol, 1/m; by Raman light, else backscatter times the assumed lidar ratio, whose error and that
        of the reference are in both errors.
    lidar_ratio : RamanProfile
        In sr; all withheld where it was assumed.
    optical_depth : OpticalDepth or None
        By Raman light where ``has_raman``, else by the assumed lidar ratio; where a cloud lies below the
        reference, up to clean air below that cloud.
    layers : tuple of MeasuredLayer
        From below to above.
    reference : Reference or None
        Clean air that the backscatter refers to.
    trusted : float
        Range in m up to which the elastic signal holds.
    has_raman : bool
        Whether Raman light made the profiles.
    used_ratio : tuple of ndarray of float64, shape (n_bins,), and float, or None
        Lidar ratio of the elastic solution and its error, in sr; None by Raman light.
    constrained : bool
        Whether that ratio follows from the column's optical depth, rather than being assumed.
    flags : tuple of str
        Codes of what was withheld: ``no-reference``, ``no-raman-channel``, ``no-raman-signal``,
        ``no-lidar-ratio`` (none gives the column's optical depth); and
        ``negative-extinction``, by Raman light more than 5 errors below 0 somewhere: the overlap, the
        background or the profile of the air is wrong.
    """

    range: F8
    backscatter: RamanProfile
    extinction: RamanProfile
    lidar_ratio: RamanProfile
    optical_depth: OpticalDepth | None
    layers: tuple[MeasuredLayer, ...]
    reference: Reference | None
    trusted: float
    has_raman: bool
    used_ratio: tuple[F8, float] | None = None
    constrained: bool = False
    flags: tuple[str, ...] = field(default=())


def analyse(
    elastic: Channel, raman: Channel | None = None, options: AnalysisOptions | None = None
) -> Analysis:
    """Return what the first profile of an elastic channel, and its Raman channel if there is one, tells.

    What cannot be had is withheld and flagged, never guessed: without clean air there is no backscatter,
    without Raman light no optical depth that is free of an assumed lidar ratio.

    Parameters
    ----------
    elastic, raman : Channel
        Sums of the profiles that belong together, at the same bins.
    options : AnalysisOptions, optional
        Defaults where not given.
    """
    o = options or AnalysisOptions()
    flags: list[str] = []
    reference = _reference(elastic, raman, o, flags)
    if raman is None:
        flags.append("no-raman-channel")
        found = elastic_profile(elastic, reference, o, flags)
        backscatter, extinction, depth = found.backscatter, found.extinction, found.depth
        layers = _layers(elastic, None, backscatter, found.noise, o)
        clouds = [x.found for x in layers if x.found.cloud]
        if reference is None or any(cloud.base < reference.low for cloud in clouds):
            # a cloud's lidar ratio is another one, and moves all that is solved through it
            depth = _below_clouds(elastic, clouds, o)
        used = found.ratio, found.ratio_error
        ratio = withheld(elastic.signal)
    else:
        used = None
        half, narrow = windows(elastic.signal, o)
        extinction = raman_extinction(raman.signal, elastic.optics, raman.optics, half, angstrom=o.angstrom)
        backscatter = _raman_backscatter(elastic, raman, extinction, narrow, reference, o.angstrom, flags)
        layers = _layers(elastic, raman, backscatter, backscatter.error[0], o)
        k, k_error = exponents(elastic.signal.range, layers, o)
        if not k.all():
            extinction = raman_extinction(raman.signal, elastic.optics, raman.optics, half, angstrom=k)
            backscatter = _raman_backscatter(elastic, raman, extinction, narrow, reference, k, flags)
        depth = _optical_depth(elastic, raman, k, k_error, o, flags)
        ratio = raman_lidar_ratio(extinction, backscatter)
        good = extinction.status == GOOD
        if (extinction.value[good] < _IMPOSSIBLE * extinction.error[good]).any():
            flags.append("negative-extinction")
    return Analysis(
        range=elastic.signal.range,
        backscatter=backscatter,
        extinction=extinction,
        lidar_ratio=ratio,
        optical_depth=depth,
        layers=layers,
        reference=reference,
        trusted=last_trust(elastic.signal),
        has_raman=raman is not None,
        used_ratio=used,
        constrained=raman is None and o.column is not None and "no-lidar-ratio" not in flags,
        flags=tuple(dict.fromkeys(flags)),
    )


def _reference(
    elastic: Channel, raman: Channel | None, o: AnalysisOptions, flags: list[str]
) -> Reference | None:
    signal, optics = elastic.signal, elastic.optics
    beside = None
    if raman is not None:
        model = raman_model(signal.range, optics, raman.optics)
        seen = model > 0.0
        scale = np.where(seen, molecular_signal(signal.range, optics), 0.0) / np.where(seen, model, 1.0)
        beside = raman.signal.net[0] * scale, raman.signal.variance[0] * scale**2
    # a dark Raman channel must not cost the reference of the elastic one
    for companion in [beside, None] if beside is not None else [None]:
        try:
            return find_reference(signal, optics, *o.reference, raman=companion)
        except InsufficientStatistics as error:
            reason = error.code
    flags.append(reason)
    return None


def windows(signal: Signal, options: AnalysisOptions) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return half widths (number of bins) of the windows of Raman extinction and backscatter.

    Each has the shape (n_bins,). Those of the backscatter give it the resolution of the extinction, but none
    coarser than needed to see edges.
    """
    half = half_widths(signal.range, options.start, options.stop)
    narrow = np.maximum(np.rint(half / np.sqrt(2.0)), half > 0).astype(np.int64)
    return half, np.minimum(narrow, max(1, round(_NARROW / signal.bin_width)))


def exponents(distance: F8, layers: tuple[MeasuredLayer, ...], o: AnalysisOptions) -> tuple[F8, F8]:
    """Return the exponent k and its error (dimensionless) at ranges in m, each shape (n_bins,).

    k is 0 in clouds and in the slabs that they touch: ice and drops are large beside the wavelength. Its
    error is 0.3 there, since thick dust, whose k is about that, may pass for a cloud.
    """
    cloudy = np.zeros(distance.size, np.bool_)
    for layer in layers:
        if layer.found.cloud:
            cloudy |= (distance > layer.found.base - o.slab) & (distance < layer.found.top + o.slab)
    return (
        np.where(cloudy, 0.0, o.angstrom),
        np.where(cloudy, min(_DUST, o.angstrom_error), o.angstrom_error),
    )


def _below_clouds(elastic: Channel, clouds: list[FoundLayer], o: AnalysisOptions) -> OpticalDepth | None:
    """Return the optical depth by the assumed lidar ratio up to clean air below the clouds, if any."""
    if not clouds or o.column is not None:  # a column holds the clouds, too
        return None
    base = min(cloud.base - 3.0 * cloud.base_error for cloud in clouds)
    try:
        reference = find_reference(elastic.signal, elastic.optics, o.reference[0], base - o.slab)
    except InsufficientStatistics:
        return None
    return elastic_profile(elastic, reference, o, []).depth


def _optical_depth(
    elastic: Channel, raman: Channel, k: F8, k_error: F8, o: AnalysisOptions, flags: list[str]
) -> OpticalDepth | None:
    try:
        return raman_optical_depth(
            raman.signal,
            elastic.optics,
            raman.optics,
            o.start,
            o.stop,
            slab=o.slab,
            angstrom=k,
            angstrom_error=k_error,
        )
    except InsufficientStatistics as error:
        flags.append(error.code)
        return None


def _raman_backscatter(
    elastic: Channel,
    raman: Channel,
    extinction: RamanProfile,
    narrow: npt.NDArray[np.int64],
    reference: Reference | None,
    k: npt.ArrayLike,
    flags: list[str],
) -> RamanProfile:
    if reference is None:
        return withheld(elastic.signal)
    certain = np.abs(extinction.value) > _CERTAIN * extinction.error
    try:
        return raman_backscatter(
            elastic.signal,
            raman.signal,
            elastic.optics,
            raman.optics,
            np.where(certain, extinction.value, 0.0),
            narrow,
            (reference.low, reference.high),
            angstrom=k,
        )
    except InsufficientStatistics as error:
        flags.append(error.code)
        return withheld(elastic.signal)


def _layers(
    elastic: Channel, raman: Channel | None, backscatter: RamanProfile, noise: F8, o: AnalysisOptions
) -> tuple[MeasuredLayer, ...]:
    signal, optics = elastic.signal, elastic.optics
    # bins that share a window are not independent: their errors are widened to those of single bins
    shared = np.sqrt(np.maximum(backscatter.resolution / signal.bin_width, 1.0))
    ratio = 1.0 + backscatter.value[0] / optics.backscatter
    relative = noise / optics.backscatter
    common = 0.0 if backscatter.common is None else float(backscatter.common[0])
    own = np.sqrt(np.maximum(relative**2 - (common * ratio) ** 2, 0.0))
    found = find_layers(signal.range, ratio, own * shared, common=common)
    ways = [("elastic", signal, molecular_signal(signal.range, optics), optics.wavelength)]
    if raman is not None:
        model = raman_model(signal.range, optics, raman.optics)
        ways.append(("raman", raman.signal, model, raman.optics.wavelength))
    measured = []
    for layer in found:
        flags: list[str] = []
        depths = {"elastic": (np.nan, np.nan), "raman": (np.nan, np.nan)}
        k = 0.0 if layer.cloud else o.angstrom
        for name, light, clean, wavelength in ways:
            try:
                below, above = layer_windows(layer, found, o.start, o.stop)
                factor = float(raman_factor(optics.wavelength, wavelength, k))
                tau, sigma = layer_depth(light, clean, below, above, factor)
                depths[name] = (float(tau[0]), float(sigma[0]))
            except InsufficientStatistics as problem:
                flags.append(f"{name}: {problem.code}")
        measured.append(MeasuredLayer(layer, *depths["elastic"], *depths["raman"], tuple(flags)))
    return tuple(measured)
