# SPDX-License-Identifier: BSD-3-Clause
"""The reference of every pair of an array: its rate on clear nights, and the light of that epoch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.reference import Conditions, MeasuredLight, RateReference, fit_reference
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
    efficiency, efficiency_error, gain : ndarray of float64, shape (n_telescopes,)
        Of the epoch, with the standard error of the efficiency, dimensionless; NaN where no muons told.
    exponent, exponent_error : float
        Of the rate in the light.
    rates : RateReference
        The fit.
    """

    tel_id: Ints
    first: Ints
    second: Ints
    efficiency: F8
    efficiency_error: F8
    gain: F8
    exponent: float
    exponent_error: float
    rates: RateReference

    def of_pairs(self, tel_id: Ints, pairs: PairSlices) -> tuple[F8, F8]:
        """Return rates in Hz and their relative errors, shape (n_slices, n_pairs).

        NaN for pairs that are not known or not live.

        Raises
        ------
        InsufficientStatistics
            As `RateReference.rate`.
        """
        size = int(max(tel_id.max(), self.tel_id.max())) + 1
        known = np.full(size * size, -1)
        known[self.first * size + self.second] = np.arange(self.first.size)
        kind = known[tel_id[pairs.first] * size + tel_id[pairs.second]]
        used = (kind >= 0) & (pairs.live_time > 0.0)
        rate, error = np.full((2, *pairs.count.shape), np.nan)
        if used.any():
            every = np.broadcast_to(kind, used.shape)
            rate[used], error[used] = self.rates.rate(_conditions(pairs, every, used))
        return rate, error

    def of_telescopes(self, tel_id: Ints) -> tuple[F8, F8, F8]:
        """Return efficiency, its error and gain of the epoch, dimensionless, shape (n,); NaN if unknown."""
        place = np.minimum(np.searchsorted(self.tel_id, tel_id), self.tel_id.size - 1)
        known = self.tel_id[place] == tel_id
        efficiency, error, gain = (
            np.where(known, own[place], np.nan) for own in (self.efficiency, self.efficiency_error, self.gain)
        )
        return efficiency, error, gain


def fit_pair_reference(
    slices: RateSlices,
    *,
    powers: int = 2,
    exponent: float = 0.0,
    exponent_error: float = 0.0,
    gain_error: float = 0.01,
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
    gain_error : float
        Relative error of the gains in an epoch of one muon efficiency.

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
    light, epoch, error = _light(slices, pairs, used, gain_error)
    kind = np.broadcast_to(np.arange(pairs.first.size), used.shape)
    found = fit_reference(
        _conditions(pairs, kind, used),
        pairs.count[used],
        pairs.live_time[used],
        powers=powers,
        light=light,
        exponent=exponent,
    )
    gain = slices.gain.mean(axis=1)
    reference = PairReference(
        slices.tel_id,
        slices.tel_id[pairs.first],
        slices.tel_id[pairs.second],
        epoch / gain,
        error * epoch / gain,
        gain,
        *(found.exponent or (exponent, exponent_error)),
        found,
    )
    return reference, int((~used).sum())


def _light(
    slices: RateSlices, pairs: PairSlices, used: npt.NDArray[np.bool_], gain_error: float
) -> tuple[MeasuredLight, F8, F8]:
    """Return the light of the used pairs over the epoch's, the epoch's light and its relative error.

    A muon efficiency that stands in many slices is one measurement. Where muons do not tell, the light is
    taken to be that of the epoch.
    """
    light = slices.muon_efficiency * slices.gain
    epoch = _mean(light)
    known = np.isfinite(light)
    relative = np.where(known, light / epoch[:, None], 1.0)
    # measurements by telescope and value; what is not known comes first
    telescope = np.broadcast_to(np.arange(light.shape[0])[:, None], light.shape)
    keys = np.stack([telescope, np.where(known, slices.muon_efficiency, -1.0)], axis=-1).reshape(-1, 2)
    measured, first, source = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    errors = np.where(known, slices.muon_efficiency_error / slices.muon_efficiency, 0.0).ravel()[first]
    # in the epoch's mean each measurement counts as often as it stands there
    often, n = np.bincount(source.ravel()), known.sum(axis=1)
    variance = np.bincount(measured[:, 0].astype(np.int64), (errors * often) ** 2)
    error = np.where(n > 0, np.sqrt(variance) / np.maximum(n, 1), np.nan)
    ends = np.stack([pairs.first, pairs.second], axis=1)
    value = relative.T[:, ends][used]
    which = source.reshape(light.shape).T[:, ends][used]
    both = np.where(errors > 0.0, np.hypot(errors, gain_error), 0.0)
    share = np.broadcast_to(pairs.weight, used.shape)[used]
    return MeasuredLight(value, which, both, share), epoch, error


def _mean(values: F8) -> F8:
    """Return the mean of each row over what is known."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _conditions(pairs: PairSlices, kind: Ints, used: npt.NDArray[np.bool_]) -> Conditions:
    from astropy import units

    zenith, azimuth = pairs.zenith[used] * units.deg, pairs.azimuth[used] * units.deg
    return Conditions.of(zenith, azimuth, pairs.night_sky[used], kind[used])
