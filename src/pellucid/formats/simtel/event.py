# SPDX-License-Identifier: BSD-3-Clause
"""One array event of a sim_telarray file: who triggered, where telescopes looked, where the samples are."""

import math
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.events import EventType
from pellucid.formats.eventio import Block
from pellucid.formats.simtel.adc import ADC_SAMPLES, ADC_SUMS, AdcBlock

__all__ = ["RawArrayEvent", "RawTelescopeEvent", "parse_array_event", "telescope_of"]

TRIGGER, PIXEL_LIST = 2009, 2027
_IN_ARRAY_EVENT = {2015}  # the on-line reconstruction of the simulation is not used
_IN_TELESCOPE_EVENT = {2011, 2014, 2016, 2017, 2029, 2030, 2031, 2032}
_TRIGGERED_PIXELS = 0
_HALF_PI = math.pi / 2


@dataclass(slots=True)
class RawTelescopeEvent:
    """Samples of one telescope, still coded.

    Attributes
    ----------
    tel_id : int
        Telescope.
    adc : AdcBlock
        Where the samples are.
    n_trigger_pixels : int
        Pixels above threshold, -1 where not stored.
    """

    tel_id: int
    adc: AdcBlock
    n_trigger_pixels: int


@dataclass(slots=True)
class RawArrayEvent:
    """An array event, its samples still coded.

    Attributes
    ----------
    event_id : int
        Identifier, 0 where the file gives none.
    event_type : EventType
        Kind of the event.
    time : tuple of int
        Unix seconds and nanoseconds, UTC.
    triggers : list of tuple
        Telescope, delay against the array trigger in ns, kind of trigger.
    telescopes : list of RawTelescopeEvent
        Telescopes with data that took part in the trigger, ascending.
    pointing : dict of int to tuple
        Azimuth and altitude of each telescope with data, in deg.
    n_untriggered : int
        Telescopes with data that did not take part in the trigger; their data are left out.
    """

    event_id: int
    event_type: EventType
    time: tuple[int, int]
    triggers: list[tuple[int, float, EventType]]
    telescopes: list[RawTelescopeEvent]
    pointing: dict[int, tuple[float, float]] = field(default_factory=dict)
    n_untriggered: int = 0


def telescope_of(kind: int) -> int:
    """Return the telescope that a block type encodes: 2100 or 2200 + id % 100 + 1000 (id // 100)."""
    thousands, rest = divmod(kind - 2000, 1000)
    return 100 * thousands + rest % 100


def parse_array_event(block: Block, event_type: EventType) -> RawArrayEvent:
    """Read an array event (type 2010); the samples are located and left as they are."""
    children = block.children()
    trigger_block = next(children, None)
    if trigger_block is None or trigger_block.kind != TRIGGER:
        raise block.corrupted(
            "An array event does not begin with its trigger.", expected=f"a block of type {TRIGGER}"
        )
    trigger = trigger_block.parse()
    triggers = _triggers(trigger, trigger_block)
    event = RawArrayEvent(
        event_id=trigger_block.ident or block.ident,
        event_type=event_type,
        time=trigger["gps_time"],
        triggers=triggers,
        telescopes=[],
    )
    triggered = {tel_id for tel_id, _, _ in triggers}
    tracking: dict[int, Block] = {}
    for child in children:
        family = (child.kind - 2000) // 100 % 10 if child.kind >= 2100 else 0
        if family == 1:
            tracking[telescope_of(child.kind)] = child
        elif family == 2:
            telescope = _telescope_event(child)
            if telescope is not None and telescope.tel_id in triggered:
                event.telescopes.append(telescope)
            else:
                event.n_untriggered += 1
        elif child.kind not in _IN_ARRAY_EVENT:
            raise child.corrupted("An array event has a block of unknown type.", code="unknown-block")
    event.telescopes.sort(key=lambda t: t.tel_id)
    lost = [t.tel_id for t in event.telescopes if t.tel_id not in tracking]
    if lost:
        raise block.corrupted(f"Event {event.event_id} does not say where telescopes {lost} looked.")
    event.pointing = {t.tel_id: _pointing(tracking[t.tel_id]) for t in event.telescopes}
    return event


def _triggers(trigger: dict[str, Any], block: Block) -> list[tuple[int, float, EventType]]:
    if "triggered_telescopes" not in trigger:
        raise block.corrupted(
            "The trigger does not list its telescopes.",
            expected="version 1 or newer",
            got=f"version {block.version}",
        )
    n = len(trigger["triggered_telescopes"])
    masks = trigger.get("teltrg_type_mask", np.zeros(n, np.uint64))
    return sorted(
        (int(tel_id), float(delay), _trigger_type(int(mask)))
        for tel_id, delay, mask in zip(trigger["triggered_telescopes"], trigger["trigger_times"], masks)
    )


def _trigger_type(mask: int) -> EventType:
    # bits of sim_telarray's telescope trigger mask
    if mask & 0x400:
        return EventType.RANDOM_MONO
    if mask & 0x200:
        return EventType.MUON
    return EventType.LONG_EVENT if mask & 0x100 else EventType.SUBARRAY


def _pointing(block: Block) -> tuple[float, float]:
    """Azimuth and altitude in deg; the corrected ones where the file has them, else the raw ones."""
    n = 2 * (bool(block.ident & 0x100) + bool(block.ident & 0x200))
    if n == 0 or len(block.payload) < 4 * n:
        raise block.corrupted("The pointing of a telescope is damaged.", expected="azimuth and altitude")
    values = struct.unpack_from(f"<{n}f", block.payload)
    corrected = math.isfinite(values[-2]) and math.isfinite(values[-1])
    azimuth, altitude = values[-2:] if corrected else values[:2]
    # float32 rounds pi/2 up, beyond the zenith
    if _HALF_PI < abs(altitude) < _HALF_PI * (1 + 1e-6):
        altitude = math.copysign(_HALF_PI, altitude)
    return math.degrees(azimuth), math.degrees(altitude)


def _telescope_event(block: Block) -> RawTelescopeEvent | None:
    """Locate the samples of a telescope (sums where there are no samples); None where it has neither."""
    adc: AdcBlock | None = None
    n_trigger_pixels = -1
    for child in block.children():
        if child.kind == ADC_SAMPLES or (child.kind == ADC_SUMS and adc is None):
            adc = AdcBlock.parse(child)
        elif child.kind == PIXEL_LIST:
            if child.ident // 1_000_000 == _TRIGGERED_PIXELS:
                n_trigger_pixels = int(child.parse()["pixels"])
        elif child.kind not in _IN_TELESCOPE_EVENT and child.kind != ADC_SUMS:
            raise child.corrupted("A telescope event has a block of unknown type.", code="unknown-block")
    if adc is None:
        return None
    return RawTelescopeEvent(telescope_of(block.kind), adc, n_trigger_pixels)
