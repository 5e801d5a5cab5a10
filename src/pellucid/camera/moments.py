# SPDX-License-Identifier: BSD-3-Clause
"""Means and variances that can be updated batch by batch and merged, without keeping the samples.

Pairwise update of Chan, Golub, LeVeque (1983), The American Statistician 37, 242: stable however
large the mean is against the spread.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Moments"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Number, mean and sums of squared deviations of samples of one shape.

    Attributes
    ----------
    n : int
        Samples.
    mean : ndarray of float64
        Their mean.
    square : ndarray of float64, shape of the mean
        Sum of squared deviations from the mean.
    """

    n: int
    mean: F8
    square: F8

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> "Moments":
        """Return the moments of no samples."""
        return cls(0, np.zeros(shape), np.zeros(shape))

    @classmethod
    def of(cls, samples: npt.NDArray[np.floating]) -> "Moments":
        """Return the moments of samples of shape (n, ...)."""
        if len(samples) == 0:
            return cls.empty(samples.shape[1:])
        mean: F8 = samples.mean(axis=0, dtype=np.float64)
        return cls(len(samples), mean, ((samples - mean) ** 2).sum(axis=0, dtype=np.float64))

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of samples together."""
        n = self.n + other.n
        if n == 0:
            return self
        step = other.mean - self.mean
        return Moments(
            n,
            self.mean + step * (other.n / n),
            self.square + other.square + step**2 * (self.n * other.n / n),
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
