# SPDX-License-Identifier: BSD-3-Clause
"""What changed between two versions of an interface, and whether the version tells the truth about it.

A change is *compatible* where every delivery that was right stays right; else it is *breaking*; what
touches no delivery is *wording*. Breaking changes raise the major version (below 1.0.0 the minor one),
compatible ones the minor version, wording the patch version.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pellucid.errors import ConfigurationError
from pellucid.interfaces.contract import Column, Delivery, Interface, MetadataKey

__all__ = ["Change", "Comparison", "check_version", "compare"]

type Kind = Literal["breaking", "compatible", "wording"]


@dataclass(frozen=True)
class Change:
    """One change: its kind, where it is, what was and what is."""

    kind: Kind
    where: str
    old: str
    new: str

    def as_dict(self) -> dict[str, str]:
        """Return the change JSON-ready."""
        return {"kind": self.kind, "where": self.where, "old": self.old, "new": self.new}

    def __str__(self) -> str:
        return f"{self.kind:<10}  {self.where}: {self.old} -> {self.new}"


@dataclass(frozen=True)
class Comparison:
    """All changes between two versions, and the least version that tells the truth."""

    changes: tuple[Change, ...]
    old: str
    new: str

    @property
    def kind(self) -> str:
        """The gravest kind of change, or ``none``."""
        kinds = {c.kind for c in self.changes}
        return next((k for k in ("breaking", "compatible", "wording") if k in kinds), "none")

    @property
    def least(self) -> str:
        """The lowest version that the new one may have."""
        major, minor, patch = _numbers(self.old)
        steps = {
            "breaking": (major + 1, 0, 0) if major else (0, minor + 1, 0),
            "compatible": (major, minor + 1, 0),
            "wording": (major, minor, patch + 1),
            "none": (major, minor, patch),
        }
        return ".".join(map(str, steps[self.kind]))

    @property
    def is_true(self) -> bool:
        """Whether the new version is high enough."""
        return _numbers(self.new) >= _numbers(self.least)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison JSON-ready."""
        return {
            "kind": self.kind,
            "old": self.old,
            "new": self.new,
            "least": self.least,
            "is_true": self.is_true,
            "changes": [c.as_dict() for c in self.changes],
        }


def compare(old: Interface, new: Interface) -> Comparison:
    """Return what changed between two versions of an interface.

    Raises
    ------
    ConfigurationError
        They are two interfaces (``two-interfaces``).
    """
    if old.id != new.id:
        raise ConfigurationError(
            "These are not two versions of one interface.",
            expected=old.id,
            got=new.id,
            mend="name two files with one id",
            code="two-interfaces",
        )
    return Comparison(tuple(_changes(old, new)), old.version, new.version)


def check_version(comparison: Comparison, where: str) -> None:
    """Refuse a version that promises less change than there is.

    Raises
    ------
    ConfigurationError
        It does (``lying-version``).
    """
    if not comparison.is_true:
        gravest = next(c for c in comparison.changes if c.kind == comparison.kind)
        raise ConfigurationError(
            f"The version hides a change that is {comparison.kind}."
            if comparison.kind != "wording"
            else "The content changed and the version does not tell.",
            where=where,
            expected=f"at least {comparison.least}, since {gravest.where} changed",
            got=comparison.new,
            mend=f"raise the version to {comparison.least}",
            code="lying-version",
        )


def _numbers(version: str) -> tuple[int, int, int]:
    major, minor, patch = map(int, version.split("."))
    return major, minor, patch


def _changes(old: Interface, new: Interface) -> Iterator[Change]:
    yield from _differ("breaking", "level", old.level, new.level)
    roles = [{p.role: p.sub_project for p in i.parties} for i in (old, new)]
    yield from _differ("breaking", "parties", roles[0], roles[1])
    before, after = ({d.name: d for d in i.deliveries} for i in (old, new))
    yield from _named(before, after, "deliveries", added="compatible", removed="breaking")
    for name in before:
        if name in after:
            yield from _delivery(before[name], after[name], name)
    # the rest of the content touches no delivery
    contents = [i.content() for i in (old, new)]
    for key in ("title", "about", "tasks", "methods", "product_types"):
        if contents[0].get(key) != contents[1].get(key):
            yield Change("wording", key, "as it was", "changed")
    people = [[dict(p.responsibles) for p in i.parties] for i in (old, new)]
    yield from _differ("wording", "responsibles", people[0], people[1])


