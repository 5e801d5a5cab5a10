# SPDX-License-Identifier: BSD-3-Clause
"""Stream a sim_telarray file: the head once, then chunks of array events; memory stays flat."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import CorruptedInput
from pellucid.events import Coefficients, EventChunk, EventType
from pellucid.formats.eventio import Block, BlockReader
from pellucid.formats.simtel.chunk import ChunkBuilder
from pellucid.formats.simtel.event import parse_array_event
from pellucid.formats.simtel.instrument import DESCRIPTIONS, build_subarray, description
from pellucid.formats.simtel.run import run_info, shower_distribution
from pellucid.formats.simtel.truth import PHOTOELECTRONS, TrueEvent, has_true_images, parse_photoelectrons
from pellucid.instrument import Subarray
from pellucid.instrument.run import RunInfo, ShowerDistribution

__all__ = ["SimtelSource"]

HISTORY, HISTOGRAMS, META = 70, 100, 75
RUN, MC_RUN, INPUT_CARD, ATMOSPHERE = 2000, 2001, 1212, 1216
ARRAY_EVENT, SHOWER, CORE, SUMS = 2010, 2020, 2021, 2026
MONITORING, LASER, CALIBRATION, CALIBRATION_PE = 2022, 2023, 2028, 2034
TELESCOPE_DATA, PHOTONS_AT_GROUND = 1204, 1205
_NOT_USED = {INPUT_CARD, PHOTONS_AT_GROUND, 2024, 2025, 2033}
_CALIBRATION_TYPES = {0: EventType.DARK_PEDESTAL, 1: EventType.SKY_PEDESTAL, 2: EventType.SINGLE_PE}
_FIRST_FLASHER_TYPE = 3
# a line of the history follows its time and its length
_HISTORY_LINE = 6


class SimtelSource:
    """Read a sim_telarray file.

    Parameters
    ----------
    path : Path
        Plain, gzip or zstd file, prod2 to prod6.
    telescopes : iterable of int, optional
        Read only these telescopes; an unknown one is an error.

    Attributes
    ----------
    subarray : Subarray
        Telescopes that are read.
    obs_id : int
        Run number.
    run : RunInfo
        Pointing, start and simulation of the run.
    has_true_images : bool
        Whether the simulation stored photo-electrons.
    damage : CorruptedInput or None
        What ended the stream early, where damage was to be tolerated.
    n_untriggered : int
        Telescope events left out since their telescope took no part in the trigger.

    Raises
    ------
    CorruptedInput, MissingInput
        With file and byte offset.
    """

    def __init__(self, path: Path, *, telescopes: Iterable[int] | None = None) -> None:
        self.path = path
        self.damage: CorruptedInput | None = None
        self.n_untriggered = 0
        self._atmosphere: dict[str, Any] | None = None
        self._histograms: list[dict[str, Any]] | None = None
        self._run_header: dict[str, Any] = {}
        self._mc_run_header: dict[str, Any] = {}
        self._history: list[bytes] = []
        self._global_meta: dict[bytes, bytes] = {}
        self._telescope_meta: dict[int, dict[bytes, bytes]] = {}
        self._descriptions: dict[int, dict[str, Any]] = {}
        self._monitoring: dict[int, dict[str, Any]] = {}
        self._laser: dict[int, dict[str, Any]] = {}
        self._coefficients: dict[int, Coefficients] = {}
        self._shower: dict[str, Any] | None = None
        self._core: dict[str, Any] | None = None
        self._images: dict[int, Any] = {}
        self._sums: Any = None
        self._pseudo_id = 0
        self._reader = BlockReader(path)
        self._blocks = iter(self._reader)
        try:
            self._first = self._read_head()
            self._whole = self._build(path)
            self.subarray = self._whole if telescopes is None else self._whole.select(telescopes)
        except BaseException:
            self._reader.close()
            raise
        self.run: RunInfo = run_info(self._run_header, self._mc_run_header, self._atmosphere)
        self.obs_id = self.run.obs_id
        self.has_true_images = has_true_images(self._history)

    def __enter__(self) -> "SimtelSource":
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()

    @property
    def position(self) -> tuple[int, int]:
        """Bytes of the file read so far, and in all."""
        return self._reader.compressed_position, self.path.stat().st_size

    @property
    def shower_distribution(self) -> ShowerDistribution | None:
        """Histogram of all thrown showers; it stands at the end of the file, so None before that."""
        return shower_distribution(self._histograms)

    def chunks(
        self,
        *,
        max_events: int = 1000,
        max_bytes: int = 24 << 20,
        keep_partial: bool = False,
        low_gain_above: float | None = None,
    ) -> Iterator[EventChunk]:
        """Yield the array events with data of at least one telescope, in the order of the file.

        Parameters
        ----------
        max_events : int
            Array events in a chunk at most.
        max_bytes : int
            Size of the samples at which a chunk is full, in bytes; this bounds the memory.
        keep_partial : bool
            At damage, end the stream and keep the reason in ``damage`` instead of raising it.
        low_gain_above : float, optional
            Do not decode the low gain (0 instead) of showers in cameras without a high-gain sample above
            this, in ADC counts: who selects gains at this threshold does not look at it.
        """
        builder = ChunkBuilder(self._whole, self.subarray, self.obs_id, self.has_true_images, low_gain_above)
        try:
            for block in self._remaining():
                self._take_event_block(block, builder)
                if builder.n_events >= max_events or builder.n_bytes >= max_bytes:
                    yield builder.finish()
        except CorruptedInput as error:
            if not keep_partial:
                raise
            self.damage = error
        if builder.n_events:
            yield builder.finish()

    def _remaining(self) -> Iterator[Block]:
        if self._first is not None:
            yield self._first
            self._first = None
        yield from self._blocks

    def _read_head(self) -> Block | None:
        """Read up to the first block that is not part of the head; return that block."""
        for block in self._blocks:
            if not self._take_head_block(block):
                return block
        return None

    def _take_head_block(self, block: Block) -> bool:
        """Take a block that belongs to the head of a file; false for all others."""
        kind = block.kind
        if kind == HISTORY:
            self._history += [bytes(child.payload[_HISTORY_LINE:]) for child in block.children()]
        elif kind == META and block.ident == -1:
            self._global_meta = _stripped(block.parse())
        elif kind == META:
            self._telescope_meta[block.ident] = _stripped(block.parse())
        elif kind == RUN:
            self._run_header = block.parse()
        elif kind == MC_RUN:
            self._mc_run_header = block.parse()
        elif kind == ATMOSPHERE:
            self._atmosphere = self._atmosphere or block.parse()
        elif kind in DESCRIPTIONS:
            self._descriptions.setdefault(block.ident, {})[DESCRIPTIONS[kind]] = description(block)
        else:
            return kind == INPUT_CARD
        return True

    def _build(self, path: Path) -> Subarray:
        described = len(self._descriptions)
        if not self._run_header or described < int(self._run_header["n_telescopes"]) or described == 0:
            raise CorruptedInput(
                "The file does not describe its telescopes.",
                where=str(path),
                expected=f"{self._run_header.get('n_telescopes', 'a run header and some')} telescopes",
                got=f"{described} telescopes, then {'the end' if self._first is None else 'events'}",
                mend="fetch the file again; it may be truncated, or not made by sim_telarray",
                code="undescribed-telescope" if self._run_header else "wrong-format",
            )
        return build_subarray(
            self._run_header,
            self._descriptions,
            self._telescope_meta,
            self._global_meta,
            float(self._mc_run_header.get("obsheight", 0.0)),
            str(path),
        )

    def _take_event_block(self, block: Block, builder: ChunkBuilder) -> None:
        kind = block.kind
        if kind == ARRAY_EVENT:
            event_type = EventType.SUBARRAY if self._shower else EventType.OTHER_CALIBRATION
            self._take_array_event(block, event_type, builder)
        elif kind == CORE:
            self._core, self._images, self._sums = block.parse(), {}, None
        elif kind == SHOWER:
            self._shower = block.parse()
        elif kind == TELESCOPE_DATA:
            self._images = dict(_photoelectrons(block))
        elif kind == SUMS:
            self._sums = block.parse()["n_pe"]
        elif kind == MONITORING:
            parsed = block.parse()
            self._update(self._monitoring, int(parsed["telescope_id"]), parsed)
        elif kind == LASER:
            self._update(self._laser, block.ident, block.parse())
        elif kind == CALIBRATION_PE:
            self._images = {t: i for child in block.children() for t, i in _photoelectrons(child)}
        elif kind == CALIBRATION:
            self._take_calibration_event(block, builder)
        elif kind == HISTOGRAMS:
            self._histograms = block.parse()
        elif kind not in _NOT_USED and not self._take_head_block(block):
            raise block.corrupted(
                "The file has a block of unknown type.",
                expected="a block that sim_telarray writes",
                code="unknown-block",
            )

    def _take_calibration_event(self, block: Block, builder: ChunkBuilder) -> None:
        inner = next(block.children(), None)
        if inner is None or inner.kind != ARRAY_EVENT:
            raise block.corrupted("A calibration event is empty.", expected=f"a block of type {ARRAY_EVENT}")
        # type 3 and above are laser or LED flashers of different settings
        kind = _CALIBRATION_TYPES.get(block.ident, EventType.OTHER_CALIBRATION)
        if block.ident >= _FIRST_FLASHER_TYPE:
            kind = EventType.FLATFIELD
        self._take_array_event(inner, kind, builder)
        self._images = {}

    def _take_array_event(self, block: Block, kind: EventType, builder: ChunkBuilder) -> None:
        event = parse_array_event(block, kind)
        self.n_untriggered += event.n_untriggered
        unknown = [t.tel_id for t in event.telescopes if t.tel_id not in self._whole.telescopes]
        if unknown:
            raise block.corrupted(
                f"Event {event.event_id} has data of a telescope that the file does not describe.",
                expected=f"some of the telescopes {self._whole.tel_ids}",
                got=f"telescope {', '.join(map(str, unknown))}",
                code="undescribed-telescope",
            )
        event.telescopes = [t for t in event.telescopes if t.tel_id in self.subarray.telescopes]
        if not event.telescopes:
            return
        if event.event_id == 0:
            self._pseudo_id -= 1
            event.event_id = self._pseudo_id
        shower = None if kind.is_calibration else self._shower
        truth = TrueEvent(shower, None if shower is None else self._core, self._images, self._sums)
        coefficients = [self._coefficients_of(t.tel_id, block) for t in event.telescopes]
        builder.add(event, truth, coefficients, block)

    def _update(self, table: dict[int, dict[str, Any]], tel_id: int, values: dict[str, Any]) -> None:
        table.setdefault(tel_id, {}).update(values)
        self._coefficients.pop(tel_id, None)

    def _coefficients_of(self, tel_id: int, block: Block) -> Coefficients:
        if tel_id in self._coefficients:
            return self._coefficients[tel_id]
        monitoring, laser = self._monitoring.get(tel_id, {}), self._laser.get(tel_id, {})
        if "pedestal" not in monitoring or "calib" not in laser:
            raise block.corrupted(
                f"Telescope {tel_id} has data but no calibration.",
                expected="blocks 2022 (pedestals) and 2023 (gains) before its first event",
                code="no-calibration",
            )
        factor = np.asarray(laser["calib"], np.float32)
        disabled = np.asarray(self._descriptions[tel_id]["disabled_pixels"]["HV_disabled"])
        if disabled.size and not (disabled.min() >= 0 and disabled.max() < factor.shape[1]):
            raise block.corrupted(f"Telescope {tel_id} has disabled pixels that its camera does not have.")
        unusable = np.zeros(factor.shape, np.bool_)
        unusable[:, disabled] = True
        pedestal = np.asarray(monitoring["pedestal"] / monitoring["n_ped_slices"], np.float32)
        if not (np.isfinite(pedestal).all() and np.isfinite(factor).all() and pedestal.shape == factor.shape):
            raise block.corrupted(
                f"The calibration of telescope {tel_id} makes no sense.",
                expected="finite pedestals and gains of one shape",
                got=f"shapes {pedestal.shape} and {factor.shape}",
            )
        shift = np.asarray(laser.get("tm_calib", np.zeros_like(factor)), np.float32)
        self._coefficients[tel_id] = Coefficients(tel_id, pedestal, factor, shift, unusable)
        return self._coefficients[tel_id]


def _photoelectrons(block: Block) -> Iterator[tuple[int, Any]]:
    for child in block.children():
        if child.kind == PHOTOELECTRONS:
            yield parse_photoelectrons(child)


def _stripped(meta: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: value.strip() for key, value in meta.items()}
