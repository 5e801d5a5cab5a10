# SPDX-License-Identifier: BSD-3-Clause
"""Events as DRS4 chips give them: raw samples, and which capacitors they come from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Drs4Events"]

type I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Drs4Events:
    """Some events of one camera, in the order of their times.

    Attributes
    ----------
    adc : ndarray of int32, shape (n, n_channels, n_pixels, n_samples)
        Samples, in ADC counts, nothing taken off.
    first_cell : ndarray of int64, shape (n, n_channels, n_pixels)
        Capacitor of the first sample; no unit.
    time : ndarray of int64, shape (n,)
        In ns TAI; the readout's clock.
    event_id : ndarray of int64, shape (n,)
        Identifiers; no unit.
    kind : ndarray of uint8, shape (n,)
        Codes of `pellucid.events.batch.EventType`; no unit.
    """

    adc: npt.NDArray[np.int32]
    first_cell: I8
    time: I8
    event_id: I8
    kind: npt.NDArray[np.uint8]
