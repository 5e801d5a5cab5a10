# SPDX-License-Identifier: BSD-3-Clause
"""The reference rate of clear nights, fitted with the exponent with which rates follow the light.

ln R_ref = sum_k a_k (ln cos z)^k + b cos A + c sin A + d (NSB - NSB_0) + one constant a class, where z and
A are zenith angle and azimuth (the geomagnetic field), and a class is a pair, a pair's kind or a
multiplicity. Where the light of the telescopes was measured, p ln s stands beside it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.array.leastsquares import Rows, Solution, solve_robustly, stack
from pellucid.errors import CorruptedInput, InsufficientStatistics, UsageError

__all__ = [
    "Conditions",
    "MeasuredLight",
    "RateReference",
    "fit_reference",
    "radians",
]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]


def radians(angle: Any, what: str = "angle") -> F8:
    """Return an angle in rad, shape (...), of a quantity that says what its unit is.

    Raises
    ------
    UsageError
        It is a bare number, or no angle (``no-unit``).
    """
    from astropy import units

    if isinstance(angle, units.Quantity) and angle.unit.is_equivalent(units.rad):
        value: F8 = np.asarray(angle.to_value(units.rad), np.float64)
        return value
    raise UsageError(
        f"The {what} has no unit of an angle.",
        expected="a quantity, e.g. 20 * astropy.units.deg",
        got=str(getattr(angle, "unit", type(angle).__name__)),
        mend="say whether degrees or radians are meant",
        code="no-unit",
    )


@dataclass(frozen=True, eq=False)
class Conditions:
    """What a rate depends on beside the air and the telescopes.

    Attributes
    ----------
    zenith, azimuth : ndarray of float64, shape (n,)
        In rad.
    night_sky : ndarray of float64, shape (n,)
        Photo-electrons of the night sky in a pixel, in MHz.
    kind : ndarray of int64, shape (n,)
        Index of the class of the pair: its kind or the multiplicity.
    """

    zenith: F8
    azimuth: F8
    night_sky: F8
    kind: Ints

    @classmethod
    def of(cls, zenith: Any, azimuth: Any, night_sky: npt.ArrayLike, kind: npt.ArrayLike = 0) -> "Conditions":
        """Make conditions from angles (Quantity), MHz and classes, which are broadcast to one shape (n,).

        Raises
        ------
        UsageError
            As `radians`.
        CorruptedInput
            One of them is not finite (``no-conditions``).
        """
        shaped = np.broadcast_arrays(
            np.atleast_1d(radians(zenith, "zenith angle")), radians(azimuth, "azimuth"), night_sky, kind
        )
        z, a, sky = (np.asarray(x, np.float64) for x in shaped[:3])
        if not (np.isfinite(z) & np.isfinite(a) & np.isfinite(sky)).all():
            raise CorruptedInput(
                "A rate is given without what it depends on.",
                expected="zenith angle, azimuth and night sky of every slice with live time",
                got=f"{int((~(np.isfinite(z) & np.isfinite(a))).sum())} without direction, "
                f"{int((~np.isfinite(sky)).sum())} without night sky",
                mend="leave such slices out, or give the camera's calibration, which tells the night sky",
                code="no-conditions",
            )
        return cls(z, a, sky, np.asarray(shaped[3], np.int64))


@dataclass(frozen=True, eq=False)
class MeasuredLight:
    """Light of the two telescopes of each pair, such as muon efficiency times gain, as it was measured.

    One measurement serves many slices, whose rates share its error.

    Attributes
    ----------
    value : ndarray of float64, shape (n, 2)
        Over that of the epoch of the reference, dimensionless.
    source : ndarray of int64, shape (n, 2)
        Index of the measurement of each.
    error : ndarray of float64, shape (n_measurements,)
        Relative standard error of each measurement; 0 where the light is taken to be known.
    weight : ndarray of float64, shape (n,), optional
        Share of the first telescope in how the rate follows the light, dimensionless; 1/2 where not given.
    """

    value: F8
    source: Ints
    error: F8
    weight: F8 | None = None

    @property
    def shares(self) -> F8:
        """Shares of both telescopes, dimensionless, shape (n, 2)."""
        first = np.full(len(self.value), 0.5) if self.weight is None else self.weight
        return np.stack([first, 1.0 - first], axis=1)


@dataclass(frozen=True, eq=False)
class RateReference:
    """A fitted reference.

    Attributes
    ----------
    coefficient : ndarray of float64, shape (n_coefficients,)
        Constants of the classes (of ln Hz), powers of ln cos z, cos A, sin A, night sky (1/MHz); and last,
        where it was fitted, the exponent of the light.
    covariance : ndarray of float64, shape (n_coefficients, n_coefficients)
        Of them, widened by sqrt(chi2/ndf) where that is above 1.
    classes, powers : int
        Number of classes, and the highest power.
    night_sky : float
        Mean night sky, in MHz.
    zenith : tuple of float
        Range of zenith angles it was fitted in, in rad.
    chi2, ndf :
        Of the fit.
    n : int
        Slices behind it.
    """

    coefficient: F8
    covariance: F8
    classes: int
    powers: int
    night_sky: float
    zenith: tuple[float, float]
    chi2: float
    ndf: int
    n: int

    @property
    def exponent(self) -> tuple[float, float] | None:
        """Exponent of the rate in the light with its error; None where it was not fitted."""
        if self.coefficient.size == self.classes + self.powers + 3:
            return None
        return float(self.coefficient[-1]), float(np.sqrt(self.covariance[-1, -1]))

    @property
    def zenith_powers(self) -> F8:
        """Coefficients of powers of ln cos z in ln rate, dimensionless, shape (powers,)."""
        return self.coefficient[self.classes : self.classes + self.powers]

    def rate(self, conditions: Conditions) -> tuple[F8, F8]:
        """Return the reference rate in Hz and its relative error, shape (n,) each.

        Raises
        ------
        InsufficientStatistics
            A zenith angle lies outside those of the fit by more than 1 deg (``outside-reference``), or a
            class is unknown.
        """
        low, high = self.zenith
        margin = np.deg2rad(1.0)
        inside = (conditions.zenith > low - margin) & (conditions.zenith < high + margin)
        if not (inside & (conditions.kind < self.classes)).all():
            raise InsufficientStatistics(
                "The reference rate is not known under these conditions.",
                expected=f"zenith {np.rad2deg(low):.1f} to {np.rad2deg(high):.1f} deg, "
                f"{self.classes} classes",
                got=f"zenith up to {np.rad2deg(conditions.zenith.max()):.1f} deg, "
                f"class {conditions.kind.max()}",
                mend="fit the reference on clear nights that cover them",
                code="outside-reference",
            )
        index, design = _terms(conditions, self.classes, self.powers, self.night_sky)
        block = self.covariance[index[:, :, None], index[:, None, :]]
        variance = np.einsum("na,nab,nb->n", design, block, design)
        rate: F8 = np.exp((design * self.coefficient[index]).sum(axis=1))
        return rate, np.sqrt(variance)


def _terms(c: Conditions, classes: int, powers: int, night_sky: float) -> tuple[Ints, F8]:
    """Return which coefficients each rate has, and what they are multiplied with; of its class one alone."""
    depth = np.log(np.cos(c.zenith))
    columns = [np.ones(c.kind.size)]
    columns += [depth ** (k + 1) for k in range(powers)]
    # at zenith there is no azimuth: its term fades with the sine
    tilt = np.sin(c.zenith)
    columns += [tilt * np.cos(c.azimuth), tilt * np.sin(c.azimuth), c.night_sky - night_sky]
    shared = np.broadcast_to(classes + np.arange(powers + 3), (c.kind.size, powers + 3))
    return np.concatenate([c.kind[:, None], shared], axis=1), np.stack(columns, axis=1)


def fit_reference(
    conditions: Conditions,
    count: F8,
    live_time: F8,
    *,
    powers: int = 2,
    light: MeasuredLight | None = None,
    exponent: float = 0.0,
) -> RateReference:
    """Fit the reference on slices of clear nights, or of simulations.

    Weighted least squares in ln(rate), robust against clouds that were missed. Errors of the light are
    unknowns of the fit with the measurements' errors as priors.

    Parameters
    ----------
    conditions : Conditions
        Of n slices.
    count : ndarray of float64, shape (n,)
        Events, a number.
    live_time : ndarray of float64, shape (n,)
        In s.
    powers : int
        Highest power of ln cos z.
    light : MeasuredLight, optional
        Of the telescopes; that of the epoch of the reference where not given.
    exponent : float
        With which the rate follows the light; with 0 it is fitted, where the light is given.

    Raises
    ------
    InsufficientStatistics
        The slices do not tell every coefficient (``too-few-conditions``), or have no events.
    """
    if not ((count > 0.0) & (live_time > 0.0)).all():
        raise InsufficientStatistics(
            "A slice has no events or no live time.",
            expected="both above 0",
            got=f"least count {count.min()}, least live time {live_time.min()} s",
            mend="leave such slices out",
            code="no-events",
        )
    classes, sky = int(conditions.kind.max()) + 1, float(conditions.night_sky.mean())
    index, design = _terms(conditions, classes, powers, sky)
    rows = Rows(index, design, np.log((count + 0.5) / live_time), 1.0 / (count + 0.5))
    size = classes + powers + 3
    if light is None:
        found = solve_robustly(rows, size)
    else:
        size += exponent == 0.0
        found = _with_light(rows, size, light, exponent)
    if not found.identified[:size].all():
        raise InsufficientStatistics(
            "The slices do not tell every dependence of the rate.",
            expected=f"{size} coefficients",
            got=f"{int(found.identified[:size].sum())}",
            mend="add slices at other zenith angles, azimuths, brightness of the sky and light of the "
            "telescopes, or take fewer powers and a known exponent",
            code="too-few-conditions",
        )
    wider = max(1.0, found.chi2 / max(found.ndf, 1))
    span = float(conditions.zenith.min()), float(conditions.zenith.max())
    own = found.covariance[:size, :size] * wider
    return RateReference(
        found.value[:size], own, classes, powers, sky, span, found.chi2, found.ndf, count.size
    )


def _with_light(rows: Rows, size: int, light: MeasuredLight, exponent: float) -> Solution:
    """Solve with what the light adds: p ln s of both telescopes, p times the errors of its measurements."""
    n, both = rows.value.size, (light.shares * np.log(light.value)).sum(axis=1)
    errors = np.flatnonzero(light.error > 0.0)
    place = np.full(light.error.size, -1)
    place[errors] = size + np.arange(errors.size)
    own = place[light.source]
    index = np.concatenate([rows.index, np.maximum(own, 0)], axis=1)
    coefficient = np.concatenate([rows.coefficient, np.where(own >= 0, light.shares, 0.0)], axis=1)
    value = rows.value - exponent * both
    if exponent == 0.0:
        index = np.column_stack([index, np.full(n, size - 1)])
        coefficient = np.column_stack([coefficient, both])
    whole = Rows(index, coefficient, value, rows.variance)

    def solved(p: float) -> Solution:
        variance = (p * light.error[errors]) ** 2
        prior = Rows(place[errors][:, None], np.ones((errors.size, 1)), np.zeros(errors.size), variance)
        return solve_robustly(stack(whole, prior) if errors.size else whole, size + errors.size)

    found = solved(exponent or 1.7)
    # the prior of an error is p times that of the light: once more with the exponent found
    again = exponent == 0.0 and bool(found.identified[size - 1]) and found.value[size - 1] > 0.0
    return solved(float(found.value[size - 1])) if again else found
