# SPDX-License-Identifier: BSD-3-Clause
"""One configuration value: how it is declared, checked and written."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from pellucid.errors import ConfigurationError

__all__ = ["Option", "Value", "option"]

type Value = bool | int | float | str


@dataclass(frozen=True)
class Option:
    """Declaration of one configuration key.

    Attributes
    ----------
    key : str
        Dotted name, e.g. ``events.cleaning.picture``.
    default : bool, int, float or str
        Value where nobody says otherwise; a quantity as a number in ``unit``. Its type is the key's.
    doc : str
        One sentence.
    unit : str
        Unit of a quantity, which is then written as text with a unit; empty for plain values.
    choices : tuple of str
        The words that are allowed; empty where any value of the type is.
    minimum : int or float or None
        Smallest value allowed, in ``unit``.
    """

    key: str
    default: Value
    doc: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None

    @property
    def expected(self) -> str:
        """What may be written, in words."""
        if self.choices:
            return "one of " + ", ".join(f'"{choice}"' for choice in self.choices)
        if self.unit:
            words = f'a quantity in {self.unit} or a like unit, e.g. "{self.default:g} {self.unit}"'
        else:
            words = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}[
                type(self.default)
            ]
        return words if self.minimum is None else f"{words}, at least {self.minimum:g}"

    def written(self, value: Value) -> Value:
        """Return a value as it is written in TOML or JSON: quantities as text with their unit."""
        return f"{value:.12g} {self.unit}" if self.unit else value

    def checked(self, given: object, where: str) -> Value:
        """Return a given value as the key's type, in the key's unit.

        Parameters
        ----------
        given : object
            As read from TOML.
        where : str
            Where it was given, for the error.

        Raises
        ------
        ConfigurationError
            Wrong type, unit, word or range.
        """
        value = self._quantity(given, where) if self.unit else self._typed(given, where)
        if self.choices and value not in self.choices:
            from pellucid.errors import nearest

            raise self._refused(given, where, mend=nearest(str(value), self.choices))
        if self.minimum is not None and isinstance(value, int | float) and value < self.minimum:
            raise self._refused(given, where)
        return value

    def _quantity(self, given: object, where: str) -> float:
        from pellucid.units import parse

        if not isinstance(given, str):
            raise self._refused(given, where, mend="write it as text, with its unit")
        try:
            value = parse(given, self.unit)
        except ValueError:
            raise self._refused(given, where) from None
        if not isfinite(value):
            raise self._refused(given, where)
        return value

    def _typed(self, given: object, where: str) -> Value:
        kind = type(self.default)
        if kind is float and type(given) is int:
            given = float(given)
        # `type is`, since true is an integer for isinstance
        if type(given) is not kind or (isinstance(given, float) and not isfinite(given)):
            raise self._refused(given, where)
        return given

    def _refused(self, given: object, where: str, mend: str = "") -> ConfigurationError:
        return ConfigurationError(
            f"The configuration key '{self.key}' has a value it cannot have.",
            where=where,
            expected=self.expected,
            got=f'"{given}"' if isinstance(given, str) else str(given).lower(),
            mend=mend or f"correct {self.key}; 'pellucid config keys' tells what every key takes",
            code="configuration-value",
        )


def option(
    default: Value,
    doc: str,
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
) -> Any:
    """Declare a key as a field of a section's dataclass; see `Option` for the arguments."""
    return field(default=default, metadata={"doc": doc, "unit": unit, "choices": choices, "minimum": minimum})
