# SPDX-License-Identifier: BSD-3-Clause
"""What is written from an interface: JSON Schema that judges, ODCS, pages that leave nothing out."""

import json
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import jsonschema
import open_data_contract_standard
import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from pellucid.formats.delivery import read_delivery
from pellucid.interfaces.contract import Column, Delivery, Interface, MetadataKey, Party
from pellucid.interfaces.fake import fake
from pellucid.interfaces.odcs import odcs_document
from pellucid.interfaces.page import catalogue_page, page
from pellucid.interfaces.registry import all_interfaces, interface_named
from pellucid.interfaces.schema import json_schema
from pellucid.interfaces.task import Evidence, Follows, Task
from support.contracts import weather

every = pytest.mark.parametrize("interface", all_interfaces().values(), ids=lambda i: i.id)


@every
def test_the_schema_is_one_of_2020_12(interface: Interface) -> None:
    schema = json_schema(interface)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


def as_json(path: Path) -> dict[str, Any]:
    opened = read_delivery(path, "parquet")
    rows: list[dict[str, Any]] = []
    for batch in opened.batches():
        columns = {name: values.data.tolist() for name, values in batch.items()}
        rows += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"metadata": dict(opened.metadata), "rows": rows}


@pytest.mark.parametrize("identity", ["I-DATA-COM-3021", "I-DATA-COM-3031", "I-DATA-LST-0004"])
def test_the_schema_takes_what_the_check_takes(identity: str, tmp_path: Path) -> None:
    interface = interface_named(identity)
    judge = jsonschema.Draft202012Validator(json_schema(interface))
    (right,) = fake(interface, tmp_path)
    judge.validate(as_json(right))
    for damage in (
        "above-range",
        "missing-column",
        "unexpected-column",
        "other-interface",
        "missing-metadata",
        "empty",
    ):
        (wrong,) = fake(interface, tmp_path, damage=damage)
        assert not judge.is_valid(as_json(wrong)), damage


@every
def test_a_contract_of_the_open_standard_holds_every_column(interface: Interface) -> None:
    document = odcs_document(interface)
    assert document["kind"] == "DataContract"
    assert str(document["apiVersion"]).startswith("v3.")
    assert (document["id"], document["version"]) == (interface.id, interface.version)
    objects: Any = document["schema"]
    names = [[p["name"] for p in o["properties"]] for o in objects]
    assert names == [[c.name for c in d.columns] for d in interface.deliveries]
    types = {"string", "date", "number", "integer", "object", "array", "boolean"}
    assert {p["logicalType"] for o in objects for p in o["properties"]} <= types


STANDARD = jsonschema.Draft201909Validator(
    json.loads(Path(open_data_contract_standard.__file__).with_name("schema.json").read_text())
)


@every
def test_the_standard_takes_the_contract(interface: Interface) -> None:
    text = json.dumps(odcs_document(interface))
    STANDARD.validate(json.loads(text))
    again = OpenDataContractStandard.from_string(text)
    assert (again.id, again.version) == (interface.id, interface.version)
    assert [o.name for o in again.schema_ or []] == [d.name for d in interface.deliveries]
    assert not STANDARD.is_valid(json.loads(text) | {"kind": "Letter"})


OTHER: dict[str, Any] = {
    "range": (1, 2),
    "values": ("q",),
    "type": "integer",
    "nan": 0.125,
    "example": 7,
    "required": False,
    "shape": (3, "other"),
    "cadence": 7.0,
    "cadence_tolerance": 7.0,
    "latency": 7.0,
    "responsibles": {"CCF": "nobody"},
    "product_types": {"Hail": "size of hailstones"},
    "methods": {"baseline": "lidar-raman"},
    "start": date(2016, 8, 1),
    "due": date(2016, 8, 1),
    "done": 7,
    "estimated_hours": 7.0,
    "spent_hours": 7.0,
    "ccf": "priority",
    "follows": (Follows("I-DATA-COM-0006/develop", 30),),
    "watchers": ("Somebody",),
    "interested": ("Somebody",),
    "evidence": (Evidence("test", "abc", "two telescopes", (1, 2)),),
}
"""Another value for each field that is no text."""


def with_other(interface: Interface, where: str, name: str) -> Interface:
    """Return an interface in which one field of its first party, delivery, key, column or task is another."""
    holders: dict[str, Any] = {
        "parties": interface.parties[0],
        "deliveries": interface.deliveries[0],
        "metadata": interface.deliveries[0].metadata[0],
        "columns": interface.deliveries[0].columns[0],
        "tasks": interface.tasks[0],
    }
    holder = holders.get(where, interface)
    value = OTHER.get(name, f"{getattr(holder, name) or ''}-other")
    changed = replace(holder, **{name: value})
    if where in ("metadata", "columns"):
        kept = getattr(interface.deliveries[0], where)[1:]
        changed = replace(interface.deliveries[0], **{where: (changed, *kept)})
        where = "deliveries"
    if where == "":
        return cast(Interface, changed)
    return replace(interface, **{where: (changed, *getattr(interface, where)[1:])})


PLACES = {
    "": Interface,
    "parties": Party,
    "deliveries": Delivery,
    "metadata": MetadataKey,
    "columns": Column,
    "tasks": Task,
}
FIELDS = [
    (where, f.name)
    for where, kind in PLACES.items()
    for f in fields(kind)
    # where a file lies is no part of what it says; lists are looked at by what is in them
    if f.name not in ("source", "interface", *PLACES)
]


@pytest.mark.parametrize(("where", "name"), FIELDS)
def test_a_page_tells_whatever_a_field_says(where: str, name: str) -> None:
    def told(interface: Interface) -> str:
        return page(interface).replace(interface.digest[:16], "")

    assert told(with_other(weather(), where, name)) != told(weather())


@pytest.mark.parametrize(
    ("where", "name"), [f for f in FIELDS if f[0] in ("metadata", "columns", "deliveries")]
)
def test_the_documents_for_others_tell_whatever_a_field_of_a_delivery_says(where: str, name: str) -> None:
    other = with_other(weather(), where, name)
    for document in (odcs_document, json_schema):
        before, after = (json.dumps(document(i)).replace(i.digest, "") for i in (weather(), other))
        assert before != after, document


@pytest.mark.parametrize("key", ["step", "camera", "note", "by"])
def test_a_page_tells_all_of_a_method(key: str) -> None:
    alternative = {"step": "lidar-elastic", "note": "in twilight", "by": "LIDAR"} | {key: "something else"}
    methods = {"baseline": "lidar-raman", "alternatives": [alternative]}
    assert "something else" in page(replace(weather(), methods=methods))


@every
def test_a_page_holds_everything_that_its_interface_lists(interface: Interface) -> None:
    text = page(interface)
    for delivery in interface.deliveries:
        for thing in (*delivery.columns, *delivery.metadata):
            assert f"| `{thing.name}` |" in text
            assert all(str(value) in text for value in thing.values)
    for task in interface.tasks:
        assert task.title in text
        assert all(f.task in text for f in task.follows)


def test_the_page_of_the_catalogue_holds_all() -> None:
    text = catalogue_page(all_interfaces().values())
    assert all(f"## {identity} " in text for identity in all_interfaces())
