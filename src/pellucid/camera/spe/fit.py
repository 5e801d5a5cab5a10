# SPDX-License-Identifier: BSD-3-Clause
"""Gain from charges of few photo-electrons, for all sensors of a camera at once."""

from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.camera.spe.photomultiplier import Photomultiplier
from pellucid.camera.spe.scoring import Constraint, Problem, Solution, solve
from pellucid.camera.spe.shape import Shape
from pellucid.camera.spe.spectra import Spectra

__all__ = ["SpeFit", "SpeStatus", "fit_histograms", "fit_spectra"]

type F8 = npt.NDArray[np.float64]

_LIMIT = 0.02
"""Share of a parameter's range that counts as its end."""

_EXPECTED = 5.0
"""Charges expected in a bin for it to enter chi2 by itself; all others enter as one."""


class SpeStatus(IntFlag):
    """What is the matter with a fit; 0 is nothing."""

    GOOD = 0
    NOT_CONVERGED = 1
    """The likelihood still rose after the last iteration."""
    AT_LIMIT = 2
    """A parameter of the shape is at the end of its range: its error, and the gain's, mean little."""
    BAD_FIT = 4
    """The model does not describe the spectrum: see `SpeFit.p_value`."""
    OWN_SHAPE = 8
    """The shape that other pixels share does not describe the spectrum: it was fitted by itself."""
    FEW_CHARGES = 16
    """Not read out, or too rarely: there is no fit."""
    NO_LIGHT = 32
    """No charges stand out of the noise (dead, unlit or too noisy): there is no fit."""


