# SPDX-License-Identifier: BSD-3-Clause
"""An RO-Crate before those who did not write it: the community's validator, and a store of triples.

Both stand in an environment of their own (`make peers`). The context that a crate names is on the web; that
of the library is put in its place, so nothing is fetched.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import rocrate

from pellucid.archive import Product, Workspace
from pellucid.archive.exports.crate import write_crate
from pellucid.archive.exports.history import history_of

PEER = Path(__file__).resolve().parents[3] / ".peers" / "rocrate" / "bin"

UNKNOWN_TO_US = {
    "process-run-crate-0.5_3.2",  # home pages of packages
    "process-run-crate-0.5_5.1",  # the same; only http counts, and packages have their purl
    "process-run-crate-0.5_8.6",  # who started a run
    "ro-crate-1.1_22.2",  # author
    "ro-crate-1.1_22.3",  # publisher
}
"""Recommendations about what no archive of ours is told."""

ANCESTORS = """
import sys
from rdflib import Graph, Literal
graph = Graph().parse(sys.argv[1], format="json-ld", publicID="urn:crate:")
query = '''PREFIX s: <http://schema.org/> SELECT DISTINCT ?from WHERE {
  ?product s:identifier ?id . ?product (^s:result/s:object)+ ?made . ?made s:identifier ?from }'''
for row in graph.query(query, initBindings={"id": Literal(sys.argv[2])}):
    print(row[0])
"""


@pytest.fixture
def crate(workspace: Workspace, total: Product, tmp_path: Path) -> Path:
    if not PEER.exists():
        pytest.skip("no validator of RO-Crates here: make peers")
    folder = tmp_path / "crate"
    write_crate(workspace.archive, history_of(workspace.archive, [total]), folder, name="Test", with_raw=True)
    metadata = folder / "ro-crate-metadata.json"
    context = json.loads((Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_text())
    document = json.loads(metadata.read_text()) | {"@context": context["@context"]}
    metadata.write_text(json.dumps(document))
    return folder


def test_the_validator_of_the_community_finds_nothing(crate: Path) -> None:
    command = [PEER / "rocrate-validator", "-y", "validate", "--offline", "-p", "process-run-crate"]
    command += ["-l", "recommended", "-f", "json", crate]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["skipped_checks"] == 0
    wrong = [i for i in report["issues"] if i["check"]["identifier"] not in UNKNOWN_TO_US]
    assert wrong == []
    assert all(i["severity"] == "RECOMMENDED" for i in report["issues"])


def test_a_store_of_triples_finds_the_ancestors(crate: Path, total: Product, workspace: Workspace) -> None:
    command = [PEER / "python", "-c", ANCESTORS, crate / "ro-crate-metadata.json", total.id]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {*done.stdout.split()} == {p.id for p in workspace.archive.find()} - {total.id}
