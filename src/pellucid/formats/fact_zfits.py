# SPDX-License-Identifier: BSD-3-Clause
"""FACT's compressed FITS tables: tiles of blocks, smoothed and Huffman-coded (Anderhub et al. 2013, ZFITS).

A tile begins with ``TILE``, its rows and its size; a block with its size, its order (R: row after row, C:
element after element) and the operations done to it, which are undone from the last to the first. All of it
is little-endian. The checksums are verified before anything is decoded.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.fits_checksum import HeaderDataUnit, read_units, verify
from pellucid.jit import kernel

__all__ = ["FactTable"]

_TYPES = {"I": "<i2", "J": "<i4", "K": "<i8", "E": "<f4", "D": "<f8", "B": "u1", "L": "u1", "A": "S1"}
_SMOOTHING, _HUFFMAN = 1, 2
_TILE_HEADER, _BLOCK_HEADER = 16, 10


@dataclass(frozen=True)
class _Column:
    number: int
    count: int
    dtype: np.dtype[np.generic]


class FactTable:
    """One table of a FACT file, read tile by tile.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        EXTNAME of the table.

    Attributes
    ----------
    header : dict of str to str
        Its header.
    n_rows : int
        Number of rows.

    Raises
    ------
    MissingInput
        No such file.
    CorruptedInput
        It is damaged, or has no such compressed table (``unknown-table``).
    """

    def __init__(self, path: Path, name: str) -> None:
        if not path.is_file():
            raise MissingInput(
                "There is no such file.", where=str(path), mend="check the name", code="no-file"
            )
        units = read_units(path)
        verify(path, units)
        found = [u for u in units if u.name == name and u.header.get("ZTABLE") == "T"]
        if not found:
            raise CorruptedInput(
                "The file does not hold the table that is needed.",
                where=str(path),
                expected=f"a compressed table '{name}'",
                got=f"tables: {', '.join(u.name for u in units if u.name != 'PRIMARY') or 'none'}",
                mend="name a raw data file of FACT",
                code="unknown-table",
            )
        self.path = path
        self.name = name
        self._unit: HeaderDataUnit = found[0]
        self.header = self._unit.header
        self.n_rows = int(self.header["ZNAXIS2"])
        self._rows_of_tile = int(self.header["ZTILELEN"])
        self._columns = _columns(self.header)
        self._bytes = np.memmap(
            path, np.uint8, "r", self._unit.data_offset, self._unit.end - self._unit.data_offset
        )

    def read(self, column: str) -> npt.NDArray[np.generic]:
        """Return a column, shape (n_rows, elements); in whatever unit the instrument gives it.

        Raises
        ------
        CorruptedInput
            There is no such column (``unknown-column``), or a block cannot be decoded (``bad-block``).
        """
        if column not in self._columns:
            raise CorruptedInput(
                f"The table has no column '{column}'.",
                where=f"{self.path}, table '{self.name}'",
                got=", ".join(self._columns),
                code="unknown-column",
            )
        kind = self._columns[column]
        out = np.empty((self.n_rows, kind.count), kind.dtype)
        tiles = -(-self.n_rows // self._rows_of_tile)
        catalogue = self._bytes[: tiles * len(self._columns) * 16].view(">i8").reshape(tiles, -1, 2)
        heap = int(self.header["ZHEAPPTR"])
        for tile in range(tiles):
            rows = out[tile * self._rows_of_tile : (tile + 1) * self._rows_of_tile]
            size, offset = (int(v) for v in catalogue[tile, kind.number])
            if size:
                rows[:] = self._decoded(self._bytes[heap + offset : heap + offset + size], rows, column)
        return out

    def _decoded(
        self, block: npt.NDArray[np.uint8], rows: npt.NDArray[np.generic], column: str
    ) -> npt.NDArray[np.generic]:
        n_steps = int(block[9])
        steps = block[_BLOCK_HEADER : _BLOCK_HEADER + 2 * n_steps].view("<u2")
        data = np.array(block[_BLOCK_HEADER + 2 * n_steps :])
        for step in steps[::-1]:
            if step == _HUFFMAN:
                # the decoder is given 16-bit words, which may be the halves of longer numbers
                words = np.zeros(rows.nbytes // 2, np.uint16)
                if not _undo_huffman(data, words):
                    raise self._bad(column, "a code that the block's own table does not have")
                data = words.view(np.uint8)
            elif step == _SMOOTHING:
                _undo_smoothing(data.view(np.int16))
            elif step != 0:
                raise self._bad(column, f"operation {step}")
        if data.size < rows.nbytes:
            raise self._bad(column, f"{data.size} bytes")
        values = data[: rows.nbytes].view(rows.dtype)
        return values.reshape(rows.shape) if block[8] == ord("R") else values.reshape(rows.shape[::-1]).T

    def _bad(self, column: str, got: str) -> CorruptedInput:
        return CorruptedInput(
            "A block of the table cannot be decoded.",
            where=f"{self.path}, table '{self.name}', column '{column}'",
            expected="plain, smoothed or Huffman-coded numbers",
            got=got,
            mend="deliver the file again",
            code="bad-block",
        )


def _columns(header: dict[str, str]) -> dict[str, _Column]:
    columns = {}
    for number in range(int(header["TFIELDS"])):
        form = re.fullmatch(r"(\d*)([A-Z])", header[f"ZFORM{number + 1}"])
        if form is None or form[2] not in _TYPES:
            raise CorruptedInput(
                "A column has a type that is not known.",
                expected=f"one of {', '.join(_TYPES)}",
                got=header[f"ZFORM{number + 1}"],
                code="unknown-type",
            )
        columns[header[f"TTYPE{number + 1}"]] = _Column(number, int(form[1] or 1), np.dtype(_TYPES[form[2]]))
    return columns


@kernel
def _undo_smoothing(data: npt.NDArray[np.int16]) -> None:
    """Add to each number what was subtracted: half the sum of the two before it, rounded towards 0."""
    for j in range(2, data.size):
        total = np.int32(data[j - 1]) + np.int32(data[j - 2])
        half = total // 2 if total >= 0 else -(-total // 2)
        data[j] = np.int16(np.int32(data[j]) + half)


@kernel
def _undo_huffman(data: npt.NDArray[np.uint8], words: npt.NDArray[np.uint16]) -> bool:
    """Decode 16-bit words from bits that begin with the lowest of each byte; tell whether it went well."""
    at = 4  # after the block's compressed size
    if data.size < 22:
        return False
    count, symbols = np.int64(0), np.int64(0)
    for k in range(8):
        count |= np.int64(data[at + k]) << (8 * k)
        symbols |= np.int64(data[at + 8 + k]) << (8 * k)
    at += 16
    if count != words.size or symbols < 1 or symbols > 65536:
        return False
    # a binary tree: of each node the nodes behind 0 and 1, negative for symbols
    tree = np.zeros((2 * symbols + 1, 2), np.int32)
    n_nodes = 1
    for _ in range(symbols):
        if at + 3 > data.size or at + 3 + (data[at + 2] + 7) // 8 > data.size:
            return False
        symbol = np.int32(data[at]) | (np.int32(data[at + 1]) << 8)
        if symbols == 1:
            words[:] = symbol
            return True
        n_bits = np.int64(data[at + 2])
        at += 3
        node = np.int64(0)
        for bit in range(n_bits):
            side = (data[at + bit // 8] >> (bit % 8)) & 1
            if bit == n_bits - 1:
                tree[node, side] = -1 - symbol
            else:
                if tree[node, side] <= 0:
                    if n_nodes >= tree.shape[0] or tree[node, side] < 0:
                        return False
                    tree[node, side] = n_nodes
                    n_nodes += 1
                node = np.int64(tree[node, side])
        at += int((n_bits + 7) // 8)
    place, position = np.int64(0), 0
    for byte in range(at, data.size):
        for bit in range(8):
            place = np.int64(tree[place, (data[byte] >> bit) & 1])
            if place == 0:
                return False
            if place < 0:
                words[position] = -1 - place
                position += 1
                place = np.int64(0)
                if position == words.size:
                    return True
    return False
