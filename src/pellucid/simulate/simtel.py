# SPDX-License-Identifier: BSD-3-Clause
"""Make long sim_telarray files from short ones: repeat the events, vary the noise of every sample.

Few public files hold more than one triggered event. Each copy of an event gets its own identifier, and
every ADC sample is changed by -1, 0 or +1 at random (1/4, 1/2, 1/4), so that neither compression nor
branch prediction sees the same bytes twice. Showers and cores are kept, photo-electrons can be dropped,
which makes the file look like observed data.
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zstandard

from pellucid.formats.eventio import Block, BlockReader
from pellucid.formats.simtel.adc import ADC_SAMPLES, AdcBlock, decode_into
from pellucid.jit import kernel

__all__ = ["encode_samples", "pack_block", "repeat_events"]

_SYNC = struct.pack("<I", 0xD41F8A37)
_TRIGGER, _ARRAY_EVENT, _SHOWER, _CORE = 2009, 2010, 2020, 2021
_TRUTH = {1204, 1205, 2026}
_EVENTS = {_ARRAY_EVENT, _SHOWER, _CORE, *_TRUTH}
_LAST = 100
_ZSTD_LEVEL = 5

type U2 = npt.NDArray[np.uint16]


def pack_block(
    kind: int,
    version: int,
    ident: int,
    payload: bytes,
    *,
    only_subblocks: bool = False,
    top_level: bool = False,
) -> bytes:
    """Put an EventIO header before a payload.

    Parameters
    ----------
    kind, version, ident : int
        Type, version and identifier of the block.
    payload : bytes
        Content; padded to a multiple of 4 bytes.
    only_subblocks : bool
        Whether the payload consists of blocks alone.
    top_level : bool
        Whether the block stands in the file itself, and needs a sync word.
    """
    payload += b"\0" * (-len(payload) % 4)
    length = len(payload)
    extended = length >= 1 << 30
    word = kind | (extended << 17) | (version << 20)
    low = (length & ((1 << 30) - 1)) | (only_subblocks << 30)
    head = struct.pack("<III", word, ident & 0xFFFFFFFF, low)
    if extended:
        head += struct.pack("<I", length >> 30)
    return (_SYNC if top_level else b"") + head + payload


def encode_samples(samples: U2) -> bytes:
    """Code ADC samples as block 2013 stores them: a header and the differences of each trace.

    Parameters
    ----------
    samples : ndarray of uint16, shape (n_channels, n_pixels, n_samples)
        In ADC counts.
    """
    n_channels, n_pixels, n_samples = samples.shape
    coded = np.empty(3 * samples.size, np.uint8)
    size = _encode(np.ascontiguousarray(samples).reshape(-1, n_samples), coded)
    return struct.pack("<ihh", n_pixels, n_channels, n_samples) + coded[:size].tobytes()


def repeat_events(
    source: Path, target: Path, copies: int, *, seed: int = 1, with_truth: bool = False, compress: bool = True
) -> int:
    """Write a file with the events of another one repeated, each copy with its own noise.

    Parameters
    ----------
    source, target : Path
        File to take the events from, and to write.
    copies : int
        How often each event appears.
    seed : int
        Seed of the noise.
    with_truth : bool
        Whether photo-electrons are kept.
    compress : bool
        Whether to write zstd (level 5).

    Returns
    -------
    int
        Number of array events written.
    """
    with BlockReader(source) as reader:
        blocks = [block.kept() for block in reader if with_truth or block.kind not in _TRUTH]
    head = [b for b in blocks if b.kind not in _EVENTS and b.kind != _LAST]
    events = [b for b in blocks if b.kind in _EVENTS]
    tail = [b for b in blocks if b.kind == _LAST]
    random = np.random.default_rng(seed)
    n_events = 0
    with target.open("wb") as raw:
        out = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).stream_writer(raw) if compress else raw
        for block in head:
            out.write(_copied(block, block.ident, top_level=True))
        for copy in range(copies):
            n_in_copy = 0
            for block in events:
                if block.kind == _ARRAY_EVENT:
                    n_in_copy += 1
                n_cores = n_in_copy if block.kind == _ARRAY_EVENT else n_in_copy + 1
                event_id = copy * 1000 + n_cores
                out.write(_varied(block, event_id, random))
            n_events += n_in_copy
        for block in tail:
            out.write(_copied(block, block.ident, top_level=True))
        if compress:
            out.close()
    return n_events


def _copied(block: Block, ident: int, *, top_level: bool = False) -> bytes:
    return pack_block(
        block.kind, block.version, ident, bytes(block.payload),
        only_subblocks=block.only_subblocks, top_level=top_level,
    )  # fmt: skip


def _varied(block: Block, event_id: int, random: np.random.Generator) -> bytes:
    """Return a top-level block of an event with its new identifier and new noise."""
    if block.kind != _ARRAY_EVENT:
        return _copied(block, block.ident if block.kind == _SHOWER else event_id, top_level=True)
    parts = []
    for child in block.children():
        if child.kind == _TRIGGER:
            parts.append(_copied(child, event_id))
        elif child.only_subblocks and (child.kind - 2000) // 100 % 10 == 2:
            inner = b"".join(_with_noise(grandchild, random) for grandchild in child.children())
            parts.append(pack_block(child.kind, child.version, event_id, inner, only_subblocks=True))
        else:
            parts.append(_copied(child, child.ident))
    return pack_block(
        block.kind, block.version, event_id, b"".join(parts), only_subblocks=True, top_level=True
    )


def _with_noise(block: Block, random: np.random.Generator) -> bytes:
    if block.kind != ADC_SAMPLES:
        return _copied(block, block.ident)
    adc = AdcBlock.parse(block)
    samples = np.empty((adc.n_channels, adc.n_pixels, adc.n_samples), np.uint16)
    decode_into(adc, samples)
    step = random.integers(0, 4, samples.shape, np.int32)
    # 0: down, 1 and 2: as it was, 3: up
    changed = np.clip(samples + (step == 3) - (step == 0), 0, 65535).astype(np.uint16)
    return pack_block(block.kind, block.version, block.ident, encode_samples(changed))


@kernel
def _encode(traces: U2, coded: npt.NDArray[np.uint8]) -> int:
    place = 0
    for trace in range(traces.shape[0]):
        last = np.int64(0)
        for sample in range(traces.shape[1]):
            value = np.int64(traces[trace, sample])
            difference = value - last
            last = value
            code = 2 * difference if difference >= 0 else -2 * difference - 1
            if code < 1 << 7:
                coded[place] = code
                place += 1
            elif code < 1 << 14:
                coded[place] = 0x80 | (code >> 8)
                coded[place + 1] = code & 0xFF
                place += 2
            else:
                coded[place] = 0xC0 | (code >> 16)
                coded[place + 1] = (code >> 8) & 0xFF
                coded[place + 2] = code & 0xFF
                place += 3
    return place
