# SPDX-License-Identifier: BSD-3-Clause
"""An interface from its TOML file, checked in itself."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pellucid.errors import ConfigurationError, MissingInput
from pellucid.interfaces.contract import Column, Delivery, Interface, MetadataKey, Party
from pellucid.interfaces.fields import Fields, Source
from pellucid.interfaces.methods import read_methods
from pellucid.interfaces.product_types import check_defined
from pellucid.interfaces.tasks import read_tasks
from pellucid.interfaces.vocabulary import (
    DTYPES,
    FORMATS,
    FRAMES,
    LEVELS,
    METADATA_TYPES,
    MONOTONIC,
    PARTY,
    PARTY_NAMES,
    ROLES,
    STATES,
    TIME_SCALES,
)

__all__ = ["parse_interface", "read_interface"]

_ID = re.compile(r"I-[A-Z]+-[A-Z]+-\d{4}")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LIMITS = {f"{sign}{bits}": bits for sign in ("int", "uint") for bits in (8, 16, 32, 64)}


def read_interface(path: Path) -> Interface:
    """Read an interface file.

    Raises
    ------
    MissingInput
        There is no such file (``no-file``).
    ConfigurationError
        See `parse_interface`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise MissingInput(
            "There is no such interface file.", where=str(path), mend="check the name", code="no-file"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            "The interface file is not text.", where=f"{path}, byte {error.start}", expected="UTF-8",
            mend="save it as UTF-8", code="not-text",
        ) from None  # fmt: skip
    return parse_interface(text, str(path))


