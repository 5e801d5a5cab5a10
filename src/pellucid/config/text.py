# SPDX-License-Identifier: BSD-3-Clause
"""The configuration as text: TOML that can be read back, with the meaning and origin of each value."""

from collections.abc import Iterator, Mapping

from pellucid.config.options import Value
from pellucid.config.sections import options, sections

__all__ = ["as_toml", "template"]


def as_toml(values: Mapping[str, Value], origins: Mapping[str, str]) -> str:
    """Write the effective configuration as TOML, each value with its origin in a comment.

    Parameters
    ----------
    values, origins : mapping
        As in `Effective`.
    """
    lines: list[str] = []
    for section, keys in _by_section():
        lines += ["", f"[{section}]"]
        for key in keys:
            written = _literal(options()[key].written(values[key]))
            lines.append(f"{key.rsplit('.', 1)[-1]} = {written}  # {origins[key]}")
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
    return "\n".join(lines) + "\n"


def _by_section() -> Iterator[tuple[str, list[str]]]:
    for section in sections():
        if keys := [k for k in options() if k.rpartition(".")[0] == section]:
            yield section, keys


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # every text a key can hold is a word or a quantity, which need no escapes
    return f'"{value}"' if isinstance(value, str) else repr(value)
