# SPDX-License-Identifier: BSD-3-Clause
"""Gluing by likelihood: the light in every bin that explains the counter and the analog channel together.

Source: Veberic, Appl. Opt. 51 (2012) 139. No range is chosen where one channel takes over: each weighs
by what it knows, the counter little where its dead time eats counts, the analog channel little in the dark.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
from pellucid.atmosphere.lidar.gluing import shifted_bins
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.errors import InsufficientStatistics

__all__ = ["JointFit", "fit_jointly", "glued_jointly"]

type F8 = npt.NDArray[np.float64]

_METRE_MHZ = 150.0
_STEPS = 8
_HELP = 0.02
"""Part of the information on a bin's light from which the analog channel is used."""


@dataclass(frozen=True)
class JointFit:
    """What ties a counter (non-paralysable) to its analog twin.

    Attributes
    ----------
    tau, tau_error : float
        Dead time in us.
    slope, slope_error : float
        True MHz per mV.
    zero, zero_error : float
        Analog signal without light, in mV.
    delay : float
        Bins by which the analog signal comes later.
    deviance : float
        Per degree of freedom; errors are widened by its root where it is above 1.
    n : int
        Number of bins behind it.
    """

    tau: float
    tau_error: float
    slope: float
    slope_error: float
    zero: float
    zero_error: float
    delay: float
    deviance: float
    n: int


@dataclass(frozen=True, eq=False)
class _Pair:
    """Counts y and analog signal v, with its variance, of the same bins; what one MHz makes of counts."""

    y: F8
    v: F8
    variance: F8
    scale: float

    @classmethod
    def of(cls, y: F8, v: F8, scale: float, dark: float, slope: float, zero: float) -> "_Pair":
        """Take the analog variance from electronics and from the light's own statistics, once.

        Were it to follow the fitted light, less light would look likelier.
        """
        rate = np.maximum((v - zero) * slope, 0.0)
        return cls(y, v, dark**2 + rate / (slope**2 * scale), scale)

    def light(self, tau: float, slope: float, zero: float) -> tuple[F8, F8, F8]:
        """Return the true rate in MHz of each bin, its Fisher information, and the deviance."""
        # a bin without counts starts at a tenth of one
        rate = np.maximum((self.v - zero) * slope, np.maximum(self.y, 0.1) / self.scale)
        for _ in range(_STEPS):
            counted = self.scale * rate / (1.0 + rate * tau)
            steep = self.scale / (1.0 + rate * tau) ** 2
            information = steep**2 / counted + 1.0 / (slope**2 * self.variance)
            off = self.v - zero - rate / slope
            score = (self.y / counted - 1.0) * steep + off / (slope * self.variance)
            rate = np.maximum(rate + score / information, 0.1 * rate)
        counted = self.scale * rate / (1.0 + rate * tau)
        safe = np.maximum(self.y, 0.5)
        poisson = 2.0 * (counted - self.y + np.where(self.y > 0, self.y * np.log(safe / counted), 0.0))
        return rate, information, poisson + (self.v - zero - rate / slope) ** 2 / self.variance


