# SPDX-License-Identifier: BSD-3-Clause
"""One DL0v1 file (protobuf messages in compressed FITS): checked before it is opened, read row by row.

The library that decompresses the rows ends the process on damaged bytes. So the checksums that every
such file carries are verified first; nothing that fails them reaches it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.fits_checksum import HeaderDataUnit, read_units, verify

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["TELESCOPE_TABLES", "MessageFile", "array_of"]

TELESCOPE_TABLES = {
    "DataStream": "DL0v1.Telescope.DataStream",
    "CameraConfiguration": "DL0v1.Telescope.CameraConfiguration",
    "Events": "DL0v1.Telescope.Event",
}
"""Tables of a telescope's event file, and their messages."""


class MessageFile:
    """A file with tables of protobuf messages.

    Parameters
    ----------
    path : Path
        The file.
    tables : dict of str to str
        Tables that must be there, with the message each must hold, e.g. ``DL0v1.Telescope.Event``.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        It is empty, a folder, truncated, damaged, or holds other messages.
    """

    def __init__(self, path: Path, tables: dict[str, str]) -> None:
        if not path.exists():
            raise MissingInput(
                "There is no such file.", where=str(path), mend="check the name", code="no-file"
            )
        if not path.is_file():
            raise CorruptedInput(
                "A folder is no event file.", where=str(path), mend="name the file in it", code="not-a-file"
            )
        self.path = path
        units = read_units(path)
        self._units = {unit.name: unit for unit in units}
        for name, message in tables.items():
            self._check(name, message)
        verify(path, units)

    def _check(self, name: str, message: str) -> None:
        unit = self._units.get(name)
        got = "no such table" if unit is None else unit.header.get("PBFHEAD", "a table without messages")
        if got != message:
            raise CorruptedInput(
                "The file does not hold the messages that are needed.",
                where=f"{self.path}, table '{name}'",
                expected=message,
                got=f"{got}; tables: {', '.join(n for n in self._units if n != 'PRIMARY') or 'none'}",
                mend="name a DL0v1 event file; convert files of other data models first",
                code="unknown-message",
            )

    def length(self, table: str) -> int:
        """Return the number of messages in a table."""
        return int(self._units[table].header["ZNAXIS2"])

    def first(self, table: str) -> Any:
        """Return the first message of a table; an empty table is an error."""
        for message in self.rows(table):
            return message
        raise CorruptedInput(
            f"The table '{table}' is empty.",
            where=str(self.path),
            expected="at least one row",
            mend="the file was closed before anything was written: deliver it again",
            code="empty-table",
        )

    def has(self, table: str) -> bool:
        """Return whether there is a table of this name."""
        return table in self._units

    def rows(self, table: str, numbers: Iterable[int] | None = None) -> Iterator[Any]:
        """Yield the messages of a table, one at a time: all, or those in the given rows, counted from 1."""
        from google.protobuf.message import DecodeError
        from protozfits import ProtobufIFits, pb2_messages

        unit: HeaderDataUnit = self._units[table]
        package, _, name = unit.header["PBFHEAD"].rpartition(".")
        message = pb2_messages[package][name]
        if self.length(table) == 0:
            return
        with ProtobufIFits(str(self.path), table) as file:
            for row in range(1, self.length(table) + 1) if numbers is None else numbers:
                try:
                    yield message.FromString(file.read_serialized_message(row))
                except (RuntimeError, DecodeError) as error:
                    raise CorruptedInput(
                        "A message cannot be read.",
                        where=f"{self.path}, table '{table}', row {row}",
                        expected=unit.header["PBFHEAD"],
                        got=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
                        mend="deliver the file again",
                        code="bad-message",
                    ) from error


def array_of(message: Any) -> "npt.NDArray[Any]":
    """Return the numbers of an ``AnyArray``, shape (n,), in the units of its field; empty if absent."""
    import numpy as np
    from protozfits import any_array_to_numpy

    return np.asarray(any_array_to_numpy(message)) if message.data else np.zeros(0, np.uint8)
