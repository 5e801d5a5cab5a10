# SPDX-License-Identifier: BSD-3-Clause
"""The effective configuration: defaults, the workspace's file, a named file, settings; the last one wins."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pellucid.config.options import Value
from pellucid.config.sections import OPEN, Config, options, sections
from pellucid.errors import ConfigurationError, nearest

__all__ = ["WORKSPACE_FILE", "Effective", "load"]

WORKSPACE_FILE = "pellucid.toml"


@dataclass(frozen=True)
class Effective:
    """A configuration, and where each of its values comes from.

    Attributes
    ----------
    config : Config
        The typed values.
    values : dict of str to value
        The same by dotted key, quantities as numbers in the key's unit.
    origins : dict of str to str
        ``default``, the path of a file, or ``--set``, by dotted key.
    tables : dict of str to dict
        What is given in the open tables, ``steps`` and ``algorithms``; those who know the steps check it.
    """

    config: Config
    values: dict[str, Value]
    origins: dict[str, str]
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)


def load(workspace: Path | None = None, file: Path | None = None, settings: Sequence[str] = ()) -> Effective:
    """Read and check all layers.

    Parameters
    ----------
    workspace : Path, optional
        Folder whose ``pellucid.toml`` is read where it is there.
    file : Path, optional
        A file that must be there.
    settings : sequence of str
        Single settings ``dotted.key=value``, the value in TOML; a text may go without its quotes.

    Raises
    ------
    ConfigurationError
        A file cannot be read, a key is unknown (the nearest one is named), or a value has a wrong
        type, unit, word or range.
    """
    values: dict[str, Value] = {key: o.default for key, o in options().items()}
    origins = dict.fromkeys(values, "default")
    tables: dict[str, dict[str, Any]] = {name: {} for name in OPEN}
    for origin, key, given in _layers(workspace, file, settings):
        if key in OPEN:
            _merge(tables[key], given, f"{origin}, key '{key}'")
            continue
        values[key] = options()[key].checked(given, f"{origin}, key '{key}'")
        origins[key] = origin
    _check_together(values, origins)
    return Effective(_built(Config, "", values), values, origins, tables)


def _layers(
    workspace: Path | None, file: Path | None, settings: Sequence[str]
) -> Iterator[tuple[str, str, object]]:
    if workspace is not None and (workspace / WORKSPACE_FILE).exists():
        yield from _from_file(workspace / WORKSPACE_FILE)
    if file is not None:
        yield from _from_file(file)
    for setting in settings:
        for key, given in _flat(_from_setting(setting), "", "--set"):
            yield "--set", key, given


def _from_file(path: Path) -> Iterator[tuple[str, str, object]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            "The configuration file cannot be read.",
            where=str(path),
            got=error.strerror or type(error).__name__,
            mend="check the path; 'pellucid config init' writes a file with all keys",
            code="configuration-file",
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            "The configuration file is not TOML.",
            where=str(path),
            expected='TOML in UTF-8, e.g. [events] and below it focal_length = "nominal"',
            got=str(error),
            mend="correct the place that is named",
            code="configuration-file",
        ) from error
    for key, given in _flat(document, "", str(path)):
        yield str(path), key, given


def _flat(table: Mapping[str, object], prefix: str, where: str) -> Iterator[tuple[str, object]]:
    for name, given in table.items():
        key = prefix + name
        if key in options() or key in OPEN:
            yield key, given
        elif key not in sections():
            raise _unknown(key, prefix, where)
        elif isinstance(given, Mapping):
            yield from _flat(given, f"{key}.", where)
        else:
            raise ConfigurationError(
                f"'{key}' is a section of the configuration, not a key.",
                where=where,
                expected=f"[{key}] with keys below it",
                got=f"{key} = {given!r}",
                mend="known are: " + ", ".join(o for o in options() if o.startswith(f"{key}.")),
                code="configuration-value",
            )


def _from_setting(setting: str) -> dict[str, object]:
    key, equals, text = (part.strip() for part in setting.partition("="))
    if not equals:
        raise ConfigurationError(
            "A setting has no value.",
            where="--set",
            expected='dotted.key=value, e.g. events.cleaning.picture="8 p.e."',
            got=setting,
            mend="put the value after an equals sign",
            code="configuration-value",
        )
    try:
        given: object = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        given = text
    table: dict[str, object] = {}
    *parents, name = key.split(".")
    innermost = table
    for parent in parents:
        innermost[parent] = innermost = {}
    innermost[name] = given
    return table


def _unknown(key: str, prefix: str, where: str) -> ConfigurationError:
    name = key.removeprefix(prefix)
    known = [*sections(), *OPEN, *options()]
    beside = [k.removeprefix(prefix) for k in known if k.startswith(prefix)]
    beside = [k for k in beside if "." not in k]
    near = [prefix + k for k in get_close_matches(name, beside, n=2, cutoff=0.6)]
    # a slip of the pen has its right spelling beside it; a key at the wrong depth has it elsewhere
    near = near or [k for k in known if k.endswith(f".{name}")]
    return ConfigurationError(
        f"There is no configuration key '{key}'.",
        where=where,
        mend="did you mean " + " or ".join(f"'{k}'" for k in near) + "?"
        if near
        else nearest(key, [prefix + k for k in beside]),
        code="configuration-key",
    )


def _merge(table: dict[str, Any], given: object, where: str) -> None:
    """Put the given values over those of a table, at any depth."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            "This is a table of the configuration, not a key.",
            where=where,
            expected="a table with keys below it",
            got=repr(given),
            code="configuration-value",
        )
    for name, value in given.items():
        if isinstance(value, Mapping) and isinstance(table.get(name, {}), dict):
            _merge(table.setdefault(name, {}), value, where)
        else:
            table[name] = value


def _check_together(values: Mapping[str, Value], origins: Mapping[str, str]) -> None:
    picture, boundary = values["events.cleaning.picture"], values["events.cleaning.boundary"]
    if float(boundary) > float(picture):
        raise ConfigurationError(
            "The boundary threshold of the cleaning is above the picture threshold.",
            where=f"{origins['events.cleaning.boundary']}, key 'events.cleaning.boundary'",
            expected=f"at most events.cleaning.picture, {picture:g} p.e.",
            got=f"{boundary:g} p.e.",
            mend="lower the boundary or raise the picture threshold",
            code="configuration-value",
        )


def _built(section: Any, prefix: str, values: Mapping[str, Value]) -> Any:
    arguments: dict[str, object] = {}
    for f in fields(section):
        if is_dataclass(f.type):
            arguments[f.name] = _built(f.type, f"{prefix}{f.name}.", values)
        else:
            arguments[f.name] = values[prefix + f.name]
    return section(**arguments)
