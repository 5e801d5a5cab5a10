# SPDX-License-Identifier: BSD-3-Clause
"""Silicon photomultipliers: avalanches that set off others, Gaussian charges of each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import lambertw

from pellucid.camera.spe.shape import Exponent, ShapeParameter

__all__ = ["SiliconPhotomultiplier"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SiliconPhotomultiplier:
    """Generalised Poisson counts of avalanches with `crosstalk` xi and a relative `spread` s_1 / gain.

    P(k; mu, xi) = mu (mu + k xi)^(k - 1) exp(-mu - k xi) / k! (Consul and Jain 1973, Technometrics 15, 791;
    Vinogradov 2012, NIM A 695, 247): mean mu / (1 - xi), variance mu / (1 - xi)^3. The gain is the charge of
    one avalanche; dark counts in the window add to mu.
    """

    parameters: tuple[ShapeParameter, ...] = (
        ShapeParameter("crosstalk", 0.1, 1e-4, 0.7),
        ShapeParameter("spread", 0.1, 1e-3, 0.5),
    )

    def exponent(self, frequency: F8, gain: F8, theta: F8) -> Exponent:
        """Return h = b - 1 with b = -W(-xi z exp(-xi)) / xi, z the characteristic function of an avalanche.

        W is Lambert's function, principal branch; b solves b = z exp(xi (b - 1)), hence
        db/dz = (b / z) / (1 - xi b) and db/dxi = b (b - 1) / (1 - xi b).

        Parameters
        ----------
        frequency : ndarray of float64, shape (n_frequencies,)
            Angular, per unit of charge.
        gain : ndarray of float64, shape (n_spectra,)
            In units of charge.
        theta : ndarray of float64, shape (n_spectra, 2)
            xi and s_1 / gain; no unit.
        """
        xi, spread = theta[:, :1], theta[:, 1:]
        u = frequency * gain[:, None]
        z = np.exp(1j * u - 0.5 * (spread * u) ** 2)
        b = -lambertw(-xi * z * np.exp(-xi)) / xi
        by_log_z = b / (1.0 - xi * b)
        by_xi = b * (b - 1.0) / (1.0 - xi * b)
        by_gain = by_log_z * (1j - spread**2 * u) * frequency
        return Exponent(b - 1.0, by_gain, np.stack([by_xi, -by_log_z * spread * u**2]))

    def moments(self, gain: F8, theta: F8) -> tuple[F8, F8]:
        """Return mean g / (1 - xi) and variance g^2 (xi / (1 - xi)^3 + s^2 / (1 - xi)).

        Parameters
        ----------
        gain : ndarray of float64, shape (n_spectra,)
            In units of charge.
        theta : ndarray of float64, shape (n_spectra, 2)
            xi and s_1 / gain; no unit.
        """
        xi, spread = theta.T
        return gain / (1.0 - xi), gain**2 * (xi / (1.0 - xi) ** 3 + spread**2 / (1.0 - xi))