def fit_jointly(
    analog: F8,
    photon: F8,
    shots: npt.ArrayLike,
    bin_width: float,
    start: DeadTimeFit,
    noise: float,
    *,
    rates: tuple[float, float] = (0.05, 100.0),
) -> JointFit:
    """Fit dead time, scale and zero of two twin channels by the likelihood of both, over all their bins.

    The light of every bin is free. Minimises the Poisson deviance of the counts, and the square of the
    analog residuals in units of noise and light; the delay is that of ``start``.

    Parameters
    ----------
    analog, photon : ndarray of float64, shape (n, n_bins)
        Mean signals in mV and counted rates in MHz.
    shots : array_like of int, shape (n,)
        Number of shots in each profile.
    bin_width : float
        In m.
    start : DeadTimeFit
        By regression on the same profiles.
    noise : float
        Standard deviation of the analog signal of one bin and one shot in darkness, in mV.
    rates : tuple of float
        Counted rates used, in MHz, beyond the strongest bin.

    Raises
    ------
    InsufficientStatistics
        Too few bins have such rates, or no best fit exists (``no-dead-time``).
    """
    weight = np.broadcast_to(np.asarray(shots, np.float64), analog.shape[:1])
    v = np.average(shifted_bins(analog, start.delay), axis=0, weights=weight)
    n = np.average(photon, axis=0, weights=weight)
    used = (n > rates[0]) & (n < rates[1]) & (np.arange(n.size) > np.argmax(n)) & np.isfinite(v)
    used &= n * start.tau < 0.5
    scale = float(weight.sum()) * bin_width / _METRE_MHZ
    part = start.delay - np.floor(start.delay)
    dark = noise / np.sqrt(weight.sum()) * np.sqrt((1.0 - part) ** 2 + part**2)
    first = np.array([start.tau, start.slope, -start.offset / start.slope])
    pair = _Pair.of(n[used] * scale, v[used], scale, float(dark), first[1], first[2])
    unit = np.array([1e-4, 1e-3 * start.slope, float(dark)])

    def deviance(x: F8) -> float:
        tau, slope, zero = first + x * unit
        if not (tau >= 0.0 and slope > 0.0) or used.sum() < 60:
            return float("inf")
        return float(pair.light(tau, slope, zero)[2].sum())

    options = {"xatol": 1e-3, "fatol": 1e-3, "maxiter": 600}
    best = minimize(deviance, np.zeros(3), method="Nelder-Mead", options=options)
    tau, slope, zero = (float(p) for p in first + best.x * unit)
    covariance = np.full((3, 3), np.nan)
    if best.success and np.isfinite(best.fun):
        covariance = _covariance(deviance, best.x) * np.outer(unit, unit)
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.diag(covariance))
    if not np.isfinite(error).all():
        raise InsufficientStatistics(
            "The two channels do not tell what ties them together.",
            expected="60 bins or more that both channels see, over a range of rates",
            got=f"{int(used.sum())} bins",
            mend="take profiles with more light, or glue by regression",
            code="no-dead-time",
        )
    each = float(pair.light(tau, slope, zero)[2].sum()) / (int(used.sum()) - 3)
    error = error * np.sqrt(max(each, 1.0))
    return JointFit(tau, error[0], slope, error[1], zero, error[2], start.delay, each, int(used.sum()))


def _covariance(deviance: Callable[[F8], float], best: F8) -> F8:
    """Twice the inverse of the deviance's second derivatives, by differences over a step of 1."""
    unit = np.eye(best.size)
    second = np.array(
        [
            [
                sum(s * t * deviance(best + s * a + t * b) for s in (1.0, -1.0) for t in (1.0, -1.0)) / 4.0
                for b in unit
            ]
            for a in unit
        ]
    )
    try:
        return np.asarray(2.0 * np.linalg.inv(second), np.float64)
    except np.linalg.LinAlgError:
        return np.full_like(second, np.nan)


def glued_jointly(photon: Signal, raw: F8, analog: F8, fit: JointFit, noise: float) -> Signal:
    """Return the counts that explain both channels best, bin by bin.

    Parameters
    ----------
    photon : Signal
        Counts of the counter, dead time corrected; gives background, range and shots.
    raw : ndarray of float64, shape (n, n_bins)
        Counts as recorded.
    analog : ndarray of float64, shape (n, n_bins)
        Mean signals in mV.
    fit : JointFit
        Of the same two channels.
    noise : float
        Standard deviation of the analog signal of one bin and one shot in darkness, in mV.
    """
    scale = photon.shots[:, None] * photon.bin_width / _METRE_MHZ
    part = fit.delay - np.floor(fit.delay)
    dark = noise * np.sqrt((1.0 - part) ** 2 + part**2) / np.sqrt(photon.shots)
    delayed = shifted_bins(analog, fit.delay)
    counts, variance = np.empty_like(raw, np.float64), np.empty_like(raw, np.float64)
    for i in range(raw.shape[0]):
        y, one = raw[i].astype(np.float64), float(scale[i, 0])
        pair = _Pair.of(y, delayed[i], one, float(dark[i]), fit.slope, fit.zero)
        rate, information, _ = pair.light(fit.tau, fit.slope, fit.zero)
        # where the analog channel knows next to nothing, the counter alone is right, empty bins included
        helps = 1.0 / (fit.slope**2 * pair.variance) > _HELP * information
        counts[i] = np.where(helps, rate * scale[i], np.nan)
        # both channels see the same light: together they know it no better than its own statistics
        variance[i] = np.maximum(scale[i] ** 2 / information, counts[i])
    good = np.isfinite(counts)
    return replace(
        photon,
        counts=np.where(good, counts, photon.counts),
        exposure=np.where(good, np.maximum(counts, 1.0) / np.where(good, variance, 1.0), photon.exposure),
    )
