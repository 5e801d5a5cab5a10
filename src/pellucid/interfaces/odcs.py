# SPDX-License-Identifier: BSD-3-Clause
"""An interface in the Open Data Contract Standard (ODCS 3), as a document for JSON or YAML."""

from pellucid.archive.lineage import JSON
from pellucid.interfaces.contract import Column, Delivery, Interface, MetadataKey

__all__ = ["ODCS", "odcs_document"]

ODCS = "v3.0.2"
"""Version of the standard."""

_STATUS = {
    "draft": "draft",
    "proposed": "proposed",
    "approved": "active",
    "active": "active",
    "retired": "retired",
}


def odcs_document(interface: Interface) -> dict[str, JSON]:
    """Return the contract; what the standard has no word for is among its custom properties."""
    return {
        "apiVersion": ODCS,
        "kind": "DataContract",
        "id": interface.id,
        "name": interface.title,
        "version": interface.version,
        "status": _STATUS[interface.status],
        "domain": "Cherenkov-telescope array calibration",
        "description": {"purpose": interface.about},
        "schema": [_object(d) for d in interface.deliveries],
        "team": [
            {"username": person, "role": f"{p.role} ({p.sub_project}, {package})"}
            for p in interface.parties
            for package, person in p.responsibles.items()
        ],
        "slaProperties": [sla for d in interface.deliveries for sla in _service(d)],
        "customProperties": [
            _custom("level", interface.level),
            _custom("digest", interface.digest),
            *(_custom(f"party-{p.role}", p.sub_project) for p in interface.parties),
        ],
    }


def _object(delivery: Delivery) -> dict[str, JSON]:
    return {
        "name": delivery.name,
        "physicalName": delivery.product_type,
        "logicalType": "object",
        "physicalType": delivery.format,
        "description": delivery.about,
        "properties": [_property(c) for c in delivery.columns],
        "customProperties": [
            *([] if delivery.time is None else [_custom("timeColumn", delivery.time)]),
            *(_custom(f"metadata-{k.name}", _metadata(k)) for k in delivery.metadata),
        ],
    }


def _metadata(key: MetadataKey) -> dict[str, JSON]:
    said: dict[str, JSON] = {
        "type": key.type,
        "description": key.about,
        "required": key.required,
        "unit": key.unit,
        "range": None if key.range is None else list(key.range),
        "values": list(key.values),
        "example": key.example,
    }
    return {name: value for name, value in said.items() if value not in (None, "", [])}


def _property(column: Column) -> dict[str, JSON]:
    kind = {"bool": "boolean", "text": "string"}.get(
        column.dtype, "number" if column.dtype.startswith("float") else "integer"
    )
    options: dict[str, JSON] = {}
    if column.range is not None:
        options = {"minimum": column.range[0], "maximum": column.range[1]}
    custom = {
        "unit": column.unit,
        "frame": column.frame,
        "timeScale": column.time_scale,
        "shape": list(column.shape),
        "monotonic": column.monotonic,
        "values": list(column.values),
        "nanFraction": column.nan or None,
    }
    shape: dict[str, JSON] = {"logicalType": "array" if column.shape else kind, "physicalType": column.dtype}
    if column.shape:
        shape["items"] = {"logicalType": kind} | ({"logicalTypeOptions": options} if options else {})
    elif options:
        shape["logicalTypeOptions"] = options
    return {
        "name": column.name,
        **shape,
        "description": column.about,
        "required": column.nan == 0.0,
        **({} if column.example is None else {"examples": [column.example]}),
        "customProperties": [_custom(name, value) for name, value in custom.items() if value],
    }


def _service(delivery: Delivery) -> list[JSON]:
    times = {
        "latency": delivery.latency,
        "frequency": delivery.cadence,
        "frequencyTolerance": delivery.cadence_tolerance,
    }
    return [
        {"property": name, "value": value, "unit": "s", "element": delivery.name}
        for name, value in times.items()
        if value is not None
    ]


def _custom(name: str, value: JSON) -> dict[str, JSON]:
    return {"property": name, "value": value}
