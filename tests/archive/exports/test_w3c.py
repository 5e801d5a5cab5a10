# SPDX-License-Identifier: BSD-3-Clause
"""Lineage as W3C PROV, read back by parsers that know nothing of Pellucid."""

import json
import sys

import pytest
from lxml import etree
from prov.model import ProvDocument

from pellucid.archive import Product, Workspace
from pellucid.archive.exports.history import history_of
from pellucid.archive.exports.w3c import NAMESPACES, prov_document, prov_text
from pellucid.archive.moments import clock_text
from pellucid.errors import ConfigurationError


def test_json_and_xml_say_the_same_and_nothing_is_lost(workspace: Workspace, total: Product) -> None:
    history = history_of(workspace.archive, [total])
    document = prov_document(history)
    for form in ("json", "xml"):
        assert ProvDocument.deserialize(content=prov_text(history, form), format=form) == document
    assert prov_text(history, "provn").startswith("document")


def test_every_product_its_bytes_and_what_it_was_made_of_are_there(
    workspace: Workspace, total: Product
) -> None:
    history = history_of(workspace.archive, [total])
    document = json.loads(prov_text(history, "json"))
    entities = document["entity"]
    for product in history.products:
        told = entities[f"product:{product.id}"]
        assert (told["pellucid:sha256"], told["prov:label"]) == (product.sha256, product.name)
    derived = {
        (edge["prov:generatedEntity"], edge["prov:usedEntity"])
        for edge in document["wasDerivedFrom"].values()
    }
    assert derived == {(f"product:{p.id}", f"product:{i.product}") for p in history.derived for i in p.inputs}
    assert len(document["activity"]) == len(document["wasGeneratedBy"]) == len(history.derived) == 3
    used = document["used"].values()
    assert {(edge["prov:activity"], edge["prov:role"]) for edge in used} == {
        (f"run:{p.id}", i.role) for p in history.derived for i in p.inputs
    }
    run = document["activity"][f"run:{total.id}"]
    assert json.loads(run["pellucid:parameters"]) == total.parameters
    for product in history.derived:
        began, ended = (
            document["activity"][f"run:{product.id}"][f"prov:{end}Time"] for end in ("start", "end")
        )
        assert began <= ended
        assert product.started_ns is not None
        assert product.started_ns < product.created_ns
        assert began.startswith(clock_text(product.started_ns)[:19])
    agents = {edge["prov:agent"] for edge in document["wasAssociatedWith"].values()}
    assert agents == set(document["agent"]) == {f"package:{n}-{v}" for n, v in history.software}


def test_a_reader_of_xml_finds_what_was_made_of_what(workspace: Workspace, total: Product) -> None:
    """lxml knows nothing of PROV: elements and references are those of the standard's own schema."""
    history = history_of(workspace.archive, [total])
    root = etree.fromstring(prov_text(history, "xml").encode())
    prov = "{http://www.w3.org/ns/prov#}"
    assert root.tag == f"{prov}document"

    def ends(relation: str, *names: str) -> set[tuple[str | None, ...]]:
        return {
            tuple(found.get(f"{prov}ref") for name in names for found in edge.findall(f"{prov}{name}"))
            for edge in root.findall(f"{prov}{relation}")
        }

    named = {
        e.get(f"{prov}id"): e for kind in ("entity", "activity", "agent") for e in root.iter(prov + kind)
    }
    assert {f"product:{p.id}" for p in history.products} <= named.keys()
    for product in history.products:
        told = named[f"product:{product.id}"]
        assert told.findtext(f"{{{NAMESPACES['pellucid']}}}sha256") == product.sha256
    derived = ends("wasDerivedFrom", "generatedEntity", "usedEntity")
    assert derived == {(f"product:{p.id}", f"product:{i.product}") for p in history.derived for i in p.inputs}
    made = ends("wasGeneratedBy", "entity", "activity")
    assert made == {(f"product:{p.id}", f"run:{p.id}") for p in history.derived}
    used = ends("used", "activity", "entity")
    assert used == {(f"run:{p.id}", f"product:{i.product}") for p in history.derived for i in p.inputs}
    assert {end for edge in (*derived, *made, *used) for end in edge} <= named.keys()


def test_the_same_archive_gives_the_same_text(workspace: Workspace, total: Product) -> None:
    history = history_of(workspace.archive, [total])
    assert prov_text(history, "json") == prov_text(history, "json")


def test_without_the_package_the_error_says_how_to_get_it(
    workspace: Workspace, total: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prov.model", None)
    with pytest.raises(ConfigurationError) as caught:
        prov_document(history_of(workspace.archive, [total]))
    assert caught.value.code == "package-missing"
    assert "pellucid[exports]" in caught.value.mend
