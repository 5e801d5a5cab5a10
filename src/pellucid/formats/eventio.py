# SPDX-License-Identifier: BSD-3-Clause
"""EventIO streams: plain, gzip or zstd files cut into blocks, every length checked before it is believed.

Layout (hessio, `eventio` by K. Bernloehr): a block is a sync word (top level only), a word with type,
version and flags, an identifier, a word with the length, an optional extension of the length, and the
payload, which may consist of sub-blocks.
"""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, Protocol

import zstandard

from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["Block", "BlockReader", "is_eventio"]

_SYNC_LITTLE = b"\x37\x8a\x1f\xd4"
_SYNC_BIG = b"\xd4\x1f\x8a\x37"
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_HEADER = struct.Struct("<III")
_LENGTH_MASK = (1 << 30) - 1
_READ_SIZE = 1 << 20
_STEP = 1 << 26
# sim_telarray's largest blocks (Cherenkov photons of one array event) stay far below this
_LARGEST_BLOCK = 1 << 32


class Block(NamedTuple):
    """One block of an EventIO stream.

    Attributes
    ----------
    kind : int
        Type number of the block.
    version : int
        Version of the type's layout.
    ident : int
        Identifier; what it means depends on the type.
    only_subblocks : bool
        Whether the payload consists of sub-blocks alone.
    offset : int
        Where the block starts in the decompressed stream, in bytes.
    payload : memoryview
        Content, in bytes; valid until the reader takes the next top-level block (see `kept`).
    path : str
        File it comes from.
    """

    kind: int
    version: int
    ident: int
    only_subblocks: bool
    offset: int
    payload: memoryview
    path: str

    def corrupted(
        self, what: str, *, expected: str = "", got: str = "", code: str | None = None
    ) -> CorruptedInput:
        """Return the error that says where in the file this block is wrong."""
        return CorruptedInput(
            what,
            where=f"{self.path}, block type {self.kind} id {self.ident} at byte {self.offset}",
            expected=expected,
            got=got,
            mend=_MEND,
            code=code,
        )

    def kept(self) -> "Block":
        """Return a copy that outlives the reading of the next block."""
        return self._replace(payload=memoryview(bytes(self.payload)))

    def children(self) -> Iterator["Block"]:
        """Yield the sub-blocks; a length that leaves the block is an error."""
        position, end = 0, len(self.payload)
        while position < end:
            if end - position < _HEADER.size:
                raise self.corrupted("A block ends in the middle of a sub-block's header.")
            kind, version, ident, subblocks, length, size = _parse_header(self.payload, position, self)
            start = position + size
            if start + length > end:
                raise self.corrupted(
                    f"A sub-block of type {kind} is longer than the block it lies in.",
                    expected=f"at most {end - start} bytes",
                    got=f"{length} bytes",
                )
            yield Block(
                kind,
                version,
                ident,
                subblocks,
                self.offset + position,
                self.payload[start : start + length],
                self.path,
            )
            position = start + length

    def parse(self) -> Any:
        """Decode the payload with the `eventio` package; whatever it stumbles over becomes a typed error."""
        from eventio.base import KNOWN_OBJECTS
        from eventio.header import parse_header_bytes

        known = KNOWN_OBJECTS.get(self.kind)
        if known is None:
            raise self.corrupted("A block of unknown type cannot be decoded.", code="unknown-block")
        word = (self.kind & 0xFFFF) | (self.version << 20)
        header = parse_header_bytes(
            _HEADER.pack(word, self.ident & 0xFFFFFFFF, len(self.payload)), toplevel=False
        )
        header.content_size = len(self.payload)
        header.content_address = 0
        try:
            return known(header, filehandle=io.BytesIO(self.payload)).parse()
        except (
            ValueError, IndexError, KeyError, TypeError, AssertionError, OverflowError, NotImplementedError,
            EOFError, MemoryError, StopIteration, OSError, UnicodeDecodeError, struct.error,
        ) as error:  # fmt: skip
            self._undecodable(error)
        except Exception as error:
            # the package's own exception classes (wrong type, wrong version) derive from Exception alone
            if type(error).__module__.startswith("eventio"):
                self._undecodable(error)
            raise

    def _undecodable(self, error: Exception) -> NoReturn:
        raise self.corrupted(
            f"A block of type {self.kind}, version {self.version}, cannot be decoded.",
            expected="the layout of its type and version",
            got=f"{type(error).__name__}: {error}",
        ) from error


_MEND = "fetch the file again, or keep what precedes the damage with --keep-partial"


def _parse_header(
    data: memoryview | bytes, position: int, parent: Block
) -> tuple[int, int, int, bool, int, int]:
    word, ident, length = _HEADER.unpack_from(data, position)
    size = _HEADER.size
    if word & (1 << 17):
        if len(data) - position < size + 4:
            raise parent.corrupted("A block ends in the middle of a sub-block's header.")
        (extension,) = struct.unpack_from("<I", data, position + size)
        size += 4
    else:
        extension = 0
    total = (length & _LENGTH_MASK) | ((extension & 0xFFF) << 30)
    signed = ident - (1 << 32) if ident >= 1 << 31 else ident
    return word & 0xFFFF, word >> 20, signed, bool(length & (1 << 30)), total, size


