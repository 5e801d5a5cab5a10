# SPDX-License-Identifier: BSD-3-Clause
"""Gather raw array events into the columns of a chunk."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.events import (
    ArrayEvents,
    CameraBatch,
    CameraKind,
    Coefficients,
    EventChunk,
    TelescopeTriggers,
)
from pellucid.formats.eventio import Block
from pellucid.formats.simtel.adc import AdcBlock, decode_into
from pellucid.formats.simtel.event import RawArrayEvent, RawTelescopeEvent
from pellucid.formats.simtel.truth import I4, TrueEvent, showers
from pellucid.instrument import Subarray
from pellucid.times import from_unix_utc, shifted

__all__ = ["ChunkBuilder"]

type Stamps = npt.NDArray[np.uint32]
type Samples = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(slots=True)
class _Row:
    event_row: int
    tel_id: int
    coefficients: int
    pointing: tuple[float, float]
    true_image: I4 | None
    true_sum: int


class ChunkBuilder:
    """Collect array events until a chunk is full.

    Parameters
    ----------
    whole, selected : Subarray
        All telescopes of the file, and those that are read.
    obs_id : int
        Observation.
    with_true_images : bool
        Whether the chunks shall carry photo-electrons.
    low_gain_above : float, optional
        Leave the low gain of showers out (0) where no high-gain sample is above this, in ADC counts.
    """

    def __init__(
        self,
        whole: Subarray,
        selected: Subarray,
        obs_id: int,
        with_true_images: bool,
        low_gain_above: float | None = None,
    ) -> None:
        self._whole_index = {tel_id: i for i, tel_id in enumerate(whole.tel_ids)}
        self._subarray = selected
        self._obs_id = obs_id
        self._with_true_images = with_true_images
        self._low_gain_above = low_gain_above
        self._kinds: dict[tuple[str, int, int], CameraKind] = {}
        self._kind_of: dict[tuple[int, int, int], CameraKind] = {}
        # chunks are alike: the next one gets the room that the last one needed
        self._capacity: dict[tuple[str, int, int], int] = {}
        self._clear()

    @property
    def n_events(self) -> int:
        """Array events collected so far."""
        return len(self._events)

    def _clear(self) -> None:
        self._events: list[RawArrayEvent] = []
        self._truths: list[TrueEvent] = []
        self._rows: dict[tuple[str, int, int], list[_Row]] = {}
        self._coefficients: list[Coefficients] = []
        self._n_triggers: list[dict[int, int]] = []
        self._adc: dict[tuple[str, int, int], Samples] = {}
        self.n_bytes = 0

    def add(
        self, event: RawArrayEvent, truth: TrueEvent, coefficients: list[Coefficients], block: Block
    ) -> None:
        """Add an array event; ``coefficients`` are those of its telescopes, in their order."""
        row = len(self._events)
        skip_below = None if event.event_type.is_calibration else self._low_gain_above
        for telescope, values in zip(event.telescopes, coefficients):
            kind = self._kind(telescope, values, block)
            image = truth.images.get(telescope.tel_id)
            if image is not None and image.size != kind.geometry.n_pixels:
                raise block.corrupted(
                    f"The photo-electrons of telescope {telescope.tel_id} do not fit its camera.",
                    expected=f"{kind.geometry.n_pixels} pixels",
                    got=f"{image.size}",
                )
            index = self._whole_index[telescope.tel_id]
            has_sum = truth.sums is not None and index < len(truth.sums)
            rows = self._rows.setdefault(kind.key, [])
            # decoded at once: the block's bytes are gone when the next one is read
            decode_into(telescope.adc, self._room(kind, telescope.adc, len(rows)), skip_below)
            rows.append(
                _Row(
                    event_row=row,
                    tel_id=telescope.tel_id,
                    coefficients=self._index_of(values),
                    pointing=event.pointing[telescope.tel_id],
                    true_image=image,
                    true_sum=int(truth.sums[index]) if has_sum and truth.sums is not None else -1,
                )
            )
            self.n_bytes += 2 * telescope.adc.n_channels * telescope.adc.n_pixels * telescope.adc.n_samples
        self._events.append(event)
        self._truths.append(truth)
        self._n_triggers.append({t.tel_id: t.n_trigger_pixels for t in event.telescopes})

    def finish(self) -> EventChunk:
        """Return what was collected as a chunk, and start anew."""
        times = np.array([event.time for event in self._events], np.int64).reshape(-1, 2)
        stamps = from_unix_utc(times[:, 0], times[:, 1])
        with_shower = [row for row, truth in enumerate(self._truths) if truth.shower is not None]
        chunk = EventChunk(
            obs_id=self._obs_id,
            events=self._array_events(stamps),
            triggers=self._triggers(stamps),
            cameras=[self._batch(self._kinds[key], rows) for key, rows in self._rows.items()],
            coefficients=self._coefficients,
            showers=showers(with_shower, [self._truths[row] for row in with_shower], self._subarray),
        )
        self._clear()
        return chunk

    def _room(self, kind: CameraKind, adc: AdcBlock, row: int) -> Samples:
        """Return the place for a row of samples; the array grows when it is full."""
        known = self._adc.get(kind.key)
        if known is None or row == len(known):
            shape = (
                max(2 * row, self._capacity.get(kind.key, 8)),
                adc.n_channels,
                adc.n_pixels,
                adc.n_samples,
            )
            larger: Samples = np.empty(shape, adc.dtype)
            if known is not None:
                larger[:row] = known
            self._adc[kind.key] = known = larger
            self._capacity[kind.key] = len(larger)
        place: Samples = known[row]
        return place

    def _index_of(self, values: Coefficients) -> int:
        for index in range(len(self._coefficients) - 1, -1, -1):
            if self._coefficients[index] is values:
                return index
        self._coefficients.append(values)
        return len(self._coefficients) - 1

    def _kind(self, telescope: RawTelescopeEvent, values: Coefficients, block: Block) -> CameraKind:
        adc = telescope.adc
        place = (telescope.tel_id, adc.n_channels, adc.n_samples)
        if (known := self._kind_of.get(place)) is not None and adc.n_pixels == known.geometry.n_pixels:
            return known
        description = self._subarray.telescopes[telescope.tel_id]
        expected = (description.readout.n_channels, description.geometry.n_pixels)
        if (adc.n_channels, adc.n_pixels) != expected or values.factor.shape != expected:
            raise block.corrupted(
                f"The data of telescope {telescope.tel_id} do not fit its description.",
                expected=f"{expected[0]} channels, {expected[1]} pixels",
                got=f"data {adc.n_channels} x {adc.n_pixels}, calibration {values.factor.shape}",
            )
        kind = CameraKind(description.geometry, adc.n_channels, adc.n_samples)
        self._kind_of[place] = self._kinds.setdefault(kind.key, kind)
        return self._kind_of[place]

    def _array_events(self, stamps: Stamps) -> ArrayEvents:
        return ArrayEvents(
            event_id=np.array([event.event_id for event in self._events], np.int64),
            event_type=np.array([event.event_type for event in self._events], np.uint8),
            time=stamps,
        )

    def _triggers(self, stamps: Stamps) -> TelescopeTriggers:
        rows = [
            (row, tel_id, delay, kind, self._n_triggers[row].get(tel_id, -1))
            for row, event in enumerate(self._events)
            for tel_id, delay, kind in event.triggers
            if tel_id in self._subarray.telescopes
        ]
        event_row = np.array([r[0] for r in rows], np.int64)
        return TelescopeTriggers(
            event_row=event_row,
            tel_id=np.array([r[1] for r in rows], np.int16),
            time=shifted(stamps[event_row], [r[2] for r in rows]),
            event_type=np.array([r[3] for r in rows], np.uint8),
            n_trigger_pixels=np.array([r[4] for r in rows], np.int32),
        )

    def _batch(self, kind: CameraKind, rows: list[_Row]) -> CameraBatch:
        return CameraBatch(
            kind=kind,
            event_row=np.array([r.event_row for r in rows], np.int64),
            tel_id=np.array([r.tel_id for r in rows], np.int16),
            adc=self._adc[kind.key][: len(rows)],
            coefficients=np.array([r.coefficients for r in rows], np.int64),
            azimuth=np.array([r.pointing[0] for r in rows]),
            altitude=np.array([r.pointing[1] for r in rows]),
            true_image=self._true_images(rows, kind.geometry.n_pixels),
            true_image_sum=np.array([r.true_sum for r in rows], np.int64),
        )

    def _true_images(self, rows: list[_Row], n_pixels: int) -> I4 | None:
        if not self._with_true_images:
            return None
        images = np.full((len(rows), n_pixels), -1, np.int32)
        for target, row in zip(images, rows):
            if row.true_image is not None:
                target[...] = row.true_image
        return images
