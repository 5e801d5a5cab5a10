# SPDX-License-Identifier: BSD-3-Clause
"""Lineage as the tables of the IVOA Provenance Data Model, read back by astropy and by plain CSV."""

import csv
import io
import json
from pathlib import Path

from astropy.io.votable import parse, validate
from lxml import etree

from pellucid.archive import Product, Workspace
from pellucid.archive.exports.history import History, history_of
from pellucid.archive.exports.ivoa import TABLES, provdm_csv, provdm_votable


def as_read(text: str) -> dict[str, list[dict[str, str]]]:
    document = parse(io.BytesIO(text.encode()), verify="exception")
    return {
        table.name: [dict(zip(table.array.dtype.names, map(str, row), strict=True)) for row in table.array]
        for table in document.iter_tables()
    }


def history(workspace: Workspace, total: Product) -> History:
    return history_of(workspace.archive, [total])


def test_the_votable_is_valid_and_holds_all_tables(
    workspace: Workspace, total: Product, tmp_path: Path
) -> None:
    path = tmp_path / "prov.xml"
    path.write_text(provdm_votable(history(workspace, total)))
    report = io.StringIO()
    assert validate(path, output=report), report.getvalue()
    document = parse(path)
    tables = {table.name: table for table in document.iter_tables()}
    assert set(tables) == set(TABLES)
    for name, columns in TABLES.items():
        assert [field.utype for field in tables[name].fields] == [column.utype for column in columns]


def test_relations_lead_to_entities_and_back_to_the_raw_file(workspace: Workspace, total: Product) -> None:
    tables = as_read(provdm_votable(history(workspace, total)))
    entities = {row["id"]: row for row in tables["entity"]}
    raw = workspace.archive.find(kind="raw")[0]
    assert len(entities) == 4
    assert entities[total.id]["location"] == f"sha256:{total.sha256}"
    assert entities[total.id]["name"] == total.name
    made_by = {row["entity_id"]: row["activity_id"] for row in tables["wasGeneratedBy"]}
    used: dict[str, set[str]] = {}
    for row in tables["used"]:
        used.setdefault(row["activity_id"], set()).add(row["entity_id"])
    reached, todo = set(), {total.id}
    while todo:
        entity = todo.pop()
        reached.add(entity)
        todo |= used.get(made_by.get(entity, ""), set()) - reached
    assert reached == entities.keys()
    assert raw.id in reached
    activities = {row["id"]: row for row in tables["activity"]}
    assert activities.keys() == set(made_by.values())
    described = {row["id"]: row for row in tables["ActivityDescription"]}
    assert described[activities[total.id]["description_id"]]["subtype"] == total.code
    agents = {row["id"] for row in tables["agent"]}
    assert {row["agent_id"] for row in tables["wasAssociatedWith"]} == agents
    parameters = {
        row["name"]: json.loads(row["value"])
        for row in tables["Parameter"]
        if row["activity_id"] == total.inputs[0].product
    }
    assert parameters == {"factor": 1.0, "keep.partial": False, "order": [1, 2]}


def test_a_reader_of_xml_finds_the_same(workspace: Workspace, total: Product) -> None:
    """lxml knows nothing of VOTables; elements are those of the standard's own schema."""
    text = provdm_votable(history(workspace, total))
    root = etree.fromstring(text.encode())
    space = {"v": root.tag.partition("}")[0].lstrip("{")}
    read = {}
    for table in root.iterfind(".//v:TABLE", space):
        names = [field.get("name") for field in table.iterfind("v:FIELD", space)]
        rows = [[td.text or "" for td in tr] for tr in table.iterfind(".//v:TR", space)]
        read[table.get("name")] = [dict(zip(names, row, strict=True)) for row in rows]
    assert read == as_read(text)
    assert sum(map(len, read.values())) > 20


def test_csv_says_the_same(workspace: Workspace, total: Product, tmp_path: Path) -> None:
    files = provdm_csv(history(workspace, total), tmp_path)
    assert {path.stem for path in files} == set(TABLES)
    read = {path.stem: list(csv.DictReader(path.open())) for path in files}
    assert read == as_read(provdm_votable(history(workspace, total)))
