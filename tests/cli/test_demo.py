# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid demo``: what the verb makes of a result (the demonstration itself is tested with its own)."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pellucid.cli.run import run


@pytest.mark.parametrize(("agrees", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_tells_whether_the_truth_was_found(
    agrees: bool,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    called = []

    def demonstration(directory: Path, seed: int, progress: object) -> SimpleNamespace:
        called.append((directory, seed))
        return SimpleNamespace(
            agrees=agrees,
            as_dict=lambda: {"agrees": agrees},
            table=lambda: "the table",
            page=directory / "index.html",
            seconds={"all": 1.0},
        )

    monkeypatch.setattr("pellucid.demo.run", demonstration)
    assert run(["demo", "-o", str(tmp_path / "new"), "--seed", "5", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == {"agrees": agrees}
    assert run(["demo", "-o", str(tmp_path / "new")]) == code
    assert "the table" in capsys.readouterr().out
    assert called == [(tmp_path / "new", 5), (tmp_path / "new", 1)]


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").touch()
    assert run(["demo", "-o", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "output-exists"
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
