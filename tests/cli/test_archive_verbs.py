# SPDX-License-Identifier: BSD-3-Clause
"""``ingest``, ``find``, ``show`` and ``why`` on a small file that looks like EventIO."""

import json
import struct
from pathlib import Path

import pytest

from pellucid.cli.run import run
from support.postgres import Server
from support.shell import Shell


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


def test_what_governs_a_file_is_given_once(shell: Shell, file: Path) -> None:
    given = ("--tel", "3", "--tel", "1", "--device", "flasher", "--category", "B", "--quality", "good")
    given += ("--rights", "PROPRIETARY", "--release", "2027-11-23")
    (product,) = shell.json("ingest", str(file), "--type", TYPE, *given)["products"]
    kept = ("telescopes", "device", "category", "quality", "rights")
    assert [product[name] for name in kept] == [[1, 3], "flasher", "B", "good", "PROPRIETARY"]
    assert product["release_date"] > 0
    for found in ("--tel=1", "--device=flasher", "--category=B", "--quality=good", "--rights=PROPRIETARY"):
        assert [p["id"] for p in shell.json("find", found)["products"]] == [product["id"]]
    assert shell.json("ingest", str(file), *given)["products"][0]["new"] is False
    error = shell.json("ingest", str(file), "--rights", "PUBLIC", code=101)["error"]
    assert (error["code"], error["expected"]) == ("attribute-conflict", "rights PROPRIETARY")
    assert shell.json("ingest", str(file), "--release", "soon", code=101)["error"]["code"] == "moment"
    file.write_bytes(file.read_bytes() + b"x")
    refused = shell.json("ingest", str(file), "--type", TYPE, "--rights", "PUBIC", code=101)["error"]
    assert (refused["code"], "PUBLIC" in refused["mend"]) == ("rights", True)
    assert shell.json("archive", "verify")["problems"] == [], "its bytes were not taken in"


def test_other_bytes_under_an_earlier_name_are_told(shell: Shell, file: Path) -> None:
    (first,) = shell.json("ingest", str(file), "--type", TYPE)["products"]
    assert first["same_name"] == []
    file.write_bytes(file.read_bytes() + b"x")
    assert f"earlier file: {first['id'][:12]}" in shell.text("ingest", str(file), "--type", TYPE)
    (again,) = shell.json("ingest", str(file), "--type", TYPE)["products"]
    assert (again["new"], again["same_name"]) == (False, [])
    file.write_bytes(file.read_bytes() + b"y")
    (third,) = shell.json("ingest", str(file), "--type", TYPE)["products"]
    assert third["same_name"] == [again["id"], first["id"]]
    assert len(shell.json("find", "--name", file.name)["products"]) == 3, "nothing is overwritten"


def test_find_takes_conditions(shell: Shell, file: Path) -> None:
    product = shell.json("ingest", str(file), "--type", TYPE, "--obs", "7")["products"][0]

    def found(*conditions: str) -> list[str]:
        return [p["id"] for p in shell.json("find", *conditions)["products"]]

    for fitting in ("--type=DL0/*", "--obs=7", "--name=night*", "--collection=raw", "--limit=1"):
        assert found(fitting) == [product["id"]]
    for other in ("--type=DL1/*", "--obs=8", "--tel=1", "--name=x*", "--step=dl1", "--collection=B"):
        assert found(other) == []
    for other in ("--night=20261123", "--category=B", "--tag=crab", "--quality=good", "--rights=PUBLIC"):
        assert found(other) == []
    assert found("--from=2026-11-23", "--to=2026-11-24") == []
    assert product["id"][:12] in shell.text("find")
    assert "no product" in shell.text("find", "--obs", "8")


def test_find_takes_conditions_on_summaries(shell: Shell, file: Path) -> None:
    for _ in range(3):
        (made,) = shell.json("ingest", str(file), "--type", TYPE)["products"]
        file.write_bytes(file.read_bytes() + b"x")
    check = made["summary"]["check"]
    assert len(shell.json("find", "--where", f"check = {check}")["products"]) == 3
    assert shell.json("find", "--where", "check != x", "--where", "rows > 3")["products"] == []
    assert "check" in shell.text("find", "--where", f"check = {check}").splitlines()[0]
    assert check in shell.text("find", "--where", f"check = {check}")
    assert shell.json("find", "--where", "check", code=2)["error"]["code"] == "ill-condition"
    for span in (("--from=2026-11-24",), ("--from=2026-11-24", "--to=2026-11-23")):
        assert shell.json("find", *span, code=2)["error"]["code"] == "usage"


