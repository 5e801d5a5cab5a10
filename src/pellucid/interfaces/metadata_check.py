# SPDX-License-Identifier: BSD-3-Clause
"""What a delivery says about itself, held against its interface."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from pellucid.interfaces.contract import Delivery, Interface, MetadataKey
from pellucid.interfaces.findings import Finding
from pellucid.interfaces.vocabulary import METADATA_TYPES

__all__ = ["SELF_TOLD", "metadata_findings"]

SELF_TOLD = ("parquet", "fits-image")
"""Formats whose files name their interface, its version and their product type."""


def metadata_findings(
    interface: Interface, delivery: Delivery, metadata: Mapping[str, Any], file: str
) -> Iterator[Finding]:
    """Yield what is wrong with the metadata of a file; keys that nobody agreed on do no harm."""
    if delivery.format in SELF_TOLD:
        yield from _identity(interface, delivery, metadata, file)
    for key in delivery.metadata:
        if key.name not in metadata:
            if key.required:
                yield _finding(
                    "missing-metadata", f"The metadata lack '{key.name}'.", file, key.name, key.about,
                    ", ".join(map(str, metadata)) or "no metadata",
                )  # fmt: skip
        elif wrong := _wrong(key, metadata[key.name]):
            code, expected = wrong
            yield _finding(
                code, f"The metadata say something else of '{key.name}' than was agreed.", file, key.name,
                expected, repr(metadata[key.name]),
            )  # fmt: skip


def _identity(
    interface: Interface, delivery: Delivery, metadata: Mapping[str, Any], file: str
) -> Iterator[Finding]:
    wanted = {
        "interface": (interface.id, "other-interface"),
        "interface_version": (interface.version, "other-version"),
        "product_type": (delivery.product_type, "other-product-type"),
    }
    for name, (value, code) in wanted.items():
        got = metadata.get(name)
        if got is None:
            yield _finding(
                "missing-metadata", f"The metadata lack '{name}'.", file, name, value,
                ", ".join(map(str, metadata)) or "no metadata",
            )  # fmt: skip
        elif got != value and not (name == "interface_version" and _compatible(str(got), value)):
            yield _finding(code, f"The file is made for another {name}.", file, name, value, str(got))


def _compatible(got: str, agreed: str) -> bool:
    """Whether data of one version fulfil the other: what was agreed before, without a breaking change."""
    try:
        mine, theirs = ([int(n) for n in text.split(".")] for text in (agreed, got))
    except ValueError:
        return False
    # below 1.0.0 every minor version may break
    same = 1 if mine[0] else 2
    return len(theirs) == 3 and theirs[:same] == mine[:same] and theirs <= mine


def _wrong(key: MetadataKey, value: Any) -> tuple[str, str] | None:
    if type(value) not in METADATA_TYPES[key.type]:
        return "metadata-type", f"{key.type}, e.g. {key.example!r}"
    if isinstance(value, float) and not isfinite(value):
        return "metadata-value", "a finite number"
    if key.values and value not in key.values:
        return "metadata-value", "one of " + ", ".join(map(str, key.values))
    if key.range is not None and not key.range[0] <= value <= key.range[1]:
        return "metadata-range", f"{key.range[0]} to {key.range[1]} {key.unit}".rstrip()
    return None


def _finding(code: str, what: str, file: str, key: str, expected: str, got: str) -> Finding:
    return Finding(
        code=code,
        what=what,
        where=f"{file}, metadata '{key}'",
        expected=expected,
        got=got,
        mend="write the metadata as the interface asks",
    )
