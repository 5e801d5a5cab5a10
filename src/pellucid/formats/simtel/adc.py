# SPDX-License-Identifier: BSD-3-Clause
"""ADC samples and sums of a telescope event: variable-length integers, differences from sample to sample.

Layout (hessio, types 2012 and 2013, version 3). A value is coded in 1 to 5 bytes; the leading ones of
the first byte count the bytes that follow, the last bit of the last byte is the sign.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.formats.eventio import Block
from pellucid.jit import kernel

__all__ = ["AdcBlock", "decode_into"]

ADC_SUMS, ADC_SAMPLES = 2012, 2013
_VERSION = 3
# no camera has more; a damaged header must not ask for all the memory
_MOST_VALUES = 1 << 27
_ONE = np.array([[0, 1]], np.int32)

type Bytes = npt.NDArray[np.uint8]
type U2 = npt.NDArray[np.uint16]
type Adc = npt.NDArray[np.unsignedinteger]
type Ranges = npt.NDArray[np.int32]
# inside kernels numba needs the width of an integer spelled out
type Int = int | np.signedinteger[Any]


@dataclass(frozen=True, slots=True)
class AdcBlock:
    """Where the ADC values of one telescope event lie, and how many there are.

    Attributes
    ----------
    block : Block
        The block they came in.
    n_channels, n_pixels, n_samples : int
        Shape; ``n_samples`` is 1 for sums.
    start : int
        Where the coded values start in the payload, in bytes.
    ranges : ndarray of int32, shape (k, 2)
        First and one-past-last pixel of each stored stretch (all pixels, or those not suppressed).
    """

    block: Block
    n_channels: int
    n_pixels: int
    n_samples: int
    start: int
    ranges: Ranges

    @property
    def dtype(self) -> npt.DTypeLike:
        """Type that holds the values: sums need 32 bits."""
        return np.uint32 if self.block.kind == ADC_SUMS else np.uint16

    @classmethod
    def parse(cls, block: Block) -> "AdcBlock":
        """Read the header of an ADC block; the values stay where they are."""
        if block.version != _VERSION:
            raise block.corrupted(
                "The ADC values are in an unknown layout.",
                expected=f"version {_VERSION}",
                got=f"version {block.version}",
                code="unknown-block",
            )
        head = struct.Struct("<ihh" if block.kind == ADC_SAMPLES else "<ih")
        if len(block.payload) < head.size:
            raise block.corrupted("The ADC values end before they begin.", code="truncated")
        n_pixels, n_channels, *rest = head.unpack_from(block.payload)
        n_samples = rest[0] if rest else 1
        if min(n_pixels, n_channels, n_samples) < 1 or n_pixels * n_channels * n_samples > _MOST_VALUES:
            raise block.corrupted(
                "The ADC values have an impossible shape.",
                expected="at least one channel, pixel and sample",
                got=f"{n_channels} channels, {n_pixels} pixels, {n_samples} samples",
                code="zero-pixels" if n_pixels == 0 else None,
            )
        suppressed, reduced, listed = block.ident & 0x1F, block.ident >> 5 & 0x1F, block.ident >> 10 & 1
        start, ranges = head.size, np.array([[0, n_pixels]], np.int32)
        if suppressed and block.kind == ADC_SAMPLES:
            ranges, start = _pixel_ranges(block, head.size, n_pixels)
        if reduced or listed or (suppressed and block.kind == ADC_SUMS):
            raise block.corrupted(
                "The ADC values are stored in a reduced form that cannot be read.",
                expected="all samples, or zero suppression mode 1",
                got=f"zero suppression {suppressed}, data reduction {reduced}, pixel list {listed}",
                code="unknown-block",
            )
        return cls(block, n_channels, n_pixels, n_samples, start, ranges)


def decode_into(adc: AdcBlock, target: Adc, low_gain_above: float | None = None) -> None:
    """Decode a block into ``target``, shape (n_channels, n_pixels, n_samples), in ADC counts.

    With ``low_gain_above`` the channels behind the first are set to 0 and left undecoded if no sample of
    the first is above it: their values would not be used.
    """
    data = np.frombuffer(adc.block.payload, np.uint8)
    if len(adc.ranges) != 1 or adc.ranges[0, 1] - adc.ranges[0, 0] != adc.n_pixels:
        target[...] = 0
    # samples: differences from sample to sample; sums: from pixel to pixel
    shape = (1, adc.n_pixels) if adc.block.kind == ADC_SUMS else (adc.n_pixels, adc.n_samples)
    ranges = _ONE if adc.block.kind == ADC_SUMS else adc.ranges
    first, others = target[:1].reshape(-1), target[1:].reshape(-1)
    end = _decode(data, adc.start, ranges, *shape, first)
    skipped = others.size > 0 and low_gain_above is not None and end >= 0 and first.max() <= low_gain_above
    if skipped:
        others[:] = 0
    elif others.size and end >= 0:
        end = _decode(data, end, ranges, *shape, others)
    if end < 0 or end > data.size:
        raise adc.block.corrupted(
            "The ADC values end too early.",
            expected=f"{target.size} values",
            got="fewer",
            code="truncated",
        )
    # hessio pads blocks to 4 bytes
    if data.size - end > 3 and not skipped:
        raise adc.block.corrupted(
            "The ADC values do not fill their block: they are damaged.",
            expected=f"{data.size - adc.start} bytes",
            got=f"{end - adc.start} bytes",
        )


def _pixel_ranges(block: Block, start: int, n_pixels: int) -> tuple[Ranges, int]:
    data = np.frombuffer(block.payload, np.uint8)
    values, end = _signed_varints(data, start, 2 * n_pixels + 1)
    n_ranges = int(values[0]) if values.size else -1
    ranges: list[tuple[int, int]] = []
    used = 1
    while 0 <= len(ranges) < n_ranges and used < values.size:
        first = int(values[used])
        # a single pixel is coded as -first - 1, a stretch as first and last
        if first < 0:
            ranges.append((-first - 1, -first))
            used += 1
        elif used + 1 < values.size:
            ranges.append((first, int(values[used + 1]) + 1))
            used += 2
        else:
            break
    flat = [edge for stretch in ranges for edge in stretch]
    if len(ranges) != n_ranges or any(not 0 <= e <= n_pixels for e in flat) or any(a >= b for a, b in ranges):
        raise block.corrupted(
            "The list of pixels that were not suppressed is damaged.",
            expected=f"stretches of the pixels 0 to {n_pixels - 1}",
        )
    _, end = _signed_varints(data, start, used)
    return np.array(ranges, np.int32).reshape(-1, 2), end


def _signed_varints(data: Bytes, start: int, most: int) -> tuple[npt.NDArray[np.int64], int]:
    """Read up to ``most`` signed variable-length integers (at most 4 bytes each)."""
    values: list[int] = []
    position = start
    while len(values) < most and position < data.size:
        size = 8 - (~int(data[position]) & 0xFF).bit_length() + 1
        if size > 4 or position + size > data.size:
            break
        raw = int.from_bytes(data[position : position + size].tobytes(), "big") & ((1 << 7 * size) - 1)
        values.append(-(raw >> 1) - 1 if raw & 1 else raw >> 1)
        position += size
    return np.array(values, np.int64), position


@kernel
def _decode(data: Bytes, start: Int, ranges: Ranges, n_pixels: int, n_samples: int, flat: Adc) -> Int:
    position: Int = start
    for channel in range(flat.size // (n_pixels * n_samples)):
        for stretch in range(ranges.shape[0]):
            for pixel in range(ranges[stretch, 0], ranges[stretch, 1]):
                begin = (channel * n_pixels + pixel) * n_samples
                # the longest code has 5 bytes: with that much left no sample needs a check of its own
                if position + 5 * n_samples <= data.size:
                    position = _decode_trace(data, position, flat, begin, begin + n_samples)
                else:
                    position = _decode_last_trace(data, position, flat, begin, begin + n_samples)
                    if position < 0:
                        return -1
    return position


@kernel
def _decode_trace(data: Bytes, position: Int, flat: Adc, begin: int, end: int) -> Int:
    # unsigned indices and 32-bit values: numba then compiles the loop to three times the speed
    one = np.uint64(1)
    place = np.uint64(position)
    value = np.int32(0)
    for sample in range(np.uint64(begin), np.uint64(end)):
        first = np.int32(data[place])
        if first < 0x80:
            place += one
            difference = np.int32((first >> np.int32(1)) ^ -(first & np.int32(1)))
        elif first < 0xC0:
            code = np.int32(((first & 0x3F) << 8) | np.int32(data[place + one]))
            place += np.uint64(2)
            difference = np.int32((code >> np.int32(1)) ^ -(code & np.int32(1)))
        else:
            long_difference, after = _long_code(data, np.int64(place))
            place = np.uint64(after)
            difference = np.int32(long_difference)
        value = np.int32(value + difference)
        flat[sample] = value
    return np.int64(place)


@kernel
def _decode_last_trace(data: Bytes, position: Int, flat: Adc, begin: int, end: int) -> Int:
    value: Int = 0
    for sample in range(begin, end):
        if position >= data.size:
            return -1
        first = np.int64(data[position])
        if position + 1 + (first >= 0x80) + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0) > data.size:
            return -1
        difference, position = _long_code(data, position)
        value += difference
        flat[sample] = value
    return position


@kernel
def _long_code(data: Bytes, position: Int) -> tuple[Int, Int]:
    first = np.int64(data[position])
    size = 1 + (first >= 0x80) + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
    code = first & (0xFF >> size)
    for byte in range(1, size):
        code = (code << 8) | np.int64(data[position + byte])
    return (code >> 1) ^ -(code & 1), position + size
