# SPDX-License-Identifier: BSD-3-Clause
"""Header-data units of a FITS file: where they are, and whether their checksums hold, read as a stream.

FITS standard 4.0, sections 4.4.2.7 (DATASUM, CHECKSUM) and appendix J (the checksum's encoding).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pellucid.errors import CorruptedInput

__all__ = ["HeaderDataUnit", "checksum_cards", "read_units", "verify"]

BLOCK = 2880
CARD = 80
_PIECE = BLOCK * 2048


@dataclass(frozen=True)
class HeaderDataUnit:
    """One header-data unit.

    Attributes
    ----------
    name : str
        EXTNAME, ``PRIMARY`` for the first.
    header : dict of str to str
        Values as written, quotes and blanks taken off.
    offset, data_offset, end : int
        Bytes where the header, the data and the next unit begin.
    """

    name: str
    header: dict[str, str]
    offset: int
    data_offset: int
    end: int


def read_units(path: Path) -> list[HeaderDataUnit]:
    """Read the headers of a FITS file and check that all its bytes are there.

    Raises
    ------
    CorruptedInput
        The file is empty, no FITS file, or ends early.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        units = list(_units(path, file, size))
    if not units:
        raise CorruptedInput(
            "The file is empty.", where=str(path), mend="deliver it again", code="empty-file"
        )
    return units


def _units(path: Path, file: BinaryIO, size: int) -> Iterator[HeaderDataUnit]:
    offset = 0
    while offset < size:
        file.seek(offset)
        header, data_offset = _read_header(path, file, offset)
        try:
            length = _data_length(header)
        except (KeyError, ValueError) as error:
            raise _broken(path, offset, "a header that tells the size of its data", str(error)) from error
        end = data_offset + -(-length // BLOCK) * BLOCK
        name = header.get("EXTNAME", "") or ("PRIMARY" if offset == 0 else f"unit at byte {offset}")
        if end > size:
            raise CorruptedInput(
                "The file ends before its data do.",
                where=f"{path}, {name}, byte {size}",
                expected=f"at least {end} bytes",
                got=f"{size} bytes",
                mend="copy the file again, or wait until it is written",
                code="truncated-file",
            )
        yield HeaderDataUnit(name, header, offset, data_offset, end)
        offset = end


def _read_header(path: Path, file: BinaryIO, offset: int) -> tuple[dict[str, str], int]:
    header: dict[str, str] = {}
    position = offset
    while True:
        block = file.read(BLOCK)
        if position == 0 and not block.startswith(b"SIMPLE  ="):
            raise _broken(path, 0, "a FITS file, which begins with SIMPLE", repr(block[:16]), "not-fits")
        if len(block) < BLOCK:
            raise _broken(
                path, position, f"a header block of {BLOCK} bytes", f"{len(block)} bytes", "truncated-file"
            )
        position += BLOCK
        for start in range(0, BLOCK, CARD):
            card = block[start : start + CARD].decode("latin-1")
            key = card[:8].rstrip()
            if key == "END":
                return header, position
            if card[8:10] == "= ":
                header.setdefault(key, _value(card[10:]))
        if position - offset > 400 * BLOCK:
            raise _broken(path, offset, "a header with an END card", "none in the first MB")


def _value(text: str) -> str:
    text = text.strip()
    if text.startswith("'"):
        close = text.find("'", 1)
        return text[1:close].rstrip() if close > 0 else text[1:]
    return text.split("/", 1)[0].strip()


def _data_length(header: dict[str, str]) -> int:
    n_axes = int(header["NAXIS"])
    if n_axes == 0:
        return 0
    length = abs(int(header["BITPIX"])) // 8 * int(header.get("GCOUNT", "1"))
    elements = int(header.get("PCOUNT", "0"))
    product = 1
    for axis in range(1, n_axes + 1):
        product *= int(header[f"NAXIS{axis}"])
    if product < 0 or elements < 0:
        raise ValueError("negative size")
    return length * (product + elements)


def _broken(path: Path, offset: int, expected: str, got: str, code: str = "corrupted-fits") -> CorruptedInput:
    return CorruptedInput(
        "The file is not a readable FITS file.",
        where=f"{path}, byte {offset}",
        expected=expected,
        got=got,
        mend="deliver the file again; if it is another format, name that one",
        code=code,
    )


def verify(path: Path, units: list[HeaderDataUnit]) -> None:
    """Check CHECKSUM and DATASUM of all units; a unit without them is an error too.

    Reads the whole file once, in pieces of 6 MB.

    Raises
    ------
    CorruptedInput
        A sum is missing or does not hold: bits have changed, or the file was never closed.
    """
    with path.open("rb") as file:
        for unit in units:
            header_sum = _ones_sum(file, unit.offset, unit.data_offset)
            data_sum = _ones_sum(file, unit.data_offset, unit.end)
            written = unit.header.get("DATASUM", "")
            whole = _fold(header_sum + data_sum)
            # whoever wrote both sums made the unit's sum -0, all bits set
            if not written.strip().isdigit() or int(written) != data_sum or whole != 0xFFFFFFFF:
                raise CorruptedInput(
                    f"The checksum of '{unit.name}' does not hold.",
                    where=f"{path}, bytes {unit.offset} to {unit.end}",
                    expected=f"DATASUM {written or 'and CHECKSUM in the header'}",
                    got=f"{data_sum} in the data, {whole:#010x} with the header (0xffffffff is right)",
                    mend="copy the file again and compare it with the original",
                    code="checksum",
                )


def checksum_cards(header: bytes, data_sum: int) -> bytes:
    """Return the header with its CHECKSUM made right for a data sum; the card must be there."""
    zero = b"CHECKSUM= '" + b"0" * 16
    start = header.index(b"CHECKSUM= '")
    cleared = header[:start] + zero + header[start + len(zero) :]
    total = _fold(int(np.frombuffer(cleared, dtype=">u4").astype(np.uint64).sum()) + data_sum)
    return cleared.replace(zero, b"CHECKSUM= '" + _encoded(0xFFFFFFFF ^ total), 1)


def _encoded(value: int) -> bytes:
    """Spell 32 bits as 16 letters and digits (FITS standard 4.0, appendix J.2)."""
    columns = []
    for shift in (24, 16, 8, 0):
        quotient, remainder = divmod(value >> shift & 0xFF, 4)
        quarter = [quotient + remainder + 48, quotient + 48, quotient + 48, quotient + 48]
        forbidden = set(range(0x3A, 0x41)) | set(range(0x5B, 0x61))
        while forbidden & set(quarter):
            for k in (0, 2):
                if quarter[k] in forbidden or quarter[k + 1] in forbidden:
                    quarter[k] += 1
                    quarter[k + 1] -= 1
        columns.append(quarter)
    letters = bytes(columns[byte][k] for k in range(4) for byte in range(4))
    # the string starts in column 12, not on a word boundary, hence the rotation by one
    return letters[-1:] + letters[:-1]


def _ones_sum(file: BinaryIO, begin: int, end: int) -> int:
    file.seek(begin)
    total, left = 0, end - begin
    while left > 0:
        piece = file.read(min(_PIECE, left))
        if not piece:
            return -1
        total += int(np.frombuffer(piece, dtype=">u4").astype(np.uint64).sum())
        left -= len(piece)
    return _fold(total)


def _fold(total: int) -> int:
    while total > 0xFFFFFFFF:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total
