# SPDX-License-Identifier: BSD-3-Clause
"""Clock offsets of telescopes from the arrival times of shower fronts, in closed form.

A front from direction n (unit vector towards the source) with core distance rho reaches a telescope at r at
t = t_0 - n.r/c + rho^2/(2 c L) + o_i, with L the distance to the emission (none for a plane front) and o_i
the telescope's offset. Time t_0 and a small error of the direction, known as well as it was reconstructed,
belong to each event and are eliminated; what is left is linear in the offsets.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.constants import c as SPEED_OF_LIGHT

from pellucid.array.graph import components
from pellucid.errors import CorruptedInput, InsufficientStatistics

__all__ = ["FrontTimes", "TimeOffsets", "front_delay", "time_offsets"]

type F8 = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]

_C = SPEED_OF_LIGHT * 1e-9
"""In m/ns."""


@dataclass(frozen=True, eq=False)
class FrontTimes:
    """When telescopes saw showers.

    Attributes
    ----------
    time, error : ndarray of float64, shape (n_events, n_telescopes)
        In ns, from any zero of the event's own; NaN where a telescope has none.
    direction : ndarray of float64, shape (n_events, 3)
        Unit vectors towards the source, dimensionless.
    core : ndarray of float64, shape (n_events, 3)
        A point on each shower axis, in m.
    distance : ndarray of float64, shape (n_events,)
        Distance from the core to the emission, in m; infinite for plane fronts.
    direction_error : ndarray of float64, shape (n_events,)
        Of the direction, in each of two axes, in rad.
    """

    time: F8
    error: F8
    direction: F8
    core: F8
    distance: F8
    direction_error: F8


@dataclass(frozen=True, eq=False)
class TimeOffsets:
    """Offsets of clocks.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n_telescopes,)
        In ns, to be subtracted from a telescope's times; their mean over the telescopes is 0. NaN where
        no chain of events leads to most of the others.
    covariance : ndarray of float64, shape (n_telescopes, n_telescopes)
        In ns^2.
    connected : ndarray of bool, shape (n_telescopes,)
        Mask of the telescopes with an offset.
    n : ndarray of int64, shape (n_telescopes,)
        Number of events of each.
    chi2, ndf :
        Of all times.
    """

    value: F8
    error: F8
    covariance: F8
    connected: Mask
    n: npt.NDArray[np.int64]
    chi2: float
    ndf: int


def front_delay(times: FrontTimes, position: F8) -> F8:
    """Return when fronts reach telescopes, in ns, shape (n_events, n_telescopes), at 0 in the core.

    Parameters
    ----------
    times : FrontTimes
        The showers.
    position : ndarray of float64, shape (n_telescopes, 3)
        In m.
    """
    offset = position[None] - times.core[:, None]
    along = np.einsum("etx,ex->et", offset, times.direction)
    across2 = np.maximum((offset**2).sum(axis=2) - along**2, 0.0)
    delay: F8 = (0.5 * across2 / times.distance[:, None] - along) / _C
    return delay


def time_offsets(times: FrontTimes, position: F8) -> TimeOffsets:
    """Solve for one offset a telescope.

    With W the inverse variances of an event, G its columns (1, and the delays by a tilt of the direction in
    two axes), P the inverse variances of the tilt: N = sum W - W G (G^T W G + P)^-1 G^T W.

    Parameters
    ----------
    times : FrontTimes
        At least one event with two telescopes.
    position : ndarray of float64, shape (n_telescopes, 3)
        In m.

    Raises
    ------
    CorruptedInput
        A time has no error, a direction is no unit vector, or a core or distance is none (``bad-front``).
    InsufficientStatistics
        No event has two telescopes (``too-few-events``).
    """
    seen = np.isfinite(times.time)
    _check(times, seen)
    seen &= (seen.sum(axis=1) >= 2)[:, None]
    n = position.shape[0]
    connected = _connected(seen)
    seen &= connected
    weight = np.where(seen, 1.0 / np.where(seen, times.error, 1.0) ** 2, 0.0)
    residual = np.where(seen, times.time - front_delay(times, position), 0.0)
    gradient = _nuisance(times, position)
    weighted = weight[:, :, None] * gradient
    inner = np.einsum("etk,etl->ekl", weighted, gradient)
    prior = 1.0 / np.maximum(times.direction_error, 1e-9) ** 2
    inner[:, 1, 1] += prior
    inner[:, 2, 2] += prior
    inner[:, 0, 0] += seen.sum(axis=1) == 0
    half = np.linalg.solve(inner, np.swapaxes(weighted, 1, 2))
    lost = np.einsum("etk,eku->tu", weighted, half)
    normal = np.diag(weight.sum(axis=0)) - lost
    cleaned = weight * residual - np.einsum("eku,eu,etk->et", half, residual, weighted, optimize=True)
    right = cleaned.sum(axis=0)
    known = np.flatnonzero(connected)
    # the zero of all clocks is free: adding 1 1^T fixes their mean at 0 and changes nothing else
    part = normal[np.ix_(known, known)]
    scale = float(np.diag(part).mean())
    size = known.size
    inverse = np.linalg.inv(part + scale / size) - 1.0 / (scale * size)
    value = np.full(n, np.nan)
    value[known] = inverse @ right[known]
    covariance = np.full((n, n), np.nan)
    covariance[np.ix_(known, known)] = inverse
    chi2 = float((residual * cleaned).sum() - right[known] @ value[known])
    # each event spends one on its time; its tilt is measured by its own prior
    events = int(seen.any(axis=1).sum())
    ndf = int(seen.sum()) - events - (size - 1)
    error = np.sqrt(np.diag(covariance))
    return TimeOffsets(value, error, covariance, connected, seen.sum(axis=0), chi2, ndf)


def _check(times: FrontTimes, seen: Mask) -> None:
    length = np.linalg.norm(times.direction, axis=1)
    whole = (np.abs(length - 1.0) < 1e-6) & np.isfinite(times.core).all(axis=1)
    # a plane front comes from infinitely far away
    whole &= (times.distance > 0.0) & np.isfinite(times.direction_error)
    errors = times.error[seen]
    if not whole.all() or not ((errors > 0.0) & np.isfinite(errors)).all():
        first = int(np.flatnonzero(~whole)[0]) if not whole.all() else int(np.argmax(seen.any(axis=1)))
        raise CorruptedInput(
            "A shower front has no direction, core or distance, or a time no error.",
            where=f"event {first} of {length.size}",
            expected="unit vectors, finite cores, distances and errors above 0",
            got=f"length {length[first]:.6g}, distance {times.distance[first]:.6g} m",
            mend="leave such events out",
            code="bad-front",
        )


def _connected(seen: Mask) -> Mask:
    together = seen.T.astype(np.float64) @ seen
    first, second = np.nonzero(np.triu(together, 1))
    if not first.size:
        raise InsufficientStatistics(
            "No shower was seen by two telescopes.",
            expected="events with two telescopes or more",
            got=f"{int(seen.any(axis=1).sum())} events",
            mend="take stereo events",
            code="too-few-events",
        )
    label = components(seen.shape[1], first, second)
    most: Mask = label == np.bincount(label).argmax()
    return most


def _nuisance(times: FrontTimes, position: F8) -> F8:
    """Return what an event's own time and the two tilts of its direction do to each telescope's time."""
    d = times.direction
    # any vector that is not along the direction gives two axes across it
    helper = np.where(np.abs(d[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(d, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    axes = np.stack([first, np.cross(d, first)], axis=1)
    offset = position[None] - times.core[:, None]
    tilt = -np.einsum("etx,ekx->etk", offset, axes) / _C
    return np.concatenate([np.ones((*tilt.shape[:2], 1)), tilt], axis=2)
