# SPDX-License-Identifier: BSD-3-Clause
"""What a step takes in one role: which type of product, of which device, when, and how many."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

from pellucid.errors import ConfigurationError

__all__ = ["Input", "duration_ns"]

type By = Literal["telescope", "device", "array"]

_UNITS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}


@dataclass(frozen=True)
class Input:
    """Declaration of one input of a step; a bare product type is short for ``Input(type)``.

    Attributes
    ----------
    type : str
        Product type, may have ``*`` and ``?``, as in ``DL0/Event/*/*``.
    by : str
        Whose product it must be: ``telescope``, that of the step's first input; ``device``, likewise;
        ``array``, anybody's. Where not given, ``telescope`` for types of a telescope, ``array`` else.
    window : str
        How far in time from the first input it may lie, e.g. ``10 min``; the level's window where empty.
    validity : bool
        Whether it is a calibration, to be the one in force at the time of the first input.
    required : bool
        Whether the step can do nothing without it.
    many : bool
        Whether all that fit are taken, in order of time; the function is then given a tuple of files.
    minimum : int
        Fewest that are enough, where many are taken.
    """

    type: str
    by: By | None = None
    window: str = ""
    validity: bool = False
    required: bool = True
    many: bool = False
    minimum: int = 1

    def __post_init__(self) -> None:
        if self.type.count("/") != 3:
            raise _refused("no product type", "level/division/association/type", self.type)
        if self.by not in (None, "telescope", "device", "array"):
            raise _refused("a grouping that is none", "telescope, device or array", str(self.by))
        if self.many and self.validity:
            raise _refused("both many and validity", "one calibration in force, or many inputs", self.type)
        if self.minimum < 1 or (self.minimum > 1 and not self.many):
            raise _refused("an impossible minimum", "1, or more with many=True", str(self.minimum))
        if self.window:
            duration_ns(self.window)

    @classmethod
    def of(cls, declared: "str | Input") -> "Input":
        """Return a declaration in full."""
        return cls(declared) if isinstance(declared, str) else declared

    @cached_property
    def unit(self) -> By:
        """Whose product it must be."""
        return self.by or ("telescope" if self.type.split("/")[2] == "Telescope" else "array")

    def fits(self, product_type: str) -> bool:
        """Return whether a type of product can have this role."""
        return fnmatchcase(product_type, self.type)


def duration_ns(text: str) -> int:
    """Read a length of time, such as ``10 min`` (units ns, us, ms, s, min, h, d), in ns.

    Raises
    ------
    ConfigurationError
        It is none, or not positive (``duration``).
    """
    number, _, unit = text.strip().partition(" ")
    try:
        ns = round(float(number) * _UNITS[unit.strip()])
    except (ValueError, KeyError, OverflowError):
        ns = 0
    if ns <= 0:
        raise ConfigurationError(
            "This is no length of time.",
            expected=f"a positive number and one of {', '.join(_UNITS)}, e.g. 10 min",
            got=repr(text),
            code="duration",
        )
    return ns


def _refused(what: str, expected: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"An input of a step is declared with {what}.", expected=expected, got=got, code="bad-input"
    )
