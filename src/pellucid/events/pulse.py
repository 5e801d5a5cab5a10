# SPDX-License-Identifier: BSD-3-Clause
"""How much of a pulse an integration window misses."""

import numpy as np
import numpy.typing as npt

from pellucid.instrument import Readout

__all__ = ["integration_correction"]


def integration_correction(readout: Readout, width: int, shift: int) -> npt.NDArray[np.float64]:
    """Factor that turns the charge in a window around the peak into the whole charge.

    The reference pulse is rebinned to the sample width with unit area; the factor is one over the part
    that falls within ``width`` samples from ``shift`` before the largest one.

    Parameters
    ----------
    readout : Readout
        Pulse shape and sampling of the telescope.
    width, shift : int
        Window, in samples.

    Returns
    -------
    ndarray of float64, shape (n_channels,)
        One factor per gain channel; 1 where the window misses the pulse.
    """
    sample = 1.0 / readout.sampling_rate
    factors = np.ones(readout.reference_pulse.shape[0])
    for channel, pulse in enumerate(readout.reference_pulse):
        duration = pulse.size * readout.reference_pulse_step
        times = np.arange(0, duration, readout.reference_pulse_step)
        edges = np.arange(0, duration, sample)
        density, _ = np.histogram(times, edges, weights=pulse, density=True)
        start = max(int(density.argmax()) - shift, 0)
        inside = density[start : start + width] * sample
        if inside.size:
            factors[channel] = 1.0 / np.sum(inside)
    return factors
