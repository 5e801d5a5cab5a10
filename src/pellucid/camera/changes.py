# SPDX-License-Identifier: BSD-3-Clause
"""What changed in a camera from one calibration to another."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.coefficients import CameraCalibration
from pellucid.camera.robust import robust_deviation
from pellucid.errors import CorruptedInput

__all__ = ["CameraChanges", "camera_changes"]

type F8 = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CameraChanges:
    """Differences between two calibrations of one camera, first channel.

    Attributes
    ----------
    gain, gain_error : float
        Median ratio of the gains, new over old, less 1, and its error; dimensionless.
    relative_gain : ndarray of float64, shape (n_pixels,)
        Ratio of each pixel's gain over the median ratio, less 1, dimensionless; NaN where there is none.
    deviation : ndarray of float64, shape (n_pixels,)
        The same in standard errors.
    baseline : ndarray of float64, shape (n_pixels,)
        Change of the baseline, in ADC counts.
    time : ndarray of float64, shape (n_pixels,)
        Change of the time offset, in ns.
    worse, mended : ndarray of bool, shape (n_pixels,)
        Pixels that became unusable, and usable again.
    moved : ndarray of bool, shape (n_pixels,)
        Usable pixels whose gain, baseline or time changed more than the camera's, mask.
    """

    gain: float
    gain_error: float
    relative_gain: F8
    deviation: F8
    baseline: F8
    time: F8
    worse: Bools
    mended: Bools
    moved: Bools


def camera_changes(old: CameraCalibration, new: CameraCalibration, cut: float = 5.0) -> CameraChanges:
    """Compare two calibrations.

    What all gains do together is told apart from what single pixels do. A pixel moved where its gain
    differs by more than the cut in errors, or baseline or time by more than the cut in robust standard
    deviations of the camera.

    Parameters
    ----------
    old, new : CameraCalibration
        Of one camera.
    cut : float
        When a change counts.

    Raises
    ------
    CorruptedInput
        They are of two cameras (``other-camera``).
    """
    if (old.tel_id, old.camera) != (new.tel_id, new.camera):
        raise CorruptedInput(
            "The calibrations are of two cameras.",
            expected=f"telescope {new.tel_id}, camera {new.camera[:12]}",
            got=f"telescope {old.tel_id}, camera {old.camera[:12]}",
            code="other-camera",
        )
    was, now = old.unusable.any(axis=0), new.unusable.any(axis=0)
    both = ~(was | now)
    before, after = old.gain.gain, new.gain.gain
    ratio = np.where(both, after.value[0] / before.value[0], np.nan)
    error = ratio * np.hypot(after.error[0] / after.value[0], before.error[0] / before.value[0])
    there = np.isfinite(ratio)
    middle = float(np.nanmedian(ratio)) if there.any() else np.nan
    # of a median of n Gaussian numbers
    scatter = 1.2533 * float(np.nanmean(error)) / np.sqrt(there.sum()) if there.any() else np.nan
    relative = ratio / middle - 1.0
    # in the logarithm, errors are those of relative changes, however large these are
    deviation = np.log(ratio / middle) * ratio / error
    baseline = np.where(both, new.pedestal.baseline.value[0] - old.pedestal.baseline.value[0], np.nan)
    time = np.where(both, new.time_offset.value[0] - old.time_offset.value[0], np.nan)
    moved = np.abs(deviation) > cut
    for values in (baseline, time):
        moved |= np.abs(robust_deviation(values[None], ~both[None])[0]) > cut
    return CameraChanges(
        gain=middle - 1.0,
        gain_error=scatter,
        relative_gain=relative,
        deviation=deviation,
        baseline=baseline,
        time=time,
        worse=now & ~was,
        mended=was & ~now,
        moved=moved & both,
    )
