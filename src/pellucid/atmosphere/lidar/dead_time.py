# SPDX-License-Identifier: BSD-3-Clause
"""Dead time of photon counters: its two models, their inverses, and its value from the data themselves.

n is the rate that is counted, N the true one, tau the dead time.
Non-paralysable: n = N / (1 + N tau). Paralysable: n = N exp(-N tau), N = -W(-n tau) / tau.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import lambertw

from pellucid.errors import InsufficientStatistics

__all__ = ["DeadTimeFit", "counted_rate", "fit_dead_time", "true_rate"]

type F8 = npt.NDArray[np.float64]

_LIMIT = 0.9
"""n tau where a correction ends (non-paralysable); the paralysable one ends at 1/e."""


def counted_rate(rate: npt.ArrayLike, tau: float, *, paralysable: bool = False) -> F8:
    """Return what a counter counts of a true rate, shape (...), both in 1/s with tau in s (or MHz, us)."""
    true = np.asarray(rate, np.float64)
    counted: F8 = true * np.exp(-true * tau) if paralysable else true / (1.0 + true * tau)
    return counted


def true_rate(rate: npt.ArrayLike, tau: float, *, paralysable: bool = False) -> tuple[F8, F8]:
    """Return the true rate and by how much the variance of a corrected count exceeds its mean.

    Poisson counts of mean m are corrected to M = m N/n with variance m (dN/dn)^2, so that the ratio of
    variance to mean is (dN/dn)^2 n/N: 1/(1 - n tau)^3 for the non-paralysable model.

    Parameters
    ----------
    rate : array_like of float, shape (...)
        Counted rate n, in 1/s with tau in s (or in MHz with tau in us).
    tau : float
        Dead time.
    paralysable : bool
        Which model.

    Returns
    -------
    tuple of ndarray of float64, shape (...)
        The true rate in the unit of ``rate``, NaN where no true rate explains what was counted; and the
        dimensionless ratio of variance to mean.
    """
    n = np.asarray(rate, np.float64)
    load = n * tau
    if paralysable:
        possible = load < np.exp(-1.0)
        product = -lambertw(-np.where(possible, load, 0.0)).real
        gain = np.exp(product)
        slope = gain / (1.0 - product)
    else:
        possible = load < _LIMIT
        gain = 1.0 / (1.0 - np.where(possible, load, 0.0))
        slope = gain**2
    return np.where(possible, n * gain, np.nan), np.where(possible, slope**2 / gain, np.nan)


@dataclass(frozen=True)
class DeadTimeFit:
    """Dead time of a channel, and what ties it to its analog twin.

    Attributes
    ----------
    tau, tau_error : float
        Dead time in us; the error from leaving out one stretch of range at a time.
    delay, delay_error : float
        Bins by which the analog signal comes later.
    slope, slope_error : float
        True MHz per mV.
    offset : float
        MHz at 0 mV: background and analog offset together.
    misfit : float
        Relative rms of the corrected rates around the line.
    n : int
        Number of bins behind it.
    """

    tau: float
    tau_error: float
    delay: float
    delay_error: float
    slope: float
    slope_error: float
    offset: float
    misfit: float
    n: int


def fit_dead_time(
    analog: F8,
    photon: F8,
    shots: npt.ArrayLike,
    bin_width: float,
    *,
    paralysable: bool = False,
    rates: tuple[float, float] = (1.0, 60.0),
    delays: tuple[float, float] = (0.0, 20.0),
    model_error: float = 0.01,
) -> DeadTimeFit:
    """Find the dead time, and the delay of the analog signal, for which two twin channels agree.

    All profiles are averaged by their shots. Beyond the strongest bin, where the counted rate n lies
    within ``rates``, tau and delay minimise the weighted scatter of N(n, tau) around a V + b, with a and
    b by linear regression; weights 1 / (N^2 (1/counts + model_error^2)). A wrong delay looks like a wrong
    dead time, so that both are fitted together.

    Parameters
    ----------
    analog, photon : ndarray of float64, shape (n, n_bins)
        Mean signals in mV and counted rates in MHz.
    shots : array_like of int, shape (n,)
        Number of shots in each profile.
    bin_width : float
        In m.
    paralysable : bool
        Which model.
    rates : tuple of float
        Counted rates used, in MHz.
    delays : tuple of float
        Least and largest delay of the analog signal, in bins; equal ones fix it.
    model_error : float
        Relative likeness that the two channels can have at best.

    Raises
    ------
    InsufficientStatistics
        Too few bins have such rates, or they do not tell a dead time (``no-dead-time``).
    """
    weight = np.broadcast_to(np.asarray(shots, np.float64), analog.shape[:1])
    v, n = (np.average(x, axis=0, weights=weight) for x in (analog, photon))
    bins = np.flatnonzero((n > rates[0]) & (n < rates[1]) & (np.arange(n.size) > np.argmax(n)))
    # a stretch without a gap: noise must not choose the bins
    bins = bins[bins < bins[0] + bins.size] if bins.size else bins
    bins = bins[bins + delays[1] + 1 < n.size]
    if bins.size < 60 or n[bins].max() < 5.0:
        raise _too_little(bins.size, float(n[bins].max()) if bins.size else 0.0)
    counts = n[bins] * weight.sum() * bin_width / 150.0
    twin = _Twin(v, n[bins], bins, 1.0 / counts + model_error**2, paralysable, delays)
    everything = np.ones(bins.size, np.bool_)
    best = twin.fit(everything)
    stretches = np.array_split(np.arange(bins.size), 6)
    left_out = np.array([twin.fit(~np.isin(np.arange(bins.size), s)) for s in stretches])
    k = len(stretches)
    error = np.sqrt((k - 1) / k * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    tau, delay = best[:2]
    if not (0.0 < tau < 0.999 * twin.most) or not np.isfinite(error).all():
        raise _too_little(bins.size, float(n[bins].max()))
    slope, offset, scatter = twin.line(tau, delay, everything)
    return DeadTimeFit(
        tau=float(tau),
        tau_error=float(error[0]),
        delay=float(delay),
        delay_error=float(error[1]),
        slope=slope,
        slope_error=float(error[2]),
        offset=offset,
        misfit=float(np.sqrt(np.mean(scatter**2))),
        n=int(bins.size),
    )


@dataclass(frozen=True)
class _Twin:
    """An analog profile and the bins of a counted one, with the relative variance of these."""

    analog: F8
    counted: F8
    bins: npt.NDArray[np.intp]
    variance: F8
    paralysable: bool
    delays: tuple[float, float]

    @property
    def most(self) -> float:
        """Dead time beyond which the highest rate is impossible."""
        return float((np.exp(-1.0) if self.paralysable else _LIMIT) / self.counted.max())

    def line(self, tau: float, delay: float, used: npt.NDArray[np.bool_]) -> tuple[float, float, F8]:
        """Return slope, offset and the relative residuals of the used bins."""
        rate, _ = true_rate(self.counted[used], tau, paralysable=self.paralysable)
        bins = self.bins[used]
        whole = int(np.floor(delay))
        part = delay - whole
        v = (1.0 - part) * self.analog[bins + whole] + part * self.analog[bins + whole + 1]
        weight = 1.0 / (rate**2 * self.variance[used])
        total = weight.sum()
        mean_v, mean_rate = (weight * v).sum() / total, (weight * rate).sum() / total
        slope = (weight * (v - mean_v) * rate).sum() / (weight * (v - mean_v) ** 2).sum()
        offset = mean_rate - slope * mean_v
        return float(slope), float(offset), (slope * v + offset) / rate - 1.0

    def fit(self, used: npt.NDArray[np.bool_]) -> F8:
        """Return tau, delay and slope of least scatter."""

        def scatter(at: tuple[float, float]) -> float:
            tau, delay = at
            outside = max(0.0, -tau, tau - self.most) / self.most
            outside += max(0.0, self.delays[0] - delay, delay - self.delays[1])
            tau, delay = np.clip(tau, 0.0, 0.999 * self.most), np.clip(delay, *self.delays)
            residual = self.line(tau, delay, used)[2]
            return float((residual**2 / self.variance[used]).sum() * (1.0 + outside) + outside)

        starts = [
            (t, d) for t in (0.002, 0.004, 0.006) for d in np.arange(self.delays[0], self.delays[1] + 1)
        ]
        start = min(starts, key=scatter)
        simplex = [start, (start[0] + 5e-4, start[1]), (start[0], start[1] + 0.5)]
        options = {"initial_simplex": simplex, "xatol": 1e-6, "fatol": 1e-6}
        found = minimize(scatter, start, method="Nelder-Mead", options=options).x
        tau, delay = float(np.clip(found[0], 0.0, 0.999 * self.most)), float(np.clip(found[1], *self.delays))
        return np.array([tau, delay, self.line(tau, delay, used)[0]])


def _too_little(n: int, highest: float) -> InsufficientStatistics:
    return InsufficientStatistics(
        "The dead time cannot be told from these profiles.",
        expected="60 bins or more beyond the strongest one, with rates up to 5 MHz or more",
        got=f"{n} bins up to {highest:.1f} MHz",
        mend="take profiles with more light, or configure the dead time",
        code="no-dead-time",
    )
