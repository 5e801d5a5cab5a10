# SPDX-License-Identifier: BSD-3-Clause
"""What telescopes tell of their triggers, slice by slice of time, put together to what pairs of them saw."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.rates import all_pairs
from pellucid.atmosphere.lidar.dead_time import true_rate
from pellucid.errors import ConfigurationError, CorruptedInput

__all__ = ["PairSlices", "RateSlices"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]

_LONGER = 1.001
"""Clocks of trigger and counter agree no better: a live time may be longer than its slice by this factor."""


@dataclass(frozen=True, eq=False)
class PairSlices:
    """Events of pairs.

    Attributes
    ----------
    first, second : ndarray of int64, shape (n_pairs,)
        Indices of the two telescopes.
    count : ndarray of float64, shape (n_slices, n_pairs)
        Number of events.
    live_time : ndarray of float64, shape (n_slices, n_pairs)
        In s; 0 where a telescope of the pair was not live.
    zenith, azimuth : ndarray of float64, shape (n_slices, n_pairs)
        Mean of both telescopes, in deg; that of the azimuth along the shorter arc.
    night_sky : ndarray of float64, shape (n_slices, n_pairs)
        Mean of both telescopes, in MHz.
    weight : ndarray of float64, shape (n_pairs,)
        Share of the first telescope in how the rate follows the light, dimensionless; 1/2 within a kind.
    """

    first: Ints
    second: Ints
    count: F8
    live_time: F8
    zenith: F8
    azimuth: F8
    night_sky: F8
    weight: F8


@dataclass(frozen=True, eq=False)
class RateSlices:
    """Triggers of telescopes in the same slices of time.

    Attributes
    ----------
    tel_id : ndarray of int64, shape (n_telescopes,)
        Identifiers, ascending.
    time : ndarray of int64, shape (n_slices,)
        Start of each slice, in ns TAI, ascending.
    duration : ndarray of float64, shape (n_slices,)
        In s.
    live_time : ndarray of float64, shape (n_telescopes, n_slices)
        In s.
    n_stereo : ndarray of int64, shape (n_telescopes, n_slices)
        Number of events with another telescope.
    n_pairs : ndarray of int64, shape (n_telescopes, n_slices, n_telescopes - 1)
        Number of events with each other telescope, in ascending order of identifiers; 0 where they are not
        counted, as of telescopes of two kinds.
    zenith, azimuth : ndarray of float64, shape (n_telescopes, n_slices)
        In deg.
    muon_efficiency, muon_efficiency_error, gain : ndarray of float64, shape (n_telescopes, n_slices)
        Dimensionless; NaN for efficiencies that are not known.
    night_sky : ndarray of float64, shape (n_telescopes, n_slices)
        In MHz.
    sensitivity : ndarray of float64, shape (n_telescopes,), optional
        How strongly rates follow the light of each telescope, over that of any other, dimensionless; all
        alike where not given. In a pair of two kinds the one of the higher threshold decides.
    live_pairs : ndarray of float64, shape (n_telescopes, n_slices, n_telescopes - 1), optional
        In s, with each other telescope, where it is known which gaps are those of both.
    """

    tel_id: Ints
    time: Ints
    duration: F8
    live_time: F8
    n_stereo: Ints
    n_pairs: Ints
    zenith: F8
    azimuth: F8
    muon_efficiency: F8
    muon_efficiency_error: F8
    gain: F8
    night_sky: F8
    sensitivity: F8 | None = None
    live_pairs: F8 | None = None

    def __post_init__(self) -> None:
        good = (self.live_time >= 0.0) & (self.live_time <= _LONGER * self.duration)
        if not good.all():
            tel, s = (int(i[0]) for i in np.nonzero(~good))
            raise CorruptedInput(
                "A telescope has a live time that cannot be.",
                where=f"telescope {self.tel_id[tel]}, slice {s} of {self.time.size}",
                expected=f"0 s to the {self.duration[s]:g} s of the slice",
                got=f"{self.live_time[tel, s]:g} s",
                mend="correct the delivery; a slice without data has a live time of 0",
                code="bad-live-time",
            )
        if self.sensitivity is not None and not (self.sensitivity > 0.0).all():
            raise ConfigurationError(
                "A telescope has no sensitivity to light.",
                where=f"telescope {self.tel_id[int(np.argmin(self.sensitivity))]}",
                expected="above 0",
                got=f"{self.sensitivity.min():g}",
                code="bad-sensitivity",
            )

    @property
    def stop(self) -> Ints:
        """Ends of the slices, in ns TAI, shape (n_slices,)."""
        stop: Ints = self.time + np.rint(self.duration * 1e9).astype(np.int64)
        return stop

    def too_busy(self, dead_time: float) -> Mask:
        """Return where a rate is above what a dead time in s allows: a mask, shape (n_telescopes, n_slices).

        Where 90 % of the time is dead, neither rate nor live time mean anything.
        """
        return np.isnan(true_rate(self.n_stereo / self.duration, dead_time)[0])

    def silent(self, dead_time: float) -> Mask:
        """Return where a telescope tells nothing of the light: a mask, shape (n_telescopes, n_slices).

        It is too busy for its dead time (s), or live and yet in no event with another telescope.
        """
        return np.asarray(self.too_busy(dead_time) | (self.n_stereo == 0))

    def pairs(self, left_out: Mask | None = None) -> PairSlices:
        """Return what the pairs saw; a pair is live when both its telescopes are.

        Independently of each other, where nothing tells how long they were together.
        Telescopes that never trigger together are no pair: it has no live time.

        Parameters
        ----------
        left_out : ndarray of bool, shape (n_telescopes, n_slices), optional
            Mask of what does not count as live.
        """
        first, second = all_pairs(self.tel_id.size)
        # a telescope is not among its own partners: those behind it stand one place earlier
        count = np.moveaxis(self.n_pairs, 1, 0)[:, first, second - 1].astype(np.float64)
        live = self.live_time if left_out is None else np.where(left_out, 0.0, self.live_time)
        both = (live[first] * live[second] / self.duration).T
        if self.live_pairs is not None:
            both = np.where(both > 0.0, np.moveaxis(self.live_pairs, 1, 0)[:, first, second - 1], 0.0)
        both[:, count.sum(axis=0) == 0.0] = 0.0
        # the mean along the shorter arc, also across north
        step = (self.azimuth[second] - self.azimuth[first] + 180.0) % 360.0 - 180.0
        own = np.ones(self.tel_id.size) if self.sensitivity is None else self.sensitivity
        return PairSlices(
            first,
            second,
            count,
            both,
            0.5 * (self.zenith[first] + self.zenith[second]).T,
            (self.azimuth[first] + 0.5 * step).T % 360.0,
            0.5 * (self.night_sky[first] + self.night_sky[second]).T,
            own[first] / (own[first] + own[second]),
        )
