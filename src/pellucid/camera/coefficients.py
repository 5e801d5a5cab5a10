# SPDX-License-Identifier: BSD-3-Clause
"""Calibration of one camera: all estimates together, and the coefficients that follow from them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.badpixels import PixelFaults
from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.gain import Gain
from pellucid.camera.illumination import Illumination
from pellucid.camera.pedestal import Pedestal
from pellucid.camera.robust import robust_deviation

__all__ = ["CameraCalibration", "flat_factor"]


@dataclass(frozen=True, eq=False)
class CameraCalibration:
    """All that calibration events tell about a camera.

    Attributes
    ----------
    tel_id : int
        Telescope.
    camera : str
        Fingerprint of the camera's geometry.
    applied : int
        Number of the calibration that the camera had applied to the samples already; 0 for raw samples.
    start, stop : int
        Times of the first event and just after the last, in ns TAI.
    pedestal : Pedestal
        Baselines and noise.
    flatfield : Flatfield
        Charges of flashes.
    gain : Gain
        Gains and photo-electrons by the F-factor method.
    factor : Estimate
        Photo-electrons per ADC count and sample, light yield of the pixels evened out.
    light_yield : Estimate
        Light yield of the pixels relative to the median, shape (1, n_pixels), dimensionless.
    time_offset : Estimate
        How much later than the camera's median a pixel is, in ns; to be subtracted.
    sky : Estimate
        Night sky, in photo-electrons per ns; no rows where there are no pedestals without light.
    faults : PixelFaults
        Bad pixels.
    illumination : Illumination or None
        Profile of the flasher that was divided out; None where none was fitted.
    """

    tel_id: int
    camera: str
    applied: int
    start: int
    stop: int
    pedestal: Pedestal
    flatfield: Flatfield
    gain: Gain
    factor: Estimate
    light_yield: Estimate
    time_offset: Estimate
    sky: Estimate
    faults: PixelFaults
    illumination: Illumination | None = None

    @property
    def reasons(self) -> npt.NDArray[np.uint16]:
        """Codes of `Reason`, shape (n_channels, n_pixels); 0 is a good pixel."""
        return self.faults.reasons

    @property
    def unusable(self) -> npt.NDArray[np.bool_]:
        """Pixels without a signal worth using, shape (n_channels, n_pixels).

        A bad number of photo-electrons alone does not make a pixel unusable: its charge is right.
        """
        return self.faults.unusable


def flat_factor(flatfield: Flatfield, gain: Gain, illumination: Illumination | None = None) -> Estimate:
    """Photo-electrons per ADC count that make equal light equal: mean over the camera of N / A, times A / Q.

    A is the flasher's profile, so that what is the flasher's does not get into the pixels' yield. The
    number N of the first channel serves all channels: they see the same photo-electrons, and the low
    gain's own N is spoilt by noise. Pixels more than 5 robust standard deviations from the median are
    left out of the mean. Error: those of Q, of A and of the mean, s / sqrt(n_pixels), in quadrature; the
    latter is common to all pixels.

    Parameters
    ----------
    flatfield : Flatfield
        Charges Q.
    gain : Gain
        Photo-electrons N.
    illumination : Illumination, optional
        Profile A; an even one where not given.

    Returns
    -------
    Estimate
        Shape (n_channels, n_pixels), in photo-electrons per ADC count and sample; NaN without signal.
    """
    charge = flatfield.charge
    n_pixels = charge.value.shape[1]
    profile, blur = np.ones(n_pixels), np.zeros(n_pixels)
    if illumination is not None:
        profile, blur = illumination.profile, illumination.error / illumination.profile
    number = gain.photoelectrons.value[0] / profile
    seen = np.isfinite(number)[None]
    good = number[np.abs(robust_deviation(number[None], ~seen)[0]) <= 5.0]
    mean = float(good.mean()) if good.size else np.nan
    common = float(good.std()) / np.sqrt(good.size) / mean if good.size else np.nan
    lit = (charge.value > 5.0 * charge.error) & np.isfinite(mean)
    status = np.where(lit, charge.status, charge.status | Status.NO_SIGNAL).astype(np.uint8)
    q = np.where(lit, charge.value, np.nan)
    factor = mean * profile / q
    error = np.abs(factor) * np.sqrt((charge.error / q) ** 2 + blur**2 + common**2)
    return Estimate(factor, error, charge.n, status)
