# SPDX-License-Identifier: BSD-3-Clause
"""The way from waveforms to parameters: rows are independent, and options do what they say."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.camera.neighbours import fill_from_neighbours
from pellucid.events import (
    ArrayEvents,
    CameraBatch,
    CameraImages,
    CameraKind,
    Coefficients,
    EventChunk,
    EventType,
    Extractor,
    ProcessOptions,
    TelescopeTriggers,
)
from pellucid.events.process import Processor
from pellucid.instrument import CameraGeometry, Optics, Readout, ReferenceLocation, Subarray, Telescope
from support.cameras import hexagonal, square

N_SAMPLES = 20
COLUMNS = ("pedestal", "factor", "time_shift", "unusable")


def telescope(tel_id: int, geometry: CameraGeometry, focal_length: float = 5.0) -> Telescope:
    times = np.arange(200) * 0.1
    pulse = np.exp(-0.5 * ((times - 8) / 1.5) ** 2)
    return Telescope(
        tel_id=tel_id,
        optics=Optics("T", "SST", "PARABOLIC", 1, 10, 12.0, focal_length, focal_length * 1.03),
        geometry=geometry,
        readout=Readout(1.0, 2, geometry.n_pixels, N_SAMPLES, np.stack([pulse, pulse]), 0.1),
        position=(float(tel_id), 0.0, 0.0),
    )


CAMERAS = [hexagonal(4), square(7)]
ARRAY = Subarray(
    "test",
    {t: telescope(t, CAMERAS[t % 2], 5.0 + 0.1 * t) for t in (1, 2, 3, 4)},
    ReferenceLocation(0, 0, 0),
)


def coefficients(tel_id: int, random: np.random.Generator) -> Coefficients:
    shape = (2, ARRAY.telescopes[tel_id].geometry.n_pixels)
    return Coefficients(
        tel_id=tel_id,
        pedestal=random.normal(300, 5, shape).astype(np.float32),
        factor=np.stack([np.full(shape[1], 0.02), np.full(shape[1], 0.3)]).astype(np.float32),
        time_shift=random.normal(0, 0.5, shape).astype(np.float32),
        unusable=random.random(shape) < 0.03,
    )


def made_up(n_events: int, seed: int = 1, kinds: tuple[EventType, ...] = (EventType.SUBARRAY,)) -> EventChunk:
    """Events in which every telescope sees a bright blob."""
    random = np.random.default_rng(seed)
    sets = [coefficients(t, random) for t in ARRAY.tel_ids]
    cameras = []
    for geometry in CAMERAS:
        tel_ids = [t for t in ARRAY.tel_ids if ARRAY.telescopes[t].geometry is geometry]
        rows = [(event, t) for event in range(n_events) for t in tel_ids]
        adc = random.normal(300, 8, (len(rows), 2, geometry.n_pixels, N_SAMPLES))
        for row in adc:
            x, y, angle = random.uniform(-0.1, 0.1, 3)
            along = (geometry.pix_x - x) * np.cos(angle) + (geometry.pix_y - y) * np.sin(angle)
            across = (geometry.pix_y - y) * np.cos(angle) - (geometry.pix_x - x) * np.sin(angle)
            light = np.exp(-0.5 * ((along / 0.09) ** 2 + (across / 0.05) ** 2)) * random.uniform(500, 6000)
            at = 9 + 8 * along[:, np.newaxis]
            pulse = np.exp(-0.5 * ((np.arange(N_SAMPLES) - at) / 1.5) ** 2)
            row += light[:, np.newaxis] * pulse * np.array([1.0, 1 / 15])[:, np.newaxis, np.newaxis]
        cameras.append(
            CameraBatch(
                kind=CameraKind(geometry, 2, N_SAMPLES),
                event_row=np.array([r[0] for r in rows]),
                tel_id=np.array([r[1] for r in rows], np.int16),
                adc=np.clip(adc, 0, 4095).astype(np.uint16),
                coefficients=np.array([ARRAY.tel_ids.index(r[1]) for r in rows]),
                azimuth=np.zeros(len(rows)),
                altitude=np.full(len(rows), 70.0),
                true_image=random.poisson(1.0, (len(rows), geometry.n_pixels)).astype(np.int32),
                true_image_sum=np.zeros(len(rows), np.int64),
            )
        )
    types = np.resize(np.array(kinds, np.uint8), n_events)
    return EventChunk(
        obs_id=5,
        events=ArrayEvents(np.arange(1, n_events + 1), types, np.zeros((n_events, 2), np.uint32)),
        triggers=TelescopeTriggers(
            np.zeros(0, np.int64), np.zeros(0, np.int16), np.zeros((0, 2), np.uint32), np.zeros(0, np.uint8),
            np.zeros(0, np.int32),
        ),
        cameras=cameras,
        coefficients=sets,
    )  # fmt: skip


def rows_of(batch: CameraBatch, rows: Any) -> CameraBatch:
    columns = (
        "event_row",
        "tel_id",
        "adc",
        "coefficients",
        "azimuth",
        "altitude",
        "true_image",
        "true_image_sum",
    )
    return replace(batch, **{name: getattr(batch, name)[rows] for name in columns})


def by_event(images: list[CameraImages]) -> dict[tuple[int, int], tuple[bytes, ...]]:
    found = {}
    for one in images:
        assert one.true_parameters is not None
        for row, key in enumerate(zip(one.batch.event_row.tolist(), one.batch.tel_id.tolist())):
            found[key] = tuple(
                np.ascontiguousarray(column[row]).tobytes()
                for column in (
                    one.image, one.peak_time, one.gain_channel, one.image_mask, one.parameters,
                    one.true_parameters,
                )
            )  # fmt: skip
    return found


CHUNK = made_up(12)
WHOLE = by_event(Processor(ARRAY, ProcessOptions())(CHUNK))


@given(st.randoms(use_true_random=False), st.integers(1, 7), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_rows_are_independent(random: Any, pieces: int, threads: int) -> None:
    parts = []
    for batch in CHUNK.cameras:
        order = list(range(len(batch.tel_id)))
        random.shuffle(order)
        parts += [rows_of(batch, order[i::pieces]) for i in range(pieces)]
    random.shuffle(parts)
    with ThreadPoolExecutor(threads) as executor:
        process = Processor(ARRAY, ProcessOptions(), executor, threads)
        assert by_event(process(replace(CHUNK, cameras=parts))) == WHOLE


def test_the_blobs_are_found() -> None:
    for one in Processor(ARRAY, ProcessOptions())(CHUNK):
        assert np.isfinite(one.parameters["hillas_length"]).all()
        assert (one.parameters["hillas_length"] > one.parameters["hillas_width"]).all()
        assert (one.parameters["morphology_n_pixels"] == one.image_mask.sum(axis=1)).all()
        assert one.selected.all()
        assert set(np.unique(one.gain_channel)) == {0, 1}


def test_angles_are_those_of_each_telescope() -> None:
    effective, nominal = (
        Processor(ARRAY, ProcessOptions(focal_length=choice))(CHUNK)[0].parameters["hillas_length"]
        for choice in ("effective", "nominal")
    )
    assert nominal / effective == pytest.approx(1.03, rel=1e-9)


def test_calibration_events_keep_their_channels() -> None:
    chunk = made_up(4, kinds=(EventType.FLATFIELD, EventType.SUBARRAY))
    for one in Processor(ARRAY, ProcessOptions())(chunk):
        calibration = one.batch.event_row % 2 == 0
        assert np.array_equal(one.selected, ~calibration)
        assert one.image.shape[1] == 2
        assert (one.image[calibration] != 0).any(axis=2).all()
        assert not one.image[~calibration, 1].any()
        assert (one.gain_channel[calibration] == -1).all()
        assert not one.image_mask[calibration].any()
        assert np.isnan(one.parameters["hillas_intensity"][calibration]).all()
        assert (one.parameters["morphology_n_pixels"][calibration] == -1).all()
    for one in Processor(ARRAY, ProcessOptions(gain_selection="all"))(chunk):
        assert one.selected.all()
        assert one.image.shape[1] == 1


def test_unselected_channels_are_those_of_their_gain() -> None:
    chunk = made_up(2, kinds=(EventType.FLATFIELD,))
    (whole, *_) = Processor(ARRAY, ProcessOptions())(chunk)
    batch = chunk.cameras[0]
    for channel in range(2):
        one_gain = [
            replace(c, **{name: getattr(c, name)[[channel, channel]] for name in COLUMNS})
            for c in chunk.coefficients
        ]
        alone = replace(
            chunk, cameras=[replace(batch, adc=batch.adc[:, [channel, channel]])], coefficients=one_gain
        )
        (image,) = Processor(ARRAY, ProcessOptions(gain_selection="all", gain_threshold=1e9))(alone)
        assert np.array_equal(image.image[:, 0], whole.image[:, channel])


def test_cameras_that_deliver_sums() -> None:
    batch = CHUNK.cameras[0]
    sums = batch.adc.sum(axis=3, dtype=np.uint32, keepdims=True) * 40
    assert sums.max() > 65535
    summed = replace(batch, adc=sums, kind=CameraKind(batch.kind.geometry, 2, 1))
    chunk = replace(CHUNK, cameras=[summed])
    (one,) = Processor(ARRAY, ProcessOptions(gain_threshold=300_000))(chunk)
    row = 3
    values = CHUNK.coefficients[summed.coefficients[row]]
    usable = ~values.unusable.any(axis=0)
    channel = (sums[row, 0, :, 0] > 300_000).astype(int)
    pixels = np.arange(channel.size)
    charge = (sums[row, channel, pixels, 0] - values.pedestal[channel, pixels].astype(float)) * values.factor[
        channel, pixels
    ]
    assert np.array_equal(one.gain_channel[row], channel)
    assert np.array_equal(one.image[row, 0][usable], charge.astype(np.float32)[usable])
    assert not one.peak_time.any()
    assert np.isnan(one.parameters["timing_slope"]).all()
    assert np.isfinite(one.parameters["hillas_length"]).all()


@pytest.mark.parametrize("kind", ["neighbor-peak", "local-peak"])
def test_extractors_find_the_light(kind: Any) -> None:
    found = Processor(ARRAY, ProcessOptions(extractor=Extractor(kind)))(CHUNK)
    fixed = Processor(ARRAY, ProcessOptions(extractor=Extractor("fixed-window", 7, 3, peak=9)))(CHUNK)
    for one, other in zip(found, fixed):
        bright = one.image_mask[:, np.newaxis] & other.image_mask[:, np.newaxis]
        assert one.image[bright].sum() == pytest.approx(other.image[bright].sum(), rel=0.1)


@pytest.mark.parametrize("n_samples", [N_SAMPLES, 1])
def test_holes_are_filled_from_their_edges_inwards_where_asked_for(n_samples: int) -> None:
    chunk = made_up(2)
    batch = chunk.cameras[0]
    geometry = batch.kind.geometry
    hole = np.hypot(geometry.pix_x, geometry.pix_y) < 0.11
    if n_samples == 1:
        batch = replace(batch, adc=batch.adc[..., :1], kind=CameraKind(geometry, 2, 1))
    chunk = replace(chunk, cameras=[batch])

    def made(bad: np.ndarray, rings: int) -> CameraImages:
        sets = [replace(c, unusable=np.stack([bad, bad])) for c in chunk.coefficients]
        fixed = Extractor("fixed-window", 7, 3, peak=9)
        process = Processor(ARRAY, ProcessOptions(extractor=fixed, fill_rings=rings))
        return process(replace(chunk, coefficients=sets))[0]

    whole = made(np.zeros_like(hole), 0).image[:, 0]
    assert not made(np.zeros_like(hole), 0).filled.any()
    plain = made(hole, 0).filled[:, 0]
    assert set(plain[:, hole].ravel().tolist()) == {1, 255}
    assert not plain[:, ~hole].any()
    for rings in (1, 3):
        expected, ring = fill_from_neighbours(whole, hole, geometry, rings)
        found = made(hole, rings)
        np.testing.assert_allclose(found.image[:, 0], np.where(ring == 255, 0.0, expected), rtol=1e-5)
        np.testing.assert_array_equal(found.filled[:, 0], ring)
        assert (ring == 255).any() == (rings == 1)
