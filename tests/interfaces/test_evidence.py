# SPDX-License-Identifier: BSD-3-Clause
"""Claims beside proofs: what holds, what is broken, and where they disagree; methods in use."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Archive, Product, Workspace
from pellucid.errors import ConfigurationError
from pellucid.interfaces.evidence import QUARANTINE, Finding, examine, findings
from pellucid.interfaces.methods import overview, read_methods
from pellucid.interfaces.registry import interface_named
from pellucid.interfaces.task import Task
from pellucid.interfaces.tasks import changed

ACTL = "I-DATA-ACTL-5001"
DELIVERY = "DL0/Event/Telescope/Observation"
STEPS = ("lidar-raman",)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Workspace.open(tmp_path / "ws") as workspace:
        yield workspace.archive


def delivered(archive: Archive, tmp_path: Path, **values: Any) -> Product:
    path = tmp_path / "night.simtel"
    path.write_bytes(struct.pack("<4I", 0xD41F8A37, 70, 0, 0))
    values.setdefault("summary", {"interface": ACTL, "check": "passed"})
    return archive.ingest(path, DELIVERY, **values)[0]


def looked_at(archive: Archive | None, key: str, status: str, evidence: list[dict[str, Any]]) -> Finding:
    interface = interface_named(ACTL)
    task = next(t for t in interface.tasks if t.key == key)
    task = changed(task, {"status": status, "evidence": evidence}, "x")
    return examine(task, interface, archive, STEPS)


def test_a_delivery_that_passed_the_check_proves_a_closed_task(archive: Archive, tmp_path: Path) -> None:
    product = delivered(archive, tmp_path)
    found = looked_at(archive, "structure", "Closed", [{"delivery": product.id}])
    assert (found.proved, found.disagreement) == (True, "")
    assert "passed the check" in found.text()


def test_a_claim_without_proof_disagrees(archive: Archive) -> None:
    found = looked_at(archive, "structure", "Closed", [])
    assert not found.proved
    assert found.disagreement == "claimed, not proved: no delivery is bound to it"
    assert looked_at(archive, "structure", "In Progress", []).disagreement == ""


def test_a_proof_without_claim_disagrees(archive: Archive) -> None:
    found = looked_at(archive, "integrate", "New", [{"step": "lidar-raman"}])
    assert found.proved
    assert "proved, not claimed" in found.disagreement
    assert looked_at(archive, "integrate", "In Progress", [{"step": "lidar-raman"}]).disagreement == ""
    assert (
        "there is proof"
        in looked_at(archive, "integrate", "Rejected", [{"step": "lidar-raman"}]).disagreement
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"collection": QUARANTINE}, "did not pass the check"),
        ({"summary": {"interface": ACTL, "check": "failed"}}, "did not pass the check"),
        ({"summary": {}}, "never held against an interface"),
        ({"summary": {"interface": "I-DATA-COM-3001", "check": "passed"}}, "the check of I-DATA-COM-3001"),
    ],
)
def test_a_delivery_that_proves_nothing(archive: Archive, tmp_path: Path, values: Any, words: str) -> None:
    product = delivered(archive, tmp_path, **values)
    found = looked_at(archive, "structure", "Closed", [{"delivery": product.id}])
    assert not found.proved
    assert words in found.disagreement


def test_a_rejected_product_proves_nothing_until_it_is_accepted(archive: Archive, tmp_path: Path) -> None:
    product = delivered(archive, tmp_path)
    archive.judge(product.id, party="ACTL", verdict="rejected", reason="half of the night is missing")
    found = looked_at(archive, "structure", "Closed", [{"delivery": product.id}])
    assert "rejected by ACTL" in found.disagreement
    archive.judge(product.id, party="ACTL", verdict="accepted", reason="delivered again")
    assert looked_at(archive, "structure", "Closed", [{"delivery": product.id}]).proved


def test_a_proof_of_the_wrong_kind_or_gone_is_none(archive: Archive) -> None:
    assert not looked_at(archive, "structure", "Closed", [{"step": "lidar-raman"}]).proved
    assert (
        "no package registers" in looked_at(archive, "integrate", "Closed", [{"step": "gone"}]).disagreement
    )
    gone = [{"delivery": "ab" * 32}]
    assert "no such product" in looked_at(archive, "structure", "Closed", gone).disagreement
    assert "no archive" in looked_at(None, "structure", "Closed", gone).disagreement


def test_a_test_has_to_be_of_the_named_array(archive: Archive, tmp_path: Path) -> None:
    raw = delivered(archive, tmp_path)
    made = Product(
        id="ab" * 32,
        product_type="DL1/Event/Subarray/Observation",
        kind="derived",
        sha256=raw.sha256,
        size=raw.size,
        format="hdf5",
        name="made",
        telescopes=(1, 2),
        step="events",
    )
    archive.catalogue.register(made)
    interface = interface_named("I-DATA-COM-3201")
    task = next(t for t in interface.tasks if t.kind == "test-partial-array")

    def proof(product: str, telescopes: list[int]) -> Finding:
        evidence = [{"test": product, "array": "two LSTs", "telescopes": telescopes}]
        return examine(changed(task, {"status": "Closed", "evidence": evidence}, "x"), interface, archive, ())

    assert proof(made.id, [2, 1]).proved
    assert "events ran on two LSTs [1, 2]" in proof(made.id, [1, 2]).text()
    assert "not two LSTs [1, 3]" in proof(made.id, [1, 3]).disagreement
    assert "no step made it" in proof(raw.id, [1]).disagreement


def test_all_tasks_of_an_interface_are_looked_at() -> None:
    interface = interface_named(ACTL)
    everything = (*interface.tasks, *interface_named("I-DATA-COM-3201").tasks)
    found = findings(interface, everything, None, ())
    assert [f.task for f in found] == list(interface.tasks)
    assert found[0].as_dict()["claim"] == "New"


def named(interface: str, baseline: str, *others: dict[str, str]) -> Any:
    return read_methods({"baseline": baseline, "alternatives": list(others)}, interface, "f.toml")


def test_different_methods_for_one_purpose_are_counted() -> None:
    found = overview(
        [
            named("I-DATA-LST-0001", "pedestal", {"step": "other", "note": "too slow", "by": "LST"}),
            named("I-DATA-MST-0001", "pedestal", {"step": "interleaved", "camera": "NectarCam"}),
            named("I-DATA-SST-0001", "pedestal"),
            named("I-DATA-COM-3001", "lidar-raman"),
            read_methods({}, "I-DATA-COM-3011", "f"),
        ],
        ("pedestal", "lidar-raman", "interleaved"),
    )
    assert found.as_dict()["different"] == 3
    assert found.in_use["pedestal"] == ("I-DATA-LST-0001", "I-DATA-MST-0001", "I-DATA-SST-0001")
    # allowed is not yet in use; a purpose is the number that several telescopes share
    assert found.several == {"I-DATA-xST-0001": ("pedestal", "interleaved")}
    assert found.unregistered == ("other",)
    assert len(found.methods) == 4


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"baselin": "a"}, "unknown-key"),
        ({"baseline": 3}, "method-value"),
        ({"alternatives": "a"}, "method-value"),
        ({"alternatives": [{"camera": "a"}]}, "method-value"),
        ({"alternatives": [{"step": ""}]}, "method-value"),
        ({"alternatives": [{"step": "a", "who": "b"}]}, "unknown-key"),
    ],
)
def test_a_mistake_in_methods_is_told(table: Any, code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_methods(table, ACTL, "f.toml")
    assert caught.value.code == code
    assert caught.value.where.startswith("f.toml: methods")


def test_feedback_needs_no_proof() -> None:
    interface = interface_named("I-DATA-COM-3001")
    task: Task = next(t for t in interface.tasks if t.kind == "give-feedback")
    closed = changed(task, {"status": "Closed"}, "x")
    assert examine(closed, interface, None, ()).disagreement == ""
