# SPDX-License-Identifier: BSD-3-Clause
"""Errors a user can act on: where, expected, got, how to mend; a stable code and an exit code each.

Exit codes follow CTAO's workload interface: 100 intermittent, 101 configuration, 104 corrupted
input, 105 missing input, 106 insufficient statistics; 2 is a usage error.
"""

from typing import ClassVar

__all__ = [
    "ConfigurationError",
    "CorruptedInput",
    "InsufficientStatistics",
    "IntermittentError",
    "MissingInput",
    "OutputExists",
    "PellucidError",
    "UsageError",
    "nearest",
]


_SHOWN = 40
"""So many known words are listed where none is near a mistyped one."""


class PellucidError(Exception):
    """Base of all errors meant for users.

    Parameters
    ----------
    what : str
        One sentence that says what is wrong.
    where : str
        File, byte offset, event id, row, interface id or configuration key.
    expected, got : str
        What the program needed and what it found.
    mend : str
        What the user can do about it.
    code : str, optional
        Stable, machine-readable name of the case; the class's own code where not given.
    """

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        expected: str = "",
        got: str = "",
        mend: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.got = got
        self.mend = mend
        self.code = code or self.default_code

    def as_dict(self) -> dict[str, str | int]:
        """Return the error as a JSON-ready mapping, empty fields left out."""
        fields: dict[str, str | int] = {"code": self.code, "exit_code": self.exit_code, "what": self.what}
        for name in ("where", "expected", "got", "mend"):
            if value := getattr(self, name):
                fields[name] = value
        return fields

    def __str__(self) -> str:
        lines = [self.what]
        for name in ("where", "expected", "got", "mend"):
            if value := getattr(self, name):
                lines.append(f"  {name + ':':<10}{value}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # keyword-only arguments do not survive the default pickling, which process pools need
        return (_rebuild, (type(self), self.what, self.__dict__.copy()))


def _rebuild(cls: type[PellucidError], what: str, state: dict[str, str]) -> PellucidError:
    return cls(what, **{k: v for k, v in state.items() if k != "what"})


class UsageError(PellucidError):
    """The command was called wrongly."""

    exit_code = 2
    default_code = "usage"


class OutputExists(UsageError):
    """The output path exists and overwriting was not asked for."""

    default_code = "output-exists"


class IntermittentError(PellucidError):
    """Something outside failed in a way that may pass: try again."""

    exit_code = 100
    default_code = "intermittent"


class ConfigurationError(PellucidError):
    """A configuration key or value is wrong."""

    exit_code = 101
    default_code = "configuration"


class CorruptedInput(PellucidError):
    """An input is there but damaged or not what it claims to be."""

    exit_code = 104
    default_code = "corrupted-input"


class MissingInput(PellucidError):
    """An input that is needed is not there."""

    exit_code = 105
    default_code = "missing-input"


class InsufficientStatistics(PellucidError):
    """Too few samples for the asked precision."""

    exit_code = 106
    default_code = "insufficient-statistics"


def nearest(name: str, known: "list[str] | tuple[str, ...]") -> str:
    """Return a sentence that names the known words nearest to a mistyped one.

    Parameters
    ----------
    name : str
        What was typed.
    known : list of str
        What would have been right.

    Returns
    -------
    str
        "did you mean 'x'?", or a list of what is known where nothing is near.
    """
    from difflib import get_close_matches

    matches = get_close_matches(name, known, n=3, cutoff=0.5)
    if matches:
        return "did you mean " + " or ".join(f"'{m}'" for m in matches) + "?"
    shown = sorted(known)[:_SHOWN]
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return "known are: " + ", ".join(shown) + more