@dataclass(frozen=True, eq=False)
class SpeFit:
    """Single photo-electrons of a camera.

    Attributes
    ----------
    gain, gain_error : ndarray of float64, shape (n_spectra,)
        Mean charge of a photo-electron (photomultiplier) or charge of an avalanche (silicon), in units of
        charge.
    light, light_error : ndarray of float64, shape (n_spectra,)
        Mean photo-electrons of a flash; no unit.
    covariance : ndarray of float64, shape (n_spectra,)
        Of gain and light, in units of charge.
    pedestal, pedestal_error, noise, noise_error : ndarray of float64, shape (n_spectra,)
        Mean and width of the charge without light, in units of charge.
    theta, theta_error : ndarray of float64, shape (n_spectra, n_parameters)
        The shape's parameters, in the order of `parameters`; no unit.
    parameters : tuple of str
        Their names.
    excess : ndarray of float64, shape (n_spectra,)
        Excess noise factor F^2 = 1 + variance / mean^2 of one photo-electron; no unit.
    chi2 : ndarray of float64, shape (n_spectra,)
        Of the histogram against the model; no unit.
    degrees : ndarray of int64, shape (n_spectra,)
        Its degrees of freedom, as if all parameters were a spectrum's own; no unit.
    p_value : ndarray of float64, shape (n_spectra,)
        Probability of a larger chi2; no unit.
    n : ndarray of int64, shape (n_spectra,)
        Charges behind each.
    status : ndarray of uint8, shape (n_spectra,)
        Codes of `SpeStatus`.
    """

    gain: F8
    gain_error: F8
    light: F8
    light_error: F8
    covariance: F8
    pedestal: F8
    pedestal_error: F8
    noise: F8
    noise_error: F8
    theta: F8
    theta_error: F8
    parameters: tuple[str, ...]
    excess: F8
    chi2: F8
    degrees: npt.NDArray[np.int64]
    p_value: F8
    n: npt.NDArray[np.int64]
    status: npt.NDArray[np.uint8]

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Spectra whose gain may be relied on: fitted, converged and described, shape (n_spectra,)."""
        own = np.uint8(SpeStatus.OWN_SHAPE)
        usable: npt.NDArray[np.bool_] = (self.status | own) == own
        return usable

    def select(self, spectra: slice) -> "SpeFit":
        """Return the fit of some of the spectra."""
        parts: dict[str, Any] = {k: v[spectra] for k, v in self.__dict__.items() if k != "parameters"}
        return replace(self, **parts)

    def placed(self, spectra: npt.NDArray[np.intp], status: npt.NDArray[np.uint8]) -> "SpeFit":
        """Return the fit among others that have none.

        Parameters
        ----------
        spectra : ndarray of intp, shape (n_spectra,)
            Where each goes; no unit.
        status : ndarray of uint8, shape (n,)
            Codes of `SpeStatus` that say why the others have none; these have NaN.
        """
        parts: dict[str, Any] = {}
        for name, values in self.__dict__.items():
            if name != "parameters":
                nothing = np.nan if values.dtype.kind == "f" else 0
                parts[name] = np.full((status.size, *values.shape[1:]), nothing, values.dtype)
                parts[name][spectra] = values
        parts["status"] |= status
        return replace(self, **parts)


def fit_spectra(
    charges: F8,
    shape: Shape | None = None,
    *,
    group: npt.NDArray[np.intp] | None = None,
    dark: F8 | None = None,
    quantum: float = 0.0,
    minimum: int = 1000,
    least_p_value: float = 1e-4,
) -> SpeFit:
    """Fit spectra of few photo-electrons by binned maximum likelihood.

    Parameters
    ----------
    charges : ndarray of float64, shape (n_events, n_spectra)
        Charges of faint flashes (0.1 to 2 photo-electrons; more with `dark`); NaN is no charge.
    shape : Shape, optional
        Response to one photo-electron; `Photomultiplier` where not given.
    group : ndarray of intp, shape (n_spectra,), optional
        Spectra of one number share the shape: pixels of one type of tube, or one pixel at several voltages
        (numbers from 0, without gaps; no unit). Where not given, each spectrum has its own.
    dark : ndarray of float64, shape (m_events, n_spectra), optional
        Charges of a run without light, in units of charge: known pedestals.
    quantum : float
        Step between possible charges, in units of charge.
    minimum : int
        Charges that each spectrum must have.
    least_p_value : float
        Below it a fit is called bad.

    Returns
    -------
    SpeFit
        One entry per spectrum.

    Raises
    ------
    InsufficientStatistics
        A spectrum has fewer charges than the minimum (``too-few-events``).
    """
    spectra = Spectra.of(charges, quantum=quantum, minimum=minimum)
    return fit_histograms(spectra, shape, group=group, dark=dark, least_p_value=least_p_value)


def fit_histograms(
    spectra: Spectra,
    shape: Shape | None = None,
    *,
    group: npt.NDArray[np.intp] | None = None,
    dark: F8 | None = None,
    least_p_value: float = 1e-4,
) -> SpeFit:
    """Fit spectra that are filled already, as `fit_spectra` does, in their units of charge.

    Parameters
    ----------
    spectra : Spectra
        Histograms.
    shape, group, dark, least_p_value
        As for `fit_spectra`, shapes as there.
    """
    shape = shape or Photomultiplier()
    if group is None:
        group = np.arange(spectra.width.size)
    constraint = _known(dark, spectra)
    problem = Problem(spectra.counts, group, shape, constraint)
    own, shared = _start(problem, spectra)
    return _result(problem, spectra, solve(problem, own, shared), least_p_value)


def _known(dark: F8 | None, spectra: Spectra) -> Constraint:
    n = spectra.width.size
    if dark is None:
        return Constraint(np.zeros((n, 2)), np.full((n, 2), np.inf))
    events = np.isfinite(dark).sum(axis=0)
    mean, std = np.nanmean(dark, axis=0), np.nanstd(dark, axis=0, ddof=1)
    value = np.stack([(mean - spectra.first) / spectra.width, np.log(std / spectra.width)], axis=1)
    error = np.stack([std / np.sqrt(events) / spectra.width, 1.0 / np.sqrt(2.0 * (events - 1.0))], axis=1)
    return Constraint(value, error)


def _start(problem: Problem, spectra: Spectra) -> tuple[F8, F8]:
    """Begin where half the pedestal's events lie left of it, and where mean and light give the gain."""
    pedestal = (spectra.pedestal - spectra.first) / spectra.width
    noise = spectra.noise / spectra.width
    if np.isfinite(problem.constraint.error).all():
        pedestal, noise = problem.constraint.value[:, 0], np.exp(problem.constraint.value[:, 1])
    n = problem.counts.sum(axis=1)
    left = (problem.counts * (np.arange(problem.counts.shape[1]) < pedestal[:, None])).sum(axis=1)
    light = -np.log(np.clip(2.0 * left / n, 0.005, 0.98))
    theta = np.tile([p.start for p in problem.shape.parameters], (n.size, 1))
    mean, _ = problem.shape.moments(np.ones(n.size), theta)
    signal = (spectra.mean - spectra.first) / spectra.width - pedestal
    gain = np.maximum(signal / light / mean, 0.5 * noise)
    own = np.stack([pedestal, np.log(noise), np.log(light), np.log(gain)], axis=1)
    return own, theta[: problem.n_groups]


