# SPDX-License-Identifier: BSD-3-Clause
"""Products as an RO-Crate, read back by the library and as the plain JSON that it is."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rocrate.rocrate import ROCrate

from pellucid.archive import Product, Workspace
from pellucid.archive.exports.crate import write_crate
from pellucid.archive.exports.history import history_of
from pellucid.errors import ConfigurationError, OutputExists, UsageError


def written(workspace: Workspace, total: Product, folder: Path, *, with_raw: bool = False) -> list[str]:
    history = history_of(workspace.archive, [total])
    return write_crate(workspace.archive, history, folder, name="Test", with_raw=with_raw)


def graph(folder: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((folder / "ro-crate-metadata.json").read_text())
    assert document["@context"].startswith("https://w3id.org/ro/crate/1.1/")
    return {entity["@id"]: entity for entity in document["@graph"]}


def test_every_file_is_there_with_its_hash(workspace: Workspace, total: Product, tmp_path: Path) -> None:
    files = written(workspace, total, tmp_path / "crate", with_raw=True)
    assert len(files) == 4
    entities = graph(tmp_path / "crate")
    listed = {part["@id"] for part in entities["./"]["hasPart"]}
    assert listed == set(files)
    for path in files:
        content = (tmp_path / "crate" / path).read_bytes()
        assert entities[path]["@type"] == "File"
        assert entities[path]["sha256"] == hashlib.sha256(content).hexdigest()
        assert int(entities[path]["contentSize"]) == len(content)
    on_disk = {str(p.relative_to(tmp_path / "crate")) for p in (tmp_path / "crate").rglob("*") if p.is_file()}
    assert on_disk == {*files, "ro-crate-metadata.json"}


def test_actions_lead_from_the_product_to_the_raw_file(
    workspace: Workspace, total: Product, tmp_path: Path
) -> None:
    written(workspace, total, tmp_path / "crate")
    raw = workspace.archive.find(kind="raw")[0]
    crate = ROCrate(tmp_path / "crate")
    actions = crate.get_by_type("CreateAction")
    assert len(actions) == 3
    assert {action.id for action in crate.root_dataset["mentions"]} == {action.id for action in actions}
    made_of = {
        action["result"]["identifier"]: {
            item["identifier"] for item in action["object"] if item.get("identifier")
        }
        for action in actions
    }
    assert made_of[total.id] == {i.product for i in total.inputs}
    assert all(made_of[i.product] == {raw.id} for i in total.inputs)
    values = {
        item["name"]: json.loads(item["value"])
        for action in actions
        if action["name"] == "toy-count 1.0"
        for item in action["object"]
        if item.type == "PropertyValue"
    }
    assert values["order"] == [1, 2]
    tools = {tool["name"]: tool["softwareVersion"] for action in actions for tool in action["instrument"]}
    assert tools == total.software
    named = crate.get(f"urn:sha256:{raw.sha256}")
    assert named["name"] == raw.name, "raw files are named, not copied"
    assert not list((tmp_path / "crate").rglob(raw.name))


def test_the_same_products_give_the_same_crate(workspace: Workspace, total: Product, tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(workspace, total, tmp_path / name)
    one, two = (tmp_path / n / "ro-crate-metadata.json" for n in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_what_stands_in_the_way_is_told(
    workspace: Workspace, total: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(OutputExists):
        written(workspace, total, tmp_path / "full")
    with pytest.raises(UsageError):
        written(workspace, total, tmp_path / "nowhere" / "crate")
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(ConfigurationError) as caught:
        written(workspace, total, tmp_path / "crate")
    assert caught.value.code == "package-missing"
    assert not (tmp_path / "crate").exists()
