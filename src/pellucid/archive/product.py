# SPDX-License-Identifier: BSD-3-Clause
"""A product: one immutable dataset, what it covers, and what it was made of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Literal, Self, get_args

from pellucid.archive.lineage import JSON, is_key, plain
from pellucid.archive.moments import night_of
from pellucid.errors import ConfigurationError, nearest

__all__ = [
    "ASSOCIATIONS",
    "DIVISIONS",
    "LATEST_COVER",
    "LEVELS",
    "InputReference",
    "Judgement",
    "Product",
    "Rights",
    "check_name",
    "check_night",
    "check_product_type",
]

# CTAO's vocabulary, spelled out because importing the data model takes a second; a test compares
LEVELS = ("R0", "R1", "DL0", "DL1", "DL2", "DL3", "DL4", "DL5", "DL6", "SIM", "SciOps")
DIVISIONS = ("Event", "Monitoring", "Service", "Model", "Binned", "Catalog")
ASSOCIATIONS = ("Array", "Subarray", "Telescope", "Region", "Target")

Rights = Literal["PUBLIC", "SECURE", "PROPRIETARY"]
"""Who may have a product's bytes, in the words of CTAO's data model."""

Judgement = Literal["accepted", "rejected"]
"""What a party may say of a product."""

LATEST_COVER = 2**62
"""End of the time that products can cover, in ns since 1970; differences of two times still fit an int64."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")


@dataclass(frozen=True)
class InputReference:
    """One input of a derived product: its role in the step, its place in that role, its key."""

    role: str
    position: int
    product: str


