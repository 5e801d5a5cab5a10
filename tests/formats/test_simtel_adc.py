# SPDX-License-Identifier: BSD-3-Clause
"""ADC values: coded and decoded again, against the field's own decoder, and damaged."""

import contextlib
import struct

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.errors import CorruptedInput
from pellucid.formats.eventio import Block
from pellucid.formats.simtel.adc import ADC_SAMPLES, ADC_SUMS, AdcBlock, decode_into
from pellucid.simulate.simtel import encode_samples

type U2 = npt.NDArray[np.uint16]

samples = hnp.arrays(
    np.uint16,
    hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=12),
    elements=st.integers(0, 65535) | st.integers(190, 450),
)


def block(payload: bytes, kind: int = ADC_SAMPLES, ident: int = 5 << 12, version: int = 3) -> Block:
    return Block(kind, version, ident, False, 100, memoryview(payload), "some.simtel")


def decoded(adc: AdcBlock) -> npt.NDArray[np.unsignedinteger]:
    target = np.full((adc.n_channels, adc.n_pixels, adc.n_samples), 7, adc.dtype)
    decode_into(adc, target)
    return target


@given(samples)
@settings(max_examples=300, deadline=None)
def test_coded_samples_come_back(values: U2) -> None:
    coded = block(encode_samples(values))
    assert np.array_equal(decoded(AdcBlock.parse(coded)), values)
    # one trace of one sample is squeezed by the peer
    assert np.array_equal(np.reshape(coded.parse(), values.shape), values)


@given(samples, st.data())
@settings(max_examples=200, deadline=None)
def test_a_cut_is_noticed(values: U2, data: st.DataObject) -> None:
    coded = encode_samples(values)
    cut = data.draw(st.integers(0, len(coded) - 1))
    with pytest.raises(CorruptedInput):
        decoded(AdcBlock.parse(block(coded[:cut])))


@given(samples, st.data())
@settings(max_examples=300, deadline=None)
def test_flipped_bits_do_no_harm(values: U2, data: st.DataObject) -> None:
    coded = bytearray(encode_samples(values))
    coded[data.draw(st.integers(0, len(coded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    # most flips still make a valid code; the others must end in the one typed error
    with contextlib.suppress(CorruptedInput):
        decoded(AdcBlock.parse(block(bytes(coded))))


@given(samples, st.integers(0, 65535))
@settings(max_examples=100, deadline=None)
def test_the_low_gain_is_left_out_where_it_is_not_used(values: U2, threshold: int) -> None:
    adc = AdcBlock.parse(block(encode_samples(values)))
    target = np.full(values.shape, 7, np.uint16)
    decode_into(adc, target, threshold)
    assert np.array_equal(target[0], values[0])
    assert np.array_equal(target[1:], values[1:] * (values[0].max() > threshold))


def test_zero_suppressed_pixels_are_zero() -> None:
    stored = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4) + 300
    traces = encode_samples(stored)[8:]
    # two stretches: pixel 2 alone (-2 - 1 = -3) and pixels 5 to 6; signed varints 2 n or -2 n - 1
    pixels = bytes([2 * 2, 2 * 3 - 1, 2 * 5, 2 * 6])
    coded = block(struct.pack("<ihh", 8, 2, 4) + pixels + traces, ident=(5 << 12) | 1)
    values = decoded(AdcBlock.parse(coded))
    assert np.array_equal(values[:, [2, 5, 6]], stored)
    assert not values[:, [0, 1, 3, 4, 7]].any()
    assert np.array_equal(coded.parse(), values)


def test_sums_need_more_than_16_bits() -> None:
    # 100000 is coded as 200000 in three bytes, the next pixel is 1 below
    first = (0xC0 << 16 | 200_000).to_bytes(3, "big")
    coded = block(struct.pack("<ih", 2, 1) + first + bytes([1]), kind=ADC_SUMS)
    adc = AdcBlock.parse(coded)
    assert adc.n_samples == 1
    assert decoded(adc).ravel().tolist() == [100_000, 99_999]


@pytest.mark.parametrize(
    ("payload", "ident", "version", "code"),
    [
        (struct.pack("<ihh", 0, 2, 40), 0, 3, "zero-pixels"),
        (struct.pack("<ihh", 10, -1, 40), 0, 3, "corrupted-input"),
        (struct.pack("<ihh", 2**30, 2, 30000), 0, 3, "corrupted-input"),
        (b"abc", 0, 3, "truncated"),
        (encode_samples(np.ones((1, 2, 3), np.uint16)), 0, 2, "unknown-block"),
        (encode_samples(np.ones((1, 2, 3), np.uint16)), 1 << 5, 3, "unknown-block"),
        (encode_samples(np.ones((1, 2, 3), np.uint16)) + bytes(40), 0, 3, "corrupted-input"),
    ],
)
def test_impossible_blocks_are_refused(payload: bytes, ident: int, version: int, code: str) -> None:
    with pytest.raises(CorruptedInput) as caught:
        decoded(AdcBlock.parse(block(payload, ident=ident, version=version)))
    assert caught.value.code == code
    assert "block type 2013" in caught.value.where
