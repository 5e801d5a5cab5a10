# SPDX-License-Identifier: BSD-3-Clause
"""Calibration of one camera: all estimates together, and the coefficients that follow from them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.badpixels import Reason, robust_deviation
from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.gain import Gain
from pellucid.camera.pedestal import Pedestal

__all__ = ["CameraCalibration", "flat_factor"]


@dataclass(frozen=True, eq=False)
class CameraCalibration:
    """All that calibration events tell about a camera.

    Attributes
    ----------
    tel_id : int
        Telescope.
    pedestal : Pedestal
        Baselines and noise.
    flatfield : Flatfield
        Charges of flashes.
    gain : Gain
        Gains and photo-electrons by the F-factor method.
    factor : Estimate
        Photo-electrons per ADC count and sample, light yield of the pixels evened out.
    time_offset : Estimate
        How much later than the camera's median a pixel is, in ns; to be subtracted.
    reasons : ndarray of uint8, shape (n_channels, n_pixels)
        Codes of `Reason`; 0 is a good pixel.
    """

    tel_id: int
    pedestal: Pedestal
    flatfield: Flatfield
    gain: Gain
    factor: Estimate
    time_offset: Estimate
    reasons: npt.NDArray[np.uint8]

    @property
    def unusable(self) -> npt.NDArray[np.bool_]:
        """Pixels without a signal worth using, shape (n_channels, n_pixels).

        A bad number of photo-electrons alone does not make a pixel unusable: its charge is right.
        """
        fatal = np.uint8(Reason.DEAD | Reason.NOISY | Reason.CHARGE | Reason.TIME)
        unusable: npt.NDArray[np.bool_] = (self.reasons & fatal) != 0
        return unusable


def flat_factor(flatfield: Flatfield, gain: Gain) -> Estimate:
    """Photo-electrons per ADC count that make equal light equal: mean over the camera of N, over Q.

    The number N of the first channel serves all channels: they see the same photo-electrons, and the
    low gain's own N is spoilt by noise. Pixels more than 5 robust standard deviations from the median
    are left out of the mean. Error: those of Q and of the mean, s / sqrt(n_pixels), in quadrature; the
    latter is common to all pixels.

    Parameters
    ----------
    flatfield : Flatfield
        Charges Q.
    gain : Gain
        Photo-electrons N.

    Returns
    -------
    Estimate
        Shape (n_channels, n_pixels), in photo-electrons per ADC count and sample; NaN without signal.
    """
    number = gain.photoelectrons.value[0]
    seen = np.isfinite(number)[None]
    good = number[np.abs(robust_deviation(number[None], ~seen)[0]) <= 5.0]
    mean = float(good.mean())
    common = float(good.std()) / np.sqrt(good.size) / mean
    charge = flatfield.charge
    seen = charge.value > 5.0 * charge.error
    status = np.where(seen, Status.GOOD, Status.NO_SIGNAL).astype(np.uint8)
    q = np.where(seen, charge.value, np.nan)
    factor = mean / q
    return Estimate(factor, np.abs(factor) * np.hypot(charge.error / q, common), charge.n, status)