def test_products_are_tagged_and_let_go(shell: Shell, file: Path) -> None:
    (product,) = shell.json("ingest", str(file), "--type", TYPE)["products"]
    id = product["id"]
    assert "nothing is tagged" in shell.text("archive", "tags")
    assert shell.json("archive", "tag", "paper/crab", id[:9], "--because", "clear")["new"] == 1
    assert "0 of 1 products are new" in shell.text("archive", "tag", "paper/crab", id)
    assert shell.json("archive", "tags")["tags"] == ["paper/crab"]
    for asked in (("archive", "tags", "paper/crab"), ("find", "--tag", "paper/crab")):
        assert [p["id"] for p in shell.json(*asked)["products"]] == [id]
    assert id[:12] in shell.text("archive", "tags", "paper/crab")
    assert shell.json("archive", "untag", "paper/crab", id)["gone"] == 1
    assert "nothing is in paper/crab" in shell.text("archive", "tags", "paper/crab")
    then = ("archive", "tags", "paper/crab", "--as-of", "2000-01-01")
    assert shell.json(*then)["products"] == []
    assert shell.json("archive", "tags", "--as-of", "2000-01-01", code=2)["error"]["code"] == "usage"
    assert shell.json("archive", "tag", "two words", id, code=101)["error"]["code"] == "ill-spelled-name"
    assert shell.json("archive", "tag", "t", "0123", code=105)["error"]["code"] == "unknown-product"


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


@pytest.fixture
def calibrations(shell: Shell, file: Path) -> list[str]:
    """Ids of three files, each a calibration of its own."""
    ids = []
    for i in range(3):
        other = file.with_name(f"cal{i}.simtel")
        other.write_bytes(file.read_bytes() + bytes(i + 1))
        kind = "DL1/Monitoring/Telescope/Calibration"
        ids.append(shell.json("ingest", str(other), "--type", kind)["products"][0]["id"])
    return ids


def test_a_calibration_is_certified_found_explained_and_withdrawn(
    shell: Shell, calibrations: list[str]
) -> None:
    one, two, three = calibrations
    for id, collection in ((one, "A"), (two, "B")):
        span = ("--from", "2026-11-23T18:00", "--to", "2026-11-24T06:00")
        made = shell.json("certify", id, "--collection", collection, *span, "--because", "good sky")
        assert made["new"]
        assert shell.json("certify", id, "--collection", collection, *span)["new"] is False
    assert "certified already in B for array" in shell.text("certify", two, "--collection", "B", *span)
    error = shell.json("certify", three, "--collection", "B", *span, code=101)["error"]
    assert error["code"] == "validity-overlap"
    question = ("find", "DL1/.../Calibration", "--device", "array", "--path", "B,A", "--at")
    found = shell.json(*question, "2026-11-24T02:10", "--explain")
    assert (found["product"]["id"], found["collection"]) == (two, "B")
    rejected = {c["product"]: c["reason"] for c in found["explanation"]["rejected"]}
    assert rejected == {one: "later-in-path"}
    text = shell.text(*question, "2026-11-24T02:10", "--explain")
    assert "collection A comes after B" in text
    assert "certified in B for [2026-11-23T18:00:00.000Z, " in shell.text(*question, "2026-11-24T02:10")
    assert "B for array: [2026-11-23T18:00:00.000Z, " in shell.text("show", two)
    assert shell.json("show", two)["certificates"] == made["certificates"]
    then = made["certificates"][0]["known_from"]
    withdrawn = shell.json(
        "decertify", two, "--collection", "B", "--from", "2026-11-24", "--to", "2026-11-25"
    )
    assert withdrawn["withdrawn"][0]["known_to"] > then
    assert shell.json(*question, "2026-11-24T02:10")["product"]["id"] == one
    assert shell.json(*question, "2026-11-23T22:00")["product"]["id"] == two
    assert shell.json(*question, "2026-11-24T02:10", "--as-of", "2100-01-01")["product"]["id"] == one
    late = shell.json(*question, "2026-11-25", code=105)["error"]
    assert late["code"] == "calibration-expired"
    none = shell.json(*question, "2026-11-24T02:10", "--as-of", "2000-01-01", code=105)["error"]
    assert none["code"] == "calibration-missing"
    assert "was valid until" in shell.text(*question, "2026-11-25", "--explain", code=105)


