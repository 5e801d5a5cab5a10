# SPDX-License-Identifier: BSD-3-Clause
"""Pixels that must not be used, each with the reasons, what was measured, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.gain import Gain
from pellucid.camera.pedestal import Pedestal
from pellucid.camera.robust import robust_outliers

__all__ = ["FATAL", "FAULT", "PixelCuts", "PixelFaults", "Reason", "bad_pixels", "faulty_modules"]

type F8 = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]
type I8 = npt.NDArray[np.int64]


class Reason(IntFlag):
    """Why a pixel is bad; reasons add up."""

    DEAD = 1
    """Charge of the flashes far below the camera's median."""
    NOISY = 2
    """Noise of the baseline far above the camera's median."""
    CHARGE = 4
    """Charge of the flashes off the camera's median."""
    TIME = 8
    """Arrival time off the camera's median, or none."""
    PHOTOELECTRONS = 16
    """Number of photo-electrons off the camera's median, its error considered."""
    NO_GAIN = 32
    """The gain could not be estimated."""
    LOW_GAIN = 64
    """Gain below the camera's median, its error considered."""
    HIGH_GAIN = 128
    """Gain above the camera's median, its error considered."""
    STAR = 256
    """A star shines on it: noisy, but sound."""
    HARDWARE = 512
    """The camera reported a fault."""
    HV_OFF = 1024
    """Its high voltage was off."""
    CLUSTER = 2048
    """Its module is bad."""
    MISSING = 4096
    """It was not read out."""
    QUIET = 8192
    """Noise of the baseline far below the camera's median."""
    UNSTABLE = 16384
    """It changed from chunk to chunk more than the camera."""
    SATURATED = 32768
    """The flashes reach the end of the converter's range."""


FATAL = (
    Reason.DEAD
    | Reason.NOISY
    | Reason.CHARGE
    | Reason.TIME
    | Reason.HARDWARE
    | Reason.HV_OFF
    | Reason.CLUSTER
    | Reason.MISSING
    | Reason.UNSTABLE
    | Reason.SATURATED
)
"""Reasons not to use a pixel at all; with the others its charge is still right."""

FAULT = np.dtype(
    [
        ("epoch", "<i4"),
        ("channel", "<i2"),
        ("pixel", "<i4"),
        ("reason", "<u2"),
        ("value", "<f8"),
        ("limit", "<f8"),
    ]
)
"""One reason of one pixel: what was found, in robust standard deviations or as a fraction of the median,
and where the cut lay; NaN where others said so."""


@dataclass(frozen=True)
class PixelCuts:
    """Where a pixel ceases to be good.

    Attributes
    ----------
    dead, quiet : float
        Charge, and noise, as a fraction of the camera's median.
    noise, charge, time, photoelectrons, gain : float
        Robust standard deviations from the camera's median.
    module : float
        Part of a module's pixels that must be bad for the module to be.
    """

    dead: float = 0.3
    quiet: float = 0.3
    noise: float = 5.0
    charge: float = 5.5
    time: float = 8.0
    photoelectrons: float = 5.0
    gain: float = 5.0
    module: float = 0.5


@dataclass(frozen=True, eq=False)
class PixelFaults:
    """Bad pixels of a camera.

    Attributes
    ----------
    reasons : ndarray of uint16, shape (n_channels, n_pixels)
        Codes of `Reason`; 0 is a good pixel.
    table : structured ndarray of `FAULT`, shape (n,)
        One row for each reason of each pixel.
    """

    reasons: npt.NDArray[np.uint16]
    table: npt.NDArray[np.void]

    @property
    def unusable(self) -> Bools:
        """Pixels without a signal worth using, mask of shape (n_channels, n_pixels)."""
        unusable: Bools = (self.reasons & np.uint16(FATAL)) != 0
        return unusable


