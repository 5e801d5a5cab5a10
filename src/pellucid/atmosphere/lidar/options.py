# SPDX-License-Identifier: BSD-3-Clause
"""What an analysis is made of: channels, and how it is asked for."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.signal import Signal
from pellucid.atmosphere.molecular import MolecularOptics

__all__ = ["AnalysisOptions", "Channel"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Channel:
    """A channel: its counts, and the molecules at its wavelength and bins."""

    signal: Signal
    optics: MolecularOptics


@dataclass(frozen=True)
class AnalysisOptions:
    """How profiles are made; lengths are ranges in m.

    Attributes
    ----------
    start, stop : float
        From full overlap to the end.
    reference : tuple of float
        Where to look for clean air.
    reference_error : float
        Aerosol that clean air may hold, 1/(m sr).
    lidar_ratio : float or ndarray of float64, shape (n_bins,)
        Of the aerosol for the elastic solution, in sr.
    lidar_ratio_error : float
        Common to all bins, in sr.
    column : tuple of float, or None
        Optical depth of all aerosol along the line of sight, as a photometer or the stars tell it, and its
        error: it then fixes the lidar ratio of the elastic solution, or scales its profile.
    angstrom, angstrom_error : float
        Exponent k of the aerosol between elastic and Raman wavelength; in clouds it is 0.
    slab : float
        Of the optical depth.
    draws : int
        Bootstrap draws of the noise of the elastic solution.
    seed : int
        Of the draws.
    """

    start: float = 400.0
    stop: float = 18000.0
    reference: tuple[float, float] = (3000.0, 18000.0)
    reference_error: float = 1e-8
    lidar_ratio: float | F8 = 50.0
    lidar_ratio_error: float = 15.0
    column: tuple[float, float] | None = None
    angstrom: float = 1.0
    angstrom_error: float = 0.5
    slab: float = 300.0
    draws: int = 20
    seed: int = 1
