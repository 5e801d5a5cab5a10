# SPDX-License-Identifier: BSD-3-Clause
"""Arrival times of shower fronts at telescopes whose clocks are off by known amounts."""

import numpy as np
import numpy.typing as npt

from pellucid.array.timing import FrontTimes, front_delay

__all__ = ["simulate_fronts", "square_array"]

type F8 = npt.NDArray[np.float64]


def square_array(side: int = 5, spacing: float = 120.0) -> F8:
    """Return positions of telescopes on a square grid, in m, shape (side^2, 3)."""
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    flat = np.stack([x.ravel(), y.ravel(), np.zeros(side**2)], axis=1).astype(np.float64)
    flat[:, :2] -= flat[:, :2].mean(axis=0)
    return flat * spacing


def simulate_fronts(
    offset: F8,
    position: F8,
    n_events: int,
    random: np.random.Generator,
    *,
    jitter: float = 2.0,
    direction_error: float = 1.7e-3,
    distance: float = 10000.0,
    reach: float = 250.0,
) -> FrontTimes:
    """Return times of curved fronts, as they would be reconstructed.

    Parameters
    ----------
    offset : ndarray of float64, shape (n_telescopes,)
        Of the clocks, in ns.
    position : ndarray of float64, shape (n_telescopes, 3)
        In m.
    n_events : int
        Number of showers.
    random : Generator
        Source of chance.
    jitter : float
        Of an arrival time, in ns.
    direction_error : float
        Of the reconstructed direction, in each of two axes, in rad.
    distance : float
        To the emission, in m; infinite for plane fronts.
    reach : float
        Distance from the core in m up to which a telescope sees a shower.
    """
    zenith = np.deg2rad(20.0) + random.normal(0.0, np.deg2rad(1.5), n_events)
    azimuth = random.normal(0.0, 0.1, n_events)
    extent = np.abs(position[:, :2]).max()
    core = np.pad(random.uniform(-extent, extent, (n_events, 2)), ((0, 0), (0, 1)))
    far, error = np.full(n_events, distance), np.full(n_events, direction_error)
    sigma = np.full((n_events, offset.size), jitter)
    truth = FrontTimes(sigma, sigma, _unit(zenith, azimuth), core, far, error)
    time = front_delay(truth, position) + offset + random.normal(0.0, jitter, sigma.shape)
    time += random.uniform(0.0, 1e4, n_events)[:, None]
    seen = np.linalg.norm(position[None, :, :2] - core[:, None, :2], axis=2) < reach
    shift = random.normal(0.0, direction_error, (2, n_events))
    found = _unit(zenith + shift[0], azimuth + shift[1] / np.sin(zenith))
    return FrontTimes(np.where(seen, time, np.nan), sigma, found, core, far, error)


def _unit(zenith: F8, azimuth: F8) -> F8:
    across = np.sin(zenith)
    return np.stack([across * np.cos(azimuth), across * np.sin(azimuth), np.cos(zenith)], axis=1)
