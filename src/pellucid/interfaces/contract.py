# SPDX-License-Identifier: BSD-3-Clause
"""An interface: what one party delivers to another, as data that a program can hold deliveries against."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

from pellucid.archive.lineage import JSON, canonical_json
from pellucid.errors import ConfigurationError, nearest
from pellucid.interfaces.task import Task

__all__ = ["Column", "Delivery", "Interface", "MetadataKey", "Party"]

type Dimension = int | str

_TASK_TERMS = ("key", "kind", "title", "phase", "work_package", "parent", "ccf")
"""What both parties agree on in a task; how far it is changes every week and is not signed."""


def _plain(thing: Any) -> JSON:
    """Return a dataclass as JSON-ready values, without what is not said."""
    if hasattr(thing, "__dataclass_fields__"):
        values = {f.name: _plain(getattr(thing, f.name)) for f in fields(thing)}
        return {name: value for name, value in values.items() if value not in (None, "", [], {})}
    if isinstance(thing, tuple):
        return [_plain(item) for item in thing]
    if isinstance(thing, Mapping):
        return {name: _plain(value) for name, value in thing.items()}
    plain: JSON = thing
    return plain


@dataclass(frozen=True, kw_only=True)
class Party:
    """One side of an interface.

    Attributes
    ----------
    sub_project : str
        Who it is, e.g. ``COM-CCF``; signatures are given in this name.
    role : str
        ``provider`` or ``receiver``.
    responsibles : mapping of str to str
        Who answers for it, by work package.
    """

    sub_project: str
    role: str
    responsibles: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class MetadataKey:
    """What a delivery says about itself as a whole.

    Attributes
    ----------
    name, about : str
        The key and its meaning.
    type : str
        One of `pellucid.interfaces.vocabulary.METADATA_TYPES`; a ``time`` is ns TAI since 1970.
    unit : str
        Of a number.
    range : tuple of float or None
        Least and greatest value, both allowed.
    values : tuple
        The only ones allowed; all where there are none.
    example : JSON
        One that is right.
    required : bool
        Whether a delivery must have it.
    """

    name: str
    about: str
    type: str = "text"
    unit: str = ""
    range: tuple[float, float] | None = None
    values: tuple[JSON, ...] = ()
    example: JSON = None
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a delivery: a number, or an array of one shape, in every row.

    Attributes
    ----------
    name, about : str
        The column and its meaning.
    dtype : str
        One of `pellucid.interfaces.vocabulary.DTYPES`.
    unit : str
        As astropy spells it; empty for pure numbers, codes and texts.
    shape : tuple of int or str
        Of the entry in one row; a word stands for a length that is the same wherever it occurs.
    range : tuple of float or None
        Least and greatest value, both allowed.
    values : tuple
        The only ones allowed; all where there are none.
    nan : float
        Fraction of the entries that may be NaN: 0 none, 1 all.
    example : JSON
        One that is right.
    monotonic : str or None
        From row to row: ``strict`` ever larger, ``rising`` never smaller.
    time_scale, frame : str or None
        Of times and of directions.
    """

    name: str
    dtype: str
    about: str
    unit: str = ""
    shape: tuple[Dimension, ...] = ()
    range: tuple[float, float] | None = None
    values: tuple[JSON, ...] = ()
    nan: float = 0.0
    example: JSON = None
    monotonic: str | None = None
    time_scale: str | None = None
    frame: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One kind of file that the provider hands over.

    Attributes
    ----------
    name : str
        Unique in the interface.
    product_type, format : str
        What it is, and how it is written.
    about : str
        For people.
    cadence, cadence_tolerance, latency : float or None
        Time from row to row and how far from it a row may be, and the time within which data arrive, in s.
    time : str or None
        The column with the time of a row.
    metadata : tuple of MetadataKey
        What the file says about itself.
    columns : tuple of Column
        What is in a row.
    """

    name: str
    product_type: str
    format: str
    about: str
    cadence: float | None = None
    cadence_tolerance: float | None = None
    latency: float | None = None
    time: str | None = None
    metadata: tuple[MetadataKey, ...] = ()
    columns: tuple[Column, ...] = ()

    def column(self, name: str) -> Column:
        """Return the column with a name; `KeyError` where there is none."""
        return {c.name: c for c in self.columns}[name]


@dataclass(frozen=True, kw_only=True)
class Interface:
    """An interface with all that its file says.

    Attributes
    ----------
    id : str
        E.g. ``I-DATA-COM-3001``: the two sides, and a number whose first digit is the sub-system.
    title, about : str
        For people.
    version : str
        Major, minor and patch, by the rules of semantic versioning.
    status : str
        As the file declares it; `pellucid.interfaces.status` says what signatures prove.
    level : str
        ``per telescope`` or ``per array``.
    parties : tuple of Party
        The provider and the receiver.
    deliveries : tuple of Delivery
        What is handed over; none where the interface is about work alone.
    tasks : tuple of Task
        What has to be done.
    methods : mapping
        Baseline method, alternatives and notes; see `pellucid.interfaces.methods`.
    product_types : mapping of str to str
        Types of products that this file defines, each with what it is.
    source : str
        Where it was read.
    """

    id: str
    title: str
    about: str
    version: str
    status: str
    level: str
    parties: tuple[Party, ...]
    deliveries: tuple[Delivery, ...] = ()
    tasks: tuple[Task, ...] = ()
    methods: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    product_types: Mapping[str, str] = field(default_factory=dict, hash=False)
    source: str = ""

    def content(self) -> dict[str, JSON]:
        """Return what the parties agree on, JSON-ready: not the state, the place, the progress of tasks."""
        own = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        own["tasks"] = [
            {name: _plain(getattr(task, name)) for name in _TASK_TERMS}
            | {"follows": [_plain(f) for f in task.follows]}
            for task in self.tasks
        ]
        return {name: value for name, value in own.items() if name not in ("status", "source")}

    @cached_property
    def digest(self) -> str:
        """The sha256 of the content in canonical JSON, 64 hexadecimal digits: what parties sign."""
        return sha256(canonical_json(self.content()).encode()).hexdigest()

    def party(self, sub_project: str) -> Party:
        """Return the party of a name.

        Raises
        ------
        ConfigurationError
            It is none of this interface (``not-a-party``).
        """
        known = {p.sub_project: p for p in self.parties}
        if sub_project not in known:
            raise ConfigurationError(
                f"'{sub_project}' is not a party of {self.id}.",
                where=self.source,
                expected=" or ".join(known),
                got=sub_project,
                code="not-a-party",
            )
        return known[sub_project]

    def delivery(self, name: str | None = None) -> Delivery:
        """Return the delivery with a name, or the only one.

        Raises
        ------
        ConfigurationError
            There is none, or several and no name (``which-delivery``).
        """
        names = [d.name for d in self.deliveries]
        if name is None and len(names) == 1:
            return self.deliveries[0]
        if name not in names:
            raise ConfigurationError(
                f"{self.id} has {'no delivery' if not names else 'several deliveries'}"
                + (f" named '{name}'." if name else "."),
                where=self.source,
                expected=" or ".join(names) or "an interface that delivers data",
                got=name or "none named",
                mend=nearest(name, names) if name and names else "name one with --delivery",
                code="which-delivery",
            )
        return next(d for d in self.deliveries if d.name == name)

    def as_dict(self) -> dict[str, JSON]:
        """Return the whole interface as a JSON-ready mapping, with its digest."""
        document = self.content() | {"status": self.status, "digest": self.digest, "source": self.source}
        document["tasks"] = [task.as_dict() for task in self.tasks]
        return document