def test_ill_questions_and_spans_are_refused(shell: Shell, calibrations: list[str]) -> None:
    id = calibrations[0]
    for arguments, code in (
        (("find", "DL1/*", "--explain"), 2),
        (("find", "DL1/*", "--path", "B"), 2),
        (("find", "DL1/*", "--at", "2026-11-23"), 2),
        (("find", "--at", "2026-11-23", "--path", "B"), 2),
        (("find", "DL1/*", "--type", "DL1/*"), 2),
        (("find", "DL1/*", "--at", "2026-11-23", "--path", "B", "--tel", "3", "--device", "x"), 2),
        (("find", "DL1/*", "--at", "2026-11-23", "--path", "B", "--name", "x"), 2),
        (("find", "DL1/*", "--at", "2026-11-23", "--path", "B", "--where", "n > 3"), 2),
        (("find", "DL1/*", "--at", "now", "--path", "B"), 101),
        (("certify", id, "--collection", "B", "--from", "2026-11-24", "--to", "2026-11-23"), 101),
        (("certify", id, "--collection", "B", "--from", "2026-11-24", "--to", "2026-11-24"), 101),
        (("certify", id, "--collection", "B", "--from", "2026-11-24", "--to", "forever"), 101),
        (("certify", id, "--collection", "B", "--from", "1969-11-24", "--to", "2026-11-24"), 101),
        (("certify", id, "--collection", "B", "--from", "2026-06-30T23:59:60", "--to", "2027-01-01"), 101),
        (("certify", id, "--collection", "raw", "--from", "2026-06-30", "--to", "2027-01-01"), 101),
        (("decertify", id, "--collection", "B", "--from", "2026-06-30"), 2),
        (("decertify", id, "--collection", "B"), 105),
    ):
        error = shell.json(*arguments, code=code)["error"]
        assert error["what"]


def test_an_archive_is_made_checked_mended_and_cleaned(shell: Shell, file: Path) -> None:
    made = shell.json("archive", "init")
    assert made["index"].endswith("index.sqlite")
    product = shell.json("ingest", str(file), "--type", TYPE)["products"][0]
    assert shell.json("archive", "verify")["whole"] is True
    assert "every product has its bytes" in shell.text("archive", "verify")
    assert "nothing is damaged" in shell.text("archive", "repair")
    path = Path(shell.json("show", product["id"])["path"])
    path.unlink()
    report = shell.json("archive", "verify", code=104)
    assert [(p["kind"], p["products"]) for p in report["problems"]] == [("missing", [product["id"]])]
    assert "NOT WHOLE" in shell.text("archive", "verify", code=104)
    assert "ingest the original file" in shell.text("archive", "repair", code=104)
    shell.json("ingest", str(file), "--type", TYPE)
    assert shell.json("archive", "repair")["products"] == []
    orphan = path.with_name("0" * 62)
    orphan.write_bytes(b"left by a job that was killed")
    assert "spared" in shell.text("archive", "gc", "--remove")
    assert shell.json("archive", "gc", "--older-than", "0")["removed"] is False
    assert orphan.exists()
    assert orphan.parent.name + "0" * 10 in shell.text("archive", "gc", "--older-than", "0", "--remove")
    assert not orphan.exists()
    assert path.exists()


def test_an_archive_on_a_server(shell: Shell, file: Path, postgres: Server) -> None:
    url = postgres.database()
    assert shell.json("archive", "init", "--index", url)["index"] == url
    product = shell.json("ingest", str(file), "--type", TYPE)["products"][0]
    assert shell.json("show", product["id"])["name"] == file.name
    assert not (shell.folder / "index.sqlite").exists()
    assert (shell.folder / "index.url").stat().st_mode & 0o777 == 0o600
    assert shell.json("archive", "init", "--index", url)["index"] == url
    other = shell.json("archive", "init", "--index", postgres.database(), code=101)["error"]
    assert other["code"] == "other-index"


@pytest.fixture
def server_shell(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Names the workspace by the URL of an index that is new."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return Shell(postgres.database(), capsys)  # type: ignore[arg-type]


def test_an_archive_named_by_the_url_of_its_index(
    shell: Shell, server_shell: Shell, file: Path, tmp_path: Path
) -> None:
    url = str(server_shell.folder)
    assert server_shell.json("find", code=101)["error"]["code"] == "store-unknown"
    made = shell.json("archive", "init", "--index", url)
    product = server_shell.json("ingest", str(file), "--type", TYPE)["products"][0]
    assert shell.json("show", product["id"])["name"] == file.name, "both name the same archive"
    assert [p["id"] for p in server_shell.json("find")["products"]] == [product["id"]]
    assert server_shell.json("archive", "verify")["whole"]
    assert len(list(Path(made["store"]).glob("??/*"))) == 1
    shell.folder.rename(tmp_path / "moved")
    assert server_shell.json("find", code=101)["error"]["code"] == "store-unknown"
    shell.folder = tmp_path / "moved"
    assert shell.json("find")["products"]
    assert server_shell.json("find")["products"], "the index knows where the store went"


def test_a_new_archive_named_by_its_index_has_its_store_at_home(
    server_shell: Shell, file: Path, tmp_path: Path
) -> None:
    made = server_shell.json("archive", "init")
    assert made["store"].startswith(str(tmp_path / "home" / "pellucid"))
    product = server_shell.json("ingest", str(file), "--type", TYPE)["products"][0]
    assert server_shell.json("show", product["id"])["name"] == file.name
