# SPDX-License-Identifier: BSD-3-Clause
"""The gate of the archive: right deliveries go in, others into quarantine, nothing is lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Workspace
from pellucid.cli.run import run
from pellucid.errors import ConfigurationError, CorruptedInput
from pellucid.interfaces.fake import fake
from pellucid.interfaces.registry import interface_named
from pellucid.pipeline.intake import take_in, take_in_sound

WEATHER = "DL0/Monitoring/Array/Weather"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


def test_a_right_delivery_goes_in_with_what_it_covers(workspace: Workspace, tmp_path: Path) -> None:
    (path,) = fake(interface_named("I-DATA-COM-3021"), tmp_path)
    product, is_new = take_in(workspace.archive, path)
    assert is_new
    assert (product.collection, product.flags, product.product_type) == ("raw", (), WEATHER)
    assert product.summary["check"] == "passed"
    assert product.device == "weather-1"
    assert product.time_start is not None
    assert product.time_stop is not None
    assert product.time_stop - product.time_start == 5 * 60 * 10**9 + 1


def test_a_wrong_one_goes_into_quarantine_with_its_report(workspace: Workspace, tmp_path: Path) -> None:
    (path,) = fake(interface_named("I-DATA-COM-3021"), tmp_path, damage="gap")
    product, _ = take_in(workspace.archive, path)
    assert (product.collection, product.flags) == ("quarantine", ("quarantine",))
    findings: Any = product.summary["findings"]
    assert [f["code"] for f in findings] == ["gap"]
    assert findings[0]["mend"]
    assert workspace.archive.path(product).read_bytes() == path.read_bytes()
    assert workspace.archive.find(collection="quarantine") == [product]
    with pytest.raises(CorruptedInput) as caught:
        take_in_sound(workspace.archive, path)
    assert (caught.value.code, caught.value.got) == ("quarantined", "gap")


def test_what_is_damaged_beyond_recognition_is_kept_where_its_type_is_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    (path,) = fake(interface_named("I-DATA-COM-3021"), tmp_path, damage="other-format")
    product, _ = take_in(workspace.archive, path, WEATHER)
    assert (product.collection, product.format) == ("quarantine", "unknown")
    with pytest.raises(CorruptedInput) as caught:
        take_in(workspace.archive, path)
    assert caught.value.code == "unknown-format"
    with pytest.raises(CorruptedInput):
        take_in(workspace.archive, path, "DL0/Event/Subarray/ObservationSim")


def test_one_of_several_interfaces_of_one_type_is_enough(workspace: Workspace, tmp_path: Path) -> None:
    (path,) = fake(interface_named("I-DATA-SST-0001"), tmp_path, rows=4)
    product, _ = take_in(workspace.archive, path, "DL0/Event/Telescope/Pedestal")
    assert product.summary["interface"] == "I-DATA-SST-0001"
    assert product.collection == "raw"


def test_images_and_recordings_pass_the_gate(workspace: Workspace, tmp_path: Path) -> None:
    for identity in ("I-DATA-COM-3011", "I-DATA-COM-3001"):
        path, *_ = fake(interface_named(identity), tmp_path, rows=4)
        product, _ = take_in(workspace.archive, path)
        assert product.summary["interface"] == identity
        assert product.collection == "raw"


@pytest.mark.parametrize(
    ("identity", "damage", "found"),
    [
        ("I-DATA-COM-3021", "other-product-type", "other-product-type"),
        ("I-DATA-COM-3021", "flipped-bit", "unreadable"),
        ("I-DATA-COM-3011", "other-product-type", "other-product-type"),
        ("I-DATA-COM-3011", "truncated", "unreadable"),
        ("I-DATA-COM-3011", "flipped-bit", "unreadable"),
    ],
)
def test_a_file_that_names_its_interface_is_held_against_it_whatever_else_it_says(
    workspace: Workspace, tmp_path: Path, identity: str, damage: str, found: str
) -> None:
    interface = interface_named(identity)
    files = fake(interface, tmp_path, damage=damage, rows=4)
    product, _ = take_in(workspace.archive, files[len(files) // 2])
    assert (product.collection, product.product_type) == ("quarantine", interface.delivery().product_type)
    findings: Any = product.summary["findings"]
    assert [f["code"] for f in findings] == [found]
    assert product.summary["interface_content"] == interface.digest


def test_what_no_interface_covers_goes_in_and_says_so(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "run.simtel"
    path.write_bytes(b"\x37\x8a\x1f\xd4" + bytes(100))
    product, _ = take_in(workspace.archive, path)
    assert product.collection == "raw"
    assert product.summary == {"check": "no interface covers this"}


def test_a_table_that_does_not_say_what_it_is_needs_a_type(workspace: Workspace, tmp_path: Path) -> None:
    (path,) = fake(interface_named("I-DATA-COM-3021"), tmp_path, damage="truncated")
    with pytest.raises(ConfigurationError) as caught:
        take_in(workspace.archive, path)
    assert caught.value.code == "product-type-needed"
    assert take_in(workspace.archive, path, WEATHER)[0].collection == "quarantine"


def test_ingest_tells_what_it_put_into_quarantine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weather = interface_named("I-DATA-COM-3021")
    (right,), (wrong,) = fake(weather, tmp_path), fake(weather, tmp_path, damage="above-range")
    where = ["--workspace", str(tmp_path / "ws")]
    assert run(["ingest", str(right), *where]) == 0
    assert "(passed I-DATA-COM-3021 1.0.0)" in capsys.readouterr().out
    assert run(["ingest", str(wrong), *where]) == 104
    assert "in quarantine: above-range, column 'temperature'" in capsys.readouterr().out
    assert run(["interfaces", "status", "I-DATA-COM-3021", "--json", *where]) == 0
    (status,) = json.loads(capsys.readouterr().out)["interfaces"]
    assert (status["delivered"], status["quarantined"]) == (1, 1)
    assert status["last"] == "2026-11-23T22:05:00.000Z"
    assert run(["find", "--collection", "quarantine", "--json", *where]) == 0
    (product,) = json.loads(capsys.readouterr().out)["products"]
    assert run(["show", product["id"], *where]) == 0
    report = capsys.readouterr().out
    for line in (
        "- code: above-range",
        "got: 58.0 deg_C",
        "mend: look at the device",
        "row 5, time 2026-11-23T22:05",
    ):
        assert line in report
