# SPDX-License-Identifier: BSD-3-Clause
"""From raw waveforms to calibrated images and their parameters, in columnar batches."""

from pellucid.events.batch import (
    ArrayEvents,
    CameraBatch,
    CameraKind,
    Coefficients,
    EventChunk,
    EventType,
    Showers,
    TelescopeTriggers,
)
from pellucid.events.images import PARAMETERS, TRUE_PARAMETERS, CameraImages
from pellucid.events.options import Cleaning, Extractor, ProcessOptions

__all__ = [
    "PARAMETERS",
    "TRUE_PARAMETERS",
    "ArrayEvents",
    "CameraBatch",
    "CameraImages",
    "CameraKind",
    "Cleaning",
    "Coefficients",
    "EventChunk",
    "EventType",
    "Extractor",
    "ProcessOptions",
    "Showers",
    "TelescopeTriggers",
]
