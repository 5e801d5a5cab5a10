# SPDX-License-Identifier: BSD-3-Clause
"""One table of an interface file, its keys taken one by one; a mistake tells file, line, key and remedy."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from pellucid.errors import ConfigurationError, nearest
from pellucid.interfaces.toml_lines import Lines, path_text
from pellucid.interfaces.vocabulary import SECONDS, is_unit

__all__ = ["Fields", "Source"]


class Source:
    """A file and where in it things stand.

    Parameters
    ----------
    name : str
        The file.
    text : str
        What is in it.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = Lines(text)

    def place(self, path: Sequence[str | int]) -> str:
        """Return file, line and key of a path."""
        key = path_text(path)
        return f"{self.name}, line {self._lines.of(path)}" + (f", key {key}" if key else "")


class Fields:
    """A table on its way to a dataclass; `end` refuses keys that nobody took.

    Parameters
    ----------
    table : mapping
        As the TOML reader gives it.
    source : Source
        Where it stands.
    path : tuple
        How it is reached in the file.
    known : sequence of str
        Keys it may have.
    """

    def __init__(self, table: Any, source: Source, path: tuple[str | int, ...], known: Sequence[str]) -> None:
        self.source, self.path = source, path
        if not isinstance(table, Mapping):
            raise self.bad((), "a table", table)
        self.table = table
        for key in table:
            if key not in known:
                raise ConfigurationError(
                    f"There is no key '{key}' here.",
                    where=source.place((*path, key)),
                    expected=", ".join(known),
                    got=str(key),
                    mend=nearest(str(key), list(known)),
                    code="unknown-key",
                )

    def bad(
        self, key: tuple[str | int, ...], expected: str, got: object, code: str = "bad-value", what: str = ""
    ) -> ConfigurationError:
        """Return the error about a value."""
        return ConfigurationError(
            what or "A value is not what it has to be.",
            where=self.source.place((*self.path, *key)),
            expected=expected,
            got=got if isinstance(got, str) and got else repr(got),
            mend="correct the interface file",
            code=code,
        )

    def needed(self, key: str) -> Any:
        """Return a value that has to be there."""
        if key not in self.table:
            raise ConfigurationError(
                f"The key '{key}' is missing.",
                where=self.source.place(self.path),
                expected=f"{key} = ...",
                got=", ".join(self.table) or "an empty table",
                mend=f"add the key '{key}'",
                code="missing-key",
            )
        return self.table[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Return a line of text."""
        value = self.needed(key) if default is None else self.table.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.bad((key,), "text", value)
        return " ".join(value.split())

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """Return one of several words."""
        value = self.text(key, default)
        if value not in known and not (key not in self.table and value == default):
            error = self.bad((key,), "one of " + ", ".join(known), value)
            error.mend = nearest(value, list(known))
            raise error
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.bad((key,), "true or false", value)
        return value

    def unit(self, key: str = "unit") -> str:
        """Return a unit that astropy knows; empty where there is none."""
        value = self.text(key, "")
        if not is_unit(value):
            raise self.bad(
                (key,),
                "a unit as astropy spells it, e.g. deg, hPa, m/s; p.e. is spelled pe",
                value,
                code="unknown-unit",
                what=f"'{value}' is no unit.",
            )
        return value

    def seconds(self, key: str) -> float | None:
        """Return a time such as ``5 min`` in s, or None where the key is absent."""
        if key not in self.table:
            return None
        value = self.text(key)
        number, _, unit = value.partition(" ")
        try:
            seconds = float(number) * SECONDS[unit]
        except (ValueError, KeyError):
            raise self.bad((key,), f"a number and one of {', '.join(SECONDS)}, e.g. '5 min'", value) from None
        if not 0.0 < seconds < float("inf"):
            raise self.bad((key,), "a time above 0", value)
        return seconds

    def span(self, key: str = "range") -> tuple[float, float] | None:
        """Return a range ``[least, greatest]``, or None where the key is absent."""
        if key not in self.table:
            return None
        value = self.table[key]
        if not (
            isinstance(value, list)
            and len(value) == 2
            and all(type(v) in (int, float) and isfinite(v) for v in value)
            and value[0] <= value[1]
        ):
            raise self.bad((key,), "[least, greatest], both finite", value)
        return (value[0], value[1])

    def words(self, key: str) -> dict[str, str]:
        """Return a table of texts."""
        value = self.table.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
            raise self.bad((key,), "a table of texts", value)
        return dict(value)

    def each[T](self, key: str, make: Callable[[Any, tuple[str | int, ...]], T]) -> tuple[T, ...]:
        """Return what is made of each item of an array, given the item and its path."""
        value = self.table.get(key, [])
        if not isinstance(value, list):
            raise self.bad((key,), "an array", value)
        return tuple(make(item, (*self.path, key, i)) for i, item in enumerate(value))
