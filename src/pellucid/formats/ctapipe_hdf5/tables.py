# SPDX-License-Identifier: BSD-3-Clause
"""An HDF5 file of tables that appears under its name only when whole, with the same bytes each time."""

import contextlib
import errno
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tables

from pellucid.errors import IntermittentError, OutputExists, PellucidError, UsageError
from pellucid.formats.ctapipe_hdf5.blosc import ChunkEncoder
from pellucid.formats.ctapipe_hdf5.columns import Attribute, Column, attributes
from pellucid.formats.ctapipe_hdf5.schema import TableLayout

__all__ = ["TableFile"]

_LEVEL = 1
# one name of filter for all tables: the chunks of `append_block` are made to its format
_FILTERS = tables.Filters(complevel=_LEVEL, complib="blosc:zstd", shuffle=True)


class TableFile:
    """Write tables to a hidden file beside ``path``; `commit` gives it its name, `abort` removes it.

    Tables, rows and attributes are stored in the order of the calls, without times of creation and
    without the attributes that PyTables adds for itself, so equal calls make equal bytes.

    Parameters
    ----------
    path : Path
        Where the file is to appear.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputExists
        If the path exists and may not be replaced.
    UsageError
        If the folder does not exist or cannot be written.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self._overwrite = overwrite
        self._hidden = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._encoder = ChunkEncoder(_LEVEL)
        self._blocks: dict[str, tuple[Any, TableLayout]] = {}
        self._refuse_existing()
        if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise UsageError(
                f"The output '{path}' cannot be written.",
                expected="a file name in a folder that exists and can be written",
                got="a folder" if path.is_dir() else f"the folder '{path.parent}'",
                mend="choose another path or change the permissions",
                code="output-not-writable",
            )
        with self._typed():
            self._file: Any = tables.open_file(
                str(self._hidden), "w", pytables_sys_attrs=False, max_blosc_threads=1, max_numexpr_threads=1
            )

    def group(self, path: str) -> None:
        """Make a group and its parents, if missing."""
        if path not in self._file:
            parent, name = path.rsplit("/", 1)
            with self._typed():
                self._file.create_group(parent or "/", name, createparents=True)

    def static_table(
        self,
        path: str,
        columns: Sequence[Column],
        rows: np.ndarray,
        meta: Mapping[str, Attribute] | None = None,
    ) -> None:
        """Write a whole small table: ``rows`` is a structured array whose fields are the columns."""
        chunk = max(1, min(len(rows), 4096))
        with self._typed():
            table = self._create(path, rows.dtype, chunk)
            table.append(rows)
            self._set(table, {**attributes(columns), **(meta or {})})
            table.flush()

    def block_table(self, path: str, layout: TableLayout) -> None:
        """Make an empty table that is filled by `append_block`."""
        with self._typed():
            table = self._create(path, layout.dtype, layout.rows)
            if table.dtype != layout.dtype:
                raise ValueError(f"{path}: the library stores rows otherwise than they are laid out")
            self._set(table, attributes(layout.columns))
            self._blocks[path] = (table, layout)

    def has_blocks(self, path: str) -> bool:
        """Whether `block_table` was called for the path."""
        return path in self._blocks

    def append_block(self, path: str, block: np.ndarray, rows: int) -> None:
        """Append the first ``rows`` rows of a block that has the full length of a chunk.

        All blocks but the last of a table must be full.
        """
        table, layout = self._blocks[path]
        start = int(table.nrows)
        if start % layout.rows or len(block) != layout.rows:
            raise ValueError(f"{path}: blocks of {layout.rows} rows are to follow each other")
        data = self._encoder.encode(block, layout.typesize)
        with self._typed():
            table.truncate(start + rows)
            table.write_chunk((start,), data)

    def root_attributes(self, values: Mapping[str, Attribute]) -> None:
        """Set attributes of the file as a whole."""
        with self._typed():
            self._set(self._file.root, values)

    def commit(self) -> None:
        """Close the file, bring it to disk and give it its name."""
        with self._typed():
            self._file.close()
            with self._hidden.open("rb") as stream:
                os.fsync(stream.fileno())
            self._refuse_existing()
            self._hidden.replace(self.path)

    def abort(self) -> None:
        """Remove what was written; never raises, so that the first error is the one that is told."""
        with contextlib.suppress(Exception):
            self._file.close()
        with contextlib.suppress(OSError):
            self._hidden.unlink()

    def _create(self, path: str, dtype: np.dtype[np.void], chunk: int) -> Any:
        parent, name = path.rsplit("/", 1)
        return self._file.create_table(
            parent,
            name,
            _description(dtype),
            createparents=True,
            filters=_FILTERS,
            chunkshape=(chunk,),
            track_times=False,
        )

    @staticmethod
    def _set(node: Any, values: Mapping[str, Attribute]) -> None:
        # straight to the file: with checks for each, the attributes of a table of parameters take 10 ms
        for key, value in values.items():
            node._v_attrs._g_setattr(node, key, np.array(value))

    def _refuse_existing(self) -> None:
        if self.path.exists() and not self._overwrite:
            raise OutputExists(
                f"The output '{self.path}' exists.",
                expected="a path that does not exist",
                got="a file or folder",
                mend="choose another path or allow overwriting (--overwrite)",
            )

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", tables.NaturalNameWarning)
                yield
        except PellucidError:
            raise
        except (OSError, tables.HDF5ExtError) as error:
            raise _unwritable(self.path, error) from error


@cache
def _description(dtype: np.dtype[np.void]) -> Any:
    # made once per kind of table, not per telescope: this is most of the time it takes to make a table
    return tables.descr_from_dtype(dtype)[0]


def _unwritable(path: Path, error: Exception) -> IntermittentError:
    text = str(error).lower()
    number = getattr(error, "errno", None)
    full = number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or any(
        word in text for word in ("no space left", "disk quota", "file too large")
    )
    return IntermittentError(
        f"Writing '{path}' failed" + (": no space is left." if full else "."),
        where=str(path),
        expected="room and permission for the output",
        got=os.strerror(number) if number else str(error).strip().splitlines()[-1][:200] or "an HDF5 error",
        mend="make room or choose another disk, then run again",
        code="no-space" if full else "output-not-written",
    )
