# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid config``."""

import json
from pathlib import Path

import pytest

from pellucid.cli.run import run
from pellucid.config import load, options


def test_show_tells_values_and_origins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--set", "events.cleaning.picture=8 p.e.", "--workspace", str(tmp_path)]
    assert run(["config", "show", "--json", *settings]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["values"]["events.cleaning.picture"] == "8 p.e."
    assert document["origins"]["events.cleaning.picture"] == "--set"

    assert run(["config", "show", *settings]) == 0
    path = tmp_path / "again.toml"
    path.write_text(capsys.readouterr().out)
    assert load(file=path).config == load(settings=[settings[1]]).config


def test_keys_lists_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "keys", "--json"]) == 0
    listed = {entry["key"]: entry for entry in json.loads(capsys.readouterr().out)["keys"]}
    assert set(listed) == set(options())
    assert all(entry["doc"] and entry["expected"] for entry in listed.values())
    assert run(["config", "keys"]) == 0
    text = capsys.readouterr().out
    assert all(key in text for key in options())


def test_init_writes_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    assert run(["config", "init", "--workspace", str(folder)]) == 0
    written = (folder / "pellucid.toml").read_bytes()
    assert load(folder).config == load().config
    assert run(["config", "init", "--workspace", str(folder)]) == 2
    assert (folder / "pellucid.toml").read_bytes() == written
    assert "remove it first" in capsys.readouterr().err
