# SPDX-License-Identifier: BSD-3-Clause
"""Which rings are good enough, cut by named cut."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.array.muons.fit import MuonRings, RingStatus
from pellucid.errors import ConfigurationError, nearest

__all__ = ["CUTS", "Cut", "select_rings"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """An interval that a quantity must lie in.

    Attributes
    ----------
    what : str
        What is cut on, with its unit.
    low, high : float
        Ends of the interval, both allowed.
    """

    what: str
    low: float
    high: float


CUTS: dict[str, Cut] = {
    "radius": Cut("radius of the ring, deg", 0.8, 1.5),
    "width": Cut("width of the ring, deg", 0.006, 0.1),
    "impact": Cut("impact over the radius of the mirror", 0.0, 0.9),
    "completeness": Cut("share of the circle with light", 0.8, 1.0),
    "containment": Cut("share of the circle inside the camera", 0.95, 1.0),
    "efficiency_error": Cut("error of the efficiency over itself", 0.0, 0.3),
    "chi2": Cut("chi2 a degree of freedom", 0.0, 3.0),
}
"""Defaults, after the selections in use for large telescopes."""


def select_rings(
    rings: MuonRings, mirror_radius: float, cuts: dict[str, Cut] | None = None
) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Return which rings pass all cuts, shape (n,), and how many each cut alone rejects.

    Parameters
    ----------
    rings : MuonRings
        Fitted rings.
    mirror_radius : float
        In m.
    cuts : dict of str to Cut, optional
        Intervals that differ from `CUTS`, by name.

    Raises
    ------
    ConfigurationError
        A cut has no such name (``unknown-cut``).
    """
    chosen = dict(CUTS)
    for name, cut in (cuts or {}).items():
        if name not in CUTS:
            raise ConfigurationError(
                f"There is no cut '{name}' on muon rings.", mend=nearest(name, list(CUTS)), code="unknown-cut"
            )
        chosen[name] = cut
    quantity: dict[str, F8] = {
        "radius": rings.of("radius"),
        "width": rings.of("width"),
        "impact": rings.impact / mirror_radius,
        "completeness": rings.completeness,
        "containment": rings.containment,
        "efficiency_error": rings.error("efficiency") / rings.of("efficiency"),
        "chi2": rings.chi2 / np.maximum(rings.degrees, 1),
    }
    bad = RingStatus.NO_RING | RingStatus.NOT_CONVERGED | RingStatus.AT_LIMIT
    kept = (rings.status & bad) == 0
    rejected = {"fit": int((~kept).sum())}
    for name, cut in chosen.items():
        passed = (quantity[name] >= cut.low) & (quantity[name] <= cut.high)
        rejected[name] = int((~passed).sum())
        kept &= passed
    return kept, rejected
