# SPDX-License-Identifier: BSD-3-Clause
"""Mean, variance, skewness and kurtosis in one pass, without keeping the samples.

A stream adds sample after sample in their order, so its state, and every number that follows, are the
same to the bit however the samples are cut into batches. Merged moments agree within rounding.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["MomentStream", "Moments"]

type F8 = npt.NDArray[np.float64]

_TILE = 512
"""Values whose sums stay in the processor's cache while the samples pass."""

_SUMS = 5
"""Numbers kept for a value: the origin of the sums, and the sums of four powers."""

_FIRST = 16
"""Samples whose mean is the origin: it lies within the spread, so that no digits cancel."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Number, mean and sums of powers of deviations, of samples of one shape.

    Attributes
    ----------
    n : int
        Samples.
    mean : ndarray of float64
        Their mean, in the unit of the samples.
    square, cube, fourth : ndarray of float64, shape of the mean
        Sums of the second, third and fourth power of the deviations from the mean.
    """

    n: int
    mean: F8
    square: F8
    cube: F8
    fourth: F8

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> "Moments":
        """Return the moments of no samples."""
        return cls(0, *(np.zeros(shape) for _ in range(4)))

    @classmethod
    def of(cls, samples: npt.NDArray[np.number]) -> "Moments":
        """Return the moments of samples of shape (n, ...), in any unit; all have to be finite."""
        stream = MomentStream(samples.shape[1:])
        stream.update(samples)
        return stream.moments()

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of samples together.

        With D the difference of the means: M2 = sum M2 + D^2 na nb / n, and the like for the third and
        fourth (Pebay 2008, Sandia report SAND2008-6212, eq. 2.1).
        """
        a, b, n = self.n, other.n, self.n + other.n
        if a == 0 or b == 0:
            return self if b == 0 else other
        d = other.mean - self.mean
        share, both = d / n, float(a) * b
        fourth = share**2 * d**2 * both * (a * a - both + b * b) / n
        fourth += 6.0 * share**2 * (float(a) * a * other.square + float(b) * b * self.square)
        return Moments(
            n,
            self.mean + share * b,
            self.square + other.square + d * share * both,
            self.cube
            + other.cube
            + share**2 * d * both * (a - b)
            + 3.0 * share * (a * other.square - b * self.square),
            self.fourth + other.fourth + fourth + 4.0 * share * (a * other.cube - b * self.cube),
        )

    @property
    def variance(self) -> F8:
        """Unbiased variance; NaN for fewer than two samples."""
        if self.n < 2:
            return np.full(self.mean.shape, np.nan)
        return self.square / (self.n - 1)

    @property
    def error(self) -> F8:
        """Standard error of the mean, sqrt(variance / n)."""
        return np.sqrt(self.variance / max(self.n, 1))

    @property
    def skewness(self) -> F8:
        """Third central moment over the third power of the standard deviation; 0 without spread."""
        return _ratio(self.cube * np.sqrt(max(self.n, 1)), self.square**1.5, 0.0)

    @property
    def kurtosis(self) -> F8:
        """Fourth central moment over the squared variance, 3 for a Gaussian, and without spread."""
        return _ratio(self.fourth * self.n, self.square**2, 3.0)

    @property
    def variance_error(self) -> F8:
        """Standard error of the variance, s^2 sqrt((kurtosis - (n - 3) / (n - 1)) / n)."""
        if self.n < 2:
            return np.full(self.mean.shape, np.nan)
        rest = self.kurtosis - (self.n - 3.0) / (self.n - 1.0)
        return self.variance * np.sqrt(np.maximum(rest, 0.0) / self.n)

    @property
    def typical_excess(self) -> F8:
        """Kurtosis less 3 of the median pixel, the last axis kept with length 1, free of its bias.

        The kurtosis of a single pixel scatters by sqrt(24 / n), more than cameras' pixels differ. A sample
        from a Gaussian has 6 / (n + 1) less than 3.
        """
        excess: F8 = np.median(self.kurtosis, axis=-1, keepdims=True) - 3.0 + 6.0 / (self.n + 1.0)
        return excess


def _ratio(above: F8, below: F8, otherwise: float) -> F8:
    ratio: F8 = np.divide(above, below, out=np.full(below.shape, otherwise), where=below > 0.0)
    return ratio


class MomentStream:
    """Moments of samples that arrive in batches.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self._size = shape, int(np.prod(shape, dtype=np.int64))
        self._before = Moments.empty(shape)
        self._clear()

    def _clear(self) -> None:
        self._n, self._first = 0, np.zeros((0, self._size))
        self._sums = np.zeros((-(-self._size // _TILE), _SUMS, _TILE))

    @property
    def n(self) -> int:
        """Samples so far."""
        return self._before.n + self._n + len(self._first)

    def update(self, samples: npt.NDArray[np.number]) -> None:
        """Add samples of shape (n, ...), finite, in any unit: of one and the same in all calls."""
        rows = np.ascontiguousarray(samples).reshape(len(samples), self._size)
        if self._n == 0:
            taken = _FIRST - len(self._first)
            self._first = np.concatenate([self._first, rows[:taken]])
            rows = rows[taken:]
            if len(self._first) < _FIRST:
                return
            self._sums[:, 0].reshape(-1)[: self._size] = 0.0
            origin = np.zeros(self._sums.shape[0] * _TILE)
            origin[: self._size] = self._first.mean(axis=0)
            self._sums[:, 0] = origin.reshape(-1, _TILE)
            self._add(self._first)
            self._first = self._first[:0]
        self._add(rows)

    def _add(self, rows: npt.NDArray[np.number]) -> None:
        if len(rows):
            _add_rows(self._sums, rows)
            self._n += len(rows)

    def merge(self, other: "MomentStream") -> None:
        """Add the samples of another stream."""
        self._before = self.moments().merge(other.moments())
        self._clear()

    def moments(self) -> Moments:
        """Return the moments of all samples so far."""
        return self._before.merge(self._own())

    def _own(self) -> Moments:
        if self._n == 0:
            if len(self._first) == 0:
                return Moments.empty(self.shape)
            mean = self._first.mean(axis=0)
            powers = [((self._first - mean) ** k).sum(axis=0) for k in (2, 3, 4)]
            return Moments(len(self._first), *(v.reshape(self.shape) for v in (mean, *powers)))
        n = self._n
        origin, s1, s2, s3, s4 = (
            np.ascontiguousarray(self._sums[:, k]).reshape(-1)[: self._size].reshape(self.shape)
            for k in range(_SUMS)
        )
        d = s1 / n
        return Moments(
            n,
            origin + d,
            np.maximum(s2 - n * d**2, 0.0),
            s3 - 3.0 * d * s2 + 2.0 * n * d**3,
            np.maximum(s4 - 4.0 * d * s3 + 6.0 * d**2 * s2 - 3.0 * n * d**4, 0.0),
        )


@kernel
def _add_rows(sums: F8, rows: npt.NDArray[np.number]) -> None:
    """Add rows, shape (n, size), to sums of shape (n_tiles, _SUMS, _TILE), each in the order of the rows."""
    n, size = rows.shape
    flat = rows.reshape(-1)
    for tile in range(sums.shape[0]):
        first = tile * _TILE
        width = min(_TILE, size - first)
        own = sums[tile].reshape(-1)
        row = 0
        while row + 4 <= n:
            _add_four(own, flat, np.uint64(row * size + first), np.uint64(size), width)
            row += 4
        while row < n:
            _add_one(own, flat, np.uint64(row * size + first), width)
            row += 1


@kernel
def _added(
    value: np.number, origin: np.float64, sums: tuple[np.float64, np.float64, np.float64, np.float64]
) -> tuple[np.float64, np.float64, np.float64, np.float64]:
    """Return the sums of four powers with one more value's deviation from the origin."""
    d = np.float64(value) - origin
    q = d * d
    return sums[0] + d, sums[1] + q, sums[2] + q * d, sums[3] + q * q


@kernel
def _add_one(own: F8, flat: npt.NDArray[np.number], start: np.uint64, width: int) -> None:
    for k in range(width):
        # unsigned places need no look at their sign, so that the loop runs in vectors
        i = np.uint64(k)
        _store(own, i, _added(flat[start + i], own[i], _load(own, i)))


@kernel
def _add_four(own: F8, flat: npt.NDArray[np.number], start: np.uint64, stride: np.uint64, width: int) -> None:
    """Add four rows at a time: the sums are loaded and stored once, the order of additions is kept."""
    second, third, fourth = start + stride, start + stride + stride, start + stride + stride + stride
    for k in range(width):
        i = np.uint64(k)
        origin = own[i]
        sums = _added(flat[start + i], origin, _load(own, i))
        sums = _added(flat[second + i], origin, sums)
        sums = _added(flat[third + i], origin, sums)
        _store(own, i, _added(flat[fourth + i], origin, sums))


@kernel
def _load(own: F8, i: np.uint64) -> tuple[np.float64, np.float64, np.float64, np.float64]:
    one = np.uint64(_TILE)
    return own[one + i], own[one + one + i], own[one + one + one + i], own[one + one + one + one + i]


@kernel
def _store(own: F8, i: np.uint64, sums: tuple[np.float64, np.float64, np.float64, np.float64]) -> None:
    for k in range(4):
        own[np.uint64((k + 1) * _TILE) + i] = sums[k]