def is_eventio(head: bytes) -> bool:
    """Return whether the first bytes (after decompression) are those of an EventIO stream."""
    return head[:4] in (_SYNC_LITTLE, _SYNC_BIG)


class BlockReader:
    """Iterate over the top-level blocks of an EventIO file, one in memory at a time.

    Parameters
    ----------
    path : Path
        Plain, gzip- or zstd-compressed file.

    Raises
    ------
    MissingInput
        No such file.
    CorruptedInput
        Not an EventIO file, empty, truncated, or damaged; with the byte offset of the block.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self._buffer = bytearray(_READ_SIZE)
        self._raw = _open_raw(path)
        try:
            self._stream = _decompressed(self._raw)
        except BaseException:
            self._raw.close()
            raise

    def __enter__(self) -> "BlockReader":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    @property
    def compressed_position(self) -> int:
        """Bytes of the file on disk that were read so far, for a progress bar."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Block]:
        while True:
            block = self._next()
            if block is None:
                return
            yield block

    def _next(self) -> Block | None:
        start = self.offset
        head = self._read(16, start, may_end=True)
        if not head:
            if start == 0:
                raise self._error("The file is empty.", 0, code="empty")
            return None
        if head[:4] != _SYNC_LITTLE:
            self._refuse_sync(bytes(head[:4]), start)
        outer = Block(0, 0, 0, True, start, memoryview(b""), str(self.path))
        header = bytes(head[4:])  # a copy: the next read uses the buffer again
        if header[2] & 0x02:  # bit 17: the length has an extension word
            header += bytes(self._read(4, start))
        kind, version, ident, subblocks, length, _ = _parse_header(header, 0, outer)
        if length > _LARGEST_BLOCK:
            raise self._error(
                "A block claims an impossible length.",
                start,
                expected=f"at most {_LARGEST_BLOCK} bytes",
                got=f"{length} bytes",
            )
        payload = self._read(length, start)
        return Block(kind, version, ident, subblocks, start, payload, str(self.path))

    def _refuse_sync(self, word: bytes, offset: int) -> NoReturn:
        if word == _SYNC_BIG:
            raise self._error(
                "The file was written on a big-endian machine, which is not supported.",
                offset,
                code="big-endian",
            )
        what = "This is not an EventIO file." if offset == 0 else "The stream is out of step: no sync word."
        raise self._error(
            what,
            offset,
            expected=_SYNC_LITTLE.hex(" "),
            got=word.hex(" ") or "nothing",
            code="wrong-format" if offset == 0 else None,
        )

    def _read(self, size: int, block_start: int, *, may_end: bool = False) -> memoryview:
        """Read exactly ``size`` bytes, in steps, so that a false length cannot eat the memory."""
        filled = 0
        while True:
            wanted = min(size, filled + _STEP)
            target = self._room(wanted, filled)
            filled += self._fill(target[filled:wanted], block_start)
            if filled < wanted or filled == size:
                break
        self.offset += filled
        if filled < size and not (may_end and filled == 0):
            raise self._error(
                "The file ends in the middle of a block: it is truncated.",
                block_start,
                expected=f"{size} more bytes",
                got=f"{filled} bytes",
                code="truncated",
            )
        return target[:filled]

    def _room(self, size: int, filled: int) -> memoryview:
        """Return the buffer, large enough; fresh memory for each block would cost as much as zstd."""
        if len(self._buffer) < size:
            larger = bytearray(size + size // 4)
            larger[:filled] = self._buffer[:filled]
            self._buffer = larger
        return memoryview(self._buffer)

    def _fill(self, target: memoryview, block_start: int) -> int:
        filled = 0
        try:
            while filled < len(target):
                count = self._stream.readinto(target[filled:])
                if not count:
                    break
                filled += count
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise self._damaged(error, block_start) from error
        return filled

    def _damaged(self, error: Exception, offset: int) -> CorruptedInput:
        truncated = isinstance(error, EOFError)
        return self._error(
            "The compressed data are truncated." if truncated else "The compressed data are damaged.",
            offset,
            got=str(error),
            code="truncated" if truncated else "damaged-compression",
        )

    def _error(
        self, what: str, offset: int, *, expected: str = "", got: str = "", code: str | None = None
    ) -> CorruptedInput:
        where = f"{self.path}, byte {offset} of the uncompressed stream"
        return CorruptedInput(what, where=where, expected=expected, got=got, mend=_MEND, code=code)


def _open_raw(path: Path) -> BinaryIO:
    if path.is_dir():
        raise CorruptedInput(
            "A file is needed, this is a directory.",
            where=str(path),
            mend="name a file in it",
            code="directory",
        )
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise MissingInput("There is no such file.", where=str(path), mend="check the path") from error
    except OSError as error:
        raise MissingInput(
            "The file cannot be opened.",
            where=str(path),
            got=error.strerror or str(error),
            mend="check its permissions",
        ) from error


class _Stream(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


def _decompressed(raw: BinaryIO) -> _Stream:
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == _GZIP_MAGIC:
        return io.BufferedReader(gzip.GzipFile(fileobj=raw), _READ_SIZE)
    if magic == _ZSTD_MAGIC:
        reader: _Stream = zstandard.ZstdDecompressor().stream_reader(
            raw, read_size=_READ_SIZE, read_across_frames=True
        )
        return reader
    plain: Any = raw
    stream: _Stream = plain
    return stream
