# SPDX-License-Identifier: BSD-3-Clause
"""Coefficients between the moments at which they were measured, with errors, and honest about their age."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from pellucid.camera.chunks import check_order
from pellucid.errors import ConfigurationError

__all__ = ["InTime", "Moment", "TimeSeries"]

type F8 = npt.NDArray[np.float64]
type I8 = npt.NDArray[np.int64]
type Bools = npt.NDArray[np.bool_]
type U1 = npt.NDArray[np.uint8]


class Moment(IntFlag):
    """How a value for a moment came about; 0 is linear between two chunks, or inside one."""

    LINEAR = 0
    NEAREST = 1
    """There is a jump between the chunks on either side: value of the nearer one."""
    HELD = 2
    """There is a chunk on one side only: its value."""
    EXPIRED = 4
    """The only chunk is further away than the hold time: its value, not to be used."""
    MISSING = 8
    """There is no valid chunk at all: NaN."""


@dataclass(frozen=True, eq=False)
class InTime:
    """Values for one moment.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_channels, n_pixels)
        In the unit of the series; NaN only where `Moment.MISSING`.
    status : ndarray of uint8, shape (n_channels, n_pixels)
        Codes of `Moment`.
    """

    value: F8
    error: F8
    status: U1

    @property
    def usable(self) -> Bools:
        """Whether a value may be used, mask of shape (n_channels, n_pixels)."""
        usable: Bools = (self.status & np.uint8(Moment.EXPIRED | Moment.MISSING)) == 0
        return usable


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """A coefficient in chunks of time.

    Attributes
    ----------
    start, stop : ndarray of int64, shape (n,)
        Chunks, half-open, in ns TAI, starts ascending; they may overlap.
    value, error : ndarray of float64, shape (n, n_channels, n_pixels)
        In one unit.
    good : ndarray of bool, shape (n, n_channels, n_pixels)
        Mask of the values that hold.
    epoch : ndarray of int64, shape (n,)
        Number of the epoch of each chunk; nothing is interpolated from one into another.
    breaks : ndarray of int64, shape (k,)
        When epochs begin, in ns TAI.
    """

    start: I8
    stop: I8
    value: F8
    error: F8
    good: Bools
    epoch: I8
    breaks: I8

    def __post_init__(self) -> None:
        check_order(self.start)
        n, shape = len(self.start), self.value.shape
        right = (
            len(self.stop) == n == len(self.epoch) == shape[0]
            and self.error.shape == shape == self.good.shape
            and n > 0
            and bool((self.stop > self.start).all())
        )
        if not right:
            raise ConfigurationError(
                "A series of coefficients does not fit together.",
                expected="one chunk at least, start < stop, and arrays of one length",
                got=f"{n} chunks, shapes {shape}, {self.error.shape}, {self.good.shape}",
                code="series",
            )

    @classmethod
    def of(
        cls,
        start: I8,
        stop: I8,
        value: F8,
        error: F8,
        good: Bools,
        breaks: I8 | None = None,
        most_bad: float = 0.1,
    ) -> "TimeSeries":
        """Make a series; a chunk with too many bad pixels holds for none.

        Parameters
        ----------
        start, stop, value, error, good
            As the attributes, shapes as there.
        breaks : ndarray of int64, shape (k,), optional
            Times of steps, in ns TAI, that begin new epochs.
        most_bad : float
            Part of the pixels that may be bad in a valid chunk.
        """
        from pellucid.camera.epochs import epoch_of

        cuts = np.zeros(0, np.int64) if breaks is None else np.sort(breaks)
        sound = (~good).mean(axis=(1, 2)) < most_bad
        holds = good & sound[:, None, None] & np.isfinite(value) & np.isfinite(error)
        middle = start + (stop - start) // 2
        return cls(start, stop, value, error, holds, epoch_of(middle, cuts), cuts)

    def at(self, time: int, hold: int, jump: float = 5.0) -> InTime:
        """Return the values for a moment.

        Between the middles a and b of the valid chunks of a pixel on either side, in one epoch:
        (1 - w) x_a + w x_b, w = (t - a) / (b - a), with variance
        (1 - w)^2 s_a^2 + w^2 s_b^2 + 2 w (1 - w) r s_a s_b; r is the correlation of overlapping chunks,
        what they share over the root of the product of their lengths. If the two differ by more than
        ``jump`` times the error of their difference, the nearer one is taken instead.

        Parameters
        ----------
        time : int
            In ns TAI.
        hold : int
            How long a value holds before and after its chunk, in ns.
        jump : float
            In standard errors.
        """
        middle = self.start + (self.stop - self.start) // 2
        here = int(np.searchsorted(self.breaks, time, side="right"))
        same = self.good & (self.epoch == here)[:, None, None]
        before = _last(same, middle <= time)
        after = _first(same, middle > time)
        a, b = np.maximum(before, 0), np.maximum(after, 0)
        both = (before >= 0) & (after >= 0)
        one = np.where(before >= 0, a, b)
        w = np.where(both, (time - middle[a]) / np.where(both, middle[b] - middle[a], 1), 0.0)
        xa, xb, sa, sb = self._of(self.value, a), self._of(self.value, b), *self._errors(a, b)
        shared = self._correlation(a, b)
        apart = np.sqrt(np.maximum(sa**2 + sb**2 - 2.0 * shared * sa * sb, 0.0))
        leaps = both & (np.abs(xb - xa) > jump * apart)
        near = np.where(w < 0.5, a, b)
        variance = ((1.0 - w) * sa) ** 2 + (w * sb) ** 2 + 2.0 * w * (1.0 - w) * shared * sa * sb
        single = np.where(both, near, one)
        lonely = self._of(self.value, single), self._of(self.error, single)
        linear = both & ~leaps
        away = np.maximum(np.maximum(self.start[single] - time, time - self.stop[single] + 1), 0)
        status = np.where(leaps, Moment.NEAREST, Moment.LINEAR)
        alone = (before >= 0) ^ (after >= 0)
        status = np.where(alone & (away > 0), Moment.HELD, status)
        status = np.where(alone & (away > hold), Moment.EXPIRED, status)
        none = (before < 0) & (after < 0)
        return InTime(
            np.where(none, np.nan, np.where(linear, (1.0 - w) * xa + w * xb, lonely[0])),
            np.where(none, np.nan, np.where(linear, np.sqrt(variance), lonely[1])),
            np.where(none, Moment.MISSING, status).astype(np.uint8),
        )

    def _of(self, values: F8, chunk: I8) -> F8:
        taken: F8 = np.take_along_axis(values, chunk[None], axis=0)[0]
        return taken

    def _errors(self, a: I8, b: I8) -> tuple[F8, F8]:
        return self._of(self.error, a), self._of(self.error, b)

    def _correlation(self, a: I8, b: I8) -> F8:
        shared = np.minimum(self.stop[a], self.stop[b]) - np.maximum(self.start[a], self.start[b])
        length = (self.stop - self.start).astype(np.float64)
        correlation: F8 = np.maximum(shared, 0) / np.sqrt(length[a] * length[b])
        return correlation


def _last(good: Bools, allowed: Bools) -> I8:
    """Last chunk of each pixel that is good and allowed, -1 where there is none."""
    number = np.where(good & allowed[:, None, None], np.arange(len(good))[:, None, None], -1)
    last: I8 = number.max(axis=0)
    return last


def _first(good: Bools, allowed: Bools) -> I8:
    """First chunk of each pixel that is good and allowed, -1 where there is none."""
    n = len(good)
    number = np.where(good & allowed[:, None, None], np.arange(n)[:, None, None], n)
    first: I8 = number.min(axis=0)
    return np.where(first == n, -1, first)
