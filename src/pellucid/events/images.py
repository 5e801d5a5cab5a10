# SPDX-License-Identifier: BSD-3-Clause
"""DL1 of a batch: images, peak times, masks and the parameters of the cleaned images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.events.batch import CameraBatch

__all__ = ["PARAMETERS", "TRUE_PARAMETERS", "CameraImages"]

_F8 = np.float64
_GROUPS: tuple[tuple[str, type, tuple[str, ...]], ...] = (
    (
        "hillas",
        _F8,
        (
            "intensity", "skewness", "kurtosis", "fov_lon", "fov_lat", "r", "phi", "length",
            "length_uncertainty", "width", "width_uncertainty", "psi", "psi_uncertainty",
            "transverse_cog_uncertainty",
        ),
    ),
    ("timing", _F8, ("slope", "intercept", "deviation")),
    (
        "leakage",
        _F8,
        ("pixels_width_1", "pixels_width_2", "intensity_width_1", "intensity_width_2"),
    ),
    ("concentration", _F8, ("cog", "core", "pixel")),
    (
        "morphology",
        np.int32,
        ("n_pixels", "n_islands", "n_small_islands", "n_medium_islands", "n_large_islands"),
    ),
    ("intensity", _F8, ("max", "min", "mean", "std", "skewness", "kurtosis")),
    ("peak_time", _F8, ("max", "min", "mean", "std", "skewness", "kurtosis")),
)  # fmt: skip

PARAMETERS = np.dtype([(f"{group}_{name}", kind) for group, kind, names in _GROUPS for name in names])
"""Parameters of a cleaned image. Angles in deg (psi, phi too), slope in ns/deg, times in ns; an image
without enough pixels has NaN, and -1 in the morphology."""

TRUE_PARAMETERS = np.dtype(
    [
        (f"true_{n}", PARAMETERS[n])
        for n in PARAMETERS.names or ()
        if not n.startswith(("timing", "peak_time"))
    ]
)
"""Parameters of a simulated photo-electron image: as `PARAMETERS`, without those that need times."""


@dataclass(frozen=True, eq=False)
class CameraImages:
    """Images of one batch, rows as in the batch.

    Attributes
    ----------
    batch : CameraBatch
        What they were made from.
    selected : ndarray of bool, shape (m,)
        Rows of which one gain channel was selected per pixel: shower events. Calibration events keep
        all their channels and have no mask and no parameters.
    image : ndarray of float32, shape (m, n_channels, n_pixels)
        Charge, in photo-electrons; selected rows hold theirs in channel 0, and the array has but that
        channel where all rows are selected.
    peak_time : ndarray of float32, shape (m, n_channels, n_pixels)
        Time of the pulse from the start of the read-out window, in ns.
    filled : ndarray of uint8, shape (m, n_channels, n_pixels)
        0 for a pixel as measured; for an unusable one the ring of its hole, 1 at the edge, in which its
        charge and time were filled from its neighbours, 255 where none was near: it holds 0.
    gain_channel : ndarray of int8, shape (m, n_pixels)
        Selected channel, 0 is high gain; -1 in rows that are not selected.
    image_mask : ndarray of bool, shape (m, n_pixels)
        Pixels that survived the cleaning.
    parameters : structured ndarray of `PARAMETERS`, shape (m,)
        Parameters of the cleaned images.
    true_parameters : structured ndarray of `TRUE_PARAMETERS`, shape (m,), or None
        Parameters of the simulated photo-electrons; None where there are none.
    """

    batch: CameraBatch
    selected: npt.NDArray[np.bool_]
    image: npt.NDArray[np.float32]
    peak_time: npt.NDArray[np.float32]
    filled: npt.NDArray[np.uint8]
    gain_channel: npt.NDArray[np.int8]
    image_mask: npt.NDArray[np.bool_]
    parameters: npt.NDArray[np.void]
    true_parameters: npt.NDArray[np.void] | None
