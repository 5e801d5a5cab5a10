# SPDX-License-Identifier: BSD-3-Clause
"""What ctapipe makes of a sim_telarray file, event by event, as plain arrays."""

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Reference:
    """One telescope event as ctapipe sees it; parameters in the units of its files."""

    event_id: int
    tel_id: int
    image: npt.NDArray[np.float32]
    peak_time: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_] | None
    gain: npt.NDArray[np.int8] | None
    parameters: dict[str, float]


def events(path: Path, extractor: str = "NeighborPeakWindowSum", **options: Any) -> Iterator[Reference]:
    """Yield all telescope events, calibration events with all their channels and without parameters."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.image import ImageExtractor, ImageProcessor
    from ctapipe.io import SimTelEventSource

    logging.getLogger("ctapipe").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with SimTelEventSource(
            path, focal_length_choice="EQUIVALENT", skip_calibration_events=False
        ) as source:
            chosen = ImageExtractor.from_name(extractor, subarray=source.subarray, **options)
            calibrate = CameraCalibrator(source.subarray, image_extractor=chosen)
            process = ImageProcessor(source.subarray)
            for event in source:
                calibrate(event)
                is_shower = event.trigger.event_type.name == "SUBARRAY"
                if is_shower:
                    process(event)
                for tel_id, dl1 in event.dl1.tel.items():
                    yield Reference(
                        event_id=event.index.event_id,
                        tel_id=tel_id,
                        image=np.atleast_2d(dl1.image),
                        peak_time=np.atleast_2d(dl1.peak_time),
                        mask=dl1.image_mask if is_shower else None,
                        gain=event.r1.tel[tel_id].selected_gain_channel if is_shower else None,
                        parameters=_parameters(event, tel_id) if is_shower else {},
                    )


def _parameters(event: Any, tel_id: int) -> dict[str, float]:
    import astropy.units as u

    values: dict[str, float] = {}
    groups = list(event.dl1.tel[tel_id].parameters.values())
    true = event.simulation.tel[tel_id].true_parameters
    if true is not None:
        # of a simulated image ctapipe has no times
        groups += [g for g in true.values() if "timing" not in g.prefix and "peak_time" not in g.prefix]
    for group in groups:
        for name, value in group.items(add_prefix=True):
            if isinstance(value, u.Quantity):
                value = value.to_value(u.deg) if value.unit.is_equivalent(u.deg) else value.value
            values[name] = float(value)
    return values
