# SPDX-License-Identifier: BSD-3-Clause
"""Rows gathered into blocks of fixed length, so that a file does not depend on how events came in pieces."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.formats.ctapipe_hdf5.schema import TableLayout
from pellucid.formats.ctapipe_hdf5.tables import TableFile

__all__ = ["BlockWriter", "Fill"]

type Fill = Callable[[np.ndarray, int, int], None]
"""Fills a view of a block, shape (stop - start,), with rows ``start`` to ``stop`` of a source."""


@dataclass
class _Open:
    """A table and the block of it that is being filled."""

    layout: TableLayout
    block: np.ndarray | None = None
    filled: int = 0
    done: int = 0


class BlockWriter:
    """Collect rows per table and write each block once it is full.

    Full blocks go to the file in the order of the array events that filled them, then by the name of the
    table. That order, hence every byte, is the same however the events are cut into calls, as long as each
    table gets its rows in one order.

    Parameters
    ----------
    file : TableFile
        Where the blocks go.
    """

    def __init__(self, file: TableFile) -> None:
        self._file = file
        self._open: dict[str, _Open] = {}
        self._full: list[tuple[int, str, int, np.ndarray]] = []

    def layout(self, path: str, make: Callable[[], TableLayout]) -> TableLayout:
        """Return the layout of a table, made at its first use."""
        if path not in self._open:
            self._open[path] = _Open(make())
        return self._open[path].layout

    def add(self, path: str, order: npt.NDArray[np.int64], fill: Fill) -> None:
        """Add rows to a table whose `layout` was asked for.

        Parameters
        ----------
        path : str
            Table.
        order : ndarray of int64, shape (n,)
            Position in the run of the array event of each row, ascending.
        fill : callable
            Writes rows into a block.
        """
        table = self._open[path]
        start, length = 0, table.layout.rows
        while start < order.size:
            if table.block is None:
                table.block = np.zeros(length, table.layout.dtype)
            take = min(length - table.filled, order.size - start)
            fill(table.block[table.filled : table.filled + take], start, start + take)
            table.filled += take
            start += take
            if table.filled == length:
                self._full.append((int(order[start - 1]), path, table.done, table.block))
                table.block, table.filled, table.done = None, 0, table.done + 1

    def has_rows(self, path: str) -> bool:
        """Whether a table got any row."""
        table = self._open.get(path)
        return table is not None and (table.block is not None or table.done > 0)

    def flush(self) -> None:
        """Write the blocks that are full; to be called when all rows of some array events are in."""
        for _, path, _, block in sorted(self._full, key=lambda full: full[:3]):
            self._write(path, block, len(block))
        self._full.clear()

    def finish(self) -> None:
        """Write what is left, table by table in the order of their names."""
        self.flush()
        for path, table in sorted(self._open.items()):
            if table.block is not None:
                self._write(path, table.block, table.filled)
        self._open.clear()

    def _write(self, path: str, block: np.ndarray, rows: int) -> None:
        if not self._file.has_blocks(path):
            self._file.block_table(path, self._open[path].layout)
        self._file.append_block(path, block, rows)
