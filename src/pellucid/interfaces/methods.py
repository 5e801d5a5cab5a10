# SPDX-License-Identifier: BSD-3-Clause
"""Methods of calibration: the baseline of an interface, what is allowed beside it, how many are in use.

The guideline is as few different methods as possible. A camera uses the baseline of its interface unless an
alternative is named for it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import ConfigurationError, nearest

__all__ = ["Alternative", "Methods", "Overview", "overview", "read_methods"]


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A method that may be used instead of the baseline.

    Attributes
    ----------
    step : str
        Name of the registered step.
    camera : str or None
        Kind of camera that uses it; None where it is allowed and not used.
    note, by : str
        How feasible it is, and who says so.
    """

    step: str
    camera: str | None = None
    note: str = ""
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Methods:
    """The methods of one interface: the baseline (None where none is chosen yet) and the alternatives."""

    interface: str
    baseline: str | None
    alternatives: tuple[Alternative, ...] = ()

    @property
    def in_use(self) -> tuple[str, ...]:
        """The different steps in use, the baseline first."""
        chosen = (self.baseline, *(a.step for a in self.alternatives if a.camera))
        return tuple(dict.fromkeys(step for step in chosen if step))

    def as_dict(self) -> dict[str, Any]:
        """Return the methods as a JSON-ready mapping."""
        return {
            "interface": self.interface,
            "baseline": self.baseline,
            "alternatives": [dict(a.__dict__) for a in self.alternatives],
            "in_use": list(self.in_use),
        }


@dataclass(frozen=True)
class Overview:
    """How many different methods there are.

    Attributes
    ----------
    methods : tuple of Methods
        Of the interfaces that name any.
    in_use : mapping of str to tuple of str
        The interfaces that use each step.
    several : mapping of str to tuple of str
        The steps in use for one purpose (interfaces of several telescopes with one number), where they are
        more than one.
    unregistered : tuple of str
        Steps that are named and that no package registers.
    """

    methods: tuple[Methods, ...]
    in_use: Mapping[str, tuple[str, ...]]
    several: Mapping[str, tuple[str, ...]]
    unregistered: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the overview as a JSON-ready mapping."""
        return {
            "different": len(self.in_use),
            "in_use": {step: list(users) for step, users in self.in_use.items()},
            "several": {purpose: list(steps) for purpose, steps in self.several.items()},
            "unregistered": list(self.unregistered),
            "interfaces": [m.as_dict() for m in self.methods],
        }


def read_methods(table: Mapping[str, Any], interface: str, where: str) -> Methods:
    """Read the ``[methods]`` of an interface file.

    Parameters
    ----------
    table : mapping
        ``baseline``, and ``alternatives`` with ``step``, ``camera``, ``note`` and ``by``.
    interface, where : str
        Id of the interface and its file, for errors.

    Raises
    ------
    ConfigurationError
        A key is unknown (``unknown-key``) or a value is no text (``method-value``).
    """
    _check_keys(table, ("baseline", "alternatives"), f"{where}: methods")
    listed = table.get("alternatives", [])
    if not isinstance(listed, list | tuple):
        raise _bad(f"{where}: methods.alternatives", "a list of tables", listed)
    alternatives = []
    for number, item in enumerate(listed, 1):
        place = f"{where}: methods.alternatives[{number}]"
        if not isinstance(item, Mapping) or "step" not in item:
            raise _bad(place, "{step = ..., camera = ..., note = ..., by = ...}", item)
        _check_keys(item, ("step", "camera", "note", "by"), place)
        for key, value in item.items():
            if not isinstance(value, str) or not value:
                raise _bad(f"{place}.{key}", "text", value)
        alternatives.append(Alternative(**item))
    baseline = table.get("baseline")
    if baseline is not None and not (isinstance(baseline, str) and baseline):
        raise _bad(f"{where}: methods.baseline", "the name of a step", baseline)
    return Methods(interface=interface, baseline=baseline, alternatives=tuple(alternatives))


def overview(methods: Iterable[Methods], steps: Collection[str]) -> Overview:
    """Count the different methods in use.

    Parameters
    ----------
    methods : iterable of Methods
        Of all interfaces.
    steps : collection of str
        Names of the registered steps.
    """
    named = tuple(m for m in methods if m.baseline or m.alternatives)
    users: dict[str, list[str]] = {}
    purposes: dict[str, list[str]] = {}
    for m in named:
        for step in m.in_use:
            users.setdefault(step, []).append(m.interface)
            # I-DATA-LST-0001 and I-DATA-MST-0001 are one purpose for two kinds of telescopes; of the common
            # devices each is its own
            side, number = m.interface.split("-")[2:]
            purpose = m.interface if side == "COM" else f"I-DATA-xST-{number}"
            purposes.setdefault(purpose, []).append(step)
    several = {p: tuple(dict.fromkeys(found)) for p, found in sorted(purposes.items())}
    mentioned = {s for m in named for s in (m.baseline, *(a.step for a in m.alternatives)) if s}
    return Overview(
        named,
        {step: tuple(users[step]) for step in sorted(users)},
        {purpose: found for purpose, found in several.items() if len(found) > 1},
        tuple(sorted(mentioned - set(steps))),
    )


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f"There is no key '{key}' here.",
                where=f"{where}.{key}",
                expected=", ".join(known),
                got=key,
                mend=nearest(key, known),
                code="unknown-key",
            )


def _bad(where: str, expected: str, got: object) -> ConfigurationError:
    return ConfigurationError(
        "The methods of an interface have a value they cannot have.",
        where=where,
        expected=expected,
        got=repr(got),
        code="method-value",
    )
