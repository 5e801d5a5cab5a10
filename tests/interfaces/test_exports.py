# SPDX-License-Identifier: BSD-3-Clause
"""What is written from an interface: JSON Schema that judges, ODCS, pages that leave nothing out."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import open_data_contract_standard
import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from pellucid.formats.delivery import read_delivery
from pellucid.interfaces.contract import Interface
from pellucid.interfaces.fake import fake
from pellucid.interfaces.odcs import odcs_document
from pellucid.interfaces.page import catalogue_page, page
from pellucid.interfaces.registry import all_interfaces, interface_named
from pellucid.interfaces.schema import json_schema

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


@every
def test_a_page_leaves_nothing_out(interface: Interface) -> None:
    text = page(interface)
    for words in (interface.id, interface.title, interface.about, interface.version, interface.level):
        assert words in text
    for party in interface.parties:
        assert all(word in text for word in (party.sub_project, *party.responsibles.values()))
    for delivery in interface.deliveries:
        assert delivery.product_type in text
        for thing in (*delivery.columns, *delivery.metadata):
            assert f"| `{thing.name}` |" in text
            assert thing.about in text
            assert all(str(value) in text for value in thing.values)
    for task in interface.tasks:
        assert task.title in text


def test_the_page_of_the_catalogue_holds_all() -> None:
    text = catalogue_page(all_interfaces().values())
    assert all(f"## {identity} " in text for identity in all_interfaces())