def bad_pixels(
    pedestal: Pedestal,
    flatfield: Flatfield,
    gain: Gain,
    offset: Estimate,
    cuts: PixelCuts | None = None,
    *,
    known: Mapping[Reason, Bools] | None = None,
    modules: I8 | None = None,
    epoch: int = 0,
) -> PixelFaults:
    """Find the bad pixels of a camera, with reasons.

    The camera's width is taken from the median absolute deviation of the pixels that are neither dead
    nor cut already, and cut again until nothing changes: wild pixels do not hide others, as they do with
    a standard deviation. Noise of a pixel with a star is the star's.

    Parameters
    ----------
    pedestal, flatfield, gain, offset
        Estimates of one camera.
    cuts : PixelCuts, optional
        Where to cut.
    known : mapping of Reason to ndarray of bool, shapes (n_pixels,) or (n_channels, n_pixels), optional
        Masks that others found: stars, high voltage off, faults reported by the hardware, not read out.
    modules : ndarray of int64, shape (n_pixels,), optional
        Number of the module of each pixel; a module with many bad pixels is bad as a whole.
    epoch : int
        Goes into the table.
    """
    cut = cuts or PixelCuts()
    shape = flatfield.charge.value.shape
    masks = {reason: np.broadcast_to(mask, shape) for reason, mask in (known or {}).items()}
    gone = np.zeros(shape, np.bool_)
    for reason, mask in masks.items():
        if reason in FATAL:
            gone |= mask
    charge, noise = flatfield.charge.value, pedestal.noise.value
    level = charge / _median(charge, gone)
    dead = ~(level >= cut.dead)
    out = gone | dead
    star = masks.get(Reason.STAR, np.zeros(shape, np.bool_))
    loud, loudness = robust_outliers(noise, out, cut.noise)
    hush = noise / _median(noise, out)
    off, charge_off = robust_outliers(charge, out, cut.charge)
    late, lateness = robust_outliers(offset.value, out, cut.time)
    odd, oddness = robust_outliers(
        gain.photoelectrons.value, out, cut.photoelectrons, gain.photoelectrons.error
    )
    wrong, gain_off = robust_outliers(gain.gain.value, out, cut.gain, gain.gain.error)
    status = gain.gain.status
    nothing = np.full(shape, np.nan)
    found: dict[Reason, tuple[Bools, F8, float]] = {
        Reason.DEAD: (dead & ~gone, level, cut.dead),
        Reason.NOISY: (loud & (loudness > 0.0) & ~star, loudness, cut.noise),
        Reason.QUIET: (~out & (hush < cut.quiet), hush, cut.quiet),
        Reason.CHARGE: (off, charge_off, cut.charge),
        Reason.TIME: (~out & (late | ~np.isfinite(offset.value)), lateness, cut.time),
        Reason.PHOTOELECTRONS: (odd, oddness, cut.photoelectrons),
        Reason.NO_GAIN: (~out & ((status & ~np.uint8(Status.SCALED)) != Status.GOOD), nothing, np.nan),
        Reason.LOW_GAIN: (wrong & (gain_off < 0.0), gain_off, -cut.gain),
        Reason.HIGH_GAIN: (wrong & (gain_off > 0.0), gain_off, cut.gain),
        Reason.SATURATED: (~out & ((status & Status.SATURATED) != 0), nothing, np.nan),
        **{reason: (mask, nothing, np.nan) for reason, mask in masks.items()},
    }
    reasons = _together({reason: mask for reason, (mask, _, _) in found.items()}, shape)
    if modules is not None:
        bad = faulty_modules((reasons & np.uint16(FATAL)) != 0, modules, cut.module)
        found[Reason.CLUSTER] = (bad, nothing, cut.module)
        reasons |= np.where(bad, np.uint16(Reason.CLUSTER), np.uint16(0))
    return PixelFaults(reasons, _table(found, epoch))


def faulty_modules(bad: Bools, modules: I8, part: float = 0.5) -> Bools:
    """Pixels of modules of which more than a part is bad.

    Parameters
    ----------
    bad : ndarray of bool, shape (n_channels, n_pixels)
        Bad pixels.
    modules : ndarray of int64, shape (n_pixels,)
        Number of each pixel's module, 0 and on; modules of one pixel are left alone.
    part : float
        Between 0 and 1.

    Returns
    -------
    ndarray of bool, shape (n_channels, n_pixels)
    """
    size = np.bincount(modules)
    many = np.stack([np.bincount(modules, weights=row, minlength=size.size) for row in bad])
    broken = (many > part * size) & (size > 1)
    return np.ascontiguousarray(broken[:, modules])


def _median(values: F8, left_out: Bools) -> F8:
    counted = np.where(left_out, np.nan, values)
    middle = [np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in counted]
    return np.array(middle)[:, None]


def _together(found: Mapping[Reason, Bools], shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
    reasons = np.zeros(shape, np.uint16)
    for reason, mask in found.items():
        reasons |= np.where(mask, np.uint16(reason), np.uint16(0))
    return reasons


def _table(found: Mapping[Reason, tuple[Bools, F8, float]], epoch: int) -> npt.NDArray[np.void]:
    parts = []
    for reason, (mask, value, limit) in found.items():
        channel, pixel = np.nonzero(mask)
        rows = np.zeros(channel.size, FAULT)
        rows["epoch"], rows["channel"], rows["pixel"] = epoch, channel, pixel
        rows["reason"], rows["value"], rows["limit"] = int(reason), value[channel, pixel], limit
        parts.append(rows)
    table = np.concatenate(parts)
    return table[np.lexsort((table["reason"], table["channel"], table["pixel"]))]
