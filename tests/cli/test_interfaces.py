# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of `pellucid interfaces`: one JSON document each, exit codes, files."""

import json
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.run import run
from support.contracts import WEATHER, changed

IDENTITY = "I-DATA-COM-3021"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = run(["interfaces", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code, document = answer(capsys, *arguments)
    return code, document["error"]["code"]


def test_all_are_listed_with_their_state(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = answer(capsys, "list", "--party", "LST")
    assert code == 0
    assert [i["id"][:10] for i in document["interfaces"]] == ["I-DATA-LST"] * 6
    assert run(["interfaces", "list"]) == 0
    assert "I-DATA-COM-0006" in capsys.readouterr().out


def test_one_is_shown_with_its_digest_and_standing(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = answer(capsys, "show", IDENTITY)
    assert code == 0
    assert len(document["digest"]) == 64
    assert document["standing"]["state"] == "proposed"
    assert run(["interfaces", "show", IDENTITY]) == 0
    assert "| `pressure` |" in capsys.readouterr().out


def test_fakes_are_made_checked_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = answer(capsys, "fake", IDENTITY, "-o", "made", "--damage", "all")
    made = {m["damage"]: m["files"] for m in document["made"]}
    assert code == 0
    assert len(made) > 12
    code, report = answer(capsys, "check", IDENTITY, *made["nan"], "-o", "report.txt")
    assert (code, report["ok"]) == (104, False)
    assert report["findings"][0]["places"][0]["row"] == 3
    assert "nan: Numbers are NaN." in Path("report.txt").read_text()
    code, document = answer(capsys, "fake", IDENTITY, "-o", "right")
    right = document["made"][0]["files"]
    assert answer(capsys, "check", IDENTITY, *right)[0] == 0
    late = answer(capsys, "check", IDENTITY, *right, "--delivered", "2026-11-24T12:00")
    assert [f["code"] for f in late[1]["findings"]] == ["late"]


def test_what_cannot_be_faked_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert error(capsys, "fake", IDENTITY) == (2, "usage")
    assert error(capsys, "fake", IDENTITY, "-o", "x", "--damage", "fire") == (2, "unknown-damage")
    assert error(capsys, "fake", "I-DATA-COM-3001", "-o", "x", "--damage", "nan") == (
        101,
        "impossible-damage",
    )
    code, document = answer(capsys, "fake", "I-DATA-COM-3001", "--damages")
    assert code == 0
    assert "gap" in document["damages"]
    assert error(capsys, "check", "I-DATA-COM-9999", "x") == (105, "unknown-interface")


def test_schema_and_contract_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "schema", IDENTITY)[1]["$schema"].endswith("2020-12/schema")
    assert answer(capsys, "export", IDENTITY, "--odcs")[1]["id"] == IDENTITY
    assert error(capsys, "export", IDENTITY) == (2, "usage")


def test_a_lying_version_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("old.toml").write_text(WEATHER)
    Path("new.toml").write_text(changed(WEATHER, 'unit = "hPa"', 'unit = "Pa"'))
    assert error(capsys, "diff", "old.toml", "new.toml") == (101, "lying-version")
    Path("new.toml").write_text(
        changed(WEATHER, 'unit = "hPa"', 'unit = "Pa"', 'version = "1.0.0"', 'version = "2.0.0"')
    )
    code, document = answer(capsys, "diff", "old.toml", "new.toml")
    assert (code, document["kind"], document["least"]) == (0, "breaking", "2.0.0")


def test_signing_from_key_to_history(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.toml").write_text(WEATHER)
    for party in ("COM-CCF", "DATA"):
        assert answer(capsys, "keygen", party)[0] == 0
    assert error(capsys, "keygen", "DATA") == (2, "output-exists")
    for name in ("", "A/B", "3"):
        assert error(capsys, "keygen", name, "-o", "second.key") == (101, "party-name")
    assert error(capsys, "history", "I-DATA-COM-302l") == (105, "unknown-interface")
    assert error(capsys, "keygen", "DATA", "-o", "second.key") == (101, "not-endorsed")
    assert not Path("second.key").exists()
    said = ("mine.toml", "--party", "DATA", "--key", "DATA.key")
    assert error(capsys, "reject", *said) == (101, "comment-needed")
    assert answer(capsys, "reject", *said, "--comment", "no wind")[1]["standing"]["state"] == "rejected"
    assert answer(capsys, "status", "mine.toml", "--strict")[0] == 101
    for party in ("COM-CCF", "DATA"):
        answer(capsys, "approve", "mine.toml", "--party", party, "--key", f"{party}.key")
    assert error(capsys, "approve", "mine.toml", "--party", "DATA", "--key", "COM-CCF.key") == (
        101,
        "wrong-state",
    )
    assert answer(capsys, "activate", *said)[1]["standing"]["state"] == "active"
    assert answer(capsys, "status", "mine.toml", "--strict")[0] == 0
    entries = answer(capsys, "history", "I-DATA-COM-3901")[1]["entries"]
    assert [e["action"] for e in entries] == ["reject", "approve", "approve", "activate"]
    assert answer(capsys, "retire", *said)[1]["standing"]["state"] == "retired"


def test_all_interfaces_stand_as_they_claim_in_a_new_place(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = answer(capsys, "status", "--strict")
    assert (code, document["problems"]) == (0, [])


def test_claims_stand_beside_proofs(capsys: pytest.CaptureFixture[str]) -> None:
    run(["tasks", "set", f"{IDENTITY}/structure", "status=Closed"])
    run(["tasks", "prove", f"{IDENTITY}/integrate", "--step", "lidar-raman"])
    capsys.readouterr()
    assert run(["interfaces", "status", IDENTITY]) == 0
    text = capsys.readouterr().out
    for word in ("CLAIMED", "PROVED", f"{IDENTITY}/feedback: New, not proved"):
        assert word in text
    assert f"{IDENTITY}/structure: Closed, not proved  << claimed, not proved" in text
    assert "  holds  step lidar-raman: registered" in text
    assert run(["interfaces", "status"]) == 0
    whole = capsys.readouterr().out
    assert f"{IDENTITY}/structure" in whole
    assert f"{IDENTITY}/feedback" not in whole


def test_methods_in_use_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = answer(capsys, "methods")
    assert code == 0
    assert document["different"] == len(document["in_use"]) > 0
    assert document["unregistered"] == []
    assert set(document["without"]).isdisjoint(m["interface"] for m in document["interfaces"])
    assert document["doubled"] == []


def test_methods_tell_what_teams_say_and_what_would_be_done_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    methods = """[methods]
baseline = "lidar-raman"
alternatives = [{ step = "lidar-elastic", camera = "NectarCam", note = "in twilight", by = "MST" }]

[[tasks]]
key = "one"
kind = "implement-algorithm"
title = "Compute the wind"
phase = "production"
work_package = "PIPE-CAL"

[[tasks]]
key = "two"
kind = "implement-algorithm"
title = "Wind on-line"
phase = "production"
work_package = "ACTL"

[[tasks]]"""
    Path("mine.toml").write_text(changed(WEATHER, "[[tasks]]", methods))
    assert run(["interfaces", "methods", "--also", "mine.toml"]) == 0
    text = capsys.readouterr().out
    assert "lidar-elastic (camera NectarCam): in twilight (MST)\n  at I-DATA-COM-3901" in text
    assert "I-DATA-COM-3901/one (PIPE-CAL) and I-DATA-COM-3901/two (ACTL) may be the same work" in text
    _, document = answer(capsys, "methods", "--also", "mine.toml")
    assert document["doubled"] == [["I-DATA-COM-3901/one", "I-DATA-COM-3901/two"]]
