# SPDX-License-Identifier: BSD-3-Clause
"""What the demonstration compares: calibration, images and truth of one telescope side by side."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tables

from pellucid.camera.coefficients import CameraCalibration
from pellucid.formats.camera_calibration import read_calibration
from pellucid.instrument import Telescope
from pellucid.simulate.truth import TelescopeTruth, read_truth

__all__ = ["DemoTelescope", "load_telescope"]

_SHOWN = ("event_id", "image", "peak_time", "image_mask")


@dataclass(frozen=True, eq=False)
class DemoTelescope:
    """One telescope of the demonstration.

    Attributes
    ----------
    telescope : Telescope
        What it is.
    calibration : CameraCalibration
        What was measured of its camera.
    truth : TelescopeTruth
        What is true.
    event_id : ndarray of int64, shape (n,)
        Showers and muons.
    image, peak_time : ndarray of float32, shape (n, n_pixels)
        Reconstructed, in p.e. and ns.
    image_mask : ndarray of bool, shape (n, n_pixels)
        Pixels that survived the cleaning.
    true_image, true_time : ndarray, shape (n, n_pixels)
        Photo-electrons, and their mean arrival time in ns.
    index : structured ndarray, shape (n,)
        Truth of the events, as in `TRUTH_INDEX`.
    """

    telescope: Telescope
    calibration: CameraCalibration
    truth: TelescopeTruth
    event_id: npt.NDArray[np.int64]
    image: npt.NDArray[np.float32]
    peak_time: npt.NDArray[np.float32]
    image_mask: npt.NDArray[np.bool_]
    true_image: npt.NDArray[np.int32]
    true_time: npt.NDArray[np.float32]
    index: npt.NDArray[np.void]

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Pixels that are neither dead nor noisy in truth, shape (n_pixels,)."""
        response = self.truth.response
        return ~(response.dead | response.noisy)

    @property
    def evened_image(self) -> npt.NDArray[np.float64]:
        """True image with the light yield of the pixels evened out, in p.e., shape (n, n_pixels).

        That is what a flat-fielded camera measures.
        """
        efficiency = self.truth.response.efficiency
        return self.true_image * (efficiency[self.good].mean() / efficiency)


def load_telescope(telescope: Telescope, calibration: Path, dl1: Path, truth: Path) -> DemoTelescope:
    """Read the products of one telescope and its truth, and bring the events in one order."""
    true = read_truth(truth)
    with tables.open_file(str(dl1)) as file:
        rows = file.get_node(f"/dl1/event/telescope/images/tel_{telescope.tel_id:03d}").read()
    columns = {name: np.ascontiguousarray(rows[name]) for name in _SHOWN}
    place = np.searchsorted(true.index["event_id"], columns["event_id"])
    return DemoTelescope(
        telescope=telescope,
        calibration=read_calibration(calibration),
        truth=true,
        true_image=true.true_image[place],
        true_time=true.true_time[place],
        index=true.index[place],
        **columns,
    )
