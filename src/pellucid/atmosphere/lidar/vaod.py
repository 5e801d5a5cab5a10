# SPDX-License-Identifier: BSD-3-Clause
"""Vertical aerosol optical depth straight from the Raman signal, without any derivative."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.raman import raman_factor, raman_model
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.molecular import MolecularOptics
from pellucid.errors import InsufficientStatistics

__all__ = ["OpticalDepth", "raman_optical_depth"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OpticalDepth:
    """Optical depth of the aerosol along the line of sight above a start.

    Attributes
    ----------
    wavelength : float
        In nm.
    start : float
        Range in m from which it counts: full overlap.
    range : ndarray of float64, shape (m,)
        Where the depth is told, in m: the signal's centres of the slabs.
    value : ndarray of float64, shape (m,)
        Dimensionless.
    covariance : ndarray of float64, shape (m, m)
        Counts, background and the exponent k; heights share the start's counts, the background and k.
    below, below_error : float
        Depth between telescope and start, from the extinction of the lowest slabs, and its error, all of
        it; not in ``value``.
    trusted : float
        Range in m up to which the signal suffices.
    """

    wavelength: float
    start: float
    range: F8
    value: F8
    covariance: F8
    below: float
    below_error: float
    trusted: float

    @property
    def error(self) -> F8:
        """Standard deviations, shape (m,), dimensionless."""
        return np.sqrt(np.diag(self.covariance))

    def between(self, low: float, high: float) -> tuple[float, float]:
        """Return the depth between two ranges in m, and its error, interpolated between slabs.

        Raises
        ------
        InsufficientStatistics
            A range lies outside of the trusted ones (``beyond-trust``).
        """
        if not self.start - 1e-6 <= low <= high <= self.trusted + 1e-6:
            raise InsufficientStatistics(
                "The signal does not reach this range.",
                expected=f"{self.start:.0f} to {self.trusted:.0f} m",
                got=f"{low:.0f} to {high:.0f} m",
                mend="sum more profiles",
                code="beyond-trust",
            )
        x = np.concatenate([[self.start], self.range])
        weight = _weights(x, high) - _weights(x, low)
        full = np.pad(self.covariance, ((1, 0), (1, 0)))
        value = float(weight @ np.concatenate([[0.0], self.value]))
        return value, float(np.sqrt(weight @ full @ weight))


def _weights(x: F8, at: float) -> F8:
    unit = np.eye(x.size)
    return np.array([np.interp(at, x, row) for row in unit])


def raman_optical_depth(
    signal: Signal,
    elastic: MolecularOptics,
    raman: MolecularOptics,
    start: float,
    stop: float,
    *,
    slab: float = 300.0,
    angstrom: float = 1.0,
    angstrom_error: float = 0.5,
    least: float = 5.0,
    profile: int = 0,
) -> OpticalDepth:
    """Return tau(r) = ln(D_0 / D) / (1 + (l0/lR)^k), D = sum of net counts / sum of the model in a slab.

    The model is the Raman signal of air without aerosol. ln of a sum of few counts is too low by
    var / (2 sum^2), which is added. Slabs begin at ``start``; depth is told at their model-weighted
    centres, and counts from that of the first slab. Slabs end before the first one whose net counts are
    below ``least`` errors: the height of last trust.

    Parameters
    ----------
    signal : Signal
        Counts of the Raman channel.
    elastic, raman : MolecularOptics
        The air at both wavelengths, at the signal's bins.
    start, stop : float
        Range in m: full overlap, and the end.
    slab : float
        Thickness in m.
    angstrom, angstrom_error : float
        Exponent k of the aerosol.
    least : float
        Net counts of a slab over their error.
    profile : int
        Index of the profile of the signal.

    Raises
    ------
    InsufficientStatistics
        Fewer than three slabs hold light (``no-raman-signal``).
    """
    step = signal.bin_width
    width = max(1, round(slab / step))
    first = int(np.searchsorted(signal.range, start))
    count = (int(np.searchsorted(signal.range, stop)) - first) // width
    model = raman_model(signal.range, elastic, raman)

    def sums(values: F8) -> F8:
        return values[first : first + count * width].reshape(count, width).sum(axis=1)

    net, expected = sums(signal.net[profile]), sums(model)
    variance = sums(signal.counts[profile] / signal.exposure[profile])
    centre = sums(model * signal.range) / expected
    shared = width * signal.background_error[profile]
    weak = ~(net > least * np.sqrt(variance + shared**2 + 1.0))
    m = int(np.argmax(weak)) if weak.any() else count
    if m < 3:
        raise InsufficientStatistics(
            "The Raman channel is too weak for an optical depth.",
            expected=f"three slabs of {slab:.0f} m above {start:.0f} m with net counts over {least:g} errors",
            got=f"{m} slabs",
            mend="sum more profiles, or check the Raman channel",
            code="no-raman-signal",
        )
    net, expected, variance, centre = net[:m], expected[:m], variance[:m], centre[:m]
    relative = variance / net**2
    logarithm = np.log(net / expected) + 0.5 * relative
    factor = float(raman_factor(elastic.wavelength, raman.wavelength, angstrom))
    value = (logarithm[0] - logarithm[1:]) / factor
    background = shared * (1.0 / net[1:] - 1.0 / net[0]) / factor
    bent = (elastic.wavelength / raman.wavelength) ** angstrom
    tilt = value / factor * bent * np.log(elastic.wavelength / raman.wavelength) * angstrom_error
    covariance = np.diag(relative[1:]) / factor**2 + relative[0] / factor**2
    covariance += np.outer(background, background) + np.outer(tilt, tilt)
    near = (centre[1:] - centre[0] < 600.0) | (np.arange(m - 1) == 0)
    below = max(0.0, float(value[near][-1] / (centre[1:][near][-1] - centre[0]) * centre[0]))
    return OpticalDepth(
        wavelength=elastic.wavelength,
        start=float(centre[0]),
        range=centre[1:],
        value=value,
        covariance=covariance,
        below=below,
        below_error=below,
        trusted=float(centre[-1]),
    )
