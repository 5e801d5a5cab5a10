# SPDX-License-Identifier: BSD-3-Clause
"""The configuration as text: TOML that can be read back, with the meaning and origin of each value."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pellucid.config.options import Value
from pellucid.config.sections import OPEN, options, sections

__all__ = ["as_toml", "template"]


def as_toml(
    values: Mapping[str, Value],
    origins: Mapping[str, str],
    tables: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Write the effective configuration as TOML, each value with its origin in a comment.

    Parameters
    ----------
    values, origins, tables : mapping
        As in `Effective`.
    """
    lines: list[str] = []
    for section, keys in _by_section():
        lines += ["", f"[{section}]"]
        for key in keys:
            written = _literal(options()[key].written(values[key]))
            lines.append(f"{key.rsplit('.', 1)[-1]} = {written}  # {origins[key]}")
    for name, table in (tables or {}).items():
        lines += _table(name, table)
    return "\n".join(lines[1:]) + "\n"


def template() -> str:
    """Write a file with all keys at their defaults, commented out, each with its meaning above it."""
    lines = ["# Configuration of Pellucid: remove the # before what you want to change."]
    for section, keys in _by_section():
        lines += ["", f"# {sections()[section].splitlines()[0]}", f"[{section}]"]
        for key in keys:
            o = options()[key]
            lines.append(f"# {o.doc} Takes {o.expected}.")
            lines.append(f"# {key.rsplit('.', 1)[-1]} = {_literal(o.written(o.default))}")
    for name, meaning in OPEN.items():
        lines += ["", f"# {meaning}", f"# [{name}]"]
    return "\n".join(lines) + "\n"


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Write an open table; texts and lists of JSON are those of TOML too."""
    own = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if own:
        yield from ("", f"[{name}]")
        yield from (f"{json.dumps(key)} = {json.dumps(value)}" for key, value in own.items())
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _table(f"{name}.{json.dumps(key)}", value)


def _by_section() -> Iterator[tuple[str, list[str]]]:
    for section in sections():
        if keys := [k for k in options() if k.rpartition(".")[0] == section]:
            yield section, keys


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # every text a key can hold is a word or a quantity, which need no escapes
    return f'"{value}"' if isinstance(value, str) else repr(value)
