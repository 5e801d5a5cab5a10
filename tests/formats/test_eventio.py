# SPDX-License-Identifier: BSD-3-Clause
"""EventIO blocks: what was written is read, and no damage gets further than a typed error."""

import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.eventio import BlockReader
from pellucid.simulate.simtel import pack_block

COMPRESSIONS = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}

blocks = st.lists(
    st.tuples(
        st.integers(1, 0xFFFF),
        st.integers(0, 0xFFF),
        st.integers(-(2**31), 2**31 - 1),
        st.binary(max_size=200),
    ),
    min_size=1,
    max_size=8,
)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read_all(path: Path) -> list[tuple[int, int, int, bytes]]:
    with BlockReader(path) as reader:
        return [(b.kind, b.version, b.ident, bytes(b.payload)) for b in reader]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@given(blocks)
@settings(max_examples=40, deadline=None)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, compression: str, content: list[tuple[int, int, int, bytes]]
) -> None:
    raw = b"".join(pack_block(*block, top_level=True) for block in content)
    path = written(tmp_path_factory.mktemp("eventio") / "f", COMPRESSIONS[compression](raw))
    padded = [(k, v, i, p + b"\0" * (-len(p) % 4)) for k, v, i, p in content]
    assert read_all(path) == padded


def test_sub_blocks_come_in_order_with_their_place(tmp_path: Path) -> None:
    inner = pack_block(1, 2, 3, b"abcd") + pack_block(4, 5, -6, b"efghijkl")
    path = written(tmp_path / "f", pack_block(9, 0, 7, inner, only_subblocks=True, top_level=True))
    with BlockReader(path) as reader:
        (block,) = reader
        children = list(block.children())
    assert block.only_subblocks
    assert [(c.kind, c.version, c.ident, bytes(c.payload)) for c in children] == [
        (1, 2, 3, b"abcd"),
        (4, 5, -6, b"efghijkl"),
    ]
    assert [c.offset for c in children] == [0, 16]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_cut_is_noticed(tmp_path: Path, compression: str) -> None:
    raw = b"".join(pack_block(7, 1, i, bytes([i]) * 40, top_level=True) for i in range(4))
    whole = COMPRESSIONS[compression](raw)
    boundaries = {56 * i for i in range(5)} if compression == "plain" else {len(whole)}
    for cut in range(1, len(whole)):
        if cut in boundaries:
            continue
        path = written(tmp_path / f"cut{cut}", whole[:cut])
        with pytest.raises(CorruptedInput) as caught:
            read_all(path)
        assert str(path) in caught.value.where
        assert caught.value.exit_code == 104


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"SIMPLE  =                    T / a FITS file", "wrong-format"),
        (b"\xd4\x1f\x8a\x37" + bytes(12), "big-endian"),
        (gzip.compress(b"not eventio, but compressed", mtime=0), "wrong-format"),
        (b"\x1f\x8b" + bytes(30), "damaged-compression"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(CorruptedInput) as caught:
        read_all(written(tmp_path / "f", content))
    assert caught.value.code == code
    assert caught.value.mend


def test_a_directory_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptedInput, match="directory"):
        BlockReader(tmp_path)
    with pytest.raises(MissingInput, match="no such file"):
        BlockReader(tmp_path / "nothing")


def test_a_false_length_does_not_eat_the_memory(tmp_path: Path) -> None:
    whole = pack_block(7, 0, 1, b"abcd", top_level=True)
    false = whole[:12] + b"\xff\xff\xff\x3f" + whole[16:]
    with pytest.raises(CorruptedInput) as caught:
        read_all(written(tmp_path / "f", false))
    assert caught.value.code == "truncated"
    assert "byte 0" in caught.value.where


def test_a_sub_block_cannot_leave_its_block(tmp_path: Path) -> None:
    inner = bytearray(pack_block(1, 0, 1, b"abcd"))
    inner[8] = 200
    path = written(tmp_path / "f", pack_block(9, 0, 1, bytes(inner), only_subblocks=True, top_level=True))
    with BlockReader(path) as reader, pytest.raises(CorruptedInput, match="longer than the block"):
        list(next(iter(reader)).children())


def test_what_the_decoder_stumbles_over_becomes_a_typed_error(tmp_path: Path) -> None:
    path = written(tmp_path / "f", pack_block(2000, 2, 1, b"abcd", top_level=True))
    with BlockReader(path) as reader:
        block = next(iter(reader))
        with pytest.raises(CorruptedInput, match="cannot be decoded") as caught:
            block.parse()
    assert "block type 2000 id 1 at byte 0" in caught.value.where


def test_a_kept_block_outlives_the_next_one(tmp_path: Path) -> None:
    raw = b"".join(pack_block(7, 0, i, bytes([i]) * 40, top_level=True) for i in range(3))
    with BlockReader(written(tmp_path / "f", raw)) as reader:
        kept = [block.kept() for block in reader]
    assert [bytes(block.payload) for block in kept] == [bytes([i]) * 40 for i in range(3)]
