# SPDX-License-Identifier: BSD-3-Clause
"""``ingest``, ``find``, ``show`` and ``why`` on a small file that looks like EventIO."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.run import run


class Shell:
    """Calls verbs on one workspace and reads the JSON document they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        assert run([*arguments, "--json", "--workspace", str(self.folder)]) == code
        document: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return document

    def text(self, *arguments: str, code: int = 0) -> str:
        assert run([*arguments, "--workspace", str(self.folder)]) == code
        return self._capsys.readouterr().out


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "workspace", capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with the head of an EventIO block (marker, type 70, id, length) and nothing behind it."""
    path = tmp_path / "night.simtel"
    path.write_bytes(struct.pack("<4I", 0xD41F8A37, 70, 0, 0))
    return path


TYPE = "DL0/Event/Subarray/ObservationSim"


def test_a_file_is_new_once(shell: Shell, file: Path) -> None:
    (first,) = shell.json("ingest", str(file), "--type", TYPE)["products"]
    (again,) = shell.json("ingest", str(file), "--type", TYPE)["products"]
    assert (first["new"], again["new"]) == (True, False)
    assert first["id"] == again["id"] == first["sha256"]
    assert "already there" in shell.text("ingest", str(file), "--type", TYPE)


def test_find_takes_conditions(shell: Shell, file: Path) -> None:
    product = shell.json("ingest", str(file), "--type", TYPE, "--obs", "7")["products"][0]

    def found(*conditions: str) -> list[str]:
        return [p["id"] for p in shell.json("find", *conditions)["products"]]

    for fitting in (["--type", "DL0/*"], ["--obs", "7"], ["--name", "night*"], []):
        assert found(*fitting) == [product["id"]]
    for other in (["--type", "DL1/*"], ["--obs", "8"], ["--tel", "1"], ["--name", "x*"], ["--step", "dl1"]):
        assert found(*other) == []
    assert product["id"][:12] in shell.text("find")
    assert "no product" in shell.text("find", "--obs", "8")


def test_find_says_that_there_is_more(shell: Shell, file: Path) -> None:
    for i in range(3):
        other = file.with_name(f"night{i}.simtel")
        other.write_bytes(file.read_bytes() + bytes(i + 1))
        shell.json("ingest", str(other), "--type", TYPE)
    limited = shell.json("find", "--limit", "2")
    assert (len(limited["products"]), limited["more"]) == (2, True)
    assert "raise --limit" in shell.text("find", "--limit", "2")
    assert shell.json("find", "--limit", "3")["more"] is False


def test_show_tells_where_the_bytes_are(shell: Shell, file: Path) -> None:
    id = shell.json("ingest", str(file), "--type", TYPE)["products"][0]["id"]
    shown = shell.json("show", id[:10])
    assert shown["id"] == id
    assert Path(shown["path"]).read_bytes() == file.read_bytes()
    assert f"size: {file.stat().st_size}" in shell.text("show", id)


def test_why_of_a_raw_file_is_the_file(shell: Shell, file: Path) -> None:
    id = shell.json("ingest", str(file), "--type", TYPE)["products"][0]["id"]
    lineage = shell.json("why", id)
    assert (lineage["id"], lineage["inputs"]) == (id, [])
    assert "raw" in shell.text("why", id)
    assert shell.json("replay", id, code=2)["error"]["code"] == "raw-product"


def test_looking_makes_no_workspace(shell: Shell) -> None:
    for verb in (["find"], ["show", "abc"], ["why", "abc"], ["replay", "abc"]):
        assert shell.json(*verb, code=105)["error"]["code"] == "no-workspace"
    assert not shell.folder.exists()


def test_an_unknown_product_is_missing_input(shell: Shell, file: Path) -> None:
    shell.json("ingest", str(file), "--type", TYPE)
    assert shell.json("show", "0123", code=105)["error"]["code"] == "unknown-product"


def test_the_workspace_is_found_in_the_environment(
    shell: Shell, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.json("ingest", str(file), "--type", TYPE)
    monkeypatch.setenv("PELLUCID_WORKSPACE", str(shell.folder))
    assert run(["find", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["products"]) == 1
