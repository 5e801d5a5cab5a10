# SPDX-License-Identifier: BSD-3-Clause
"""What happens to a camera in the course of a run: steps of the high voltage, drifts, deaths, stars."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pellucid.instrument import CameraGeometry
from pellucid.simulate.response import CameraResponse
from pellucid.simulate.seeds import Purpose, generator

__all__ = ["CameraHistory", "HistoryPlan", "Star", "draw_history"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Star:
    """A star that crosses a camera.

    Attributes
    ----------
    x, y : float
        Where it is at the begin, in m.
    vx, vy : float
        How it moves, in m/s.
    rate : float
        Photo-electrons per ns in a pixel at its centre.
    width : float
        Standard deviation of its image, in m.
    """

    x: float
    y: float
    vx: float
    vy: float
    rate: float
    width: float


@dataclass(frozen=True)
class HistoryPlan:
    """What is to happen; nothing by default.

    Attributes
    ----------
    hv_step : float
        Relative change of all gains when the high voltage steps.
    hv_time : float
        When it does, in s from the begin.
    drifting, drift : float
        Fraction of the pixels whose gains drift, and how fast, relative per s, up or down.
    dying : float
        Fraction of the pixels that die, at a random time of the run.
    duration : float
        Of the run, in s.
    stars : int
        Stars that cross the camera within the duration.
    star_rate : float
        Their photo-electrons per ns.
    """

    hv_step: float = 0.0
    hv_time: float = 0.0
    drifting: float = 0.0
    drift: float = 0.0
    dying: float = 0.0
    duration: float = 1.0
    stars: int = 0
    star_rate: float = 1.0


@dataclass(frozen=True, eq=False)
class CameraHistory:
    """How one camera changes.

    Attributes
    ----------
    plan : HistoryPlan
        What it follows from.
    drift : ndarray of float64, shape (n_pixels,)
        Relative change of the gain per s.
    death : ndarray of float64, shape (n_pixels,)
        When a pixel dies, in s from the begin; infinite for those that live.
    stars : tuple of Star
        Stars.
    """

    plan: HistoryPlan
    drift: F8
    death: F8
    stars: tuple[Star, ...]

    def response(self, first: CameraResponse, time: float) -> CameraResponse:
        """Response at a time (s from the begin) of a camera that began as ``first``."""
        scale = 1.0 + self.drift * time
        if time >= self.plan.hv_time:
            scale = scale * (1.0 + self.plan.hv_step)
        dead = first.dead | (time >= self.death)
        return replace(first, gain=np.where(dead, 0.0, first.gain * scale), dead=dead)

    def sky(self, geometry: CameraGeometry, base: float, time: float) -> F8:
        """Night sky with the stars at a time (s), in photo-electrons per ns, shape (n_pixels,)."""
        rate = np.full(geometry.n_pixels, base)
        for star in self.stars:
            dx = geometry.pix_x - (star.x + star.vx * time)
            dy = geometry.pix_y - (star.y + star.vy * time)
            rate += star.rate * np.exp(-0.5 * (dx**2 + dy**2) / star.width**2)
        return rate


def draw_history(plan: HistoryPlan, geometry: CameraGeometry, seed: int, tel_id: int) -> CameraHistory:
    """Draw which pixels drift and die, and where stars go; the same for the same seed and telescope."""
    rng = generator(seed, Purpose.HISTORY, tel_id)
    n = geometry.n_pixels
    order = rng.permutation(n)
    n_drifting, n_dying = (int(np.ceil(f * n)) for f in (plan.drifting, plan.dying))
    drift, death = np.zeros(n), np.full(n, np.inf)
    drift[order[:n_drifting]] = plan.drift * rng.choice([-1.0, 1.0], n_drifting)
    death[order[n_drifting : n_drifting + n_dying]] = plan.duration * rng.uniform(0.2, 0.8, n_dying)
    radius = float(np.hypot(geometry.pix_x, geometry.pix_y).max())
    width = float(geometry.pixel_width[0])
    stars = []
    for _ in range(plan.stars):
        way, offset = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(-0.7, 0.7) * radius
        c, s = np.cos(way), np.sin(way)
        half = 0.5 * np.sqrt(radius**2 - offset**2)
        speed = 2.0 * half / plan.duration
        x, y = -half * c - offset * s, -half * s + offset * c
        stars.append(Star(x, y, speed * c, speed * s, plan.star_rate, 0.5 * width))
    return CameraHistory(plan, drift, death, tuple(stars))
