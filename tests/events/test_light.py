# SPDX-License-Identifier: BSD-3-Clause
"""The light of telescopes is brought to the reference once, of showers alone, interval by interval."""

import numpy as np
import pytest

from pellucid.array.light_scale import LightScale
from pellucid.errors import CorruptedInput
from pellucid.events import (
    ArrayEvents,
    CameraBatch,
    CameraKind,
    Coefficients,
    EventChunk,
    EventType,
    TelescopeTriggers,
)
from pellucid.events.light import with_light_scale
from pellucid.times import to_tai_ns
from support.cameras import hexagonal

GEOMETRY = hexagonal(2)
TYPES = (EventType.SUBARRAY, EventType.FLATFIELD, EventType.SUBARRAY)


@pytest.fixture
def chunk() -> EventChunk:
    """Three events of telescopes 1 and 2, a second apart; the one in the middle is a flash."""
    shape = (1, GEOMETRY.n_pixels)
    ones, nothing = np.ones(shape, np.float32), np.zeros(0)
    rows = np.repeat(np.arange(3), 2)
    batch = CameraBatch(
        kind=CameraKind(GEOMETRY, 1, 4),
        event_row=rows,
        tel_id=np.tile(np.array([1, 2], np.int16), 3),
        adc=np.zeros((6, *shape, 4), np.uint16),
        coefficients=np.tile([0, 1], 3),
        azimuth=np.zeros(6),
        altitude=np.full(6, 70.0),
    )
    time = np.stack([np.arange(1000, 1003), np.zeros(3)], axis=1).astype(np.uint32)
    return EventChunk(
        obs_id=1,
        events=ArrayEvents(np.arange(1, 4), np.array(TYPES, np.uint8), time),
        triggers=TelescopeTriggers(
            nothing.astype(np.int64),
            nothing.astype(np.int16),
            np.zeros((0, 2), np.uint32),
            nothing.astype(np.uint8),
            nothing.astype(np.int32),
        ),
        cameras=[batch],
        coefficients=[Coefficients(t, 0.0 * ones, 2.0 * ones, 0.0 * ones, ones == 0.0) for t in (1, 2)],
    )


def scale_of(chunk: EventChunk) -> LightScale:
    """Telescope 1 sees 0.8 of the light until the second event, and 0.5 after it."""
    start, middle, stop = to_tai_ns(chunk.events.time).tolist()
    return LightScale.of(1, np.array([start, middle + 1, stop + 1]), np.array([0.8, 0.5]), np.full(2, 0.01))


def test_charges_of_showers_are_divided_and_flashes_stay(chunk: EventChunk) -> None:
    found = with_light_scale(chunk, {1: scale_of(chunk)})
    (batch,) = found.cameras
    used = [found.coefficients[i] for i in batch.coefficients.tolist()]
    assert [c.tel_id for c in used] == [1, 2, 1, 2, 1, 2]
    assert [c.light_scale for c in used] == [0.8, 1.0, 1.0, 1.0, 0.5, 1.0]
    assert [float(c.factor[0, 0]) for c in used] == pytest.approx([2.5, 2.0, 2.0, 2.0, 4.0, 2.0])
    assert (used[0].light_scale_error, used[1].light_scale_error) == (0.01, 0.0)
    # what was given is as it was
    assert chunk.cameras[0].coefficients.tolist() == [0, 1] * 3
    assert len(chunk.coefficients) == 2


def test_without_scales_nothing_is_touched(chunk: EventChunk) -> None:
    assert with_light_scale(chunk, {}) is chunk


def test_a_second_scale_is_refused(chunk: EventChunk) -> None:
    once = with_light_scale(chunk, {1: scale_of(chunk)})
    with pytest.raises(CorruptedInput) as caught:
        with_light_scale(once, {1: scale_of(chunk)})
    assert caught.value.code == "scaled-twice"
