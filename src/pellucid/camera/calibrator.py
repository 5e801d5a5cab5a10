# SPDX-License-Identifier: BSD-3-Clause
"""The whole way from calibration events to the calibration of a camera, for one span of time or for many."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from pellucid.camera.badpixels import PixelCuts, Reason, bad_pixels
from pellucid.camera.brightness import FilterScan, brightness_by_event
from pellucid.camera.calibration_events import DARK, CalibrationEvents, EventReader
from pellucid.camera.charge import window_start
from pellucid.camera.choices import check_choices
from pellucid.camera.coefficients import CameraCalibration, flat_factor
from pellucid.camera.epochs import epoch_of, unstable_pixels
from pellucid.camera.estimate import Estimate, require, require_precision
from pellucid.camera.flatfield import Flatfield, FlatfieldAccumulator
from pellucid.camera.gain import Gain, f_factor_gain
from pellucid.camera.illumination import illumination_profile, relative_yield
from pellucid.camera.low_gain import low_gain_is_missing, scaled_low_gain
from pellucid.camera.pedestal import Pedestal, PedestalAccumulator
from pellucid.camera.sky import effective_window, sky_rate, stars
from pellucid.camera.timing import TimeOffsetAccumulator
from pellucid.errors import ConfigurationError, InsufficientStatistics, MissingInput
from pellucid.events.batch import EventType
from pellucid.instrument import Telescope

__all__ = ["CalibrationOptions", "calibrate_spans"]

type Bools = npt.NDArray[np.bool_]
type I8 = npt.NDArray[np.int64]

_PEAK_FLASHES = 20
"""Flashes that tell where the window lies: the first ones, however the events are cut into batches."""

_SKY = (EventType.SKY_PEDESTAL, EventType.PEDESTAL)


@dataclass(frozen=True)
class CalibrationOptions:
    """What one can choose.

    Attributes
    ----------
    excess, excess_error : float
        F^2 of the sensors, and its error.
    width, shift : int
        Charge window, in samples, and its start before the flashes' peak: it must hold the whole pulse of
        every pixel.
    searched_width : int
        Window of the extractor for shower images, in samples.
    full_scale : int
        Highest count of the converter.
    min_pedestals, min_flashes : int
        Events at least.
    precision : float
        Relative error of the gain that is asked for; 0 takes what comes.
    brightness : {"mean", "event", "scan"}
        Where the flashes' own fluctuation is taken from: the camera's mean, each flash for each pixel, or a
        filter scan.
    illumination : bool
        Whether the flasher's profile is fitted and divided out.
    clip : float
        Standard deviations beyond which charges do not count; 0 takes all. Showers among interleaved
        pedestals then do no harm, at the price of keeping the charges of a span in memory.
    pixels_per_module : int
        Pixels are numbered module by module; 0 where they are not.
    low_gain_ratio, low_gain_ratio_error : float
        High over low gain, and its error, known from brighter flashes: where these are too dim for the low
        gain, it is scaled from the high one. With 0 it then has none.
    """

    excess: float = 1.222
    excess_error: float = 0.0
    width: int = 18
    shift: int = 8
    searched_width: int = 7
    full_scale: int = 4095
    min_pedestals: int = 50
    min_flashes: int = 100
    precision: float = 0.0
    brightness: Literal["mean", "event", "scan"] = "mean"
    illumination: bool = False
    clip: float = 0.0
    pixels_per_module: int = 7
    low_gain_ratio: float = 0.0
    low_gain_ratio_error: float = 0.0

    def __post_init__(self) -> None:
        check_choices(self)


def calibrate_spans(
    telescope: Telescope,
    events: Callable[[], Iterator[CalibrationEvents]],
    spans: list[tuple[int, int]],
    options: CalibrationOptions,
    *,
    breaks: I8 | None = None,
    cuts: PixelCuts | None = None,
    off: Bools | None = None,
    scan: FilterScan | None = None,
) -> list[CameraCalibration | None]:
    """Calibrate a camera for each of several spans, which may overlap.

    The events are gone through twice, pedestals first, since flashes stand on them; memory does not grow
    with their number. A pixel that changes from span to span more than the camera is bad in all.

    Parameters
    ----------
    telescope : Telescope
        Whose camera it is.
    events : callable
        Yields the calibration events, from the start at each call.
    spans : list of tuple of int
        Half-open spans of time, in ns TAI.
    options : CalibrationOptions
        How.
    breaks : ndarray of int64, shape (k,), optional
        Times of steps of high voltage or temperature, in ns TAI, which begin new epochs.
    cuts : PixelCuts, optional
        Where a pixel ceases to be good.
    off : ndarray of bool, shape (n_pixels,), optional
        Mask of the pixels whose high voltage was off.
    scan : FilterScan, optional
        Filter scan of this camera, for the ``brightness`` of that name.

    Returns
    -------
    list of CameraCalibration or None
        One for each span; None where it has too few events. With one span alone that is an error.

    Raises
    ------
    MissingInput, InsufficientStatistics
        There is no pedestal or no flash, or there are too few, for one span or for all.
    CorruptedInput
        Times go backwards, events are of different kinds of camera or in different states.
    ConfigurationError
        A filter scan is asked for, and there is none (``no-filter-scan``).
    """
    if options.brightness == "scan" and scan is None:
        raise ConfigurationError(
            "The flashes' own fluctuation is to come from a filter scan, and there is none.",
            expected="a filter scan of this camera",
            mend="make one: step filter-scan; or choose brightness = 'mean' or 'event'",
            code="no-filter-scan",
        )
    reader = EventReader(events, telescope)
    pedestals = [_Pedestals(telescope, options) for _ in spans]
    first: list[npt.NDArray[np.float64]] = []
    for batch in reader.all():
        if batch.kind == EventType.FLATFIELD:
            first += [event[0].mean(axis=0) for event in batch.adc[: max(0, _PEAK_FLASHES - len(first))]]
        for accumulator, rows in _rows_in(batch, spans, pedestals):
            accumulator.add(batch.kind, batch.adc[rows], batch.time[rows])
    begun = [p.begin(options, len(spans) == 1) for p in pedestals]
    trace = np.mean(first, axis=0) if first else np.zeros(telescope.readout.n_samples)
    start = window_start(trace, options.width, options.shift)
    flashes = [None if p is None else _Flashes(p, start, telescope, options) for p in begun]
    for batch in reader.all():
        if batch.kind == EventType.FLATFIELD:
            for flash, rows in _rows_in(batch, spans, flashes):
                flash.add(batch.adc[rows], batch.time[rows])
    made = [
        _finished(p, f, telescope, options, len(spans) == 1, scan)
        for p, f in zip(pedestals, flashes, strict=True)
    ]
    if not any(made) and len(spans) > 1:
        raise InsufficientStatistics(
            "No chunk has enough calibration events.",
            expected=f"{options.min_pedestals} pedestals and {options.min_flashes} flashes in a chunk",
            got=f"{len(spans)} chunks with fewer",
            mend="make the chunks longer, or lower the minima",
            code="too-few-events",
        )
    known = {Reason.MISSING: reader.missing, Reason.HV_OFF: np.zeros(1, np.bool_) if off is None else off}
    masks = {reason: mask for reason, mask in known.items() if mask.any()}
    return _with_faults(made, reader.applied, masks, telescope, options, cuts, breaks)


class _Pedestals:
    """Pedestals of one span, with and without the night sky."""

    def __init__(self, telescope: Telescope, options: CalibrationOptions) -> None:
        readout = telescope.readout
        width = min(options.searched_width, readout.n_samples)
        shape = readout.n_channels, readout.n_pixels, options.width, width, options.clip
        self._sky, self._dark = PedestalAccumulator(*shape), PedestalAccumulator(*shape)
        self._n_dark = 0
        self.first: int | None = None
        self.last = 0
        self.pedestal: Pedestal | None = None
        self.dark: Pedestal | None = None

    def add(self, kind: int, adc: npt.NDArray[np.uint16], time: I8) -> None:
        if kind in _SKY:
            self._sky.update(adc)
        elif kind in DARK:
            self._dark.update(adc)
            self._n_dark += len(adc)
        else:
            return
        self.first = int(time[0]) if self.first is None else min(self.first, int(time[0]))
        self.last = max(self.last, int(time[-1]))

    def begin(self, options: CalibrationOptions, strict: bool) -> Pedestal | None:
        try:
            self.pedestal = self._sky.finish(options.min_pedestals)
        except (MissingInput, InsufficientStatistics):
            if strict:
                raise
        if self._n_dark >= max(2, options.min_pedestals):
            self.dark = self._dark.finish(options.min_pedestals)
        return self.pedestal


class _Flashes:
    """Flashes of one span."""

    def __init__(
        self, pedestal: Pedestal, start: int, telescope: Telescope, options: CalibrationOptions
    ) -> None:
        self.fields = FlatfieldAccumulator(pedestal, start, options.full_scale, options.clip)
        self.times = TimeOffsetAccumulator(pedestal, start, telescope.readout.sampling_rate)
        self.first: int | None = None
        self.last = 0

    def add(self, adc: npt.NDArray[np.uint16], time: I8) -> None:
        self.fields.update(adc)
        self.times.update(adc)
        self.first = int(time[0]) if self.first is None else self.first
        self.last = int(time[-1])


def _rows_in[T](
    batch: CalibrationEvents, spans: list[tuple[int, int]], accumulators: Sequence[T | None]
) -> Iterator[tuple[T, slice]]:
    """Accumulators of the spans that some rows of a batch lie in, and these rows."""
    for (start, stop), accumulator in zip(spans, accumulators, strict=True):
        first, last = (int(i) for i in np.searchsorted(batch.time, (start, stop)))
        if last > first and accumulator is not None:
            yield accumulator, slice(first, last)


@dataclass(frozen=True, eq=False)
class _Estimates:
    """What one span says, before its pixels are judged."""

    start: int
    stop: int
    pedestal: Pedestal
    flatfield: Flatfield
    gain: Gain
    offset: Estimate
    sky: Estimate


def _finished(
    pedestals: _Pedestals,
    flashes: _Flashes | None,
    telescope: Telescope,
    options: CalibrationOptions,
    strict: bool,
    scan: FilterScan | None,
) -> _Estimates | None:
    pedestal = pedestals.pedestal
    if flashes is None or pedestal is None:
        return None
    try:
        flatfield = flashes.fields.finish(options.min_flashes)
        offset = flashes.times.finish(options.min_flashes)
    except (MissingInput, InsufficientStatistics):
        if strict:
            raise
        return None
    gain = _gain(flatfield, pedestal, options, scan)
    if options.low_gain_ratio > 0.0 and low_gain_is_missing(flatfield):
        known = options.low_gain_ratio, options.low_gain_ratio_error
        flatfield, gain, offset = scaled_low_gain(flatfield, gain, offset, *known)
    require(int(np.isfinite(gain.gain.value[0]).any()), 1, "unsaturated flash")
    if strict:
        require_precision(gain.gain, options.precision, "gain")
    readout = telescope.readout
    window = effective_window(
        readout.reference_pulse, readout.reference_pulse_step, options.width / readout.sampling_rate
    )
    none = np.zeros((0, readout.n_pixels))
    sky = Estimate.good(none, none, 0)
    if pedestals.dark is not None:
        dark = pedestals.dark.charge_variance
        sky = sky_rate(pedestal.charge_variance, dark, gain.gain, window, options.excess)
    times = [t for t in (pedestals.first, flashes.first) if t is not None]
    stop = max(pedestals.last, flashes.last) + 1
    return _Estimates(min(times), stop, pedestal, flatfield, gain, offset, sky)


def _gain(
    flatfield: Flatfield, pedestal: Pedestal, options: CalibrationOptions, scan: FilterScan | None
) -> Gain:
    """Gain, with the flashes' own fluctuation from where it is wanted from."""
    brightness = error = None
    if options.brightness == "event":
        brightness = brightness_by_event(flatfield, pedestal)
    elif options.brightness == "scan" and scan is not None:
        brightness, error = scan.brightness.value, scan.brightness.error
    return f_factor_gain(flatfield, pedestal, options.excess, options.excess_error, brightness, error)