@dataclass(frozen=True, kw_only=True)
class Product:
    """One immutable dataset as the index knows it.

    Attributes
    ----------
    id : str
        Lineage key, 64 hexadecimal digits; of a raw product the hash of its bytes.
    product_type : str
        ``level/division/association/type``, e.g. ``DL1/Event/Subarray/Observation``.
    kind : str
        ``raw`` (came from outside) or ``derived`` (made by a step).
    sha256 : str
        Hash of the bytes.
    size : int
        In bytes.
    format : str
        Of the bytes, e.g. ``eventio``, ``zfits``, ``hdf5``.
    name : str
        File name it came with, or would be exported under.
    obs_id : int or None
        Observation.
    telescopes : tuple of int
        Telescopes it covers, ascending; empty where it does not say.
    category : str or None
        ``A`` on-line, ``B`` next day, ``C`` final.
    collection : str
        Collection it was put in when it came to be, e.g. ``raw``.
    time_start, time_stop : int or None
        Half-open cover [start, stop), in ns since 1970-01-01T00:00:00 TAI.
    step, step_version : str or None
        What made it; None for raw products.
    parameters : mapping
        All parameters of the step.
    code : str or None
        Fingerprint of the step's code.
    software : mapping of str to str
        Versions of the packages that made it.
    determinism : str or None
        ``bitwise`` or ``tolerance``, as the step declares.
    flags : tuple of str
        What a user must know before use, e.g. ``partial``.
    summary : mapping
        Numbers one wants to search by.
    created_ns : int
        When it was registered, in ns since 1970-01-01T00:00:00 UTC, by the clock of this machine.
    inputs : tuple of InputReference
        What it was made of, ordered by role and position.
    device : str or None
        Device that delivered it or that it describes, e.g. ``raman-1``; telescopes are in `telescopes`.
    night : int or None
        Night of operation YYYYMMDD, noon to noon local, named by the day on which it begins. Where it is
        not given the archive takes `pellucid.archive.moments.night_of` the start of the cover, unless that
        lies before 1970, which is the sign of a clock that was not set.
    quality : str or None
        How good it is, in one word of whoever made it, e.g. ``good``.
    rights : str or None
        ``PUBLIC``, ``SECURE`` or ``PROPRIETARY``; None where nobody said, which grants nothing.
    release_date : int or None
        When it becomes public, in ns since 1970-01-01T00:00:00 TAI.
    started_ns : int or None
        When the step that made it began, by the clock of `created_ns`.
    """

    id: str
    product_type: str
    kind: Literal["raw", "derived"]
    sha256: str
    size: int
    format: str
    name: str
    obs_id: int | None = None
    telescopes: tuple[int, ...] = ()
    category: str | None = None
    collection: str = "raw"
    time_start: int | None = None
    time_stop: int | None = None
    step: str | None = None
    step_version: str | None = None
    parameters: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    code: str | None = None
    software: Mapping[str, str] = field(default_factory=dict, hash=False)
    determinism: str | None = None
    flags: tuple[str, ...] = ()
    summary: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    created_ns: int = 0
    inputs: tuple[InputReference, ...] = ()
    device: str | None = None
    night: int | None = None
    quality: str | None = None
    rights: Rights | None = None
    release_date: int | None = None
    started_ns: int | None = None

    def __post_init__(self) -> None:
        if not (is_key(self.id) and is_key(self.sha256)):
            raise ValueError(f"product with an id or hash that is no sha256: {self.id!r}, {self.sha256!r}")
        check_product_type(self.product_type)
        if self.category not in (None, "A", "B", "C"):
            raise ConfigurationError(
                f"There is no product category '{self.category}'.", expected="A, B, C, or none"
            )
        if self.device is not None:
            check_name(self.device, "device")
        if self.quality is not None:
            check_name(self.quality, "quality")
        if self.rights not in (None, *get_args(Rights)):
            raise ConfigurationError(
                f"There are no rights '{self.rights}'.",
                expected=f"{', '.join(get_args(Rights))}, or none",
                mend=nearest(str(self.rights), get_args(Rights)),
                code="rights",
            )
        if self.night is not None:
            check_night(self.night)
        _check_cover(self.time_start, self.time_stop)

    @classmethod
    def as_registered(cls, values: dict[str, Any]) -> Self:
        """Return the product with these values, all of them, which were checked when it was registered."""
        product = object.__new__(cls)
        object.__setattr__(product, "__dict__", values)  # taken over, not copied
        return product

    def registered(self, created_ns: int) -> Self:
        """Return the product as registered at a moment of the archive's clock."""
        values = self.__dict__.copy()
        values["created_ns"] = created_ns
        if values["night"] is None and (start := values["time_start"]) is not None and start >= 0:
            values["night"] = night_of(start)
        return self.as_registered(values)

    @property
    def short_id(self) -> str:
        """First 12 digits of the id, enough for people."""
        return self.id[:12]

    def as_dict(self) -> dict[str, JSON]:
        """Return the product as a JSON-ready mapping with the attributes' names."""
        document = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "inputs"}
        document["inputs"] = [
            {"role": i.role, "position": i.position, "product": i.product} for i in self.inputs
        ]
        return {name: plain(value) for name, value in document.items()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the product that `as_dict` has made this of, checked.

        Raises
        ------
        ConfigurationError, TypeError, KeyError, ValueError
            It is no such mapping.
        """
        values = dict(document)
        for name in ("telescopes", "flags"):
            values[name] = tuple(values[name])
        values["inputs"] = tuple(InputReference(**reference) for reference in values["inputs"])
        return cls(**values)


def check_product_type(product_type: str) -> None:
    """Refuse a text that is no product type ``level/division/association/type``.

    Raises
    ------
    ConfigurationError
        A part is missing or not in CTAO's vocabulary; of the last part only the spelling (CamelCase)
        is checked, since interfaces may declare types of their own.
    """
    parts = product_type.split("/")
    if len(parts) != 4:
        raise ConfigurationError(
            f"'{product_type}' is not a product type.",
            expected="four words: level/division/association/type, e.g. DL1/Event/Subarray/Observation",
            got=f"{len(parts)} part{'s' if len(parts) > 1 else ''}",
            code="product-type",
        )
    vocabulary = (("level", LEVELS), ("division", DIVISIONS), ("association", ASSOCIATIONS))
    for (what, known), word in zip(vocabulary, parts, strict=False):
        if word not in known:
            raise ConfigurationError(
                f"The product type '{product_type}' has an unknown {what} '{word}'.",
                expected=f"one of {', '.join(known)}",
                mend=nearest(word, known),
                code="product-type",
            )
    if not _TYPE_NAME.fullmatch(parts[3]):
        raise ConfigurationError(
            f"The product type '{product_type}' has an ill-spelled last word '{parts[3]}'.",
            expected="letters and digits, a capital letter first",
            code="product-type",
        )


def check_name(name: str, what: str) -> None:
    """Refuse a name of a device or a collection that is ill-spelled.

    Raises
    ------
    ConfigurationError
        It is not made of letters, digits, ``_ . -`` and single slashes, a letter first
        (``ill-spelled-name``).
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"The name of a {what} is ill-spelled.",
            expected="letters, digits, '_', '.', '-' and '/' between words; a letter first",
            got=repr(name),
            code="ill-spelled-name",
        )


def check_night(night: int) -> None:
    """Refuse a number that is no night YYYYMMDD since 1970 (`ConfigurationError`, ``night``)."""
    try:
        day = date(night // 10000, night // 100 % 100, night % 100)
    except ValueError:
        day = date.min
    if day < date(1969, 12, 31):
        raise ConfigurationError(
            "This is no night.",
            expected="the day on which it begins as YYYYMMDD, e.g. 20261123",
            got=repr(night),
            code="night",
        )


def _check_cover(start: int | None, stop: int | None) -> None:
    if start is None and stop is None:
        return
    late = LATEST_COVER
    if start is None or stop is None or not (-late < start < stop < late and stop - start < late):
        raise ConfigurationError(
            "The time a product covers is inverted, empty, open at one end or in another century.",
            expected="start < stop, both in ns TAI and between the years 1824 and 2116, or neither",
            got=f"start {start}, stop {stop}",
            code="time-cover",
        )
