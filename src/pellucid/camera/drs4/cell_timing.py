# SPDX-License-Identifier: BSD-3-Clause
"""How late a pulse seems to come, depending on the capacitor that the window begins with."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.drs4.chip import Chip
from pellucid.camera.estimate import require
from pellucid.jit import kernel

__all__ = ["CellTiming", "CellTimingAccumulator"]

type F8 = npt.NDArray[np.float64]
type I8 = npt.NDArray[np.int64]

_CELLS_PER_BIN = 8

_PRIOR = 2.0
"""Amplitude of the first harmonic that is expected at most, in ns; the n-th is expected n times smaller."""


@dataclass(frozen=True, eq=False)
class CellTiming:
    """Harmonics of the delay around the ring.

    dt(c) = sum_n a_n cos(2 pi n c / ring) + b_n sin(2 pi n c / ring): a pulse in a window that begins with
    the capacitor c seems dt later than it is, so dt is subtracted.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (n_channels, n_pixels, 2 n_harmonics)
        a_1, b_1, a_2, b_2 and so on, in ns.
    covariance : ndarray of float64, shape (n_channels, n_pixels, 2 n_harmonics, 2 n_harmonics)
        Of the coefficients, in ns^2.
    filled : ndarray of float64, shape (n_channels, n_pixels)
        Share of the ring in which pulses were seen; no unit.
    ring : int
        Capacitors around it.
    """

    coefficients: F8
    covariance: F8
    filled: F8
    ring: int

    def delay(self, first_cell: npt.NDArray[np.integer]) -> F8:
        """Return what to subtract from times of pulses.

        Parameters
        ----------
        first_cell : ndarray of int, shape (n_events, n_channels, n_pixels)
            Capacitor of the first sample; no unit.

        Returns
        -------
        ndarray of float64, shape (n_events, n_channels, n_pixels)
            In ns.
        """
        waves = _waves(first_cell % self.ring, self.coefficients.shape[2] // 2, self.ring)
        return np.asarray(np.einsum("egpk,gpk->egp", waves, self.coefficients))

    def delay_error(self, first_cell: npt.NDArray[np.integer]) -> F8:
        """Return the standard error of `delay`, same shape, in ns; ``first_cell`` as there, no unit."""
        waves = _waves(first_cell % self.ring, self.coefficients.shape[2] // 2, self.ring)
        return np.asarray(np.sqrt(np.einsum("egpj,gpjk,egpk->egp", waves, self.covariance, waves)))


class CellTimingAccumulator:
    """Gathers times of flashes by the capacitor they begin with, in bins of eight.

    Parameters
    ----------
    chip : Chip
        How the camera reads.
    n_channels, n_pixels : int
        Size of the camera.

    Attributes
    ----------
    state : ndarray of float64, shape (3, n_channels, n_pixels, ring / 8)
        Counts, sums (ns) and sums of squares of times from the median of their event.
    """

    def __init__(self, chip: Chip, n_channels: int, n_pixels: int) -> None:
        self.ring = chip.ring
        self.chip = chip
        self.state = np.zeros((3, n_channels, n_pixels, chip.ring // _CELLS_PER_BIN))
        self.n_events = 0

    def update(
        self, times: F8, charges: F8, first_cell: npt.NDArray[np.integer], least: float = 200.0
    ) -> None:
        """Add flashes.

        Parameters
        ----------
        times : ndarray of float64, shape (n_events, n_channels, n_pixels)
            Of the pulses, in ns; NaN is no pulse.
        charges : ndarray of float64, same shape
            In ADC counts.
        first_cell : ndarray of int, same shape
            Capacitor of the first sample; no unit.
        least : float
            Charge that a pulse must have, in ADC counts.

        Raises
        ------
        CorruptedInput
            Unknown capacitors (``first-cell``).
        """
        self.chip.check(first_cell)
        seen = np.where((charges > least) & np.isfinite(times), times, np.nan)
        some = np.isfinite(seen).any(axis=2)
        middle = np.zeros((*some.shape, 1))
        middle[some] = np.nanmedian(seen[some], axis=1, keepdims=True)
        _gather(seen - middle, first_cell.astype(np.int64) % self.ring // _CELLS_PER_BIN, self.state)
        self.n_events += len(times)

    def finish(self, harmonics: int = 15, minimum: int = 1000) -> CellTiming:
        """Fit the harmonics by weighted least squares; the ring may have gaps.

        A constant, which belongs to the pixel and not to the capacitors, is fitted beside them. Amplitudes of
        the n-th harmonic are expected within 2 ns / n, which keeps gaps from being filled with waves.

        Raises
        ------
        MissingInput, InsufficientStatistics
            No flashes, or fewer than the minimum (``no-events``, ``too-few-events``).
        """
        require(self.n_events, minimum, "flat-field")
        n, total, squares = self.state
        mean = total / np.maximum(n, 1.0)
        variance = np.maximum(0.0, squares - n * mean**2).sum(axis=2) / np.maximum(n.sum(axis=2) - 1.0, 1.0)
        weight = n / np.maximum(variance, 1e-6)[:, :, None]
        centres = (np.arange(n.shape[2]) + 0.5) * _CELLS_PER_BIN - 0.5
        waves = np.column_stack([np.ones(centres.size), _waves(centres, harmonics, self.ring)])
        known = np.concatenate([[0.0], np.repeat(np.arange(1, harmonics + 1) / _PRIOR, 2) ** 2])
        matrix = np.einsum("bj,gpb,bk->gpjk", waves, weight, waves) + np.diag(known)
        matrix[..., 0, 0] += 1e-12  # pixels that saw nothing keep delays of 0 with their prior errors
        right = np.einsum("bj,gpb->gpj", waves, weight * mean)
        covariance = np.linalg.inv(matrix)
        coefficients = np.einsum("gpjk,gpk->gpj", covariance, right)
        filled = (n > 0).mean(axis=2)
        return CellTiming(coefficients[..., 1:], covariance[..., 1:, 1:], filled, self.ring)


def _waves(cells: npt.NDArray[np.generic], harmonics: int, ring: int) -> F8:
    angle = 2.0 * np.pi / ring * np.asarray(cells, np.float64)[..., None] * np.arange(1, harmonics + 1)
    both = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return both.reshape(*both.shape[:-2], 2 * harmonics)


@kernel
def _gather(times: F8, bins: I8, state: F8) -> None:
    n_events, n_channels, n_pixels = times.shape
    for e in range(n_events):
        for g in range(n_channels):
            for p in range(n_pixels):
                t = times[e, g, p]
                if np.isfinite(t):
                    b = bins[e, g, p]
                    state[0, g, p, b] += 1.0
                    state[1, g, p, b] += t
                    state[2, g, p, b] += t * t
