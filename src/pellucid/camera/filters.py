# SPDX-License-Identifier: BSD-3-Clause
"""A filter scan of a camera: flashes of several brightnesses, and what fluctuates beside their light."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.brightness import FilterScan, filter_scan, require_filters
from pellucid.camera.calibration_events import CalibrationEvents
from pellucid.camera.calibrator import CalibrationOptions, calibrate_spans
from pellucid.errors import CorruptedInput
from pellucid.instrument import Telescope

__all__ = ["FilterCalibration", "calibrate_filters"]

type Source = Callable[[], Iterator[CalibrationEvents]]

_ALL_TIME = (0, 2**63 - 1)


@dataclass(frozen=True, eq=False)
class FilterCalibration:
    """A filter scan of one camera.

    Attributes
    ----------
    tel_id, camera, applied, start, stop
        As of `pellucid.camera.coefficients.CameraCalibration`.
    scan : FilterScan
        Fit of every pixel.
    charge, variance : ndarray of float64, shape (n_filters, n_channels, n_pixels)
        What was fitted: charges of the flashes, and their variances without the pedestals', in ADC counts
        times samples and their square.
    """

    tel_id: int
    camera: str
    applied: int
    start: int
    stop: int
    scan: FilterScan
    charge: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


def calibrate_filters(
    telescope: Telescope, filters: Sequence[Source], options: CalibrationOptions
) -> FilterCalibration:
    """Fit var(q) = G F^2 Q + B^2 Q^2 of every pixel, as `pellucid.camera.brightness.filter_scan` does.

    Parameters
    ----------
    telescope : Telescope
        Whose camera it is.
    filters : sequence of callable
        One for each filter: yields flashes of one brightness, and pedestals, from the start at each call.
    options : CalibrationOptions
        Window and minima, for each filter.

    Raises
    ------
    ConfigurationError
        There are fewer than three filters (``too-few-filters``).
    CorruptedInput
        The filters' events are in different states (``mixed-events``); and as `calibrate_spans`.
    MissingInput, InsufficientStatistics
        As `calibrate_spans`, for any of the filters.
    """
    require_filters(len(filters))
    made = []
    for events in filters:
        found = calibrate_spans(telescope, events, [_ALL_TIME], options)
        made += [c for c in found if c is not None]
    if len(states := {c.applied for c in made}) > 1:
        raise CorruptedInput(
            "The filters' events are in different states.",
            expected="all raw, or all calibrated in the camera with one set of coefficients",
            got=f"calibrations number {sorted(states)}",
            mend="give runs of one state",
            code="mixed-events",
        )
    dark = made[0].pedestal
    return FilterCalibration(
        tel_id=telescope.tel_id,
        camera=telescope.geometry.fingerprint,
        applied=made[0].applied,
        start=min(c.start for c in made),
        stop=max(c.stop for c in made),
        scan=filter_scan([c.flatfield for c in made], dark),
        charge=np.stack([c.flatfield.charge.value for c in made]),
        variance=np.stack([c.flatfield.variance.value - dark.charge_variance.value for c in made]),
    )
