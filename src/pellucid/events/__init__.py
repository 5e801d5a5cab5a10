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

__all__ = [
    "PARAMETERS",
    "TRUE_PARAMETERS",
    "ArrayEvents",
    "CameraBatch",
    "CameraImages",
    "CameraKind",
    "Coefficients",
    "EventChunk",
    "EventType",
    "Showers",
    "TelescopeTriggers",
]
