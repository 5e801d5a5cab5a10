# SPDX-License-Identifier: BSD-3-Clause
"""Ways in which deliveries go wrong, made on purpose: what is damaged, and how a check has to call it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.formats.delivery.table import WrittenColumn
from pellucid.interfaces.contract import Column, Delivery
from pellucid.interfaces.metadata_check import SELF_TOLD

__all__ = ["DAMAGES", "Damage", "Rows", "damages_of"]


@dataclass(eq=False)
class Rows:
    """A delivery before it is written, to be damaged in place."""

    delivery: Delivery
    metadata: dict[str, Any]
    columns: dict[str, WrittenColumn]

    def change(self, name: str, data: Any) -> None:
        """Give a column other entries."""
        self.columns[name] = replace(self.columns[name], data=data)

    def drop(self, name: str) -> None:
        """Take a column away."""
        del self.columns[name]

    def put(self, name: str, row: int, value: Any) -> None:
        """Change all entries of one row of a column."""
        data = self.columns[name].data.copy()
        data[row] = value
        self.change(name, data)


@dataclass(frozen=True)
class Damage:
    """One way of going wrong.

    Attributes
    ----------
    name : str
        As `--damage` takes it.
    about : str
        For people.
    codes : tuple of str
        One of these has to be among what a check finds.
    target : callable
        Gives what of a delivery would be damaged (a column, a metadata key), or None where it cannot be.
    to_rows, to_file : callable or None
        Does it, before or after the file is written.
    """

    name: str
    about: str
    codes: tuple[str, ...]
    target: Callable[[Delivery], Any]
    to_rows: Callable[[Rows, Any], None] | None = None
    to_file: Callable[[Path], None] | None = None

    def applies(self, delivery: Delivery) -> bool:
        """Return whether a delivery can go wrong in this way."""
        return self.target(delivery) is not None


def damages_of(delivery: Delivery) -> tuple[Damage, ...]:
    """Return the ways in which a delivery can go wrong."""
    return tuple(d for d in DAMAGES.values() if d.applies(delivery))


def _column(test: Callable[[Column, Delivery], Any], *formats: str) -> Callable[[Delivery], Column | None]:
    """Return a choice: the first column with a property, in some formats."""

    def choose(delivery: Delivery) -> Column | None:
        if formats and delivery.format not in formats:
            return None
        return next((c for c in delivery.columns if c.name != delivery.time and test(c, delivery)), None)

    return choose


def _key(test: Callable[[Any], Any], *formats: str) -> Callable[[Delivery], Any]:
    def choose(delivery: Delivery) -> Any:
        if formats and delivery.format not in formats:
            return None
        return next((k for k in delivery.metadata if test(k)), None)

    return choose


def _told(delivery: Delivery) -> bool | None:
    return True if delivery.format in SELF_TOLD else None


def _format(*formats: str) -> Callable[[Delivery], bool | None]:
    return lambda delivery: True if delivery.format in formats else None


def _timed(delivery: Delivery) -> Column | None:
    return None if delivery.time is None else delivery.column(delivery.time)


def _strict(delivery: Delivery) -> Column | None:
    column = _timed(delivery)
    return column if column is not None and column.monotonic == "strict" else None


def _regular(delivery: Delivery) -> Column | None:
    return _timed(delivery) if delivery.cadence is not None else None


def _latent(delivery: Delivery) -> bool | None:
    told = any(key.name == "delivered" for key in delivery.metadata)
    return True if told and delivery.latency is not None else None


def _numeric(column: Column, least: bool) -> bool:
    if column.range is None or column.name == "pixel_status":
        return False
    if column.dtype.startswith("float"):
        return True
    info = np.iinfo(column.dtype)
    return column.range[0] > info.min if least else column.range[1] < info.max


def _beyond(rows: Rows, column: Column, least: bool) -> None:
    assert column.range is not None
    low, high = column.range
    step = 0.1 * (high - low) if column.dtype.startswith("float") else 1
    rows.put(column.name, 0 if least else -1, low - step if least else high + step)


def _typed(column: Column, delivery: Delivery) -> bool:
    return column.name == "image" or (delivery.format == "parquet" and column.dtype not in ("text", "bool"))


def _wrong_dtype(rows: Rows, column: Column) -> None:
    data = rows.columns[column.name].data
    other = {"float64": np.float32, "float32": np.float64, "uint16": np.int16, "int64": np.int32}
    rows.change(column.name, data.astype(other.get(column.dtype, np.float64)))


def _wrong_shape(rows: Rows, column: Column) -> None:
    data = rows.columns[column.name].data
    if rows.delivery.format == "zfits":
        rows.metadata["num_pixels"] -= 1
        rows.change("waveform", data[:, :, :-1])
    else:
        rows.change(column.name, np.stack([data], axis=1))


def _shaped(column: Column, delivery: Delivery) -> bool:
    if delivery.format == "zfits":
        return column.name == "waveform" and isinstance(column.shape[1], int)
    return column.name == "image" if delivery.format == "fits-image" else column.dtype not in ("text", "bool")


def _say(**words: Any) -> Callable[[Rows, Column], None]:
    def say(rows: Rows, column: Column) -> None:
        rows.columns[column.name] = replace(rows.columns[column.name], **words)

    return say


def _shift(rows: Rows, column: Column, change: Callable[[Any, int], None]) -> None:
    times = rows.columns[column.name].data.copy()
    change(times, times.size // 2)
    rows.change(column.name, times)


def _backwards(times: Any, i: int) -> None:
    times[i] = times[i - 1] - 1_000_000_000


def _repeated(times: Any, i: int) -> None:
    times[i] = times[i - 1]


def _gap(rows: Rows, column: Column) -> None:
    longest = (rows.delivery.cadence or 0.0) + (rows.delivery.cadence_tolerance or 0.0)
    # whole seconds, where there are any: some formats tell no parts of them
    wider = round(10.0 * longest) * 1_000_000_000 or round(1e10 * longest)

    def widen(times: Any, i: int) -> None:
        times[i:] += wider

    _shift(rows, column, widen)
    if "delivered" in rows.metadata:
        rows.metadata["delivered"] += wider


def _crowd(rows: Rows, column: Column) -> None:
    spare = (rows.delivery.cadence or 0.0) - (rows.delivery.cadence_tolerance or 0.0)

    def narrow(times: Any, i: int) -> None:
        step = spare / 2.0
        times[i] = times[i - 1] + (round(step) * 1_000_000_000 if step >= 1.0 else round(step * 1e9))

    _shift(rows, column, narrow)


def _unset(rows: Rows, column: Column) -> None:
    times = rows.columns[column.name].data
    rows.change(column.name, times - times[0] + 86_400_000_000_000)


def _late(rows: Rows, _: Any) -> None:
    rows.metadata["delivered"] += round(2e9 * (rows.delivery.latency or 0.0))


def _empty(rows: Rows, _: Any) -> None:
    for name, column in rows.columns.items():
        rows.change(name, column.data[:0])


def _missing(rows: Rows, column: Column) -> None:
    data = rows.columns[column.name].data
    rows.change(column.name, np.ma.MaskedArray(data, np.arange(data.shape[0]) == data.shape[0] // 2))


def _unexpected(rows: Rows, _: Any) -> None:
    rows.columns["note"] = WrittenColumn(np.zeros(len(next(iter(rows.columns.values())).data)))


def _fill(value: Any) -> Callable[[Rows, Column], None]:
    return lambda rows, column: rows.put(column.name, len(rows.columns[column.name].data) // 2, value)


def _metadata(name: str, value: Any) -> Callable[[Rows, Any], None]:
    return lambda rows, _: rows.metadata.update({name: value})


def _truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(0.6 * len(content))])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[_data_byte(path, len(content))] ^= 0x10
    path.write_bytes(content)


def _data_byte(path: Path, size: int) -> int:
    if path.name.endswith(".parquet"):
        # numbers lie in front, the schema at the end
        return min(size // 3, 200)
    return size - 2880 + 16 if path.name.endswith(".fits") else size * 2 // 3


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is not what was agreed on\n" * 200)


_FLOAT = _column(lambda c, d: c.dtype.startswith("float") and c.nan == 0.0, "parquet")
_UNREADABLE = ("unreadable", "licel-length", "licel-short-header", "truncated-file", "checksum", "not-fits")

_KINDS = (
    Damage("missing-metadata", "a metadata key is left out", ("missing-metadata",),
           _key(lambda k: k.required, *SELF_TOLD), lambda r, k: r.metadata.pop(k.name)),
    Damage("metadata-value", "a metadata key has a value that was not agreed", ("metadata-value",),
           _key(lambda k: k.values and k.type == "text", *SELF_TOLD),
           lambda r, k: r.metadata.update({k.name: "nowhere"})),
    Damage("metadata-range", "a number of the metadata is out of its range", ("metadata-range",),
           _key(lambda k: k.range), lambda r, k: r.metadata.update({k.name: k.range[1] + 1})),
    Damage("metadata-type", "a metadata key is of another type", ("metadata-type",),
           _key(lambda k: k.type == "text", "parquet"), lambda r, k: r.metadata.update({k.name: 7})),
    Damage("other-interface", "the file names another interface", ("other-interface",), _told,
           _metadata("interface", "I-DATA-COM-9999")),
    Damage("other-version", "the file is made for a version to come", ("other-version",), _told,
           _metadata("interface_version", "99.0.0")),
    Damage("other-product-type", "the file says that it is something else", ("other-product-type",), _told,
           _metadata("product_type", "DL0/Monitoring/Array/Ceilometer")),
    Damage("missing-column", "a column is left out", ("missing-column",),
           _column(lambda c, d: c.name != "image", *SELF_TOLD), lambda r, c: r.drop(c.name)),
    Damage("unexpected-column", "there is a column that was not agreed on", ("unexpected-column",),
           _format("parquet"), _unexpected),
    Damage("wrong-dtype", "a column is of another type", ("wrong-dtype",),
           _column(_typed, *SELF_TOLD), _wrong_dtype),
    Damage("wrong-shape", "entries have another shape", ("wrong-shape",),
           _column(_shaped, "parquet", "fits-image", "zfits"), _wrong_shape),
    Damage("wrong-unit", "a column is in another unit", ("wrong-unit",),
           _column(lambda c, d: c.unit and (c.name == "image" or d.format == "parquet"), *SELF_TOLD),
           lambda r, c: _say(unit="km" if c.unit != "km" else "m")(r, c)),
    Damage("missing-unit", "the unit of a column is not told", ("missing-unit",),
           _column(lambda c, d: c.unit and (c.name == "image" or d.format == "parquet"), *SELF_TOLD),
           _say(unit="")),
    Damage("wrong-time-scale", "times are on another scale", ("wrong-time-scale",),
           lambda d: _timed(d) if d.format in SELF_TOLD else None,
           _say(time_scale="local")),
    Damage("wrong-frame", "directions are in another frame", ("wrong-frame",),
           _column(lambda c, d: c.frame, "parquet"),
           lambda r, c: _say(frame="icrs" if c.frame != "icrs" else "altaz")(r, c)),
    Damage("below-range", "a number is too small", ("below-range",),
           _column(lambda c, d: _numeric(c, True)), lambda r, c: _beyond(r, c, True)),
    Damage("above-range", "a number is too large", ("above-range",),
           _column(lambda c, d: _numeric(c, False)), lambda r, c: _beyond(r, c, False)),
    Damage("nan", "a number is NaN", ("nan",), _FLOAT, _fill(np.nan)),
    Damage("infinite", "a number is infinite", ("infinite",), _FLOAT, _fill(np.inf)),
    Damage("missing-value", "an entry is missing", ("missing-value",),
           _column(lambda c, d: not c.shape, "parquet"), _missing),
    Damage("not-allowed", "a value is not among those agreed", ("not-allowed",),
           _column(lambda c, d: c.values, "parquet", "zfits"),
           lambda r, c: _fill("?" if c.dtype == "text" else 77)(r, c)),
    Damage("backwards", "time goes backwards", ("backwards",), _timed,
           lambda r, c: _shift(r, c, _backwards)),
    Damage("repeated", "a time comes twice", ("repeated",), _strict, lambda r, c: _shift(r, c, _repeated)),
    Damage("gap", "rows are missing", ("gap",), _regular, _gap),
    Damage("too-frequent", "rows come too close to each other", ("too-frequent",), _regular, _crowd),
    Damage("unset-clock", "the clock was never set, and counts from 1970", ("senseless-time",),
           _timed, _unset),
    Damage("late", "the file comes too late", ("late",), _latent, _late),
    Damage("empty", "there are no rows", ("empty",), _format("parquet"), _empty),
    Damage("truncated", "the end of the file is missing", _UNREADABLE, lambda d: True, to_file=_truncate),
    Damage("flipped-bit", "a bit of the file is flipped", _UNREADABLE,
           _format("parquet", "fits-image", "zfits"), to_file=_flip),
    Damage("other-format", "the file is something else", _UNREADABLE, lambda d: True, to_file=_garbage),
)  # fmt: skip

DAMAGES = {damage.name: damage for damage in _KINDS}
"""All ways of going wrong, by name."""