def _with_faults(
    made: list[_Estimates | None],
    applied: int,
    known: dict[Reason, Bools],
    telescope: Telescope,
    options: CalibrationOptions,
    cuts: PixelCuts | None,
    breaks: I8 | None,
) -> list[CameraCalibration | None]:
    there = [m for m in made if m is not None]
    modules = None
    if options.pixels_per_module > 1:
        modules = np.arange(telescope.readout.n_pixels, dtype=np.int64) // options.pixels_per_module
    middles = np.array([(m.start + m.stop) // 2 for m in there], np.int64)
    epochs = epoch_of(middles, np.zeros(0, np.int64) if breaks is None else breaks)
    unstable = {
        epoch: _unstable([m for m, e in zip(there, epochs, strict=True) if e == epoch])
        for epoch in set(epochs.tolist())
    }
    epoch_by_start = dict(zip((m.start for m in there), epochs.tolist(), strict=True))
    out: list[CameraCalibration | None] = []
    for one in made:
        if one is None:
            out.append(None)
            continue
        epoch = epoch_by_start[one.start]
        masks = dict(known)
        if unstable[epoch].any():
            masks[Reason.UNSTABLE] = unstable[epoch]
        if len(one.sky.value):
            masks[Reason.STAR] = stars(one.sky, *telescope.geometry.neighbors)
        out.append(_judged(one, applied, telescope, options, cuts, masks, modules, epoch))
    return out


def _unstable(spans: list[_Estimates]) -> Bools:
    shape = spans[0].flatfield.charge.value.shape
    if len(spans) < 3:
        return np.zeros(shape, np.bool_)
    charges = [s.flatfield.charge for s in spans]
    found = unstable_pixels(np.stack([c.value for c in charges]), np.stack([c.error for c in charges]))
    # a dead pixel has no charge whose change could be told
    seen = np.stack([c.value > 5.0 * c.error for c in charges]).any(axis=0)
    return found & seen


def _judged(
    one: _Estimates,
    applied: int,
    telescope: Telescope,
    options: CalibrationOptions,
    cuts: PixelCuts | None,
    known: dict[Reason, Bools],
    modules: I8 | None,
    epoch: int,
) -> CameraCalibration:
    faults = bad_pixels(
        one.pedestal, one.flatfield, one.gain, one.offset, cuts, known=known, modules=modules, epoch=epoch
    )
    number = one.gain.photoelectrons
    sound = replace(number, value=np.where(faults.unusable, np.nan, number.value))
    geometry = telescope.geometry
    profile = illumination_profile(sound, geometry.pix_x, geometry.pix_y) if options.illumination else None
    return CameraCalibration(
        tel_id=telescope.tel_id,
        camera=geometry.fingerprint,
        applied=applied,
        start=one.start,
        stop=one.stop,
        pedestal=one.pedestal,
        flatfield=one.flatfield,
        gain=one.gain,
        factor=flat_factor(one.flatfield, one.gain, profile),
        light_yield=relative_yield(number, profile),
        time_offset=one.offset,
        sky=one.sky,
        faults=faults,
        illumination=profile,
    )
