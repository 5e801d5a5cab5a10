# SPDX-License-Identifier: BSD-3-Clause
"""Gains of a camera's pixels from the dim flashes of a run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from pellucid.camera.calibration_events import DARK, CalibrationEvents, EventReader
from pellucid.camera.charge import window_charge, window_start
from pellucid.camera.choices import check_choices
from pellucid.camera.estimate import Estimate, check_events, require, require_precision
from pellucid.camera.spe.fit import SpeFit, SpeStatus, fit_histograms
from pellucid.camera.spe.photomultiplier import Photomultiplier
from pellucid.camera.spe.shape import Shape
from pellucid.camera.spe.silicon import SiliconPhotomultiplier
from pellucid.camera.spe.spectra import Spectra, pedestal_peak
from pellucid.errors import CorruptedInput, InsufficientStatistics
from pellucid.events.batch import EventType
from pellucid.instrument import Telescope

__all__ = ["SpeCalibration", "SpeOptions", "calibrate_single_photoelectrons"]

type F8 = npt.NDArray[np.float64]
type F4 = npt.NDArray[np.float32]
type U1 = npt.NDArray[np.uint8]
type Source = Callable[[], Iterator[CalibrationEvents]]

_PEAK_FLASHES = 500
"""Flashes that tell where the window lies: the first ones, however the events are cut into batches."""

_SAMPLE = 4000
"""Charges that tell whether a pixel sees light at all."""

_STANDS_OUT = 5.0
"""Widths of the noise above which a charge is light."""

_LIT = 0.005
"""Share of such charges at least; noise alone makes less than a millionth."""

_SKEWED = 5.0
"""Standard errors of the skewness that light makes at least; noise alone makes none."""

_FURTHEST = 3.0
"""A charge further off, in units of the 99 % quantile, is no dim flash: a shower, or a spark."""


@dataclass(frozen=True)
class SpeOptions:
    """What one can choose.

    Attributes
    ----------
    sensor : {"photomultiplier", "silicon"}
        What the pixels are.
    share : bool
        Whether all pixels share the shape of the charge of one photo-electron; each has its own else, the
        same at all voltages. A spectrum that the shared shape does not describe is fitted by itself, and
        told.
    proportion_error, interpolation_error : float
        How well p and n of a photomultiplier are known beforehand, e.g. their scatter among tubes; 0 where
        nothing is known. Without sharing, a spectrum hardly tells them.
    width, shift : int
        Charge window, in samples, and its start before the flashes' peak: it must hold the whole pulse of
        every pixel.
    min_flashes, min_dark : int
        Dim flashes, and events without light, at least; fewer of the latter are not used.
    least_p_value : float
        Below it a fit is called bad.
    precision : float
        Relative error of the gain that is asked for; 0 takes what comes.
    """

    sensor: Literal["photomultiplier", "silicon"] = "photomultiplier"
    share: bool = True
    proportion_error: float = 0.0
    interpolation_error: float = 0.0
    width: int = 18
    shift: int = 8
    min_flashes: int = 1000
    min_dark: int = 500
    least_p_value: float = 1e-4
    precision: float = 0.0

    def __post_init__(self) -> None:
        check_choices(self)

    def shape(self) -> Shape:
        """Return the family of responses to one photo-electron."""
        if self.sensor == "silicon":
            return SiliconPhotomultiplier()
        p, r, n = Photomultiplier().parameters
        p, n = (
            replace(each, error=error or np.inf)
            for each, error in ((p, self.proportion_error), (n, self.interpolation_error))
        )
        return Photomultiplier((p, r, n))


@dataclass(frozen=True, eq=False)
class SpeCalibration:
    """Single photo-electrons of one camera.

    Attributes
    ----------
    fit : SpeFit
        Of the first (high gain) channel, one entry for each pixel; its status says where there is none.
    window : tuple of int
        First sample and length of the charge window.
    n_dark : int
        Events without light that told the pedestals; 0 where the flashes did.
    tel_id, camera, applied, start, stop
        As of `pellucid.camera.coefficients.CameraCalibration`.
    others : tuple of SpeFit
        Of the same pixels at the other voltages.
    """

    fit: SpeFit
    window: tuple[int, int]
    n_dark: int
    tel_id: int
    camera: str
    applied: int
    start: int
    stop: int
    others: tuple[SpeFit, ...] = ()


def calibrate_single_photoelectrons(
    telescope: Telescope,
    events: Source,
    options: SpeOptions | None = None,
    others: Sequence[Source] = (),
) -> SpeCalibration:
    """Find the gain of every pixel from dim flashes, as `pellucid.camera.spe.fit.fit_spectra` does.

    Only the high-gain channel is used. Pixels that see no light stay out of the fit, so that they do not
    spoil the shape the others share. Light of the night sky in the window counts as light: take such runs
    in the dark.

    Parameters
    ----------
    telescope, events
        As for `pellucid.camera.calibrator.calibrate_spans`.
    options : SpeOptions, optional
        How.
    others : sequence of callable
        Dim flashes at other voltages, higher ones maybe, at which photo-electrons stand out better. A pixel
        has the same shape at all of them, and a gain at each.

    Raises
    ------
    MissingInput, InsufficientStatistics
        There is no dim flash; there are too few, no pixel sees light, or the precision is not reached.
    CorruptedInput
        Times go backwards, events are of different kinds of camera or in different states.
    """
    chosen = options or SpeOptions()
    readers = [EventReader(source, telescope) for source in (events, *others)]
    charges = [_charges(reader, telescope, chosen) for reader in readers]
    _check_states(readers)
    with_dark = all(len(c.dark) for c in charges)
    runs = [_Run.of(c, chosen, with_dark) for c in charges]
    spectra = Spectra.together([run.spectra for run in runs])
    pixel = np.concatenate([run.good for run in runs])
    fit = _fitted(spectra, _padded([run.dark for run in runs]) if with_dark else None, pixel, chosen)
    edges = np.cumsum([0, *(run.good.size for run in runs)]).tolist()
    fits = [
        fit.select(slice(a, b)).placed(run.good, run.status)
        for run, (a, b) in zip(runs, pairwise(edges), strict=True)
    ]
    first = charges[0]
    gain = Estimate.good(fits[0].gain[None], fits[0].gain_error[None], len(first.flashes))
    require_precision(gain, chosen.precision, "gain")
    return SpeCalibration(
        tel_id=telescope.tel_id,
        camera=telescope.geometry.fingerprint,
        applied=readers[0].applied,
        start=first.start,
        stop=first.stop,
        window=first.window,
        n_dark=len(first.dark) if with_dark else 0,
        fit=fits[0],
        others=tuple(fits[1:]),
    )


def _check_states(readers: list[EventReader]) -> None:
    if len(states := {reader.applied for reader in readers}) > 1:
        raise CorruptedInput(
            "The runs at several voltages are in different states.",
            expected="all raw, or all calibrated in the camera with one set of coefficients",
            got=f"calibrations number {sorted(states)}",
            mend="give runs of one state",
            code="mixed-events",
        )


@dataclass(frozen=True, eq=False)
class _Charges:
    flashes: F4
    dark: F4
    start: int
    stop: int
    window: tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Run:
    """Histograms of one run, of the pixels that see light, and why the others have none."""

    spectra: Spectra
    dark: F8
    good: npt.NDArray[np.intp]
    status: U1

    @classmethod
    def of(cls, charges: _Charges, options: SpeOptions, with_dark: bool) -> "_Run":
        """Fill the histograms; one without any pixel that sees light is refused (``no-light``)."""
        flashes, dark = charges.flashes, charges.dark if with_dark else charges.dark[:0]
        status, furthest = _judged(flashes, dark, options.min_flashes)
        good = np.flatnonzero(status == 0)
        if good.size == 0:
            raise InsufficientStatistics(
                "No pixel sees single photo-electrons.",
                expected=f"charges beyond {_STANDS_OUT:g} widths of the noise "
                f"in {100 * _LIT:g} % of the flashes",
                got=f"none of {status.size} pixels",
                mend="take the run with the flasher on, at 0.1 to 2 photo-electrons",
                code="no-light",
            )
        lit = flashes[:, good].astype(np.float64)
        lit[lit > furthest[good]] = np.nan
        spectra = Spectra.of(lit, quantum=1.0, minimum=int(0.9 * options.min_flashes))
        return cls(spectra, dark[:, good].astype(np.float64), good, status)


def _padded(parts: list[F8]) -> F8:
    """Charges of several runs side by side, NaN where one has fewer events than another."""
    n = max(map(len, parts))
    return np.hstack([np.pad(p, ((0, n - len(p)), (0, 0)), constant_values=np.nan) for p in parts])


def _charges(reader: EventReader, telescope: Telescope, options: SpeOptions) -> _Charges:
    """Charges of flashes and of events without light, (n, n_pixels); NaN where a pixel was not read out."""
    readout = telescope.readout
    start = _window_start(reader, readout.n_samples, options)
    found: dict[bool, list[F4]] = {True: [], False: []}
    times = []
    for batch in reader.all():
        is_flash = batch.kind == EventType.SINGLE_PE
        if is_flash or batch.kind in DARK:
            check_events(batch.adc.shape[1:3], (readout.n_channels, readout.n_pixels))
            charge = window_charge(batch.adc[:, :1], start, options.width)[:, 0].astype(np.float32)
            charge[:, batch.missing[0]] = np.nan
            found[is_flash].append(charge)
            times += [int(batch.time[0]), int(batch.time[-1])]
    none = np.zeros((0, readout.n_pixels), np.float32)
    flashes, dark = (np.concatenate([none, *found[kind]]) for kind in (True, False))
    require(len(flashes), options.min_flashes, "single photo-electron")
    known = dark if len(dark) >= options.min_dark else none
    return _Charges(flashes, known, min(times), max(times) + 1, (start, options.width))


def _window_start(reader: EventReader, n_samples: int, options: SpeOptions) -> int:
    """First sample of the window, from the mean waveform of all pixels in the first flashes."""
    total, taken = np.zeros(n_samples), 0
    for batch in reader.all():
        if batch.kind == EventType.SINGLE_PE:
            total += batch.adc[: _PEAK_FLASHES - taken, 0].sum(axis=(0, 1), dtype=np.float64)
            taken += len(batch.adc)
        if taken >= _PEAK_FLASHES:
            break
    return window_start(total, options.width, options.shift)


def _judged(flashes: F4, dark: F4, minimum: int) -> tuple[U1, F8]:
    """Which pixels cannot be fitted, as codes of `SpeStatus`, and the largest charge each may have."""
    few = np.isfinite(flashes).sum(axis=0) < minimum
    if len(dark):
        few |= np.isfinite(dark).sum(axis=0) < 2
    status = np.where(few, SpeStatus.FEW_CHARGES, 0).astype(np.uint8)
    furthest = np.full(status.size, np.inf)
    there = np.flatnonzero(~few)
    if there.size:
        some = flashes[:_SAMPLE, there].astype(np.float64)
        lit = np.ones(there.size, np.bool_)
        if len(dark):
            without = dark[:, there].astype(np.float64)
            middle, width = np.nanmean(without, axis=0), np.nanstd(without, axis=0, ddof=1)
        else:
            middle, width = pedestal_peak(some)
            # the peak of few charges is not well known: noise with a wrong peak stands out, but is not skewed
            lit = _skewness(some) > _SKEWED * np.sqrt(6.0 / len(some))
        lit &= (some > middle + _STANDS_OUT * width).mean(axis=0) >= _LIT
        status[there[~lit]] = SpeStatus.NO_LIGHT
        furthest[there] = middle + _FURTHEST * np.maximum(
            np.nanquantile(some, 0.99, axis=0) - middle, _STANDS_OUT * width
        )
    return status, furthest


def _skewness(charges: F8) -> F8:
    away = charges - np.nanmean(charges, axis=0)
    cube: F8 = np.nanmean(away**3, axis=0)
    # a pixel that gives the same count for ever has no spread
    return cube / np.maximum(np.nanmean(away**2, axis=0), 1e-12) ** 1.5


def _fitted(spectra: Spectra, dark: F8 | None, pixel: npt.NDArray[np.intp], options: SpeOptions) -> SpeFit:
    """Fit; what the shared shape does not describe is taken out of the group and fitted by itself."""
    shape, least = options.shape(), options.least_p_value
    if not options.share:
        _, own = np.unique(pixel, return_inverse=True)
        return fit_histograms(spectra, shape, group=own, dark=dark, least_p_value=least)
    group = np.zeros(spectra.width.size, np.intp)
    fit = fit_histograms(spectra, shape, group=group, dark=dark, least_p_value=least)
    odd = (fit.status & np.uint8(SpeStatus.BAD_FIT)) != 0
    if odd.all() or not odd.any():
        return fit
    group = np.where(odd, np.cumsum(odd), 0)
    fit = fit_histograms(spectra, shape, group=group, dark=dark, least_p_value=least)
    return replace(fit, status=fit.status | np.where(odd, np.uint8(SpeStatus.OWN_SHAPE), np.uint8(0)))
