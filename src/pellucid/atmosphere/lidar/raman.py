# SPDX-License-Identifier: BSD-3-Clause
"""Raman LIDAR: extinction, backscatter and lidar ratio from light that nitrogen has scattered.

Source: Ansmann et al., Appl. Opt. 31 (1992) 7113, with counts instead of their logarithms: Poisson
likelihood for the slope, ratios of sums for ratios, so that few counts bias nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.lidar.slopes import GOOD, NOT_FITTED, TOO_FEW, moving_slopes
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import InsufficientStatistics

__all__ = [
    "GOOD",
    "NOT_FITTED",
    "TOO_FEW",
    "RamanProfile",
    "depth",
    "half_widths",
    "raman_backscatter",
    "raman_extinction",
    "raman_factor",
    "raman_lidar_ratio",
    "raman_model",
    "resolved",
]

type F8 = npt.NDArray[np.float64]

_WIDTHS = (
    (0.0, 120.0),
    (1000.0, 150.0),
    (2000.0, 210.0),
    (4000.0, 375.0),
    (8000.0, 750.0),
    (15000.0, 1500.0),
)
"""Half width of the window in m at a range in m, interpolated between."""


@dataclass(frozen=True, eq=False)
class RamanProfile:
    """A profile with its errors.

    Attributes
    ----------
    value, error : ndarray of float64, shape (n, n_bins)
        Extinction in 1/m or backscatter in 1/(m sr); NaN where the status is not 0. The error holds the
        counts and the background.
    resolution : ndarray of float64, shape (n_bins,)
        Effective resolution (full width at half maximum of the smoothing kernel), in m.
    status : ndarray of int8, shape (n, n_bins)
        Code: 0 good, 1 too little light, 2 no window there.
    common : ndarray of float64, shape (n,), or None
        Of a backscatter: the part of the error that all bins share, by the counts of the reference, relative
        to the total backscatter.
    """

    value: F8
    error: F8
    resolution: F8
    status: npt.NDArray[np.int8]
    common: F8 | None = None


def raman_factor(elastic: float, raman: float, angstrom: npt.ArrayLike = 1.0) -> F8:
    """Return 1 + (l0/lR)^k: both ways' aerosol extinction in units of that at l0, dimensionless.

    Parameters
    ----------
    elastic, raman : float
        Wavelengths in nm.
    angstrom : array_like of float, shape (n_bins,) or ()
        Exponent k; 0 in clouds.
    """
    return 1.0 + (elastic / raman) ** np.asarray(angstrom, np.float64)


def depth(extinction: F8, step: float) -> F8:
    """Return the integral of extinction (1/m) from the ground to each bin's middle, shape (..., n_bins).

    ``step`` is the width of a bin in m; the first bin begins at the ground.
    """
    return step * (np.cumsum(extinction, axis=-1) - 0.5 * extinction)


def raman_model(distance: F8, elastic: MolecularOptics, raman: MolecularOptics) -> F8:
    """Return the Raman signal of air without aerosol, shape (n_bins,), in arbitrary units.

    N(r) / r^2 exp(-tau_m(l0) - tau_m(lR)); ``distance`` in m. Attenuation is inside, so that windows
    see only the aerosol's slope.
    """
    step = float(distance[1] - distance[0])
    tau = depth(elastic.extinction + raman.extinction, step)
    seen = distance > 0.0
    model: F8 = np.where(seen, elastic.density / np.where(seen, distance, 1.0) ** 2 * np.exp(-tau), 0.0)
    return model / model.max()


def half_widths(distance: F8, first: float, last: float, least: int = 4) -> npt.NDArray[np.int64]:
    """Return windows' half widths in bins, shape (n_bins,): wider with range, none where they do not fit.

    Parameters
    ----------
    distance : ndarray of float64, shape (n_bins,)
        In m.
    first, last : float
        Range in m that windows may use: from full overlap to where trust ends.
    least : int
        Half width in bins below which no window is made.
    """
    step = float(distance[1] - distance[0])
    at, widths = np.array(_WIDTHS).T
    wanted = np.rint(np.interp(distance, at, widths) / step).astype(np.int64)
    inside = np.flatnonzero((distance >= first) & (distance <= last))
    row = np.arange(distance.size)
    room = np.minimum(row - inside[0], inside[-1] - row) if inside.size else np.zeros_like(row)
    half = np.minimum(np.maximum(wanted, least), room)
    return np.where(half >= least, half, 0)


def raman_extinction(
    signal: Signal,
    elastic: MolecularOptics,
    raman: MolecularOptics,
    half: npt.NDArray[np.int64],
    *,
    angstrom: npt.ArrayLike = 1.0,
    least: float = 5.0,
) -> RamanProfile:
    """Return the aerosol extinction at the elastic wavelength.

    alpha = -d/dr ln(P / model) / (1 + (l0/lR)^k), the slope by Poisson likelihood on counts in windows
    (`moving_slopes`). The resolution of such a slope is sqrt(2) half widths.

    Parameters
    ----------
    signal : Signal
        Counts of the Raman channel.
    elastic, raman : MolecularOptics
        The air at both wavelengths, at the signal's bins.
    half : ndarray of int64, shape (n_bins,)
        Half widths of the windows in bins, see `half_widths`.
    angstrom : array_like of float, shape (n_bins,) or ()
        Exponent k of the aerosol.
    least : float
        Net counts over their error that a window must have.
    """
    model = raman_model(signal.range, elastic, raman)
    slope, error, tilt, status = moving_slopes(
        signal.counts, signal.exposure, model, signal.background, half, least
    )
    factor = raman_factor(elastic.wavelength, raman.wavelength, angstrom) * signal.bin_width
    total = np.hypot(error, tilt * signal.background_error[:, None])
    resolution = np.where(half > 0, np.sqrt(2.0) * half * signal.bin_width, np.nan)
    return RamanProfile(-slope / factor, total / factor, resolution, status)


def raman_backscatter(
    elastic_signal: Signal,
    raman_signal: Signal,
    elastic: MolecularOptics,
    raman: MolecularOptics,
    extinction: F8,
    half: npt.NDArray[np.int64],
    reference: tuple[float, float],
    *,
    angstrom: npt.ArrayLike = 1.0,
    reference_ratio: npt.ArrayLike = 1.0,
) -> RamanProfile:
    """Return the aerosol backscatter at the elastic wavelength.

    R(r) = sum P_0 / (C sum[P_R beta_m exp(-d tau) / N]), beta_a = (R - 1) beta_m, with sums over windows
    and C the same ratio over the reference, where R is ``reference_ratio``. A mean of ratios would be
    too high by one over the counts. d tau is the difference of both wavelengths' optical depths.

    Parameters
    ----------
    elastic_signal, raman_signal : Signal
        Counts at the same bins, n profiles each.
    elastic, raman : MolecularOptics
        The air at both wavelengths.
    extinction : ndarray of float64, shape (n_bins,) or (n, n_bins)
        Aerosol extinction at the elastic wavelength, 1/m; not finite counts as 0.
    half : ndarray of int64, shape (n_bins,)
        Half widths in bins; use 1/sqrt(2) of those of the extinction for equal resolution.
    reference : tuple of float
        Range of the reference in m.
    angstrom : array_like of float, shape (n_bins,) or ()
        Exponent k of the aerosol.
    reference_ratio : array_like of float, shape (n,) or ()
        Total over molecular backscatter in the reference, dimensionless.

    Raises
    ------
    InsufficientStatistics
        The reference holds no light (``no-reference``).
    """
    distance, step = elastic_signal.range, elastic_signal.bin_width
    alpha = np.where(np.isfinite(extinction), extinction, 0.0)
    extra = (raman_factor(elastic.wavelength, raman.wavelength, angstrom) - 2.0) * alpha
    tau = depth(raman.extinction - elastic.extinction + extra, step)
    window = (distance >= reference[0]) & (distance < reference[1])
    # the Raman channel as it would be seen at the elastic wavelength in air alone
    scale = elastic.backscatter / elastic.density * np.exp(tau)
    scale = scale / np.mean(scale)
    scaled = raman_signal.net * scale
    light, other = (_window_sums(x, half) for x in (elastic_signal.net, scaled))
    top, bottom = elastic_signal.net[:, window].sum(axis=1), scaled[:, window].sum(axis=1)
    if not ((top > 0.0) & (bottom > 0.0)).all():
        raise InsufficientStatistics(
            "The reference of the backscatter holds no light.",
            where=f"{reference[0]:.0f} to {reference[1]:.0f} m",
            expected="net counts in both channels",
            got=f"elastic {top.min():.0f}, Raman {bottom.min():.3g}",
            mend="sum more profiles, or choose a lower reference",
            code="no-reference",
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = light / other * (bottom / top * np.asarray(reference_ratio, np.float64))[:, None]
        spread = [
            _window_sums(elastic_signal.variance, half) / light**2,
            _window_sums(raman_signal.variance * scale**2, half) / other**2,
        ]
        shared = [
            elastic_signal.background_error[:, None] * (_window_sums(np.ones_like(scaled), half) / light),
            raman_signal.background_error[:, None]
            * (_window_sums(np.ones_like(scaled) * scale, half) / other),
        ]
        ends = elastic_signal.variance[:, window].sum(axis=1) / top**2
        ends += (raman_signal.variance * scale**2)[:, window].sum(axis=1) / bottom**2
        error = ratio * np.sqrt(sum(spread) + ends[:, None] + shared[0] ** 2 + shared[1] ** 2)
        few = ~((light > 0.0) & (other > 3.0 * np.sqrt(spread[1]) * np.abs(other)))
    status = np.where(half == 0, NOT_FITTED, np.where(few, TOO_FEW, GOOD)).astype(np.int8)
    good = status == GOOD
    value = np.where(good, (ratio - 1.0) * elastic.backscatter, np.nan)
    resolution = np.where(half > 0, (2 * half + 1) * step, np.nan)
    error = np.where(good, error * elastic.backscatter, np.nan)
    return RamanProfile(value, error, resolution, status, np.sqrt(ends))


def raman_lidar_ratio(
    extinction: RamanProfile, backscatter: RamanProfile, least: float = 3.0
) -> RamanProfile:
    """Return extinction over backscatter, in sr, of profiles at equal resolution.

    Extinction and backscatter share only the Raman channel's noise, of which the ratio of sums takes little;
    they are taken for independent.

    Parameters
    ----------
    extinction, backscatter : RamanProfile
        Of shape (n, n_bins), made with windows that suit each other.
    least : float
        Backscatter over its error from which there is a ratio; status 1 below it.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        value = extinction.value / backscatter.value
        error = np.hypot(extinction.error, value * backscatter.error) / np.abs(backscatter.value)
        clear = backscatter.value > least * backscatter.error
    status = np.maximum(extinction.status, backscatter.status)
    status = np.where((status == GOOD) & ~(clear & np.isfinite(error)), TOO_FEW, status).astype(np.int8)
    good = status == GOOD
    resolution = np.maximum(extinction.resolution, backscatter.resolution)
    return RamanProfile(np.where(good, value, np.nan), np.where(good, error, np.nan), resolution, status)


def _window_sums(values: F8, half: npt.NDArray[np.int64]) -> F8:
    """Sums over i - half to i + half, shape (n, n_bins)."""
    total = np.cumsum(np.pad(np.nan_to_num(values), ((0, 0), (1, 0))), axis=1)
    row = np.arange(values.shape[1])
    low, high = np.maximum(row - half, 0), np.minimum(row + half + 1, row.size)
    sums: F8 = total[:, high] - total[:, low]
    return sums


def resolved(profile: F8, half: npt.NDArray[np.int64]) -> F8:
    """Return a profile as the slope fit would see it: smoothed with a parabola over its windows.

    A fitted slope is the mean of the true one with the weights h (h + 1) - x^2 + x, which this applies;
    use it to compare a model with a measured extinction. Any unit, shape (n_bins,).
    """
    out = np.full(profile.size, np.nan)
    for h in np.unique(half[half > 0]):
        x = np.arange(-h, h + 1)
        weight = np.maximum(h * (h + 1.0) - x**2, 0.0)
        smooth = np.convolve(profile, weight / weight.sum(), "same")
        out[half == h] = smooth[half == h]
    return out
