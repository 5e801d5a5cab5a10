# SPDX-License-Identifier: BSD-3-Clause
"""The reference of every pair of an array: its rate on clear nights, and the light of that epoch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.reference import Conditions, RateReference, fit_reference
from pellucid.array.slices import PairSlices, RateSlices
from pellucid.errors import InsufficientStatistics

__all__ = ["PairReference", "fit_pair_reference"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairReference:
    """What rates, muon efficiencies and gains are compared with.

    Attributes
    ----------
    tel_id : ndarray of int64, shape (n_telescopes,)
        Identifiers.
    first, second : ndarray of int64, shape (n_pairs,)
        Identifiers of the two telescopes of each pair, which is a class of the reference.
    efficiency, gain : ndarray of float64, shape (n_telescopes,)
        Of the epoch, dimensionless; NaN where no muons told.
    exponent, exponent_error : float
        Of the rate in the light.
    rates : RateReference
        The fit.
    """

    tel_id: Ints
    first: Ints
    second: Ints
    efficiency: F8
    gain: F8
    exponent: float
    exponent_error: float
    rates: RateReference

    def of_pairs(self, tel_id: Ints, pairs: PairSlices) -> tuple[F8, F8]:
        """Return rates in Hz and their relative errors, shape (n_slices, n_pairs); NaN for unknown pairs.

        Raises
        ------
        InsufficientStatistics
            As `RateReference.rate`.
        """
        size = int(max(tel_id.max(), self.tel_id.max())) + 1
        known = np.full(size * size, -1)
        known[self.first * size + self.second] = np.arange(self.first.size)
        kind = known[tel_id[pairs.first] * size + tel_id[pairs.second]]
        used = np.broadcast_to(kind >= 0, pairs.count.shape)
        rate, error = np.full((2, *pairs.count.shape), np.nan)
        if used.any():
            rate[used], error[used] = self.rates.rate(_conditions(pairs, np.where(used, kind, 0), used))
        return rate, error

    def of_telescopes(self, tel_id: Ints) -> tuple[F8, F8]:
        """Return efficiency and gain of the epoch, dimensionless, shape (n,); NaN for unknown telescopes."""
        place = np.minimum(np.searchsorted(self.tel_id, tel_id), self.tel_id.size - 1)
        known = self.tel_id[place] == tel_id
        return np.where(known, self.efficiency[place], np.nan), np.where(known, self.gain[place], np.nan)


def fit_pair_reference(
    slices: RateSlices, *, powers: int = 2, exponent: float = 0.0, exponent_error: float = 0.0
) -> tuple[PairReference, int]:
    """Fit the reference of all pairs at once: a constant each, the rest shared.

    Parameters
    ----------
    slices : RateSlices
        Of clear nights, or of a simulation.
    powers : int
        Highest power of ln cos z.
    exponent, exponent_error : float
        Of the rate in the light, where it is known; with 0 it is fitted.

    Returns
    -------
    tuple
        The reference, and the number of slices of pairs that were left out, without events or live time.

    Raises
    ------
    InsufficientStatistics
        No slice has events (``no-events``), or as `fit_reference`.
    """
    pairs = slices.pairs()
    used = (pairs.count > 0.0) & (pairs.live_time > 0.0)
    if not used.any():
        raise InsufficientStatistics(
            "No pair of telescopes has events and live time.",
            expected="slices of clear nights with stereo events",
            got=f"{used.size} slices of pairs without",
            mend="take other nights",
            code="no-events",
        )
    light = slices.muon_efficiency * slices.gain
    epoch = _mean(light)
    # where muons do not tell, the light is taken to be that of the epoch
    relative = np.where(np.isfinite(light), light / epoch[:, None], 1.0)
    both = np.sqrt(relative[pairs.first] * relative[pairs.second]).T[used]
    kind = np.broadcast_to(np.arange(pairs.first.size), used.shape)
    live = pairs.live_time[used] * (both**exponent if exponent > 0.0 else 1.0)
    found = fit_reference(
        _conditions(pairs, kind, used),
        pairs.count[used],
        live,
        powers=powers,
        light=None if exponent > 0.0 else both,
    )
    value, error = found.exponent or (exponent, exponent_error)
    gain = slices.gain.mean(axis=1)
    reference = PairReference(
        slices.tel_id,
        slices.tel_id[pairs.first],
        slices.tel_id[pairs.second],
        epoch / gain,
        gain,
        value,
        error,
        found,
    )
    return reference, int((~used).sum())


def _mean(values: F8) -> F8:
    """Return the mean of each row over what is known."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _conditions(pairs: PairSlices, kind: Ints, used: npt.NDArray[np.bool_]) -> Conditions:
    from astropy import units

    zenith, azimuth = pairs.zenith[used] * units.deg, pairs.azimuth[used] * units.deg
    return Conditions.of(zenith, azimuth, pairs.night_sky[used], kind[used])
