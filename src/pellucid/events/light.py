# SPDX-License-Identifier: BSD-3-Clause
"""Charges of events brought to the light of the reference: coefficients divided by a telescope's scale.

Light that a telescope loses is put back before the cleaning, so that thresholds, images and parameters mean
the same light in all telescopes and at all times. Flashes and pedestals, whose light passes no mirror, stay
as they are. A scale is in the coefficients once: a second is refused.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pellucid.array.light_scale import LightScale
from pellucid.errors import CorruptedInput
from pellucid.events.batch import Coefficients, EventChunk, EventType
from pellucid.times import to_tai_ns

__all__ = ["with_light_scale"]


def with_light_scale(chunk: EventChunk, scales: Mapping[int, LightScale]) -> EventChunk:
    """Return a chunk whose coefficients give charges of showers in photo-electrons of the reference.

    Parameters
    ----------
    chunk : EventChunk
        Consecutive events; rows of telescopes without a scale stay as they are.
    scales : mapping of int to LightScale
        By telescope.

    Raises
    ------
    CorruptedInput
        The coefficients have a scale already (``scaled-twice``).
    """
    if not scales:
        return chunk
    times = to_tai_ns(chunk.events.time)
    made: list[Coefficients] = list(chunk.coefficients)
    known: dict[tuple[int, int], int] = {}
    cameras = []
    for batch in chunk.cameras:
        rows = batch.coefficients.copy()
        showers = chunk.events.event_type[batch.event_row] > EventType.OTHER_CALIBRATION
        for old in np.unique(rows).tolist():
            coefficients = chunk.coefficients[old]
            scale = scales.get(coefficients.tel_id)
            if scale is None:
                continue
            mine = (batch.coefficients == old) & showers
            interval = scale.interval(times[batch.event_row[mine]])
            new = np.empty(interval.size, np.int64)
            for i in np.unique(interval).tolist():
                if (old, i) not in known:
                    known[old, i] = len(made)
                    made.append(_scaled(coefficients, float(scale.value[i]), float(scale.error[i])))
                new[interval == i] = known[old, i]
            rows[mine] = new
        cameras.append(replace(batch, coefficients=rows))
    return replace(chunk, cameras=cameras, coefficients=made)


def _scaled(coefficients: Coefficients, value: float, error: float) -> Coefficients:
    if coefficients.light_scale != 1.0 or coefficients.light_scale_error != 0.0:
        raise CorruptedInput(
            "The light of a telescope would be corrected twice.",
            where=f"telescope {coefficients.tel_id}",
            expected="coefficients without a light scale",
            got=f"a scale of {coefficients.light_scale:.6g}",
            mend="correct the throughput in one step alone",
            code="scaled-twice",
        )
    factor: npt.NDArray[np.float32] = (coefficients.factor / value).astype(np.float32)
    return replace(coefficients, factor=factor, light_scale=value, light_scale_error=error)
