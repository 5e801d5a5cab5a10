# SPDX-License-Identifier: BSD-3-Clause
"""Parameters of steps: typed by their defaults, with units where they are declared with one."""

from collections.abc import Mapping
from dataclasses import replace

from pellucid.archive.lineage import JSON, plain
from pellucid.config.options import Option, Value
from pellucid.errors import ConfigurationError, nearest

__all__ = ["Declared", "completed", "defaults", "parameter"]

type Declared = JSON | Option
"""A parameter as a step declares it: its default, or a `parameter`."""


def parameter(
    default: Value,
    doc: str,
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
) -> Option:
    """Declare a parameter with a meaning and, as may be, a unit, a choice of words, a smallest value.

    Parameters
    ----------
    default : bool, int, float or str
        A quantity as a number in ``unit``; so the step's function is given it.
    doc : str
        One sentence.
    unit : str
        Whoever sets the parameter writes a quantity as text, in this unit or one like it: ``"300 m"``.
    choices, minimum
        As for a configuration key, `pellucid.config.Option`.
    """
    return Option(key="", default=default, doc=doc, unit=unit, choices=choices, minimum=minimum)


def defaults(declared: Mapping[str, Declared]) -> dict[str, JSON]:
    """Return all defaults as plain JSON, quantities as numbers in their units."""
    return completed(declared, {}, "defaults")


def completed(declared: Mapping[str, Declared], given: Mapping[str, JSON], where: str) -> dict[str, JSON]:
    """Return all parameters: the given ones over the defaults.

    Parameters
    ----------
    declared : mapping
        Those of a step; nested mappings are groups.
    given : mapping
        Some of them. A whole number will do for a float.
    where : str
        Name of the step, for errors.

    Raises
    ------
    ConfigurationError
        A key is unknown, at any depth (``unknown-key``; the nearest is told), a value is of another
        kind than the default (``wrong-type``), a declared parameter has a wrong unit, word or range
        (``configuration-value``), or a value has no canonical form.
    """
    for key in given:
        if key not in declared:
            raise ConfigurationError(
                f"There is no parameter '{key}'.",
                where=where,
                mend=nearest(str(key), list(declared)) if declared else "this group takes no parameters",
                code="unknown-key",
            )
    return {
        key: _fitting(default, given[key], f"{where}.{key}") if key in given else _default(default)
        for key, default in declared.items()
    }


def _default(declared: Declared) -> JSON:
    if isinstance(declared, Option):
        return declared.default
    return defaults(declared) if isinstance(declared, Mapping) else plain(declared)


def _fitting(default: Declared, value: JSON, where: str) -> JSON:
    """Return a given value in the type of its default, so that 5 and 5.0 are one product."""
    if isinstance(default, Option):
        return replace(default, key=where).checked(value, where)
    if isinstance(default, Mapping) and isinstance(value, Mapping):
        return completed(default, value, where)
    value = plain(value, where)
    usual = _default(default)
    if usual is None or (type(value) is type(usual) and not isinstance(default, Mapping)):
        return value
    if isinstance(default, float) and type(value) is int:
        return float(value)
    raise ConfigurationError(
        "A parameter is of the wrong type.",
        where=where,
        expected=f"{_KINDS[type(usual)]}, as in {usual!r}",
        got=repr(value),
        code="wrong-type",
    )


_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a group of parameters",
}
