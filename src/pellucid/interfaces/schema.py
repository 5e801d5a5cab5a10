# SPDX-License-Identifier: BSD-3-Clause
"""An interface as JSON Schema (draft 2020-12): deliveries written as JSON, ``{"metadata": …, "rows": […]}``.

What JSON Schema cannot say stands beside it as annotations: units, frames, time scales, types of numbers,
cadence and latency. NaN is ``null`` in JSON.
"""

from pellucid.archive.lineage import JSON
from pellucid.interfaces.contract import Column, Delivery, Interface, MetadataKey
from pellucid.interfaces.metadata_check import SELF_TOLD

__all__ = ["json_schema"]

_TYPES = {"text": "string", "integer": "integer", "number": "number", "boolean": "boolean", "time": "integer"}


def json_schema(interface: Interface) -> dict[str, JSON]:
    """Return the schema of all deliveries of an interface."""
    definitions: dict[str, JSON] = {d.name: _delivery(interface, d) for d in interface.deliveries}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pellucid:interface:{interface.id}:{interface.version}",
        "title": f"{interface.id} {interface.title}",
        "description": interface.about,
        "x-version": interface.version,
        "x-level": interface.level,
        "x-digest": interface.digest,
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in definitions],
        "$defs": definitions,
    }


def _delivery(interface: Interface, delivery: Delivery) -> dict[str, JSON]:
    keys: dict[str, JSON] = {}
    if delivery.format in SELF_TOLD:
        keys = {
            "interface": {"const": interface.id},
            "interface_version": {"type": "string"},
            "product_type": {"const": delivery.product_type},
        }
    required = [*keys, *(k.name for k in delivery.metadata if k.required)]
    keys |= {key.name: _key(key) for key in delivery.metadata}
    columns: dict[str, JSON] = {c.name: _column(c) for c in delivery.columns}
    annotations: dict[str, JSON] = {
        "x-product-type": delivery.product_type,
        "x-format": delivery.format,
        "x-cadence-s": delivery.cadence,
        "x-cadence-tolerance-s": delivery.cadence_tolerance,
        "x-latency-s": delivery.latency,
        "x-time-column": delivery.time,
    }
    return {
        "type": "object",
        "description": delivery.about,
        **{name: value for name, value in annotations.items() if value is not None},
        "required": ["metadata", "rows"],
        "properties": {
            "metadata": {"type": "object", "required": required, "properties": keys},
            "rows": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": list(columns),
                    "additionalProperties": False,
                    "properties": columns,
                },
            },
        },
    }


def _key(key: MetadataKey) -> dict[str, JSON]:
    schema: dict[str, JSON] = {"type": _TYPES[key.type], "description": key.about, "examples": [key.example]}
    return schema | _limits(key) | ({"x-unit": key.unit} if key.unit else {})


def _column(column: Column) -> dict[str, JSON]:
    kind = {"bool": "boolean", "text": "string"}.get(
        column.dtype, "number" if column.dtype.startswith("float") else "integer"
    )
    schema: dict[str, JSON] = {"type": [kind, "null"] if column.nan else kind, **_limits(column)}
    for length in reversed(column.shape):
        exact: dict[str, JSON] = {"minItems": length, "maxItems": length} if isinstance(length, int) else {}
        schema = {"type": "array", "items": schema, **exact}
    said: dict[str, JSON] = {
        "unit": column.unit,
        "frame": column.frame,
        "time-scale": column.time_scale,
        "order": column.monotonic,
        "lengths": list(column.shape),
        "nan-fraction": column.nan,
    }
    return {
        "description": column.about,
        **schema,
        **({} if column.example is None or column.shape else {"examples": [column.example]}),
        "x-dtype": column.dtype,
        **{f"x-{name}": value for name, value in said.items() if value},
    }


def _limits(thing: Column | MetadataKey) -> dict[str, JSON]:
    limits: dict[str, JSON] = {}
    if thing.range is not None:
        limits |= {"minimum": thing.range[0], "maximum": thing.range[1]}
    if thing.values:
        limits["enum"] = [*thing.values, *([None] if isinstance(thing, Column) and thing.nan else [])]
    return limits
