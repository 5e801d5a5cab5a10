# SPDX-License-Identifier: BSD-3-Clause
"""What one photo-electron leaves in a sensor, as the fit of spectra needs it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Exponent", "Shape", "ShapeParameter"]

type F8 = npt.NDArray[np.float64]
type C16 = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class ShapeParameter:
    """One parameter of a shape, which sensors or voltages may share.

    Attributes
    ----------
    name : str
        As in the literature.
    start : float
        Where a fit begins; no unit.
    low, high : float
        The open interval of its values; no unit.
    error : float
        How well the start is known beforehand, e.g. the scatter among tubes of one type; no unit. A single
        spectrum hardly tells p and n of a photomultiplier: share them in a group, or give what is known.
    """

    name: str
    start: float
    low: float
    high: float
    error: float = np.inf


@dataclass(frozen=True, eq=False)
class Exponent:
    """Logarithm of the characteristic function of the light's charge, for one photo-electron on average.

    Attributes
    ----------
    value : ndarray of complex128, shape (n_spectra, n_frequencies)
        h, where exp(lambda h) is the characteristic function for lambda photo-electrons; no unit.
    by_gain : ndarray of complex128, shape (n_spectra, n_frequencies)
        dh / dgain, per unit of charge.
    by_shape : ndarray of complex128, shape (n_parameters, n_spectra, n_frequencies)
        dh by each parameter of the shape; no unit.
    """

    value: C16
    by_gain: C16
    by_shape: C16


class Shape(Protocol):
    """A family of responses to one photo-electron."""

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """Parameters of the family, in the order of all arrays."""

    def exponent(self, frequency: F8, gain: F8, theta: F8) -> Exponent:
        """Return h and its derivatives.

        Parameters
        ----------
        frequency : ndarray of float64, shape (n_frequencies,)
            Angular, per unit of charge.
        gain : ndarray of float64, shape (n_spectra,)
            In units of charge.
        theta : ndarray of float64, shape (n_spectra, n_parameters)
            Parameters of the shape; no unit.
        """

    def moments(self, gain: F8, theta: F8) -> tuple[F8, F8]:
        """Return mean and variance of the charge that one photo-electron causes on average.

        Parameters
        ----------
        gain : ndarray of float64, shape (n_spectra,)
            In units of charge.
        theta : ndarray of float64, shape (n_spectra, n_parameters)
            Parameters of the shape; no unit.

        Returns
        -------
        tuple of ndarray of float64, shape (n_spectra,)
            Mean, in units of charge, and variance, in their square.
        """