def parse_interface(text: str, name: str = "interface") -> Interface:
    """Make an interface of the text of its file.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Of the file, for errors.

    Raises
    ------
    ConfigurationError
        It is no TOML (``not-toml``); a key is unknown (``unknown-key``) or missing (``missing-key``); a value
        is of another kind (``bad-value``); a unit is unknown (``unknown-unit``); a range excludes its own
        example (``example-out-of-range``); nobody defines a product type (``undefined-product-type``); two
        things have one name (``doubled-name``); and those of `pellucid.interfaces.tasks.read_tasks`. Each
        tells file, line, key, what was expected and what was found.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(text, name, str(error)) from None
    return _interface(table, Source(name, text))


def _keys(thing: type, *without: str) -> list[str]:
    return [f.name for f in fields(thing) if f.name not in without]


def _interface(table: dict[str, Any], source: Source) -> Interface:
    f = Fields(table, source, (), _keys(Interface, "source"))
    identity, version = f.text("id"), f.text("version")
    if not _ID.fullmatch(identity):
        raise f.bad(("id",), "I-<SIDE>-<SIDE>-<four digits>, e.g. I-DATA-COM-3001", identity)
    if not _VERSION.fullmatch(version):
        raise f.bad(("version",), "a semantic version, e.g. 1.2.0", version)
    own = f.words("product_types")
    return Interface(
        id=identity,
        title=f.text("title"),
        about=f.text("about"),
        version=version,
        status=f.choice("status", STATES),
        level=f.choice("level", LEVELS),
        parties=_parties(f),
        deliveries=_unique(f, "deliveries", f.each("deliveries", lambda t, p: _delivery(t, source, p, own))),
        tasks=_tasks(f, identity),
        methods=_methods(f, identity),
        product_types=own,
        source=source.name,
    )


def _parties(f: Fields) -> tuple[Party, ...]:
    def party(table: Any, path: tuple[str | int, ...]) -> Party:
        p = Fields(table, f.source, path, _keys(Party))
        name = p.text("sub_project")
        if not PARTY.fullmatch(name):
            raise p.bad(("sub_project",), PARTY_NAMES, name)
        return Party(
            sub_project=name,
            role=p.choice("role", ROLES),
            responsibles=p.words("responsibles"),
        )

    f.needed("parties")
    parties = f.each("parties", party)
    if sorted(p.role for p in parties) != sorted(ROLES) or parties[0].sub_project == parties[1].sub_project:
        got = ", ".join(f"{p.sub_project} ({p.role})" for p in parties) or "none"
        raise f.bad(("parties",), "two parties: a provider and a receiver", got)
    return parties


def _methods(f: Fields, identity: str) -> dict[str, Any]:
    methods = f.table.get("methods", {})
    if not isinstance(methods, dict):
        raise f.bad(("methods",), "a table", methods)
    try:
        read_methods(methods, identity, f.source.name)
    except ConfigurationError as error:
        raise _placed(error, f.source) from None
    return methods


def _tasks(f: Fields, identity: str) -> tuple[Any, ...]:
    tables = f.table.get("tasks", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise f.bad(("tasks",), "tables [[tasks]]", tables)
    try:
        return read_tasks(tables, identity, f.source.name)
    except ConfigurationError as error:
        raise _placed(error, f.source) from None


def _placed(error: ConfigurationError, source: Source) -> ConfigurationError:
    """Return the error of a reader that tells a path such as ``tasks[1].follows[2]``, with its line too."""
    parts = re.findall(r"([A-Za-z_]\w*)|\[(\d+)\]", error.where.removeprefix(f"{source.name}: "))
    error.where = source.place([word or int(number) - 1 for word, number in parts])
    error.mend = error.mend or "correct the interface file"
    return error


def _no_toml(text: str, name: str, what: str) -> ConfigurationError:
    lines = text.splitlines()
    told = re.search(r"at line (\d+)", what)
    line = int(told[1]) if told else len(lines)
    key = re.match(r"\s*([\w-]+)", lines[line - 1]) if lines else None
    return ConfigurationError(
        f"The interface file is no TOML: {what}.",
        where=f"{name}, line {line}" + (f", key {key[1]}" if key else ""),
        expected='a line of TOML 1.0, e.g. key = "value"',
        got=lines[line - 1].strip() if lines else "an empty file",
        mend="correct this line, or the one before it",
        code="not-toml",
    )


def _delivery(table: Any, source: Source, path: tuple[str | int, ...], own: dict[str, str]) -> Delivery:
    f = Fields(table, source, path, _keys(Delivery))
    product_type = f.text("product_type")
    check_defined(product_type, own, where=source.place((*path, "product_type")))
    name = f.text("name")
    if not _SLUG.fullmatch(name):
        raise f.bad(("name",), "small letters and digits in words joined by '-'", name)
    delivery = Delivery(
        name=name,
        product_type=product_type,
        format=f.choice("format", list(FORMATS)),
        about=f.text("about"),
        cadence=f.seconds("cadence"),
        cadence_tolerance=f.seconds("cadence_tolerance"),
        latency=f.seconds("latency"),
        time=f.text("time") if "time" in f.table else None,
        metadata=_unique(f, "metadata", f.each("metadata", lambda t, p: _metadata_key(t, source, p))),
        columns=_unique(f, "columns", f.each("columns", lambda t, p: _column(t, source, p))),
    )
    _check_times(f, delivery)
    return delivery


def _check_times(f: Fields, delivery: Delivery) -> None:
    if not delivery.columns:
        raise f.bad(("columns",), "at least one column", "none")
    timed = [c.name for c in delivery.columns if c.time_scale and c.dtype == "int64" and not c.shape]
    if delivery.time is not None and delivery.time not in timed:
        raise f.bad(("time",), "a column of int64 with a time scale: " + ", ".join(timed), delivery.time)
    if (delivery.cadence is None) != (delivery.cadence_tolerance is None):
        raise f.bad(("cadence",), "cadence and cadence_tolerance together", "one of them")
    if (delivery.cadence or delivery.latency) and delivery.time is None:
        raise f.bad((), "time = the column that cadence and latency are about", "no key 'time'")


def _metadata_key(table: Any, source: Source, path: tuple[str | int, ...]) -> MetadataKey:
    f = Fields(table, source, path, _keys(MetadataKey))
    kind = f.choice("type", list(METADATA_TYPES), "text")
    key = MetadataKey(
        name=_name(f),
        about=f.text("about"),
        type=kind,
        unit=f.unit(),
        range=f.span(),
        values=_values(f),
        example=f.needed("example"),
        required=f.flag("required", True),
    )
    _check_kinds(f, key, kind, METADATA_TYPES[kind])
    _check_example(f, key)
    return key


def _column(table: Any, source: Source, path: tuple[str | int, ...]) -> Column:
    f = Fields(table, source, path, _keys(Column))
    dtype = f.choice("dtype", DTYPES)
    column = Column(
        name=_name(f),
        dtype=dtype,
        about=f.text("about"),
        unit=f.unit(),
        shape=_shape(f),
        range=f.span(),
        values=_values(f),
        nan=_nan(f, dtype),
        example=f.table.get("example"),
        monotonic=f.choice("monotonic", MONOTONIC) if "monotonic" in f.table else None,
        time_scale=f.choice("time_scale", TIME_SCALES) if "time_scale" in f.table else None,
        frame=f.choice("frame", FRAMES) if "frame" in f.table else None,
    )
    if column.time_scale and column.unit not in ("s", "ms", "us", "ns"):
        raise f.bad(("unit",), "a unit of time, since the column has a time scale", column.unit)
    if column.monotonic and (column.shape or dtype in ("text", "bool")):
        raise f.bad(("monotonic",), "a column with one number a row", f"shape {column.shape}, {dtype}")
    if column.range and dtype in _LIMITS:
        _check_limits(f, dtype, column.range)
    if column.range is None and not column.values and column.time_scale is None and dtype != "bool":
        raise f.bad((), "a range, or the values that are allowed", "neither", code="missing-key")
    if column.example is None and not column.values and column.time_scale is None and dtype != "bool":
        f.needed("example")
    _check_kinds(f, column, dtype, _entries_of(dtype))
    _check_example(f, column)
    return column


def _entries_of(dtype: str) -> tuple[type, ...]:
    words: dict[str, tuple[type, ...]] = {"text": (str,), "bool": (bool,)}
    return words.get(dtype, (int, float) if dtype.startswith("float") else (int,))


def _check_kinds(f: Fields, thing: Column | MetadataKey, kind: str, types: tuple[type, ...]) -> None:
    """Refuse an example, values or a range that no entry of this kind can have."""
    if thing.example is not None and type(thing.example) not in types:
        raise f.bad(("example",), f"an example of type {kind}", thing.example)
    if len(set(thing.values)) < len(thing.values) or not all(type(v) in types for v in thing.values):
        raise f.bad(("values",), f"different values of type {kind}", list(thing.values))
    if thing.range is not None and int not in types:
        raise f.bad(("range",), f"no range, since {kind} has none", list(thing.range))


def _check_limits(f: Fields, dtype: str, span: tuple[float, float]) -> None:
    bits = _LIMITS[dtype]
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if span[0] < low or span[1] > high:
        raise f.bad(("range",), f"within what {dtype} holds: {low} to {high}", list(span))


def _check_example(f: Fields, thing: Column | MetadataKey) -> None:
    example = thing.example
    if example is None:
        return
    if thing.range is not None and not (
        type(example) in (int, float) and thing.range[0] <= float(str(example)) <= thing.range[1]
    ):
        low, high = thing.range
        raise f.bad(
            ("range",), f"a range that holds the example {example!r}", f"[{low}, {high}]",
            code="example-out-of-range", what=f"The range of '{thing.name}' excludes its own example.",
        )  # fmt: skip
    if thing.values and example not in thing.values:
        raise f.bad(
            ("values",), f"values among which is the example {example!r}", list(thing.values),
            code="example-out-of-range", what=f"The values of '{thing.name}' exclude its own example.",
        )  # fmt: skip


def _name(f: Fields) -> str:
    name = f.text("name")
    if not _NAME.fullmatch(name):
        raise f.bad(("name",), "small letters, digits and '_', a letter first", name)
    return name


def _values(f: Fields) -> tuple[Any, ...]:
    values = f.table.get("values", [])
    if not isinstance(values, list) or not all(type(v) in (str, int) for v in values):
        raise f.bad(("values",), "an array of texts or whole numbers", values)
    return tuple(values)


def _shape(f: Fields) -> tuple[int | str, ...]:
    shape = f.table.get("shape", [])
    if not isinstance(shape, list) or not all(
        (type(n) is int and n > 0) or (isinstance(n, str) and _NAME.fullmatch(n)) for n in shape
    ):
        raise f.bad(("shape",), "an array of lengths, or of words such as 'pixel'", shape)
    return tuple(shape)


def _nan(f: Fields, dtype: str) -> float:
    value = f.table.get("nan", "never")
    fraction = {"never": 0.0, "allowed": 1.0}.get(value, value) if isinstance(value, str) else value
    if isinstance(fraction, bool | str) or not isinstance(fraction, int | float) or not 0 <= fraction <= 1:
        raise f.bad(("nan",), "'never', 'allowed', or the largest fraction of NaN", value)
    if fraction and not dtype.startswith("float"):
        raise f.bad(("nan",), f"'never', since {dtype} has no NaN", value)
    return float(fraction)


def _unique[T: (Delivery, MetadataKey, Column)](f: Fields, key: str, things: Sequence[T]) -> tuple[T, ...]:
    seen: set[str] = set()
    for i, thing in enumerate(things):
        if thing.name in seen:
            raise f.bad(
                (key, i), "a name of its own for each", thing.name, code="doubled-name",
                what=f"Two {key} have one name.",
            )  # fmt: skip
        seen.add(thing.name)
    return tuple(things)
