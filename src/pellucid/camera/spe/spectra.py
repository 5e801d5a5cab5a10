# SPDX-License-Identifier: BSD-3-Clause
"""Histograms of charges, one for each spectrum, in bins that fit its own noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from pellucid.errors import InsufficientStatistics

__all__ = ["BINS_PER_SIGMA", "Spectra", "pedestal_peak"]

type F8 = npt.NDArray[np.float64]

BINS_PER_SIGMA = 2.5
"""Bins within one pedestal width: finer than what noise resolves, so that binning costs no information."""

_DENSEST = 0.12
"""Share of the charges whose narrowest interval is taken for the top of the pedestal peak."""

_MARGIN = 8.0
"""Pedestal widths kept free at both ends, since the model repeats itself beyond the last bin."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """Charge spectra of a camera.

    Attributes
    ----------
    counts : ndarray of int64, shape (n_spectra, n_bins)
        Charges in each bin.
    first : ndarray of float64, shape (n_spectra,)
        Centre of the first bin, in units of charge.
    width : ndarray of float64, shape (n_spectra,)
        Of the bins, in units of charge.
    mean, variance : ndarray of float64, shape (n_spectra,)
        Of all charges, in units of charge and their square.
    pedestal, noise : ndarray of float64, shape (n_spectra,)
        First guess at mean and width of the charge without light, in units of charge.
    """

    counts: npt.NDArray[np.int64]
    first: F8
    width: F8
    mean: F8
    variance: F8
    pedestal: F8
    noise: F8

    @classmethod
    def of(cls, charges: F8, *, quantum: float = 0.0, minimum: int = 1000) -> Self:
        """Fill the histograms.

        Parameters
        ----------
        charges : ndarray of float64, shape (n_events, n_spectra)
            In units of charge; NaN is no charge.
        quantum : float
            Step between possible charges, in units of charge (1 for sums of ADC counts): bins are a whole
            number of steps wide. 0 where charges are continuous.
        minimum : int
            Charges that every spectrum must have.

        Raises
        ------
        InsufficientStatistics
            A spectrum has fewer charges (``too-few-events``).
        """
        _enough(np.isfinite(charges).sum(axis=0), minimum)
        pedestal, noise = pedestal_peak(charges)
        width = np.maximum(noise / BINS_PER_SIGMA, 1e-12)
        if quantum > 0.0:
            width = quantum * np.maximum(1.0, np.floor(width / quantum))
        low, high = np.nanmin(charges, axis=0), np.nanmax(charges, axis=0)
        first = width * np.floor((low - _MARGIN * noise) / width)
        if quantum > 0.0:
            first += 0.5 * (width - quantum)  # so that no possible charge lies on an edge
        bins = np.ceil((high + _MARGIN * noise - first) / width).max()
        n_bins = 1 << int(np.ceil(np.log2(bins + 1)))
        index = np.rint((charges - first) / width)
        row = np.broadcast_to(np.arange(charges.shape[1]), charges.shape)
        valid = np.isfinite(index)
        flat = row[valid] * n_bins + index[valid].astype(np.int64)
        counts = np.bincount(flat, minlength=charges.shape[1] * n_bins).reshape(-1, n_bins)
        mean, variance = np.nanmean(charges, axis=0), np.nanvar(charges, axis=0)
        return cls(counts, first, width, mean, variance, pedestal, noise)

    @classmethod
    def together(cls, parts: Sequence["Spectra"]) -> Self:
        """Return the spectra of several runs as one set, one after the other."""
        n_bins = max(part.counts.shape[1] for part in parts)
        counts = [np.pad(part.counts, ((0, 0), (0, n_bins - part.counts.shape[1]))) for part in parts]
        names = [name for name in parts[0].__dict__ if name != "counts"]
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(np.concatenate(counts), **joined)

    def select(self, spectra: npt.NDArray[np.intp]) -> Self:
        """Return some of the spectra; ``spectra`` holds their indices, shape (n,), no unit."""
        return type(self)(**{name: values[spectra] for name, values in self.__dict__.items()})


def _enough(n: npt.NDArray[np.int64], minimum: int) -> None:
    poor = np.flatnonzero(n < minimum)
    if poor.size:
        raise InsufficientStatistics(
            f"{poor.size} of {n.size} spectra have too few charges to fit single photo-electrons.",
            where=f"spectrum {poor[0]}",
            expected=f"at least {minimum} charges in each",
            got=f"{n[poor[0]]}",
            mend="take a longer run, or leave these spectra out",
            code="too-few-events",
        )


def pedestal_peak(charges: F8) -> tuple[F8, F8]:
    """Mode and width of the pedestal peak, from the densest charges and the slope to their left.

    Parameters
    ----------
    charges : ndarray of float64, shape (n_events, n_spectra)
        In units of charge; NaN is no charge.

    Returns
    -------
    tuple of ndarray of float64, shape (n_spectra,)
        In units of charge.
    """
    ordered = np.sort(charges, axis=0)
    columns = np.arange(charges.shape[1])
    span = max(10, int(_DENSEST * np.isfinite(charges).sum(axis=0).min()))
    start = np.nanargmin(ordered[span:] - ordered[:-span], axis=0)
    mode = 0.5 * (ordered[start, columns] + ordered[start + span, columns])
    # nearly nothing but the pedestal lies left of its peak: 31.7 % of that half is beyond one sigma
    below = (charges < mode).sum(axis=0)
    sigma = mode - ordered[np.maximum(0, (0.3173 * below).astype(np.intp)), columns]
    return mode, np.maximum(sigma, 1e-9)
