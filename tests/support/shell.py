# SPDX-License-Identifier: BSD-3-Clause
"""The command line as a test types and reads it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.run import run

__all__ = ["Shell"]


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