def _result(problem: Problem, spectra: Spectra, solution: Solution, least_p_value: float) -> SpeFit:
    width = spectra.width
    pedestal, noise = solution.own[:, 0] * width + spectra.first, np.exp(solution.own[:, 1]) * width
    light, gain = np.exp(solution.own[:, 2]), np.exp(solution.own[:, 3]) * width
    covariance = solution.own_covariance
    error = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    theta = solution.shared[problem.group]
    mean, variance = problem.shape.moments(gain, theta)
    size = solution.own.shape[1] + theta.shape[1]
    chi2, degrees, p_value = _goodness(problem.counts, solution.probability, size)
    low = np.array([p.low for p in problem.shape.parameters])
    high = np.array([p.high for p in problem.shape.parameters])
    inside = (theta - low) / (high - low)
    status = np.where(solution.converged[problem.group], 0, SpeStatus.NOT_CONVERGED)
    status |= np.where((np.abs(inside - 0.5) > 0.5 - _LIMIT).any(axis=1), SpeStatus.AT_LIMIT, 0)
    status |= np.where(p_value < least_p_value, SpeStatus.BAD_FIT, 0)
    shape_error = np.sqrt(np.diagonal(solution.shared_covariance, axis1=1, axis2=2))
    return SpeFit(
        gain=gain,
        gain_error=gain * error[:, 3],
        light=light,
        light_error=light * error[:, 2],
        covariance=gain * light * covariance[:, 2, 3],
        pedestal=pedestal,
        pedestal_error=width * error[:, 0],
        noise=noise,
        noise_error=noise * error[:, 1],
        theta=theta,
        theta_error=shape_error[problem.group],
        parameters=tuple(p.name for p in problem.shape.parameters),
        excess=1.0 + variance / mean**2,
        chi2=chi2,
        degrees=degrees,
        p_value=p_value,
        n=problem.counts.sum(axis=1),
        status=status.astype(np.uint8),
    )


def _goodness(
    counts: npt.NDArray[np.int64], probability: F8, n_parameters: int
) -> tuple[F8, npt.NDArray[np.int64], F8]:
    from scipy.stats import chi2 as distribution

    expected = probability * counts.sum(axis=1, keepdims=True)
    alone = expected >= _EXPECTED
    terms = np.where(alone, (counts - expected) ** 2 / np.where(alone, expected, 1.0), 0.0)
    rest = np.where(alone, 0.0, expected).sum(axis=1)
    rest_counts = np.where(alone, 0, counts).sum(axis=1)
    chi2 = terms.sum(axis=1) + (rest_counts - rest) ** 2 / np.maximum(rest, 1.0)
    degrees = np.maximum(1, alone.sum(axis=1) - n_parameters)
    return chi2, degrees, distribution.sf(chi2, degrees)