def _delivery(old: Delivery, new: Delivery, name: str) -> Iterator[Change]:
    for key in ("product_type", "format", "time"):
        yield from _differ("breaking", f"{name}.{key}", getattr(old, key), getattr(new, key))
    yield from _window(old, new, name)
    wider = new.latency is None or (old.latency is not None and new.latency >= old.latency)
    yield from _differ("compatible" if wider else "breaking", f"{name}.latency", old.latency, new.latency)
    yield from _differ("wording", f"{name}.about", old.about, new.about)
    before, after = ({c.name: c for c in d.columns} for d in (old, new))
    yield from _named(before, after, f"{name}.columns", added="breaking", removed="breaking")
    for key, column in before.items():
        if key in after:
            yield from _column(column, after[key], f"{name}.{key}")
    yield from _metadata({k.name: k for k in old.metadata}, {k.name: k for k in new.metadata}, name)


def _window(old: Delivery, new: Delivery, name: str) -> Iterator[Change]:
    windows = [
        None if d.cadence is None or d.cadence_tolerance is None
        else (d.cadence - d.cadence_tolerance, d.cadence + d.cadence_tolerance)
        for d in (old, new)
    ]  # fmt: skip
    kind: Kind = "compatible" if _holds(windows[1], windows[0]) else "breaking"
    yield from _differ(kind, f"{name}.cadence", windows[0], windows[1])


def _column(old: Column, new: Column, where: str) -> Iterator[Change]:
    for key in ("dtype", "unit", "frame", "time_scale"):
        yield from _differ("breaking", f"{where}.{key}", getattr(old, key), getattr(new, key))
    looser = len(old.shape) == len(new.shape) and all(
        b in (a, "any") for a, b in zip(old.shape, new.shape, strict=True)
    )
    yield from _differ("compatible" if looser else "breaking", f"{where}.shape", old.shape, new.shape)
    strictness = {None: 0, "rising": 1, "strict": 2}
    looser = strictness[new.monotonic] <= strictness[old.monotonic]
    kind: Kind = "compatible" if looser else "breaking"
    yield from _differ(kind, f"{where}.monotonic", old.monotonic, new.monotonic)
    yield from _differ("compatible" if new.nan >= old.nan else "breaking", f"{where}.nan", old.nan, new.nan)
    yield from _limits(old, new, where)


def _metadata(old: dict[str, MetadataKey], new: dict[str, MetadataKey], name: str) -> Iterator[Change]:
    for key in sorted(old.keys() - new.keys()):
        yield Change("compatible", f"{name}.{key}", "a metadata key", "none")
    for key in sorted(new.keys() - old.keys()):
        kind: Kind = "breaking" if new[key].required else "compatible"
        yield Change(kind, f"{name}.{key}", "none", "a metadata key")
    for key in sorted(old.keys() & new.keys()):
        a, b, where = old[key], new[key], f"{name}.{key}"
        wider = (a.type, b.type) == ("integer", "number")
        yield from _differ("compatible" if wider else "breaking", f"{where}.type", a.type, b.type)
        yield from _differ("breaking", f"{where}.unit", a.unit, b.unit)
        kind = "compatible" if a.required else "breaking"
        yield from _differ(kind, f"{where}.required", a.required, b.required)
        yield from _limits(a, b, where)


def _limits(old: Column | MetadataKey, new: Column | MetadataKey, where: str) -> Iterator[Change]:
    wider: Kind = "compatible" if _holds(new.range, old.range) else "breaking"
    yield from _differ(wider, f"{where}.range", old.range, new.range)
    more = not new.values or (bool(old.values) and set(old.values) <= set(new.values))
    kind: Kind = "compatible" if more else "breaking"
    yield from _differ(kind, f"{where}.values", old.values, new.values)
    yield from _differ("wording", f"{where}.about", old.about, new.about)
    yield from _differ("wording", f"{where}.example", old.example, new.example)


def _holds(outer: Sequence[float] | None, inner: Sequence[float] | None) -> bool:
    """Return whether one range holds another; none holds everything."""
    if outer is None:
        return True
    return inner is not None and outer[0] <= inner[0] and inner[1] <= outer[1]


def _named(
    old: dict[str, Any], new: dict[str, Any], where: str, *, added: Kind, removed: Kind
) -> Iterator[Change]:
    for name in sorted(old.keys() - new.keys()):
        yield Change(removed, f"{where}.{name}", "there", "gone")
    for name in sorted(new.keys() - old.keys()):
        yield Change(added, f"{where}.{name}", "not there", "new")


def _differ(kind: Kind, where: str, old: object, new: object) -> Iterator[Change]:
    if old != new:
        yield Change(kind, where, _text(old), _text(new))


def _text(value: object) -> str:
    return "none" if value is None or value == () else str(value)
