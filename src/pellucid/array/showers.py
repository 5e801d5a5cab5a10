# SPDX-License-Identifier: BSD-3-Clause
"""What telescopes saw of the same showers: pairs for the inter-calibration, fronts for the clocks.

Cuts on pairs follow Mitchell et al. (arXiv 1510.06526): telescopes that stand close, images that are bright,
and impact distances alike, |a| < 0.05 + 0.1 cos(altitude) for sizes and |a| < 0.05 for energies. What is
averaged are log ratios, of which the asymmetry of a pair is made in the end: a mean of asymmetries that
scatter by s is too small by a share of about s^2. Light falls with the distance: the slope of the log ratio
over the asymmetry of the distances, common to all pairs, is fitted and taken out, else telescopes in the
middle of an array, which stand nearer to its showers, would seem brighter.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.array.intercalibration import PairAsymmetries, aggregate, asymmetry
from pellucid.array.rates import all_pairs
from pellucid.array.timing import FrontTimes
from pellucid.errors import CorruptedInput, InsufficientStatistics

__all__ = ["ShowerImages", "energy_pairs", "front_times", "size_pairs"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]

_EVENTS = 20_000
"""Showers of which all pairs are looked at together, to bound the memory."""


@dataclass(frozen=True, eq=False)
class ShowerImages:
    """Images of reconstructed showers, one row an event and telescope.

    Attributes
    ----------
    event : ndarray of int64, shape (n,)
        Identifiers of showers.
    tel_id : ndarray of int64, shape (n,)
        Identifiers of telescopes.
    size : ndarray of float64, shape (n,)
        Photo-electrons of the cleaned image, in p.e.
    energy, energy_error : ndarray of float64, shape (n,)
        From this telescope's image alone, in TeV; NaN where there is none.
    impact : ndarray of float64, shape (n,)
        Distance of the telescope from the shower's axis, in m.
    front_time, front_time_error : ndarray of float64, shape (n,)
        Of the image, in ns from any zero of the event's own; NaN where there is none.
    azimuth, altitude : ndarray of float64, shape (n,)
        Of the shower, in deg, from north over east.
    direction_error : ndarray of float64, shape (n,)
        Of it in each of two axes, in deg.
    core_x, core_y : ndarray of float64, shape (n,)
        Of the shower's axis on the ground, to the north and to the west, in m.
    h_max : ndarray of float64, shape (n,)
        Height of the shower's maximum above the array, in m.
    """

    event: Ints
    tel_id: Ints
    size: F8
    energy: F8
    energy_error: F8
    impact: F8
    front_time: F8
    front_time_error: F8
    azimuth: F8
    altitude: F8
    direction_error: F8
    core_x: F8
    core_y: F8
    h_max: F8

    def table(self, tel_id: Ints, *names: str) -> tuple[F8, ...]:
        """Return quantities as tables over events and telescopes, shape (n_events, n_telescopes) each.

        NaN where a telescope did not see an event; units as in the attributes.

        Raises
        ------
        CorruptedInput
            A telescope is twice in an event (``twice-in-event``), or none of the array (``bad-pair``).
        """
        event = np.unique(self.event, return_inverse=True)[1]
        place = np.minimum(np.searchsorted(tel_id, self.tel_id), tel_id.size - 1)
        if (tel_id[place] != self.tel_id).any():
            raise CorruptedInput(
                "An image is of a telescope that the array does not have.",
                expected=f"some of {tel_id.tolist()}",
                got=str(np.setdiff1d(self.tel_id, tel_id).tolist()),
                mend="give the description of the array that took the events",
                code="bad-pair",
            )
        cell = event * tel_id.size + place
        if np.unique(cell).size != cell.size:
            raise CorruptedInput(
                "A telescope has two images of one shower.",
                expected="one row an event and telescope",
                mend="deliver each image once",
                code="twice-in-event",
            )
        tables = np.full((len(names), int(event.max(initial=-1)) + 1, tel_id.size), np.nan)
        for table, name in zip(tables, names):
            table[event, place] = getattr(self, name)
        return tuple(tables)


def size_pairs(
    images: ShowerImages, tel_id: Ints, allowed: Mask, *, least: float = 80.0, clip: float = 5.0
) -> PairAsymmetries:
    """Return the mean asymmetries of image sizes of pairs of telescopes.

    Parameters
    ----------
    images : ShowerImages
        Reconstructed showers.
    tel_id : ndarray of int64, shape (n_telescopes,)
        Identifiers, ascending; the pairs are indices of these.
    allowed : ndarray of bool, shape (n_pairs,)
        Mask of the pairs that are compared, in the order of `pellucid.array.rates.all_pairs`: of one type,
        and close enough.
    least : float
        Photo-electrons that both images must have.
    clip : float
        As of `aggregate`.

    Raises
    ------
    InsufficientStatistics
        No event is left (``no-pairs``).
    """
    value, impact, altitude = images.table(tel_id, "size", "impact", "altitude")
    alike = 0.05 + 0.1 * np.cos(np.deg2rad(np.fmax.reduce(altitude, axis=1)))
    return _pairs(np.where(value >= least, value, np.nan), impact, alike, allowed, clip)


def energy_pairs(
    images: ShowerImages, tel_id: Ints, allowed: Mask, *, least: float = 0.05, clip: float = 5.0
) -> PairAsymmetries:
    """Return the mean asymmetries of energies of pairs; as `size_pairs`, of any shape, ``least`` in TeV."""
    value, impact = images.table(tel_id, "energy", "impact")
    alike = np.full(value.shape[0], 0.05)
    return _pairs(np.where(value > least, value, np.nan), impact, alike, allowed, clip)


def _pairs(value: F8, impact: F8, alike: F8, allowed: Mask, clip: float) -> PairAsymmetries:
    first, second = (index[allowed] for index in all_pairs(value.shape[1]))
    parts = []
    for start in range(0, value.shape[0], _EVENTS):
        some = slice(start, start + _EVENTS)
        v, d = value[some], impact[some]
        with np.errstate(invalid="ignore"):
            apart = asymmetry(d[:, first], d[:, second], *np.zeros((2, 1, 1)))[0]
            used = (np.abs(apart) < alike[some, None]) & np.isfinite(v[:, first]) & np.isfinite(v[:, second])
        event, pair = np.nonzero(used)
        ratio = np.log(v[event, first[pair]] / v[event, second[pair]])
        parts.append((pair, ratio, apart[event, pair]))
    columns = [np.concatenate(c) for c in zip(*parts)] if parts else []
    if not columns or not columns[0].size:
        raise InsufficientStatistics(
            "No pair of telescopes saw a shower that tells about their light.",
            expected="bright images of one shower in two telescopes of one type, at like distances",
            got=f"{value.shape[0]} showers",
            mend="take more data, or looser cuts",
            code="no-pairs",
        )
    pair, ratio, apart = columns
    ratio -= _slope(pair, apart, ratio) * apart
    mean = aggregate(first[pair], second[pair], ratio, clip=clip)
    a = np.tanh(0.5 * mean.value)
    return replace(mean, value=a, error=0.5 * (1.0 - a**2) * mean.error)


def _slope(pair: Ints, x: F8, y: F8) -> F8:
    """Return the slope of y over x that all pairs share, each with a constant of its own, shape ()."""
    n = np.maximum(np.bincount(pair), 1)
    inner = x - (np.bincount(pair, x) / n)[pair]
    square = (inner**2).sum()
    return np.asarray((inner * y).sum() / square if square > 0.0 else 0.0)


def front_times(images: ShowerImages, tel_id: Ints) -> FrontTimes:
    """Return arrival times of fronts in ns, shape (n_events, n_telescopes), for `time_offsets`.

    Axes are those of the ground: to the north, to the west, up; in m.
    """
    time, error = images.table(tel_id, "front_time", "front_time_error")
    rows = np.unique(images.event, return_index=True)[1]
    azimuth, altitude = np.deg2rad(images.azimuth[rows]), np.deg2rad(images.altitude[rows])
    across = np.cos(altitude)
    direction = np.stack([across * np.cos(azimuth), -across * np.sin(azimuth), np.sin(altitude)], axis=1)
    core = np.stack([images.core_x[rows], images.core_y[rows], np.zeros(rows.size)], axis=1)
    tilt = np.deg2rad(images.direction_error[rows])
    return FrontTimes(time, error, direction, core, images.h_max[rows] / np.sin(altitude), tilt)
