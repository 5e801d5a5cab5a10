# SPDX-License-Identifier: BSD-3-Clause
"""Simple tables of devices as Parquet: metadata of the table and of each column beside the numbers.

The table's metadata are texts that hold JSON, under their own names; a column's are ``unit``,
``time_scale`` and ``frame``.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pellucid.errors import CorruptedInput
from pellucid.formats.delivery.table import (
    BATCH_ROWS,
    Batch,
    ColumnInfo,
    Delivered,
    Values,
    WrittenColumn,
)

__all__ = ["read_parquet", "write_parquet"]

_NAMES = {"double": "float64", "float": "float32", "string": "text", "large_string": "text"}


def read_parquet(path: Path) -> Delivered:
    """Open a table.

    Raises
    ------
    CorruptedInput
        It is no Parquet, or damaged (``unreadable``); the pages' checksums are looked at while rows are read.
    """
    try:
        # a memory map, so that nothing is held open and nothing is read twice
        file = pq.ParquetFile(path, memory_map=True, page_checksum_verification=True, pre_buffer=False)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    metadata = {
        key.decode(errors="replace"): _value(value)
        for key, value in (schema.metadata or {}).items()
        if key != b"ARROW:schema"
    }
    columns = {field.name: _info(field) for field in schema}

    def batches() -> Iterator[Batch]:
        try:
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                yield {name: _values(batch.column(i)) for i, name in enumerate(schema.names)}
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from None

    return Delivered(metadata, columns, batches, tuple(_doubled(path, schema.names)))


def write_parquet(path: Path, metadata: Mapping[str, Any], columns: Mapping[str, WrittenColumn]) -> None:
    """Write a table; masked entries are missing ones; the same content gives the same bytes."""
    fields, arrays = [], []
    for name, column in columns.items():
        array = _array(column.data)
        said = {"unit": column.unit, "time_scale": column.time_scale, "frame": column.frame}
        fields.append(pa.field(name, array.type, metadata={k: v for k, v in said.items() if v}))
        arrays.append(array)
    schema = pa.schema(fields, {key: json.dumps(value) for key, value in metadata.items()})
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        path,
        compression="zstd",
        row_group_size=2 * BATCH_ROWS,
        write_page_checksum=True,
    )


def _doubled(path: Path, names: list[str]) -> Iterator[CorruptedInput]:
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield CorruptedInput(
            f"There are {names.count(name)} columns named '{name}'.",
            where=str(path),
            expected="a name of its own for each column",
            got=", ".join(names),
            mend="leave out all but one",
            code="doubled-column",
        )


def _value(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


def _info(field: Any) -> ColumnInfo:
    kind, shape = field.type, []
    ragged = False
    while pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        ragged |= not pa.types.is_fixed_size_list(kind)
        shape.append(0 if ragged else kind.list_size)
        kind = kind.value_type
    said = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (field.metadata or {}).items()
    }
    return ColumnInfo(
        dtype=_NAMES.get(str(kind), str(kind)),
        shape=None if ragged else tuple(shape),
        unit=said.get("unit", ""),
        time_scale=said.get("time_scale", ""),
        frame=said.get("frame", ""),
    )


def _values(column: Any) -> Values:
    missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    shape = [len(column)]
    while pa.types.is_nested(column.type):
        if not pa.types.is_fixed_size_list(column.type):
            lengths = pc.min_max(pc.list_value_length(column)).as_py()
            if lengths["min"] != lengths["max"]:
                return Values(np.zeros(len(column)), missing, uneven=True)
            shape.append(lengths["max"] or 0)
        else:
            shape.append(column.type.list_size)
        if column.null_count:
            return Values(np.zeros(shape), missing)
        column = column.flatten()
    if column.null_count and len(shape) > 1:
        inner = column.is_null().to_numpy(zero_copy_only=False).reshape(shape[0], -1).any(axis=1)
        missing = inner if missing is None else missing | inner
    if column.null_count and (fill := _filling(column.type)) is not None:
        column = column.fill_null(fill)
    return Values(column.to_numpy(zero_copy_only=False).reshape(shape), missing)


def _filling(kind: Any) -> str | int | None:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return ""
    if pa.types.is_boolean(kind):
        return False
    return 0 if pa.types.is_integer(kind) or pa.types.is_floating(kind) else None


def _array(data: Any) -> Any:
    mask = np.ma.getmaskarray(data).ravel() if isinstance(data, np.ma.MaskedArray) else None
    flat = np.asarray(data).ravel()
    if flat.dtype.kind == "U":
        # without the type, no texts at all would be a column of nothing
        flat = pa.array(flat.tolist(), pa.string(), mask=mask)
    else:
        flat = pa.array(flat, mask=mask)
    for length in reversed(data.shape[1:]):
        flat = pa.FixedSizeListArray.from_arrays(flat, length)
    return flat


def _unreadable(path: Path, error: Exception) -> CorruptedInput:
    return CorruptedInput(
        "The file is no Parquet, or is damaged.",
        where=str(path),
        expected="a whole Parquet file",
        got=str(error).splitlines()[0][:200],
        mend="transfer the file again; write it with checksums of its pages",
        code="unreadable",
    )
